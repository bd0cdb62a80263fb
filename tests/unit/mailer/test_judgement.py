"""The rule that decides about addresses, tried as a rule: no database, no server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.judgement import Finding, Judgement, Mark, Policy, decide, finding_of, judge, state_after
from mailer.models import DeliveryState
from mailer.reply import Confidence, Meaning
from subscribers.errors import InputError
from subscribers.models import SuppressionReason

POLICY = Policy()
WEEK = timedelta(days=7)
BEGAN = datetime(2026, 1, 5, 9, tzinfo=UTC)
SENDERS_SIDE = [
    Meaning.CONTENT,
    Meaning.CONNECTION_RATE,
    Meaning.SENDER_RATE,
    Meaning.REPUTATION,
    Meaning.AUTHENTICATION,
    Meaning.ACCOUNT,
    Meaning.PROTOCOL,
]


def issues(*findings: Finding, apart: timedelta = timedelta(days=30)) -> list[Mark]:
    return [Mark(finding, BEGAN + number * apart, number) for number, finding in enumerate(findings, 1)]


def test_an_explicit_unknown_user_ends_the_address_at_once() -> None:
    judged = judge(issues(Finding.GONE), POLICY)
    assert judged.suppression is SuppressionReason.HARD_BOUNCE


@pytest.mark.parametrize(
    ("finding", "needed"), [(Finding.DOUBTFUL, 2), (Finding.REFUSED, 2), (Finding.FULL, 3), (Finding.PASSING, 4)]
)
def test_what_may_pass_ends_an_address_after_so_many_issues_in_a_row(finding: Finding, needed: int) -> None:
    assert judge(issues(*[finding] * (needed - 1), apart=WEEK), POLICY).ended_by is None
    assert judge(issues(*[finding] * needed, apart=WEEK), POLICY).ended_by is finding


def test_a_mailbox_that_stays_full_for_thirty_days_ends_before_the_third_issue() -> None:
    short, long = timedelta(days=29), timedelta(days=30)
    assert judge(issues(Finding.FULL, Finding.FULL, apart=short), POLICY).score == Fraction(2, 3)
    assert judge(issues(Finding.FULL, Finding.FULL, apart=long), POLICY).suppression is SuppressionReason.SOFT_BOUNCE
    assert judge(issues(Finding.FULL, apart=long), POLICY).ended_by is None
    assert judge(issues(Finding.PASSING, Finding.PASSING, apart=long), POLICY).ended_by is None
    first, second = issues(Finding.FULL, Finding.FULL, apart=long)
    because = "full for 30 days and more: score 1/3 → 1, the address ends"
    assert decide([first], second, POLICY).because == because


@pytest.mark.parametrize("between", [Finding.DELIVERED, Finding.ALIVE, Finding.REINSTATED])
def test_what_shows_that_it_lives_begins_the_thirty_days_anew(between: Finding) -> None:
    history = issues(Finding.FULL, between, Finding.FULL, apart=timedelta(days=15))
    assert judge(history, POLICY) == Judgement(Fraction(1, 3), None)


def test_staff_may_have_other_days_or_none() -> None:
    history = issues(Finding.FULL, Finding.FULL, apart=timedelta(days=40))
    for rules, ended_by in (("full=3", None), ("full=3/60d", None), ("full=9/40d", Finding.FULL), ("full=never", None)):
        assert judge(history, Policy.parse(rules)).ended_by is ended_by


@pytest.mark.parametrize("meaning", SENDERS_SIDE)
def test_what_is_our_own_doing_never_counts(meaning: Meaning) -> None:
    finding = finding_of(meaning, Confidence.EXPLICIT)
    assert judge(issues(*[finding] * 50), POLICY) == Judgement(Fraction(0), None)


def test_one_delivered_issue_makes_good_what_went_before() -> None:
    history = issues(Finding.FULL, Finding.FULL, Finding.DELIVERED, Finding.FULL, Finding.FULL, apart=WEEK)
    assert judge(history, POLICY) == Judgement(Fraction(2, 3), None)


def test_two_issues_of_one_day_count_once() -> None:
    assert judge(issues(Finding.DOUBTFUL, Finding.DOUBTFUL, apart=timedelta(hours=5)), POLICY).ended_by is None


def test_an_issue_counts_once_however_often_it_bounces_and_by_its_worst() -> None:
    several = [Mark(Finding.PASSING, BEGAN, 1), Mark(Finding.FULL, BEGAN, 1), Mark(Finding.FULL, BEGAN, 1)]
    assert judge(several, POLICY).score == Fraction(1, 3)


def test_a_bounce_after_the_250_takes_the_delivered_issue_back() -> None:
    assert judge([*issues(Finding.DELIVERED), Mark(Finding.GONE, BEGAN, 1)], POLICY).ended_by is Finding.GONE


def test_doubtful_words_and_doubtful_reporters_never_end_an_address_by_one_issue() -> None:
    for confidence, certain in ((Confidence.LOW, True), (Confidence.EXPLICIT, False), (Confidence.LOW, False)):
        assert finding_of(Meaning.UNKNOWN_USER, confidence, certain=certain) is Finding.DOUBTFUL


def test_who_does_something_after_a_doubtful_bounce_keeps_the_address() -> None:
    history = [
        *issues(Finding.DOUBTFUL),
        Mark(Finding.ALIVE, BEGAN + timedelta(days=2)),
        Mark(Finding.DOUBTFUL, BEGAN + timedelta(days=30), 2),
    ]
    assert judge(history, POLICY).ended_by is None


def test_nothing_but_staff_brings_an_ended_address_back() -> None:
    ended = issues(Finding.GONE, Finding.DELIVERED)
    assert judge(ended, POLICY).ended_by is Finding.GONE
    reinstated = Mark(Finding.REINSTATED, BEGAN + timedelta(days=60))
    assert judge([*ended, reinstated], POLICY) == Judgement(Fraction(0), None)


def test_a_late_report_of_an_issue_before_the_reinstatement_ends_nothing() -> None:
    history = [Mark(Finding.REINSTATED, BEGAN + timedelta(days=1)), Mark(Finding.GONE, BEGAN, 1)]
    assert judge(history, POLICY).ended_by is None


def test_a_complaint_suppresses_as_a_complaint_also_after_a_bounce() -> None:
    assert judge(issues(Finding.GONE, Finding.COMPLAINT), POLICY).suppression is SuppressionReason.COMPLAINT


def test_staff_may_have_another_policy_and_are_told_what_is_wrong_with_one() -> None:
    patient = Policy.parse("gone=2 full=never")
    assert judge(issues(Finding.GONE), patient).ended_by is None
    assert judge(issues(*[Finding.FULL] * 60), patient).ended_by is None
    for wrong in (
        "gone",
        "gone=0",
        "delivered=1",
        "full=viel",
        "full=-1",
        "full=3/30",
        "full=3/0d",
        "full=never/30d",
        "full=101",
    ):
        with pytest.raises(InputError, match=wrong.partition("=")[0]):
            Policy.parse(wrong)


def test_a_decision_says_what_it_did_and_only_the_last_straw_ends() -> None:
    first, second, third = issues(Finding.DOUBTFUL, Finding.DOUBTFUL, Finding.DOUBTFUL)
    assert decide([], first, POLICY).because == "doubtful counts 1/2: score 0 → 1/2"
    assert decide([first], second, POLICY).because == "doubtful counts 1/2: score 1/2 → 1, the address ends"
    assert decide([first, second], third, POLICY).because == "doubtful: the address had ended already (doubtful)"


@pytest.mark.parametrize(
    ("sent", "findings", "state"),
    [
        (DeliveryState.ACCEPTED, [Finding.GONE], DeliveryState.BOUNCED),
        (DeliveryState.ACCEPTED, [Finding.OURS], DeliveryState.FAILED),
        (DeliveryState.ACCEPTED, [Finding.GONE, Finding.COMPLAINT], DeliveryState.COMPLAINED),
        (DeliveryState.IN_DOUBT, [Finding.FULL], DeliveryState.BOUNCED),
        (DeliveryState.IN_DOUBT, [Finding.DELIVERED], DeliveryState.ACCEPTED),
        (DeliveryState.BOUNCED, [Finding.GONE], DeliveryState.BOUNCED),
        (DeliveryState.ACCEPTED, [Finding.ALIVE], DeliveryState.ACCEPTED),
        (DeliveryState.SKIPPED, [Finding.GONE], DeliveryState.SKIPPED),
        (DeliveryState.FAILED, [Finding.COMPLAINT], DeliveryState.FAILED),
    ],
)
def test_a_delivery_becomes_what_came_back_for_it(sent: DeliveryState, findings: list[Finding], state: DeliveryState) -> None:
    assert state_after(sent, findings) is state


marks = st.lists(
    st.builds(
        Mark,
        st.sampled_from(Finding),
        st.integers(0, 400).map(lambda days: BEGAN + timedelta(days=days)),
        st.one_of(st.none(), st.integers(1, 8)),
    ),
    max_size=12,
    unique_by=lambda mark: mark.at,
)


@given(marks, st.randoms(use_true_random=False))
def test_the_order_in_which_facts_arrive_changes_nothing(history: list[Mark], dice: object) -> None:
    shuffled = list(history)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    assert judge(shuffled, POLICY) == judge(history, POLICY)


@given(marks)
def test_saying_everything_twice_changes_nothing_and_no_score_passes_one(history: list[Mark]) -> None:
    of_issues = [mark for mark in history if mark.issue_id is not None]
    judged = judge(of_issues, POLICY)
    assert judge(of_issues * 2, POLICY) == judged
    assert 0 <= judged.score <= 1
    assert (judged.ended_by is None) == (judged.score < 1)
