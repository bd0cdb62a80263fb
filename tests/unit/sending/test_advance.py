"""What is asked of the pace in advance, and what becomes of it."""

from __future__ import annotations

import pytest

from mailer.pacing import Limit
from mailer.rate import Bounds, Rate
from mailer.sending.advance import Advance

FREE = [Limit("relay:a"), Limit("mailing:1", Bounds(Rate(1000, 1)))]


def ask(advance: Advance, wanted: int, allowed: int, limits: list[Limit], now: float = 0.0) -> tuple[int, int]:
    """How many were asked for, and how many may go."""
    asked = advance.asked(wanted, limits)
    return asked, advance.granted(min(asked, allowed), asked=asked, wanted=wanted, now=now)


def test_who_is_granted_all_asks_for_more_and_more_seldom() -> None:
    advance = Advance()
    asked = []
    for _ in range(20):
        if not advance.draw(32, 0.0):
            asked.append(ask(advance, 32, 10_000, FREE)[0])
    assert asked[:3] == [32, 64, 128]
    assert len(asked) < 8


def test_a_short_grant_makes_every_message_count_again() -> None:
    advance = Advance()
    for _ in range(3):
        ask(advance, 32, 10_000, FREE)
    assert ask(advance, 32, 40, FREE) == (128, 32)
    assert advance.draw(32, 0.0) == 8
    assert ask(advance, 32, 0, FREE) == (32, 0)


def test_no_more_is_given_out_than_was_granted() -> None:
    advance, granted, given = Advance(), 0, 0
    for turn in range(200):
        drawn = advance.draw(20, turn / 100)
        if not drawn:
            asked = advance.asked(20, FREE)
            allowed = min(asked, turn * 7 % 90)
            granted += allowed
            drawn = advance.granted(allowed, asked=asked, wanted=20, now=turn / 100)
        given += drawn
    assert 0 < given <= granted


def test_what_was_granted_a_while_ago_is_not_used_any_more() -> None:
    advance = Advance()
    for _ in range(3):
        ask(advance, 10, 10_000, FREE)
    assert advance.draw(10, 1.0) == 0


@pytest.mark.parametrize("bounds", [Bounds(at_once=4), Bounds(per_hour=100), Bounds(per_day=100)])
def test_where_messages_are_counted_nothing_is_asked_in_advance(bounds: Bounds) -> None:
    advance = Advance()
    assert [ask(advance, 8, 10_000, [Limit("a", bounds)])[0] for _ in range(5)] == [8] * 5
