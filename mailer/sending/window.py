"""How much a process may have begun and not recorded."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import NamedTuple

from mailer.sending.shares import Shares

WINDOW = 64
GRAIN = (
    16  # Slots are worth having in such numbers: fewer would cost a transaction and a question to the pace for every message.
)
_PATIENCE = 1.0  # Seconds without a free grain after which fewer will do: from providers that answer, one comes back sooner.


class Kind(NamedTuple):
    """Whose mail it is, and for whom."""

    mailing_id: int
    provider: str


class Window:
    """Slots for deliveries that have begun and are not recorded, given out in grains, first come, first served.

    Providers share them: one whose slots do not come back leaves some to others. Where these are less than a grain, and stay so, a
    provider that has less itself makes do with them.
    """

    def __init__(self, size: int = WINDOW) -> None:
        self._shares = Shares(size, GRAIN)
        self._waiting: deque[tuple[asyncio.Event, Kind]] = deque()
        self._grain_seen = 0.0  # when somebody asked last and found a grain free, by a monotonic clock
        self._scarce = False

    @property
    def free(self) -> int:
        """How many slots nobody has."""
        return self._shares.free

    def room(self, kind: Kind, now: float) -> int:
        """How many of the free slots mail of that kind may have; `now` is by a monotonic clock."""
        self._shares.ask(kind.provider, now)
        if self.free >= GRAIN:
            self._grain_seen = now
        self._scarce = now - self._grain_seen >= _PATIENCE
        return self._shares.room(kind.provider)

    def least(self, kind: Kind) -> int:
        """How many slots it takes to begin with mail of that kind."""
        return 1 if self._scarce and not self._shares.holds(kind.provider, GRAIN) else GRAIN

    def take(self, count: int, kind: Kind) -> None:
        """Use `count` of the free slots."""
        assert count <= self.free
        self._shares.take(kind.provider, count)

    def give_back(self, count: int, kind: Kind) -> None:
        """Free `count` slots, and wake as many of those who wait and may have some as there are grains free, or one if fewer will do."""
        self._shares.give_back(kind.provider, count)
        turns = max(1, self.free // GRAIN)
        for event, waiting in tuple(self._waiting):
            if turns and self.free >= self.least(waiting) and self._shares.has_room(waiting.provider):
                turns -= 1
                self.leave(event)
                event.set()

    def answered(self, kind: Kind) -> None:
        """Some of that kind have come back with an outcome."""
        self._shares.answered(kind.provider)

    def wait(self, event: asyncio.Event, kind: Kind) -> None:
        """Set `event` when it is the turn of who asks, whose mail is of that `kind`."""
        if all(event is not waiting for waiting, _ in self._waiting):
            self._waiting.append((event, kind))

    def leave(self, event: asyncio.Event) -> None:
        """Wait no more."""
        self._waiting = deque(entry for entry in self._waiting if entry[0] is not event)

    def others_wait(self, kind: Kind) -> bool:
        """Whether somebody waits with mail of another kind that might have a grain of this one's, and must not be held up for ever."""
        return any(
            waiting != kind and (waiting.provider == kind.provider or self._shares.has_room(waiting.provider, GRAIN))
            for _, waiting in self._waiting
        )
