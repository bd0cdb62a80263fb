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


@given(st.booleans(), st.booleans(), st.lists(st.integers(min_value=1, max_value=WINDOW), max_size=6))
def test_who_is_woken_finds_a_grain_and_who_would_find_one_is_woken(beside: bool, answered: bool, taken: list[int]) -> None:
    window = Window()
    if beside:
        window.room(QUICK, 0)
    for count in taken:
        window.take(min(count, window.room(SLOW, 0)), SLOW)
    if answered:
        window.answered(SLOW)
    event = asyncio.Event()
    window.wait(event, SLOW)
    window.give_back(0, SLOW)
    assert event.is_set() == (window.room(SLOW, 0) >= GRAIN)
