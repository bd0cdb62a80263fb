"""What the scheduler does at a tick, and what it does seldom."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from workers.scheduler import Seldom, Takeovers


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


# --- Batches whose lease ran out ---


def takes_over_at(*pauses: float) -> list[int]:
    """After which ticks a batch whose lease ran out may go to another, of ticks with such pauses before them, in seconds."""
    takeovers, now, allowed = Takeovers(), datetime(2026, 11, 28, 9, 0, tzinfo=UTC), []
    for number, pause in enumerate(pauses):
        now += timedelta(seconds=pause)
        if takeovers.allowed(now):
            allowed.append(number)
        takeovers.ticked(now)
    return allowed


def test_a_scheduler_that_has_just_started_leaves_batches_to_their_owners() -> None:
    assert takes_over_at(*[1.0] * 15) == [10, 11, 12, 13, 14]


@pytest.mark.parametrize("away", [10.0, 24.0, 3600.0, -3600.0])
def test_when_the_database_comes_back_or_its_clock_was_set_owners_have_time_to_renew_their_leases(away: float) -> None:
    assert takes_over_at(*[1.0] * 12, away, *[1.0] * 11) == [10, 11, 22, 23]


def test_a_tick_that_comes_late_changes_nothing() -> None:
    assert takes_over_at(*[1.0] * 12, 9.0, 1.0) == [10, 11, 12, 13]


def test_a_database_that_can_be_asked_but_takes_nothing_is_away() -> None:
    takeovers, began = Takeovers(), datetime(2026, 11, 28, 9, 0, tzinfo=UTC)
    for seconds in range(12):
        takeovers.allowed(began + timedelta(seconds=seconds))
        takeovers.ticked(began + timedelta(seconds=seconds))
    assert [takeovers.allowed(began + timedelta(seconds=seconds)) for seconds in (20, 21, 22)] == [True, False, False]
