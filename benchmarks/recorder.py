"""A mail server that takes everything and remembers when each message had come to its end; late for some, and as long as it is told."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

_END = b"\r\n.\r\n"
_CLOSING = b"421 4.3.2 Closing\r\n"


class Recorder:
    """`port` is where it listens, `times` when each final dot came, in seconds of the monotonic clock.

    A final dot is answered so many seconds late as `late` says of the recipient's domain.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.times: list[float] = []
        self.late: dict[bytes, float] = {}
        self.closing = False
        self.sessions: set[Session] = set()


class Served(Recorder):
    """A recorder on an event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(0)
        self._loop = loop
        self._server = loop.run_until_complete(loop.create_server(lambda: Session(self), "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Take no connection and no message any more; what has been begun is answered. To be called from any thread."""
        self._loop.call_soon_threadsafe(self._refuse)

    def _refuse(self) -> None:
        self.closing = True
        self._server.close()
        for session in tuple(self.sessions):
            session.end_if_idle()


@contextmanager
def recorder() -> Iterator[Served]:
    """A server in a thread of this process."""
    loop = asyncio.new_event_loop()
    record = Served(loop)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield record
    finally:
        record.refuse()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


class Session(asyncio.Protocol):
    """One connection, with PIPELINING (RFC 2920)."""

    def __init__(self, record: Recorder) -> None:
        self._record = record
        self._heard = bytearray()
        self._in_transaction = False
        self._in_content = False
        self._late = 0.0
        self._held = False  # An answer is late, and all that follows waits for it.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._record.sessions.add(self)
        self._transport.write(b"220 recorder ESMTP\r\n")

    def connection_lost(self, exc: Exception | None) -> None:
        self._record.sessions.discard(self)

    def data_received(self, data: bytes) -> None:
        self._heard += data
        self._go_on()

    def end_if_idle(self) -> None:
        """End the session unless a message is under way: then it ends before the next."""
        if not self._in_transaction:
            self._end()

    def _end(self) -> None:
        self._transport.write(_CLOSING)
        self._transport.close()

    def _go_on(self) -> None:
        while not self._held and (self._take_content() if self._in_content else self._take_command()):
            pass

    def _take_content(self) -> bool:
        end = self._heard.find(_END)
        if end < 0:
            del self._heard[: 1 - len(_END)]  # What may be the beginning of the end stays.
            return False
        self._record.times.append(time.monotonic())
        del self._heard[: end + len(_END)]
        self._in_content = False
        if self._late:
            self._held = True
            asyncio.get_running_loop().call_later(self._late, self._answer_late)
        else:
            self._answer()
        return True

    def _answer(self) -> None:
        self._in_transaction = False
        self._transport.write(b"250 2.0.0 Ok\r\n")

    def _answer_late(self) -> None:
        self._held = False
        self._answer()
        self._go_on()

    def _take_command(self) -> bool:
        line, end, rest = self._heard.partition(b"\r\n")
        if not end:
            return False
        self._heard = bytearray(rest)
        match bytes(line[:4]).upper():
            case b"EHLO":
                self._transport.write(b"250-recorder\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
            case b"MAIL" if self._record.closing:
                self._end()
                return False
            case b"MAIL":
                self._in_transaction = True
                self._transport.write(b"250 2.0.0 Ok\r\n")
            case b"RCPT":
                domain = bytes(line).rpartition(b"@")[2].partition(b">")[0]
                self._late = self._record.late.get(domain, 0.0)
                self._transport.write(b"250 2.0.0 Ok\r\n")
            case b"DATA":
                self._in_content = True
                self._transport.write(b"354 Go on\r\n")
            case b"QUIT":
                self._transport.write(b"221 2.0.0 Bye\r\n")
                self._transport.close()
            case _:
                self._transport.write(b"250 2.0.0 Ok\r\n")
        return True
