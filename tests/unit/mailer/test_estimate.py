"""How long a mailing will take, told beforehand."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.estimate import Forecast, Situation, forecast
from mailer.hours import Hours, Span
from mailer.pacing import Tally
from mailer.rate import Bounds, Rate
from mailer.relay import Relay
from mailer.terms import Canary
from mailer.workdays import Workdays
from tests import factories

SHANGHAI = ZoneInfo("Asia/Shanghai")
TUESDAY = datetime(2026, 11, 24, 9, 0, tzinfo=SHANGHAI)
RATES = {"netease": Rate(1, 3), "google": Rate(5, 1)}
PROVIDERS = {key: Bounds(rate) for key, rate in RATES.items()}
TERMS = replace(factories.TERMS, providers=PROVIDERS)


def told(
    recipients: dict[str, int], bounds: Bounds | None = None, *, sent_today: int = 0, start: datetime = TUESDAY, **terms: object
) -> Forecast:
    def count(_tally: Tally, since: datetime, _until: datetime) -> int:
        return sent_today if since.astimezone(SHANGHAI).date() == start.date() else 0

    situation = Situation((Relay("relay.example", 587, bounds=bounds or Bounds()),), SHANGHAI, Workdays().is_workday, count)
    return forecast(recipients, replace(TERMS, **terms), situation, start)  # type: ignore[arg-type]


def takes(found: Forecast, start: datetime = TUESDAY) -> timedelta:
    assert found.finishes_at is not None
    return timedelta(seconds=round((found.finishes_at - start) / timedelta(seconds=1)))


def test_each_provider_is_told_by_its_own_pace() -> None:
    found = told({"netease": 600, "google": 600, "other": 4000}, pace=Rate(100, 1))
    ends = {course.provider: takes(replace(found, finishes_at=course.finishes_at)) for course in found.providers}
    assert ends["netease"] == timedelta(minutes=30)
    assert ends["google"] == timedelta(minutes=2)
    assert ends["other"] < timedelta(minutes=1)
    assert takes(found) == timedelta(minutes=30)
    assert [course.rate for course in found.providers] == [Rate(5, 1), Rate(1, 3), None]
    assert [course.days for course in found.providers] == [1, 1, 1]


def test_what_bounds_everything_is_shared_fairly() -> None:
    found = told({"google": 100, "other": 900}, pace=Rate(10, 1))
    assert takes(found) == timedelta(seconds=100)
    assert takes(replace(found, finishes_at=found.providers[0].finishes_at)) == timedelta(seconds=20)


def test_over_a_days_allowance_the_rest_takes_more_days_and_these_are_told() -> None:
    found = told({"other": 1200}, Bounds(Rate(1, 1), per_day=500))
    assert found.days == 3
    assert found.finishes_at is not None
    # The second day is spread from midnight to midnight, the third is too: 200 of 500 are sent by 09:36.
    assert found.finishes_at.astimezone(SHANGHAI).replace(microsecond=0) == datetime(2026, 11, 26, 9, 36, tzinfo=SHANGHAI)


def test_what_was_sent_today_already_counts() -> None:
    assert told({"other": 400}, Bounds(per_day=500)).days == 1
    assert told({"other": 400}, Bounds(per_day=500), sent_today=300).days == 2


def test_an_hours_allowance_is_kept() -> None:
    assert takes(told({"other": 110}, Bounds(Rate(1, 1), per_hour=50))) >= timedelta(hours=2)


def test_nights_holidays_and_weekends_are_left_out() -> None:
    hours = Hours(SHANGHAI, (Span.parse("09:00-18:00"),), workdays=True)
    before_the_holidays = datetime(2026, 9, 30, 17, 0, tzinfo=SHANGHAI)
    found = told({"netease": 2 * 1200}, start=before_the_holidays, hours=hours)
    assert found.finishes_at is not None
    finishes = found.finishes_at.astimezone(SHANGHAI)
    assert (finishes.date(), finishes.hour) == (date(2026, 10, 8), 10)
    assert found.days == 2


def test_a_year_that_nobody_announced_is_said_and_no_time_is_guessed() -> None:
    hours = Hours(SHANGHAI, (Span.parse("09:00-18:00"),), workdays=True)
    found = told({"netease": 20_000, "google": 1}, start=datetime(2026, 12, 31, 9, 0, tzinfo=SHANGHAI), hours=hours)
    assert (found.finishes_at, found.unannounced) == (None, 2027)
    assert [course.finishes_at is None for course in found.providers] == [False, True]
    assert told({"google": 1}, start=datetime(2026, 12, 31, 9, 0, tzinfo=SHANGHAI), hours=hours).unannounced is None


def test_a_first_part_adds_its_wait() -> None:
    without, with_ = (told({"other": 1000}, pace=Rate(10, 1), canary=c) for c in (None, Canary(0.05, None, timedelta(hours=1))))
    assert takes(with_) - takes(without) == timedelta(hours=1)


def test_several_relays_bear_more_together() -> None:
    relays = (Relay("a.example", 587, bounds=Bounds(Rate(5, 1))), Relay("b.example", 587, bounds=Bounds(Rate(5, 1))))
    found = forecast({"other": 100}, TERMS, Situation(relays, SHANGHAI, Workdays().is_workday), TUESDAY)
    assert takes(found) == timedelta(seconds=10)


def test_nobody_takes_no_time() -> None:
    assert told({}) == Forecast(TUESDAY, 0, ())
    assert takes(told({"netease": 0})) == timedelta()


def test_what_would_take_ten_years_is_not_dated() -> None:
    assert told({"other": 10**6}, Bounds(per_day=10)).finishes_at is None


@given(
    st.dictionaries(st.sampled_from(["netease", "google", "other"]), st.integers(1, 3000), min_size=1),
    st.sampled_from([None, Rate(1, 1), Rate(7, 2), Rate(100, 1)]),
    st.one_of(st.none(), st.integers(100, 2000)),
    st.one_of(st.none(), st.integers(50, 500)),
)
def test_no_bound_is_broken_and_no_time_wasted(
    recipients: dict[str, int], pace: Rate | None, per_day: int | None, per_hour: int | None
) -> None:
    found = told(recipients, Bounds(per_day=per_day, per_hour=per_hour), pace=pace)
    length, total = takes(found) / timedelta(seconds=1), sum(recipients.values())
    slowest = max((number / RATES[key].per_second for key, number in recipients.items() if key in RATES), default=0.0)
    least = max(slowest, total / pace.per_second if pace else 0)
    assert length >= least - 1
    if per_day is None and per_hour is None:
        assert length <= slowest + (total / pace.per_second if pace else total / 40) + 1
    if per_day is not None:
        assert found.days >= math.ceil(total / per_day)
        assert per_hour is not None or found.days <= math.ceil(total / per_day) + least / 86400 + 2


@pytest.mark.parametrize("scale", [1.0, 1e-3])
def test_a_mailing_on_another_scale_of_time_takes_its_providers_along(scale: float) -> None:
    assert takes(told({"netease": 600}, retry_scale=scale)) <= timedelta(seconds=math.ceil(1800 * scale) + 15)
