"""Which days are worked in China: public holidays fall on weekdays, and Saturdays and Sundays are worked in their stead.

The State Council announces each year's days in the autumn before it. What a kept library knows is taken from there, what it does not
know yet, from what staff have entered. A year that neither knows is unannounced, and never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

import chinese_calendar  # type: ignore[import-untyped]

from subscribers.errors import InputError

_SATURDAY = 5


class Source(StrEnum):
    """Who knows a year."""

    LIBRARY = "library"
    STAFF = "staff"


class Unannounced(InputError):
    """Nobody has said yet which days of `year` are worked."""

    def __init__(self, year: int) -> None:
        super().__init__(
            f"which days of {year} are worked has not been announced, as far as this program knows. "
            f"Enter them: `jianbao workdays set {year} --off FROM..TO --work DAY`, or send without --workdays."
        )
        self.year = year


@dataclass(frozen=True, slots=True)
class Year:
    """What staff entered of an announcement. It may move days of the December before: New Year's are sometimes bridged from there."""

    year: int
    off: frozenset[date] = frozenset()
    worked: frozenset[date] = frozenset()


class Workdays:
    """The working days, of the years that staff entered and of those that the library knows."""

    def __init__(self, entered: Iterable[Year] = ()) -> None:
        self._entered: Mapping[int, Year] = {year.year: year for year in entered}

    def is_workday(self, day: date) -> bool:
        """Whether that day is worked. Unannounced where nobody knows."""
        for year in self._entered.values():
            if day in year.worked or day in year.off:
                return day in year.worked
        if day.year in self._entered:
            return day.weekday() < _SATURDAY
        try:
            return bool(chinese_calendar.is_workday(day))
        except NotImplementedError:
            raise Unannounced(day.year) from None

    def source(self, year: int) -> Source | None:
        """Who knows that year; None where nobody does."""
        if year in self._entered:
            return Source.STAFF
        try:
            chinese_calendar.is_workday(date(year, 1, 1))
        except NotImplementedError:
            return None
        return Source.LIBRARY

    def exceptions(self, year: int) -> tuple[list[date], list[date]]:
        """The weekdays of that year that are off, and the weekend days that are worked. Unannounced where nobody knows."""
        days = [date(year, 1, 1) + timedelta(days=number) for number in range((date(year + 1, 1, 1) - date(year, 1, 1)).days)]
        off = [day for day in days if day.weekday() < _SATURDAY and not self.is_workday(day)]
        return off, [day for day in days if day.weekday() >= _SATURDAY and self.is_workday(day)]


def parse_days(text: str, year: int) -> frozenset[date]:
    """One day or a range of them: `2027-01-01`, `01-01`, `02-05..02-11`. Days without a year are of `year`."""
    first, dots, last = text.partition("..")
    begin = _day(first, year, text)
    end = _day(last, year, text) if dots else begin
    if not begin <= end <= begin + timedelta(days=31):
        raise InputError(f"{text!r} is not a range of days. Give the first and the last, at most a month apart: 02-05..02-11.")
    return frozenset(begin + timedelta(days=number) for number in range((end - begin).days + 1))


def _day(text: str, year: int, whole: str) -> date:
    try:
        return date.fromisoformat(text if text.count("-") == 2 else f"{year}-{text}")
    except ValueError:
        raise InputError(f"{whole!r} is not a day. Give one like 2027-01-01 or 01-01, or a range like 02-05..02-11.") from None
