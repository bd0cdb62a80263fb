"""A mail world that rings: something is done at the very moment at which the servers have seen so many recipients."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Alarm:
    """The world's clock, which it looks at once for each recipient's outcome, before it tells it. At the `count`-th it acts."""

    def __init__(self, count: int, act: Callable[[], object] = lambda: None) -> None:
        self.rung = threading.Event()
        self._left = count
        self._act = act

    def __call__(self) -> float:
        self._left -= 1
        if self._left == 0:
            self._act()
            self.rung.set()
        return time.time()

    def wait(self) -> None:
        """Until it has rung."""
        assert self.rung.wait(60), "the servers have not seen so many recipients"
