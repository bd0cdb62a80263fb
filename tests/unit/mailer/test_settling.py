"""What one attempt's outcome makes of a delivery: with how much patience, which begins when it was put off first."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mailer.deliveries import DueDelivery, Settled
from mailer.reply import Command, Reply, ReplyTable
from mailer.settling import Circumstances, settle
from mailer.smtp.outcomes import InDoubt, NotSent, Outcome, Reason, Replied
from mailer.terms import InDoubtPolicy, Terms
from tests.factories import TERMS

NOW = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)
BUSY = Replied(Reply(Command.RCPT, 451, "4.7.1", "greylisted, try again later", "mx.test", True))
LOST = InDoubt(Reason.CLOSED, "the server closed the connection")


def after(outcome: Outcome, put_off: timedelta | None, *, times: int = 1, terms: Terms = TERMS) -> Settled:
    """What becomes of a delivery that was put off first so long ago, or never."""
    due = DueDelivery(1, "a@b.test", None, None, times, None, NOW - put_off if put_off is not None else None)
    seen = Circumstances(terms, "other", "mx", lambda: NOW)
    settled = settle(due, outcome, seen, ReplyTable.load(), random.Random(1)).settled
    assert settled is not None
    return settled


@pytest.mark.parametrize(("hours", "state"), [(None, "deferred"), (71, "deferred"), (73, "bounced")])
def test_patience_with_a_server_that_says_later_lasts_for_three_days_from_when_it_said_so_first(
    hours: int | None, state: str
) -> None:
    assert after(BUSY, timedelta(hours=hours) if hours is not None else None).state == state


def test_patience_runs_by_the_scale_of_the_mailing() -> None:
    assert after(BUSY, timedelta(seconds=73), terms=replace(TERMS, retry_scale=1 / 3600)).state == "bounced"


def attempts_until_given_up(outcome: Outcome) -> tuple[int, Settled]:
    """How often a delivery leaves that ends like that each time, and what becomes of it."""
    waited = timedelta()
    for earlier in range(100):
        settled = after(outcome, waited if earlier else None, times=0)
        if settled.next_attempt_at is None:
            return earlier + 1, settled
        waited += settled.next_attempt_at - NOW
    pytest.fail("it is never given up")


def test_what_a_server_takes_and_never_answers_for_leaves_ten_times_at_most() -> None:
    sent, settled = attempts_until_given_up(LOST)
    assert (settled.state, settled.reason, sent) == ("failed", "closed", 10)


def test_a_server_that_hangs_up_each_time_is_tried_ever_less_often() -> None:
    sent, settled = attempts_until_given_up(NotSent(Reason.CLOSED, "the server closed the connection"))
    assert settled.state == "failed"
    assert sent < 80
    assert after(NotSent(Reason.CLOSED, ""), None, times=0).next_attempt_at == NOW + timedelta(seconds=30)


def test_one_answer_that_was_lost_costs_five_minutes_also_after_days() -> None:
    settled = after(LOST, None, times=0)
    assert (settled.state, settled.next_attempt_at) == ("in_doubt", NOW + timedelta(minutes=5))


def test_what_was_put_off_for_long_is_not_given_up_for_one_answer_that_was_lost() -> None:
    settled = after(LOST, timedelta(hours=60), times=4)
    assert (settled.state, settled.next_attempt_at) == ("in_doubt", NOW + timedelta(hours=12))


def test_a_mailbox_that_is_full_for_the_first_time_has_two_more_tries_however_often_nobody_answered() -> None:
    full = Replied(Reply(Command.RCPT, 452, "4.2.2", "Mailbox full", "mx.test", True))
    assert [after(full, timedelta(hours=1), times=times).state for times in range(3)] == ["deferred", "deferred", "bounced"]
    assert after(full, None, times=0).times_deferred == 1
    assert after(LOST, None).times_deferred is None
    assert after(NotSent(Reason.CLOSED, ""), None).times_deferred is None


def test_what_is_in_doubt_is_left_to_staff_where_it_is_to_be_held() -> None:
    settled = after(LOST, timedelta(hours=80), terms=replace(TERMS, in_doubt=InDoubtPolicy.HOLD))
    assert (settled.state, settled.next_attempt_at) == ("in_doubt", None)


def test_what_waits_for_a_busy_host_costs_no_attempt_and_comes_back_soon() -> None:
    busy = NotSent(Reason.BUSY, "the host has not answered", kept_out=True)
    settled = after(busy, timedelta(hours=20), times=0)
    assert (settled.state, settled.reason, settled.attempted) == ("deferred", "busy", False)
    assert settled.next_attempt_at == NOW + timedelta(minutes=10)


@pytest.mark.parametrize(
    ("said", "reason", "spared"),
    [("You are sending too fast, slow down", "sender_rate", True), ("too many messages in this session", "closing", False)],
)
def test_a_session_that_is_ended_for_our_rate_is_heeded_as_a_refusal_would_be(said: str, reason: str, spared: bool) -> None:
    ended = NotSent(Reason.CLOSING, "the server ends the session", Reply(Command.MAIL, 421, "4.7.0", said, "relay.test", True))
    due = DueDelivery(1, "a@inst.test", None, None, 0, None, None)
    settlement = settle(due, ended, Circumstances(TERMS, "other", "relay", lambda: NOW), ReplyTable.load(), random.Random(1))
    assert settlement.settled is not None
    assert (settlement.settled.state, settlement.settled.reason) == ("deferred", reason)
    assert (settlement.cooldown is not None) is spared
