"""Dates as bulletins print them: 2023年8月3日, 二〇二三年八月三日, 2023-08-03, 2023/8/3, 2023.8.3, 3 August 2023, Aug. 3, 2023."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from mailer.importers.chinese_numbers import NUMBER, number_of
from mailer.importers.lines import half_width, simplified

YEAR = r"(?:\d\s?\d\s?\d\s?\d|[一二][〇零○◯OＯo一二三四五六七八九\s]{2,6}[〇零○◯OＯo一二三四五六七八九])"
LONGEST_LINE = 500  # characters: no date and no number of an issue stands in a longer one, and looking would take long
_WRITTEN = re.compile(rf"(?P<year>{YEAR})\s*年\s*(?P<month>{NUMBER})\s*月(?:\s*(?P<day>{NUMBER})\s*[日号])?")
_NUMERIC = re.compile(
    r"(?<![\d.])(?P<year>\d{4})\s?(?P<sign>[-/.–—])\s?(?P<month>\d{1,2})\s?(?P=sign)\s?(?P<day>\d{1,2})(?![\d期])"
)
_WITHOUT_YEAR = re.compile(rf"(?<![\d年])(?P<month>{NUMBER})\s*月\s*(?P<day>{NUMBER})\s*[日号]")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAME = (
    "(?i:jan(?:uary)?|feb(?:ruary)?|apr(?:il)?|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
    "|Mar(?:ch)?|MAR(?:CH)?|May|MAY"  # which are words, too
)
_ENGLISH = re.compile(
    rf"\b(?:(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?)?(?P<month>{_NAME})\b\.?,?\s*"
    r"(?:(?P<day_behind>\d{1,2})(?:st|nd|rd|th)?(?:\s*,\s*|\s+))?(?P<year>\d{4})\b"
    r"(?(day)|(?!\s+(?!issue|edit|number|vol|newsletter|bulletin|published|by\b)[a-z]))"  # March 10, 2000 copies
)


@dataclass(frozen=True, slots=True)
class PrintedDate:
    """A date as printed between `start` and `end` of a text; what the print leaves out is None."""

    year: int | None
    month: int
    day: int | None
    start: int
    end: int

    def in_year(self, year: int) -> date | None:
        """The day, or None where only a month is printed. Raises ValueError for a day the calendar does not have."""
        return None if self.day is None else date(self.year or year, self.month, self.day)


def find_date(text: str) -> PrintedDate | None:
    """The first date in a line; one with a year is preferred to one without. In whole paragraphs none is looked for."""
    if len(text) > LONGEST_LINE:
        return None
    plain = half_width(simplified(text))
    for pattern in (_WRITTEN, _NUMERIC, _WITHOUT_YEAR):
        match = pattern.search(plain)
        if match is not None:
            parts = {name: None if written is None else number_of(written) for name, written in match.groupdict().items()}
            return PrintedDate(parts.get("year"), parts["month"] or 0, parts["day"], match.start(), match.end())
    return _english_date(plain)


def _english_date(plain: str) -> PrintedDate | None:
    match = _ENGLISH.search(plain)
    if match is None:
        return None
    day = match["day"] or match["day_behind"]
    month = 1 + _MONTHS.index(match["month"][:3].lower())
    return PrintedDate(int(match["year"]), month, None if day is None else int(day), match.start(), match.end())


def without_dates(text: str) -> str:
    """The text with every date taken out of it."""
    while (found := find_date(text)) is not None:
        text = (text[: found.start] + " " + text[found.end :]).strip()
    return text
