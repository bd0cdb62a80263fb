"""Working days in China: announced, entered, or said to be unknown."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from mailer.workdays import Source, Unannounced, Workdays, Year, parse_days
from subscribers.errors import InputError

ENTERED = Year(
    2027,
    off=frozenset({date(2027, 1, 1), date(2027, 2, 8)}),
    worked=frozenset({date(2026, 12, 26), date(2027, 2, 20)}),
)


@pytest.mark.parametrize(
    ("day", "worked"),
    [
        ("2026-10-01", False),  # National Day, a Thursday
        ("2026-10-10", True),  # a Saturday worked in its stead
        ("2026-02-14", True),  # a Saturday worked for the Spring Festival
        ("2026-11-24", True),
        ("2026-11-28", False),
    ],
)
def test_public_holidays_and_the_days_worked_in_their_stead_are_known(day: str, worked: bool) -> None:
    assert Workdays().is_workday(date.fromisoformat(day)) is worked


def test_a_year_that_nobody_announced_is_said_to_be_unannounced() -> None:
    with pytest.raises(Unannounced, match="jianbao workdays set 2031") as raised:
        Workdays().is_workday(date(2031, 3, 4))
    assert raised.value.year == 2031
    assert Workdays().source(2031) is None
    assert Workdays().source(2026) is Source.LIBRARY


def test_what_staff_entered_holds_also_against_the_library_and_in_the_december_before() -> None:
    calendar = Workdays([ENTERED])
    assert calendar.source(2027) is Source.STAFF
    assert not calendar.is_workday(date(2027, 2, 8))  # a Monday
    assert calendar.is_workday(date(2027, 2, 20))  # a Saturday
    assert calendar.is_workday(date(2027, 3, 1))
    assert not calendar.is_workday(date(2027, 3, 6))
    assert calendar.is_workday(date(2026, 12, 26))  # a Saturday, bridged from the year before
    assert not Workdays().is_workday(date(2026, 12, 26))


def test_the_exceptions_of_a_year_are_listed() -> None:
    off, worked = Workdays([ENTERED]).exceptions(2027)
    assert (off, worked) == ([date(2027, 1, 1), date(2027, 2, 8)], [date(2027, 2, 20)])
    off, worked = Workdays().exceptions(2026)
    assert date(2026, 10, 1) in off
    assert date(2026, 10, 10) in worked


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("01-01", ["2027-01-01"]),
        ("2026-12-26", ["2026-12-26"]),
        ("02-05..02-07", ["2027-02-05", "2027-02-06", "2027-02-07"]),
        ("2026-12-31..01-01", ["2026-12-31", "2027-01-01"]),
    ],
)
def test_days_are_read_as_they_are_announced(text: str, days: list[str]) -> None:
    assert sorted(parse_days(text, 2027)) == [date.fromisoformat(day) for day in days]


@pytest.mark.parametrize("text", ["", "13-01", "02-30", "1月1日", "02-11..02-05", "01-01..12-31"])
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_days(text, 2027)


def test_every_day_of_the_known_years_has_an_answer() -> None:
    calendar, day = Workdays(), date(2024, 1, 1)
    worked = 0
    while day.year < 2027:
        worked += calendar.is_workday(day)
        day += timedelta(days=1)
    assert 735 <= worked <= 760  # about 249 a year
