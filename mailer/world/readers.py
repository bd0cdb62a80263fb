"""Readers: while the sending goes on, they open what they got, click, and leave."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from mailer.world.browser import Browser
from mailer.world.chance import fraction
from mailer.world.errands import Errand, errands
from mailer.world.habits import Chances, Habit, habit
from mailer.world.ledger import Ledger, Visit
from mailer.world.links import Links, links

_CONNECTIONS = 4


@dataclass(frozen=True, slots=True)
class Letter:
    """What one reader got, reduced to what they will do with it."""

    address: str
    habit: Habit
    links: Links


class Readers:
    """All readers of the world, on a few connections to the web server at `base_url`. InputError if that is not on this machine."""

    def __init__(self, base_url: str, ledger: Ledger, *, seed: int, chances: Chances, clock: Callable[[], float]) -> None:
        self._browsers = [Browser(base_url) for _ in range(_CONNECTIONS)]
        self._ledger = ledger
        self._seed = seed
        self._chances = chances
        self._clock = clock
        self._letters: asyncio.Queue[Letter] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    def receive(self, address: str, content: bytes) -> None:
        """Give the reader at `address` a message; returns at once."""
        doing = habit(address, self._seed, self._chances)
        if not doing.idle:
            self._letters.put_nowait(Letter(address, doing, links(content)))

    def start(self) -> None:
        """Begin to read."""
        self._tasks = [asyncio.create_task(self._read(browser)) for browser in self._browsers]

    async def stop(self, patience_seconds: float) -> None:
        """Read what has come, for `patience_seconds` at most, and end."""
        await asyncio.wait([asyncio.create_task(self._letters.join())], timeout=patience_seconds)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for browser in self._browsers:
            await browser.close()

    async def _read(self, browser: Browser) -> None:
        while True:
            letter = await self._letters.get()
            choice = fraction(self._seed, "choice", letter.address)
            for errand in errands(letter.habit, letter.links, choice):
                await self._run(browser, letter.address, errand)
            self._letters.task_done()

    async def _run(self, browser: Browser, address: str, errand: Errand) -> None:
        page = await browser.run(errand)
        good = page is not None and errand.went_well(page.status, page.location)
        status = page.status if page else None
        self._ledger.add(Visit(self._clock(), address, errand.deed, errand.url, status, good, errand.agent))
