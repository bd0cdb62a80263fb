"""Who has how much of a process's window, and who is told when there is room."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from mailer.sending.window import GRAIN, WINDOW, Kind, Window

SLOW, QUICK, NEW = Kind(1, "tencent"), Kind(1, "netease"), Kind(2, "sina")


def take_all(window: Window, kind: Kind) -> int:
    taken = 0
    while room := window.room(kind, 0):
        window.take(room, kind)
        taken += room
    return taken


def test_a_provider_whose_slots_do_not_come_back_leaves_a_grain_to_each_of_two_others() -> None:
    window = Window()
    window.room(QUICK, 0)
    assert take_all(window, SLOW) == WINDOW // 2
    assert take_all(window, QUICK) == GRAIN
    assert take_all(window, NEW) == GRAIN


def test_slots_that_come_back_wake_who_may_have_them_and_not_who_has_enough() -> None:
    window = Window()
    window.room(QUICK, 0)
    take_all(window, SLOW)
    take_all(window, QUICK)
    slow, quick = asyncio.Event(), asyncio.Event()
    window.wait(slow, SLOW)
    window.wait(quick, QUICK)
    window.give_back(GRAIN, QUICK)
    assert (slow.is_set(), quick.is_set()) == (False, True)


def test_nobody_gives_way_to_one_that_has_more_than_its_share() -> None:
    window = Window()
    window.room(QUICK, 0)
    take_all(window, SLOW)
    window.wait(asyncio.Event(), SLOW)
    take_all(window, QUICK)
    assert not window.others_wait(QUICK)
    window.room(NEW, 0)
    window.wait(asyncio.Event(), NEW)
    assert window.others_wait(QUICK)


def test_of_two_mailings_to_one_provider_neither_keeps_its_share_for_itself() -> None:
    window = Window()
    window.room(QUICK, 0)
    take_all(window, SLOW)
    take_all(window, QUICK)
    another, event = Kind(2, SLOW.provider), asyncio.Event()
    window.wait(event, another)
    assert window.others_wait(SLOW)
    window.give_back(GRAIN, SLOW)
    assert event.is_set()
    assert window.room(another, 0) == GRAIN


def test_what_is_less_than_a_grain_goes_to_who_has_less_when_no_grain_has_been_free_for_a_second() -> None:
    """One after the other: mail of three kinds makes do with eleven slots."""
    window = Window()
    window.room(SLOW, 0)
    window.take(WINDOW - 11, SLOW)
    assert (window.room(QUICK, 0.9), window.least(QUICK)) == (11, GRAIN)
    assert (window.room(QUICK, 1.0), window.least(QUICK)) == (11, 1)
    assert window.least(SLOW) == GRAIN
    window.take(11, QUICK)
    event, next_event = asyncio.Event(), asyncio.Event()
    window.wait(event, NEW)
    window.wait(next_event, QUICK)
    window.give_back(11, QUICK)
    assert (event.is_set(), next_event.is_set()) == (True, False)
    window.take(window.room(NEW, 1.1), NEW)
    window.give_back(11, NEW)
    assert next_event.is_set()


def test_once_a_grain_is_free_again_nobody_takes_less() -> None:
    window = Window()
    window.room(SLOW, 0)
    window.take(WINDOW - 11, SLOW)
    window.room(QUICK, 1.0)
    window.give_back(GRAIN, SLOW)
    assert (window.room(QUICK, 1.1), window.least(QUICK)) == (GRAIN, GRAIN)


asked_at = st.sampled_from([0, 0.9, 1.0, 9.9, 10.0, 60.0])


@given(st.lists(st.integers(min_value=1, max_value=WINDOW), max_size=8), st.booleans(), asked_at)
def test_a_provider_alone_never_takes_less_than_a_grain(taken: list[int], answered: bool, later: float) -> None:
    window = Window()
    for count in taken:
        window.take(min(count, window.room(SLOW, 0)), SLOW)
        if answered:
            window.answered(SLOW)
    window.room(SLOW, later)
    assert window.least(SLOW) == GRAIN


@given(
    st.sets(st.sampled_from([SLOW, QUICK])),
    st.just(0) | st.integers(min_value=1, max_value=WINDOW),
    st.lists(st.integers(min_value=1, max_value=WINDOW // 2), max_size=4),
    asked_at,
    st.integers(min_value=0, max_value=GRAIN),
)
def test_who_is_woken_finds_what_it_needs_and_who_would_find_it_is_woken(
    answered: set[Kind], beside: int, taken: list[int], later: float, back: int
) -> None:
    window = Window()
    for kind in answered:
        window.answered(kind)
    if beside:
        beside = min(beside, window.room(QUICK, 0))
        window.take(beside, QUICK)
    for count in taken:
        window.take(min(count, window.room(SLOW, 0)), SLOW)
    window.room(SLOW, later)
    event = asyncio.Event()
    window.wait(event, SLOW)
    window.give_back(min(back, beside), QUICK)
    assert event.is_set() == (window.room(SLOW, later) >= window.least(SLOW))
