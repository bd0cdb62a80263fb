"""A wire that can be cut: octets between clients and one server, passed on until told otherwise."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

_PORTION = 256 * 1024
Target = Path | tuple[str, int]


class Wire(StrEnum):
    """What passes. A cable that is pulled out freezes; a server that takes all and says nothing is mute; a restart cuts."""

    WHOLE = "whole"
    FROZEN = "frozen"  # Nothing passes, and nobody is told.
    MUTE = "mute"  # Only what clients send passes.
    CUT = "cut"  # Every connection is broken off, new ones at once.


class Proxy:
    """Listens on `host` and `port` (0: a free one) and passes everything on to `target`, a socket's path or an address."""

    def __init__(self, target: Target, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.host, self.port = host, port
        self._target = target
        self._connections: set[asyncio.Task[None]] = set()
        self._wire = Wire.WHOLE
        self._from_client, self._from_server = asyncio.Event(), asyncio.Event()
        self._loop: asyncio.AbstractEventLoop

    @contextmanager
    def running(self) -> Iterator[Proxy]:
        """Listen, in a thread of its own, while the block lasts."""
        ready: Future[asyncio.Event] = Future()
        thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), name="proxy", daemon=True)
        thread.start()
        stopped = ready.result()
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(stopped.set)
            thread.join()

    def become(self, wire: Wire) -> None:
        """Change what passes. On the way to CUT or back to WHOLE, what was held back while FROZEN or MUTE is lost or delivered."""
        done: Future[None] = Future()
        self._loop.call_soon_threadsafe(self._become, wire, done)
        done.result()

    def drop(self) -> None:
        """Break every connection off, and let new ones through."""
        self.become(Wire.CUT)
        self.become(Wire.WHOLE)

    async def _serve(self, ready: Future[asyncio.Event]) -> None:
        self._loop = asyncio.get_running_loop()
        self._gates(self._wire)
        stopped = asyncio.Event()
        async with await asyncio.start_server(self._connected, self.host, self.port) as server:
            self.port = server.sockets[0].getsockname()[1]
            ready.set_result(stopped)
            await stopped.wait()
            server.close()
            self._break_off()

    def _become(self, wire: Wire, done: Future[None]) -> None:
        self._wire = wire
        if wire is Wire.CUT:
            self._break_off()
        self._gates(wire)
        done.set_result(None)

    def _gates(self, wire: Wire) -> None:
        for gate, is_open in (
            (self._from_client, wire in (Wire.WHOLE, Wire.MUTE)),
            (self._from_server, wire is Wire.WHOLE),
        ):
            if is_open:
                gate.set()
            else:
                gate.clear()

    def _break_off(self) -> None:
        for connection in self._connections:
            connection.cancel()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        ends = [writer]
        try:
            if self._wire is Wire.CUT:
                return
            server_reader, server_writer = await self._reach()
            ends.append(server_writer)
            async with asyncio.TaskGroup() as both:
                both.create_task(_pump(reader, server_writer, self._from_client))
                both.create_task(_pump(server_reader, writer, self._from_server))
        except* (OSError, asyncio.CancelledError):
            pass  # One end has gone, or the wire was cut: neither end hears more.
        finally:
            for end in ends:
                end.transport.abort()
            self._connections.discard(task)

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._target, Path):
            return await asyncio.open_unix_connection(str(self._target))
        return await asyncio.open_connection(*self._target)


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, gate: asyncio.Event) -> None:
    broken: OSError | None = None
    while broken is None:
        try:
            portion = await source.read(_PORTION)
        except OSError as error:
            broken = error
        await gate.wait()  # Also with the news that this end has gone: a cable that is pulled out does not tell it.
        if broken is None and not portion:
            sink.write_eof()
            return
        if broken is None:
            sink.write(portion)
            await sink.drain()
    raise broken
