"""When what servers answer stops a mailing."""

from __future__ import annotations

import pytest

from mailer.breakers import Heard, Trip, judge, sentence
from mailer.models import Cause


def heard(provider: str, reason: str | None, number: int, lately: int | None = None) -> Heard:
    return Heard(provider, reason, number, number if lately is None else lately)


def accepted(provider: str, number: int, lately: int = 0) -> Heard:
    return heard(provider, None, number, lately)


@pytest.mark.parametrize(
    ("unknown", "others", "stops"),
    [(5, 95, False), (6, 94, True), (20, 79, False), (99, 0, False), (100, 0, True), (50, 1000, False), (53, 1000, True)],
)
def test_more_than_a_twentieth_of_a_hundred_or_more_unknown_at_a_provider_stops_it(
    unknown: int, others: int, stops: bool
) -> None:
    trips = judge([heard("netease", "unknown_user", unknown), accepted("netease", others)], canary=False)
    assert trips == ([Trip("netease", Cause.UNKNOWN_USERS, unknown, unknown + others)] if stops else [])


def test_one_providers_unknown_users_are_no_other_providers() -> None:
    trips = judge([heard("netease", "unknown_user", 10), accepted("netease", 90), accepted("tencent", 100)], canary=False)
    assert [trip.provider for trip in trips] == ["netease"]


def test_three_refusals_of_the_content_in_ten_minutes_stop_a_provider() -> None:
    assert judge([heard("tencent", "content", 3), accepted("tencent", 900, 200)], canary=False) == [
        Trip("tencent", Cause.CONTENT, 3, 203)
    ]
    assert judge([heard("tencent", "content", 9, 2), accepted("tencent", 900, 200)], canary=False) == []


def test_two_providers_that_refuse_the_content_stop_the_mailing() -> None:
    trips = judge([heard("tencent", "content", 3), heard("netease", "content", 4)], canary=False)
    assert trips[-1] == Trip(None, Cause.CONTENT, 7, 7)
    assert len(trips) == 3


def test_three_of_a_thousand_servers_that_refuse_the_content_stop_nothing() -> None:
    assert judge([heard("other", "content", 3), accepted("other", 900, 200)], canary=False) == []
    assert judge([heard("other", "content", 12), accepted("other", 900, 200)], canary=False) != []


@pytest.mark.parametrize("reason", ["reputation", "authentication"])
def test_a_provider_that_refuses_us_for_who_we_are_is_stopped(reason: str) -> None:
    assert judge([heard("google", reason, 3), accepted("google", 50, 5)], canary=False) == [
        Trip("google", Cause.REPUTATION, 3, 8)
    ]
    assert judge([heard("google", reason, 3), accepted("google", 50, 50)], canary=False) == []


def test_complaints_stop_the_whole_mailing() -> None:
    assert judge([heard("yahoo", "complained", 3), accepted("other", 996)], canary=False) == [
        Trip(None, Cause.COMPLAINTS, 3, 999)
    ]
    assert judge([heard("yahoo", "complained", 2), accepted("other", 10)], canary=False) == []
    assert judge([heard("yahoo", "complained", 3), accepted("other", 2000)], canary=False) == []


@pytest.mark.parametrize("reason", ["protocol", "too_big", "needs_8bitmime"])
def test_a_fault_of_ours_at_more_than_one_of_a_hundred_stops_the_whole_mailing(reason: str) -> None:
    trips = judge([heard("other", reason, 5), accepted("other", 200)], canary=False)
    assert [(trip.provider, trip.cause) for trip in trips] == [(None, Cause.OUR_FAULT)]


def test_while_the_first_part_is_out_every_breaker_stops_the_whole_mailing() -> None:
    trips = judge([heard("netease", "unknown_user", 10), accepted("netease", 90)], canary=True)
    assert trips == [Trip(None, Cause.UNKNOWN_USERS, 10, 100)]


@pytest.mark.parametrize("reason", ["connection_rate", "sender_rate", "transient", "mailbox_full", "refused_by_recipient"])
def test_what_passes_by_itself_is_no_matter_for_staff(reason: str) -> None:
    assert judge([heard("netease", reason, 500)], canary=False) == []


def test_staff_are_told_how_many_and_what_to_look_at() -> None:
    assert sentence(Trip("netease", Cause.UNKNOWN_USERS, 10, 100)).startswith("10 of 100 recipients at netease are unknown")
    for cause in set(Cause) - {Cause.STAFF}:
        assert sentence(Trip(None, cause, 1, 2)).startswith("1 of 2 recipients ")
