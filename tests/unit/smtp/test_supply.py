from __future__ import annotations

from mailer.smtp.outcomes import NotSent, Reason
from mailer.smtp.supply import Supply
from tests.unit.smtp.test_held_back import Letters


def test_no_more_messages_are_taken_than_connections_are_opened_for() -> None:
    letters = Letters(5)
    supply = Supply(letters)
    assert [supply.needs_more_than(openings) for openings in (0, 0, 0)] == [True, True, True]
    assert len(letters.left) == 4
    assert supply.needs_more_than(1)
    assert len(letters.left) == 3


def test_a_waiting_message_goes_to_whoever_is_ready_first() -> None:
    supply = Supply(Letters(2))
    assert supply.needs_more_than(0)
    first, second = supply.take(), supply.take()
    assert first is not None
    assert second is not None
    assert (first.key, second.key, supply.take(), supply.exhausted) == (1, 2, None, True)


def test_a_waiting_message_goes_behind_none_that_is_not_answered() -> None:
    supply = Supply(Letters(3))
    first = supply.take()
    assert first is not None
    assert supply.needs_more_than(0)
    assert supply.take(behind=first.key) is None
    second = supply.take()
    assert second is not None
    assert second.key == 2


def test_what_still_waits_is_settled_once_when_given_up() -> None:
    letters = Letters(3)
    supply = Supply(letters)
    supply.needs_more_than(0)
    given_up = NotSent(Reason.STOPPED, "stopped")
    supply.give_up(given_up)
    supply.give_up(given_up)
    assert letters.outcomes == {1: given_up}
    assert supply.take() is None
    assert not supply.needs_more_than(0)
