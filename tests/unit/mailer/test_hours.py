"""When mail may leave, by the wall clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.hours import Hours, Span
from subscribers.errors import InputError

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")


def any_day(_day: date) -> bool:
    return True


def monday_to_friday(day: date) -> bool:
    return day.weekday() < 5


def hours(*spans: str, quiet: tuple[str, ...] = (), workdays: bool = False, zone: ZoneInfo = SHANGHAI) -> Hours:
    return Hours(zone, tuple(map(Span.parse, spans)), tuple(map(Span.parse, quiet)), workdays)


def at(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


spans = st.builds(Span, st.integers(0, 1439), st.integers(1, 1440)).filter(lambda span: span.begin != span.end % 1440)
moments = st.integers(0, 480_000).map(lambda minutes: datetime(2026, 1, 1, tzinfo=SHANGHAI) + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("moment", "opening"),
    [
        ("2026-11-24 08:59", "2026-11-24 09:00"),
        ("2026-11-24 09:00", "2026-11-24 09:00"),
        ("2026-11-24 11:59", "2026-11-24 11:59"),
        ("2026-11-24 12:00", "2026-11-24 14:00"),
        ("2026-11-24 18:00", "2026-11-25 09:00"),
        ("2026-11-27 18:00", "2026-11-30 09:00"),  # a Friday, a Monday
    ],
)
def test_what_is_closed_opens_at_the_next_hour_of_a_working_day(moment: str, opening: str) -> None:
    assert hours("09:00-18:00", quiet=("12:00-14:00",), workdays=True).next_opening(at(moment), monday_to_friday) == at(opening)


def test_quiet_hours_go_over_midnight() -> None:
    night = hours(quiet=("22:00-07:00",))
    assert not night.is_open(at("2026-11-24 23:30"), any_day)
    assert not night.is_open(at("2026-11-25 06:59"), any_day)
    assert night.next_opening(at("2026-11-24 22:00"), any_day) == at("2026-11-25 07:00")
    assert night.next_closing(at("2026-11-25 07:00"), any_day) == at("2026-11-25 22:00")


@pytest.mark.parametrize(
    ("now", "opening"),
    [("2026-03-28 20:00", "2026-03-29 09:00"), ("2026-10-24 20:00", "2026-10-25 09:00")],  # the nights of clock changes
)
def test_hours_are_those_of_the_zone_on_either_side_of_a_clock_change(now: str, opening: str) -> None:
    open_ = hours("09:00-18:00", zone=BERLIN)
    found = open_.next_opening(at(now, BERLIN), any_day)
    assert found == at(opening, BERLIN)
    assert open_.next_closing(found, any_day) - found == timedelta(hours=9)


def test_the_stretch_around_a_moment_is_told_by_the_hours_alone() -> None:
    assert hours("09:00-18:00", workdays=True).stretch(at("2026-11-24 10:00")) == (
        at("2026-11-24 09:00"),
        at("2026-11-24 18:00"),
    )
    assert hours(workdays=True).stretch(at("2026-11-24 10:00")) is None


@given(st.lists(spans, min_size=1, max_size=3), moments)
def test_an_opening_is_open_and_nothing_between_now_and_then_is(some: list[Span], moment: datetime) -> None:
    chosen = Hours(SHANGHAI, tuple(some), workdays=True)
    opening = chosen.next_opening(moment, monday_to_friday)
    assert chosen.is_open(opening, monday_to_friday)
    if opening > moment:
        assert opening - moment < timedelta(days=4)
        minutes = round((opening - moment) / timedelta(minutes=1))
        assert not any(chosen.is_open(moment + timedelta(minutes=n), monday_to_friday) for n in range(0, minutes, 7))


@given(st.lists(spans, min_size=1, max_size=3), moments)
def test_a_stretch_is_open_from_its_beginning_to_its_end(some: list[Span], moment: datetime) -> None:
    chosen = Hours(SHANGHAI, tuple(some))
    opening = chosen.next_opening(moment, any_day)
    stretch = chosen.stretch(opening)
    assert stretch is not None
    opens, closes = stretch
    assert opens <= opening < closes
    assert chosen.is_open(opens, any_day)
    assert closes - opens > timedelta(days=300) or not chosen.is_open(closes, any_day)


def test_hours_are_kept_as_json() -> None:
    kept = hours("09:00-18:00", "19:00-24:00", quiet=("12:00-14:00",), workdays=True)
    assert Hours.from_json(kept.to_json()) == kept
    assert str(kept) == "09:00-18:00, 19:00-24:00; not 12:00-14:00; on working days (Asia/Shanghai)"


@pytest.mark.parametrize("text", ["9-18", "09:00-09:00", "25:00-26:00", "09:60-10:00", "00:00-24:00", "09:00", ""])
def test_what_is_no_span_of_hours_is_refused_with_examples(text: str) -> None:
    with pytest.raises(InputError, match="Give one like 09:00-18:00"):
        Span.parse(text)


def test_quiet_hours_that_leave_nothing_are_refused() -> None:
    with pytest.raises(InputError, match="leave nothing"):
        hours("09:00-12:00", quiet=("08:00-13:00",))


def test_a_calendar_without_working_days_is_said_to_have_none() -> None:
    with pytest.raises(InputError, match="no day within a year"):
        hours("09:00-12:00", workdays=True).next_opening(datetime(2026, 1, 1, tzinfo=UTC), lambda _day: False)
