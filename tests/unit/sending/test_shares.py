"""How providers share places: one that gives nothing back never has all of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.sending.shares import Shares


def fill(shares: Shares, provider: str) -> int:
    """Take all that the provider may have, a place at a time, as if nothing ever came back. Returns how much that is."""
    taken = 0
    while shares.has_room(provider):
        shares.take(provider)
        taken += 1
    return taken


def asked(size: int, *providers: str, grain: int = 1) -> Shares:
    shares = Shares(size, grain)
    for provider in providers:
        shares.ask(provider, 0)
    return shares


def test_who_gives_nothing_back_ends_with_half_and_the_next_with_half_of_what_is_left() -> None:
    shares = asked(16, "first", "second", "third", "quick")
    assert [fill(shares, provider) for provider in ("first", "second", "third")] == [8, 4, 2]
    assert fill(shares, "quick") == 1


def test_two_that_give_nothing_back_leave_one_grain_of_four_and_a_third_has_that() -> None:
    shares = asked(64, "first", "second", "third", "quick", grain=16)
    taken = []
    for provider in ("first", "second", "third"):
        taken.append(shares.room(provider))
        shares.take(provider, taken[-1])
    assert taken == [32, 16, 16]
    assert not shares.has_room("quick")


@given(st.integers(min_value=2, max_value=300))
def test_beside_one_that_is_slow_there_is_always_a_place(size: int) -> None:
    shares = asked(size, "slow", "quick")
    fill(shares, "slow")
    assert fill(shares, "quick") >= 1
    assert shares.free >= 0


@given(st.integers(min_value=2, max_value=300), st.sampled_from([0, 9.9, 10.0, 3600.0]))
def test_whoever_comes_to_one_that_has_had_no_answer_finds_a_place_however_late(size: int, later: float) -> None:
    shares = asked(size, "slow")
    fill(shares, "slow")
    shares.ask("new", later)
    assert shares.has_room("new")
    assert shares.room("new") == 1


def test_a_provider_alone_has_all_once_it_is_answered() -> None:
    shares = asked(4, "only")
    assert fill(shares, "only") == 3
    shares.answered("only")
    assert fill(shares, "only") == 1
    shares.give_back("only")
    assert not shares.has_room("only")


def test_where_nobody_else_comes_nothing_is_kept_back() -> None:
    assert fill(Shares(4, kept_back=False), "only") == 4


def test_a_single_place_is_for_whoever_wants_it() -> None:
    shares = asked(1, "only")
    assert fill(shares, "only") == 1


@pytest.mark.parametrize(("later", "room"), [(9.9, 0), (10.0, 1)])
def test_who_has_not_asked_for_a_while_is_at_work_no_more(later: float, room: int) -> None:
    shares = asked(4, "slow", "other")
    assert fill(shares, "slow") == 2
    shares.ask("slow", later)
    assert fill(shares, "slow") == room


@given(st.integers(min_value=1, max_value=6), st.data())
def test_what_may_be_taken_at_once_is_what_may_be_taken_by_the_grain(grain: int, data: st.DataObject) -> None:
    shares = asked(data.draw(st.integers(min_value=grain, max_value=64)), "one", "two", grain=grain)
    for provider in ("one", "two"):
        room = shares.room(provider)
        taken = 0
        while shares.has_room(provider) and shares.free:
            more = min(grain, shares.free)
            shares.take(provider, more)
            taken += more
        assert room == taken
