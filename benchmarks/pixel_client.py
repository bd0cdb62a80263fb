"""`python -m benchmarks.pixel_client PORT REQUESTS CONNECTIONS RATE`: mail programs that load the pixel, over connections that stay open.

RATE 0: each connection asks again as soon as it was answered. Otherwise requests begin at that many a second in all, whatever has
been answered, and each wait is told from when its request should have begun. Prints what was answered as one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import deque
from typing import cast

from benchmarks.pixel import TOKENS
from mailer.tokens import Purpose
from mailer.web.tracking import PIXEL

_AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36"


class Reader(asyncio.Protocol):
    """One connection: asks what it is given, in order, and notes how long each took."""

    def __init__(self, waiting: deque[tuple[float, bytes]], waits: list[float], done: asyncio.Event, most: int) -> None:
        self._waiting, self._waits, self._done, self._most = waiting, waits, done, most
        self._since = 0.0
        self._heard = b""
        self.idle = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def ask(self) -> None:
        """Ask for what waits longest."""
        if self._waiting:
            self._since, request = self._waiting.popleft()
            self._since = self._since or time.perf_counter()
            self.idle = False
            self._transport.write(request)
        else:
            self.idle = True

    def data_received(self, data: bytes) -> None:
        self._heard += data
        head, end, body = self._heard.partition(b"\r\n\r\n")
        if not end or len(body) < len(PIXEL):
            return
        if not head.startswith(b"HTTP/1.1 200") or body != PIXEL:
            sys.exit(f"the server answered {head[:80]!r}")
        self._heard = b""
        self._waits.append(time.perf_counter() - self._since)
        if len(self._waits) == self._most:
            self._done.set()
        self.ask()


def request_of(number: int) -> bytes:
    """One mail program's request for one delivery's pixel."""
    token = TOKENS.sign(Purpose.OPEN, number % 100_000 + 1)
    return f"GET /o/{token}.gif HTTP/1.1\r\nHost: b.example\r\nUser-Agent: {_AGENT}\r\nAccept: image/*\r\n\r\n".encode()


async def _ask_all(port: int, requests: int, connections: int, rate: float) -> dict[str, float]:
    prepared = [request_of(number) for number in range(requests)]
    waiting: deque[tuple[float, bytes]] = deque()
    waits: list[float] = []
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    readers = [
        (await loop.create_connection(lambda: Reader(waiting, waits, done, requests), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    began = time.perf_counter()
    if not rate:
        waiting.extend((0.0, request) for request in prepared)
        for reader in readers:
            reader.ask()
    else:
        for number, request in enumerate(prepared):
            due = began + number / rate
            if (early := due - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            waiting.append((due, request))
            if free := next((reader for reader in readers if reader.idle), None):
                free.ask()
    await asyncio.wait_for(done.wait(), timeout=120)
    seconds = time.perf_counter() - began
    ordered = sorted(waits)
    return {"answered": len(waits), "rate": len(waits) / seconds, "p99_ms": 1000 * ordered[len(ordered) * 99 // 100]}


def main() -> None:
    """Ask, and print what came of it."""
    port, requests, connections, rate = sys.argv[1:]
    sys.stdout.write(json.dumps(asyncio.run(_ask_all(int(port), int(requests), int(connections), float(rate)))) + "\n")


if __name__ == "__main__":
    main()
