"""What the scheduler does at a tick, and what it does seldom."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from workers.scheduler import Seldom


@dataclass
class Work:
    """Takes so many seconds of a clock of its own, and counts how often it was done."""

    takes: float = 0.0
    fails: bool = False
    now: float = 100.0
    done: list[float] = field(default_factory=list)

    def __call__(self) -> None:
        self.done.append(self.now)
        self.now += self.takes
        if self.fails:
            raise RuntimeError

    def ticks(self, number: int) -> list[float]:
        """When it was done, in so many ticks a second apart."""
        seldom = Seldom(5.0, self, clock=lambda: self.now)
        for _ in range(number):
            self.now += 1
            with suppress(RuntimeError):
                seldom()
        return self.done


def test_work_is_done_once_in_so_many_seconds() -> None:
    assert Work().ticks(16) == [105.0, 110.0, 115.0]


def test_work_that_takes_long_is_done_less_often() -> None:
    first, second = Work(takes=1.0).ticks(40)
    assert second - first == pytest.approx(25, abs=1)


def test_work_that_fails_is_done_again_in_its_time() -> None:
    assert Work(fails=True).ticks(11) == [105.0, 110.0]
