"""What a function makes of a value, found out once for all that are the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Key = TypeVar("Key")
Made = TypeVar("Made")


class Memo(dict[Key, Made]):
    """A mapping that makes what it does not have, as fast as a dict where it has it; emptied before it grows large."""

    def __init__(self, make: Callable[[Key], Made], most: int = 50_000) -> None:
        super().__init__()
        self._make = make
        self._most = most

    def __missing__(self, key: Key) -> Made:
        if len(self) >= self._most:
            self.clear()
        made = self[key] = self._make(key)
        return made
