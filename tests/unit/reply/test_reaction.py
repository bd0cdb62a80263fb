"""What follows from a verdict."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.reaction import GIVE_UP_AFTER, Reaction, Scope, State, react
from mailer.reply import CLASS_OF, Confidence, Meaning, Verdict, VerdictClass

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)  # 14:00 in Shanghai
SHANGHAI = ZoneInfo("Asia/Shanghai")
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)

verdicts = st.builds(
    lambda meaning, confidence, temporary, tomorrow: Verdict(
        meaning, CLASS_OF[meaning], confidence, "rule", True, temporary, tomorrow
    ),
    st.sampled_from(Meaning),
    st.sampled_from(Confidence),
    st.booleans(),
    st.booleans(),
)
ages = st.timedeltas(timedelta(), timedelta(days=10))
moments = st.timedeltas(timedelta(), timedelta(days=5000)).map(lambda later: NOW + later)
seeds = st.integers(0, 1000)


def _react(
    meaning: Meaning, attempts: int = 0, age: timedelta = timedelta(), *, temporary: bool = False, tomorrow: bool = False
) -> Reaction:
    verdict = Verdict(meaning, CLASS_OF[meaning], Confidence.EXPLICIT, "rule", True, temporary, tomorrow)
    return react(verdict, times_deferred=attempts, age=age, now=NOW, rng=random.Random(attempts))


def _delays(meaning: Meaning, *, temporary: bool = False) -> list[timedelta]:
    """The delays of a delivery that is answered the same every time, with the spread cut off, until it ends."""
    age, attempts, delays = timedelta(), 0, []
    while (delay := _react(meaning, attempts, age, temporary=temporary).delay) is not None:
        delays.append(delay)
        age, attempts = age + delay, attempts + 1
    return delays


def _within(delay: timedelta, least: timedelta) -> bool:
    return least <= delay <= 1.2 * least


@pytest.mark.parametrize(
    ("meaning", "schedule"),
    [
        (Meaning.MAILBOX_FULL, [4 * HOUR, 24 * HOUR]),
        (Meaning.RECIPIENT_RATE, [2 * HOUR, 24 * HOUR]),
        (Meaning.AMBIGUOUS, [4 * HOUR]),
        (Meaning.REPUTATION, [2 * HOUR, 4 * HOUR, 8 * HOUR, 16 * HOUR]),
    ],
)
def test_each_meaning_has_its_schedule(meaning: Meaning, schedule: list[timedelta]) -> None:
    delays = _delays(meaning)[: len(schedule)]
    assert len(delays) == len(schedule)
    assert all(_within(delay, least) for delay, least in zip(delays, schedule, strict=True))


def test_what_passes_by_itself_is_tried_for_three_days_and_then_bounces() -> None:
    delays = _delays(Meaning.TRANSIENT)
    assert all(
        _within(delay, least)
        for delay, least in zip(delays, [5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR], strict=False)
    )
    assert 60 * HOUR < sum(delays, timedelta()) <= GIVE_UP_AFTER
    assert _react(Meaning.TRANSIENT, 20, GIVE_UP_AFTER - HOUR).state is State.BOUNCED


def test_a_rate_waits_longer_each_time_and_then_for_the_day_after_in_shanghai() -> None:
    first, second, third, fourth = (_react(Meaning.SENDER_RATE, attempts).delay for attempts in range(4))
    assert first is not None
    assert second is not None
    assert third is not None
    assert fourth is not None
    assert _within(first, 10 * MINUTE)
    assert _within(second, HOUR)
    assert _within(third, 4 * HOUR)
    resumes = (NOW + fourth).astimezone(SHANGHAI)
    assert (resumes.day, resumes.hour) == (3, 0)
    assert 10 <= resumes.minute <= 30


def test_a_spent_day_is_waited_for_at_once() -> None:
    delay = _react(Meaning.SENDER_RATE, tomorrow=True).delay
    assert delay is not None
    assert (NOW + delay).astimezone(SHANGHAI).strftime("%d %H") == "03 00"


@pytest.mark.parametrize("meaning", [Meaning.CONNECTION_RATE, Meaning.SENDER_RATE, Meaning.REPUTATION])
def test_a_rate_or_a_bad_name_spares_the_provider_and_begins_slower(meaning: Meaning) -> None:
    reaction = _react(meaning)
    assert reaction.cooldown is not None
    assert (reaction.cooldown.scope, reaction.cooldown.slower, reaction.cooldown.pause) == (
        Scope.PROVIDER,
        True,
        reaction.delay,
    )


def test_one_recipient_s_rate_spares_nobody_else() -> None:
    assert _react(Meaning.RECIPIENT_RATE).cooldown is None


def test_a_refused_login_stops_the_relay_and_not_the_provider() -> None:
    cooldown = _react(Meaning.ACCOUNT).cooldown
    assert cooldown is not None
    assert cooldown.scope is Scope.RELAY


@pytest.mark.parametrize(
    "meaning", [Meaning.UNKNOWN_USER, Meaning.DOMAIN_DEAD, Meaning.MAILBOX_DISABLED, Meaning.REFUSED_BY_RECIPIENT]
)
def test_what_trying_again_cannot_help_bounces_at_once(meaning: Meaning) -> None:
    assert _react(meaning) == Reaction(State.BOUNCED, None, None)


@pytest.mark.parametrize("meaning", [Meaning.CONTENT, Meaning.PROTOCOL])
def test_our_own_fault_fails_at_once_unless_the_server_asks_for_another_try(meaning: Meaning) -> None:
    assert _react(meaning) == Reaction(State.FAILED, None, None)
    assert _react(meaning, temporary=True).state is State.DEFERRED
    assert _react(meaning, 9, temporary=True).state is State.FAILED


def test_netease_s_451_for_content_is_tried_again_after_more_than_two_minutes() -> None:
    delay = _react(Meaning.CONTENT, temporary=True).delay
    assert delay is not None
    assert 2 * MINUTE < delay < 10 * MINUTE


def test_what_was_accepted_needs_nothing() -> None:
    assert _react(Meaning.ACCEPTED) == Reaction(State.ACCEPTED, None, None)


def test_a_mailing_may_be_worth_less_time() -> None:
    verdict = Verdict(Meaning.TRANSIENT, VerdictClass.SOFT, Confidence.LOW, "rule", False, True)
    reaction = react(verdict, times_deferred=0, age=2 * HOUR, now=NOW, rng=random.Random(1), give_up_after=2 * HOUR)
    assert reaction.state is State.BOUNCED


@settings(deadline=None)
@given(verdicts, st.integers(-1, 100), ages, moments, seeds)
def test_nothing_of_the_sender_s_side_ever_ends_as_a_bounce(
    verdict: Verdict, attempts: int, age: timedelta, now: datetime, seed: int
) -> None:
    reaction = react(verdict, times_deferred=attempts, age=age, now=now, rng=random.Random(seed))
    if verdict.class_ in (VerdictClass.RATE, VerdictClass.SENDER, VerdictClass.ACCEPTED):
        assert reaction.state is not State.BOUNCED or verdict.meaning is Meaning.RECIPIENT_RATE


@settings(deadline=None)
@given(verdicts, st.integers(-1, 100), ages, moments, seeds)
def test_only_what_is_deferred_has_a_delay_and_none_outlives_the_message(
    verdict: Verdict, attempts: int, age: timedelta, now: datetime, seed: int
) -> None:
    reaction = react(verdict, times_deferred=attempts, age=age, now=now, rng=random.Random(seed))
    assert (reaction.delay is not None) == (reaction.state is State.DEFERRED)
    if reaction.delay is not None:
        assert timedelta() < reaction.delay
        assert age + reaction.delay <= GIVE_UP_AFTER


@settings(deadline=None)
@given(verdicts, st.integers(0, 20), seeds)
def test_the_same_dice_give_the_same_reaction(verdict: Verdict, attempts: int, seed: int) -> None:
    reactions = [react(verdict, times_deferred=attempts, age=HOUR, now=NOW, rng=random.Random(seed)) for _ in range(2)]
    assert reactions[0] == reactions[1]
