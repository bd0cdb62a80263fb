"""A proxy on loopback that holds everything back for a while, each way: a round trip without a network.

`python -m benchmarks.delay PORT MILLISECONDS` says on stdout at which port it listens.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from typing import cast


class _End(asyncio.Protocol):
    """One end of a connection: what it hears leaves at the other end after the delay, in order, the end of it too."""

    def __init__(self, seconds: float) -> None:
        self.other: _End | None = None
        self.transport: asyncio.Transport | None = None
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._held: deque[tuple[float, bytes | None]] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._hold(data)

    def eof_received(self) -> bool:
        self._hold(None)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()

    def _hold(self, data: bytes | None) -> None:
        due = self._loop.time() + self._seconds
        if not self._held:
            self._loop.call_at(due, self._release)
        self._held.append((due, data))

    def _release(self) -> None:
        while self._held and self._held[0][0] <= self._loop.time():
            self._pass_on(self._held.popleft()[1])
        if self._held:
            self._loop.call_at(self._held[0][0], self._release)

    def _pass_on(self, data: bytes | None) -> None:
        assert self.other is not None
        transport = self.other.transport
        if transport is None or transport.is_closing():
            return
        if data is None:
            transport.write_eof()
        else:
            transport.write(data)


class _Near(_End):
    """The end that is connected to; it connects the other one."""

    def __init__(self, port: int, seconds: float) -> None:
        super().__init__(seconds)
        self._port = port

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert self.transport is not None
        self.transport.pause_reading()
        self._connecting = self._loop.create_task(self._connect())

    async def _connect(self) -> None:
        far = _End(self._seconds)
        far.other, self.other = self, far
        await self._loop.create_connection(lambda: far, "127.0.0.1", self._port)
        assert self.transport is not None
        self.transport.resume_reading()


async def serve(port: int, seconds: float) -> None:
    """Say on stdout at which port it listens, and stand before `port` until killed."""
    server = await asyncio.get_running_loop().create_server(lambda: _Near(port, seconds), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2]) / 1000))
