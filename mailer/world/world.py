"""The mail world on this machine: servers that behave like providers, and readers, behind one SMTP port on loopback."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Set
from concurrent.futures import Future
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Self

from mailer.world.dialogue import Dialogue, Offer
from mailer.world.fates import Fate, fate, fate_of_kind
from mailer.world.grammar import Extension
from mailer.world.habits import Chances
from mailer.world.journal import Journal
from mailer.world.ledger import Ledger
from mailer.world.mailboxes import Mailboxes, Message
from mailer.world.readers import Readers
from mailer.world.server import Session
from mailer.world.shares import FateKind, Shares

HOST = "127.0.0.1"
_PATIENCE_SECONDS = 20.0
_SHARES = Shares()
_CHANCES = Chances()


class World:
    """`async with World(seed=1) as world:` listens on `world.smtp_url` until the block ends; then the readers finish first.

    Addresses in `fixed` meet that fate, all others one drawn from `seed` in the proportions of `shares`. With `ledger_file`
    every entry is appended to that file, which `Ledger.load` reads at any time. With `base_url`, a web server on this machine,
    readers act. `keep_messages` says how many messages are kept whole in `messages`.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        shares: Shares = _SHARES,
        fixed: Mapping[str, FateKind] | None = None,
        port: int = 0,
        extensions: Set[Extension] = frozenset(Extension),
        max_octets: int = 50_000_000,
        ledger_file: Path | None = None,
        keep_messages: int = 10,
        slow_seconds: float = 0.5,
        base_url: str | None = None,
        chances: Chances = _CHANCES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._seed, self._shares, self._fixed = seed, shares, fixed or {}
        self._port = port
        self._journal = Journal(ledger_file) if ledger_file else None
        self.ledger = Ledger(self._journal.write if self._journal else None)
        self._readers = Readers(base_url, self.ledger, seed=seed, chances=chances, clock=clock) if base_url else None
        self._offer = Offer("mx.world.example", frozenset(extensions), max_octets)
        self._mailboxes = Mailboxes(
            self.ledger,
            fate_of=lru_cache(1024)(self.fate_of),  # Asked at RCPT and again at the dot.
            clock=clock,
            slow_seconds=slow_seconds,
            keep_messages=keep_messages,
            on_kept=self._hand_over,
        )
        self._sessions: set[Session] = set()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port that it listens on; 0 before it does, if none was asked for."""
        return self._port

    @property
    def smtp_url(self) -> str:
        """The relay's address, as the setting SMTP_URL takes it."""
        return f"smtp://{HOST}:{self._port}"

    @property
    def messages(self) -> list[Message]:
        """The first messages, whole."""
        return self._mailboxes.messages

    def fate_of(self, address: str) -> Fate:
        """What befalls a message to `address`."""
        if address in self._fixed:
            return fate_of_kind(self._fixed[address], address)
        return fate(address, self._seed, self._shares)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.get_running_loop().create_server(self._session, HOST, self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        if self._readers is not None:
            self._readers.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for session in tuple(self._sessions):
            session.abort()
        if self._readers is not None:
            await self._readers.stop(_PATIENCE_SECONDS)
        if self._journal is not None:
            self._journal.close()

    def _session(self) -> Session:
        enhanced_codes = Extension.ENHANCED_STATUS_CODES in self._offer.extensions
        return Session(Dialogue(self._offer, self._mailboxes), self._sessions, enhanced_codes=enhanced_codes)

    def _hand_over(self, address: str, message: Message) -> None:
        if self._readers is not None:
            self._readers.receive(address, message.content)


@contextmanager
def running(world: World) -> Iterator[World]:
    """`world` on an event loop in a thread of its own, for callers that have none."""
    ready: Future[Callable[[], object]] = Future()
    thread = Thread(target=lambda: asyncio.run(_serve(world, ready)), name="mail world", daemon=True)
    thread.start()
    stop = ready.result()
    try:
        yield world
    finally:
        stop()
        thread.join()


async def _serve(world: World, ready: Future[Callable[[], object]]) -> None:
    stopped = asyncio.Event()
    stop = partial(asyncio.get_running_loop().call_soon_threadsafe, stopped.set)
    try:
        async with world:
            ready.set_result(stop)
            await stopped.wait()
    except BaseException as error:
        if ready.done():
            raise
        ready.set_exception(error)  # The caller, whose thread this is not, is told why there is no world.
