"""How much a process may have begun and not recorded."""

from __future__ import annotations

import asyncio

WINDOW = 64


class Window:
    """Slots for deliveries that have begun and are not recorded. Who found none is woken when one is given back."""

    def __init__(self, size: int = WINDOW) -> None:
        self.free = size
        self._waiting: set[asyncio.Event] = set()

    def take(self, count: int) -> None:
        """Use `count` of the free slots."""
        assert count <= self.free
        self.free -= count

    def give_back(self, count: int) -> None:
        """Free `count` slots."""
        self.free += count
        if count and self._waiting:
            for event in self._waiting:
                event.set()
            self._waiting.clear()

    def wake_when_free(self, event: asyncio.Event) -> None:
        """Set `event` when the next slot is given back."""
        self._waiting.add(event)
