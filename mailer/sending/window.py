"""How much a process may have begun and not recorded."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable

WINDOW = 64
GRAIN = (
    16  # Slots are worth having in such numbers: fewer would cost a transaction and a question to the pace for every message.
)


class Window:
    """Slots for deliveries that have begun and are not recorded, given out in grains, first come, first served."""

    def __init__(self, size: int = WINDOW) -> None:
        self.free = size
        self._waiting: deque[tuple[asyncio.Event, Hashable]] = deque()

    def take(self, count: int) -> None:
        """Use `count` of the free slots."""
        assert count <= self.free
        self.free -= count

    def give_back(self, count: int) -> None:
        """Free `count` slots, and wake as many of those who wait as there are grains free."""
        self.free += count
        for _ in range(min(len(self._waiting), self.free // GRAIN)):
            event, _kind = self._waiting.popleft()
            event.set()

    def wait(self, event: asyncio.Event, kind: Hashable) -> None:
        """Set `event` when it is the turn of who asks, whose mail is of that `kind`."""
        if all(event is not waiting for waiting, _ in self._waiting):
            self._waiting.append((event, kind))

    def leave(self, event: asyncio.Event) -> None:
        """Wait no more."""
        self._waiting = deque(entry for entry in self._waiting if entry[0] is not event)

    def others_wait(self, kind: Hashable) -> bool:
        """Whether somebody waits with mail of another kind, which mail of this kind must not hold up for ever."""
        return any(waiting != kind for _, waiting in self._waiting)
