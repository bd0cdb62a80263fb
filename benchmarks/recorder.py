"""A mail server that takes everything and remembers when each message had come to its end."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

_END = b"\r\n.\r\n"


class Recorder:
    """`port` is where it listens, `times` when each final dot came, in seconds of the monotonic clock."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.times: list[float] = []


@contextmanager
def recorder() -> Iterator[Recorder]:
    """A server in a thread of this process."""
    loop = asyncio.new_event_loop()
    record = Recorder(0)
    server = loop.run_until_complete(loop.create_server(lambda: Session(record.times), "127.0.0.1", 0))
    record.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield record
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()


class Session(asyncio.Protocol):
    """One connection, with PIPELINING (RFC 2920)."""

    def __init__(self, times: list[float]) -> None:
        self._times = times
        self._heard = bytearray()
        self._in_content = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(b"220 recorder ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._heard += data
        while self._take_content() if self._in_content else self._take_command():
            pass

    def _take_content(self) -> bool:
        end = self._heard.find(_END)
        if end < 0:
            del self._heard[: 1 - len(_END)]  # What may be the beginning of the end stays.
            return False
        self._times.append(time.monotonic())
        del self._heard[: end + len(_END)]
        self._in_content = False
        self._transport.write(b"250 2.0.0 Ok\r\n")
        return True

    def _take_command(self) -> bool:
        line, end, rest = self._heard.partition(b"\r\n")
        if not end:
            return False
        self._heard = bytearray(rest)
        match bytes(line[:4]).upper():
            case b"EHLO":
                self._transport.write(b"250-recorder\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
            case b"DATA":
                self._in_content = True
                self._transport.write(b"354 Go on\r\n")
            case b"QUIT":
                self._transport.write(b"221 2.0.0 Bye\r\n")
                self._transport.close()
            case _:
                self._transport.write(b"250 2.0.0 Ok\r\n")
        return True
