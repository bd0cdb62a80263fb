"""The number of an issue as bulletins print it: 2023年第9期（总第190期）, 第十二期, [2023] 9号, No. 9."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailer.importers.chinese_numbers import NUMBER, number_of
from mailer.importers.dates import LONGEST_LINE, YEAR
from mailer.importers.lines import half_width, simplified


def _up_to(name: str) -> str:
    """What closes a double number."""
    return rf"(?:\s*(?:[期号辑]?\s*[-—~至]\s*第?\s*|[、,和/]\s*)(?P<{name}>{NUMBER})(?=\s*(?:[期号辑)]|$)))?"


_TOTAL = re.compile(
    rf"[(]?\s*(?:总\s*(?:期\s*)?(?:[数号]\s*)?[:]?\s*第?\s*|累计\s*第?\s*|(?i:total\s+(?:no\.?|issue)\s*))"
    rf"(?P<total>{NUMBER}){_up_to('last_total')}\s*[期号辑]?\s*[)]?"
)
_IN_FRONT = rf"(?:[\[〔(【]?\s*(?P<year>{YEAR})\s*年?度?\s*[\]〕)】]?\s*[,·-]?\s*)?"
_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"[(]?\s*{_IN_FRONT}(?:第?\s*{NUMBER}\s*卷\s*)?第\s*(?P<number>{NUMBER})(?:\s*期?\s*[-—~、,至和/]\s*第?\s*(?P<last>{NUMBER})){{,5}}\s*[期号辑](?:合刊)?\s*[)]?",
        rf"[\[〔(【]\s*(?P<year>{YEAR})\s*年?\s*[\]〕)】]\s*(?:第\s*)?(?P<number>{NUMBER})\s*(?:[期号]|$)",
        rf"(?P<year>{YEAR})\s*[年./-]\s*(?P<number>\d{{1,3}})\s*[期刊]",
        rf"{_IN_FRONT}(?:期\s*[号数次]|(?i:no\.?|issue))\s*[:.]?\s*(?P<number>\d{{1,4}})",
        rf"(?<![\d总]){_IN_FRONT}(?P<number>{NUMBER})\s*期",
        rf"(?P<year>{YEAR})\s*年\s*(?P<number>{NUMBER})\s*月\s*[号刊]",
    )
)
_BESIDE_TOTAL = re.compile(rf"\s*(?P<year>{YEAR})\s*[-./·]\s*(?P<number>\d{{1,3}})\s*")  # alone it would be a month
_YEAR = re.compile(rf"(?P<year>{YEAR})\s*年|[\[〔(]\s*(?P<bracketed>\d{{4}})\s*[\]〕)]")


@dataclass(frozen=True, slots=True)
class PrintedNumber:
    """What a line says of year and number; `last` and `last_total` close a double one (第9-10期); `rest` is what else stands there."""

    year: int | None
    number: int | None
    last: int | None
    total: int | None
    rest: str
    last_total: int | None = None


def find_number(text: str) -> PrintedNumber:
    """The number and the total number printed in a line, each None where there is none, as in whole paragraphs."""
    if len(text) > LONGEST_LINE:
        return PrintedNumber(None, None, None, None, text)
    total = _TOTAL.search(half_width(simplified(text)))
    rest = text if total is None else _cut(text, total)
    for pattern in _PATTERNS:
        match = pattern.search(half_width(simplified(rest)))
        if match is not None:
            year, number, last = (_value(match, group) for group in ("year", "number", "last"))
            return PrintedNumber(year, number, last, _value(total, "total"), _cut(rest, match), _value(total, "last_total"))
    beside = _BESIDE_TOTAL.fullmatch(half_width(rest)) if total is not None else None
    year, number = _value(beside, "year"), _value(beside, "number")
    return PrintedNumber(year, number, None, _value(total, "total"), rest, _value(total, "last_total"))


def find_year(text: str) -> int | None:
    """A year that stands alone: 2023年, [2023]."""
    match = _YEAR.search(half_width(text))
    return None if match is None else _value(match, "year") or _value(match, "bracketed")


def _value(match: re.Match[str] | None, group: str) -> int | None:
    written = None if match is None else match.groupdict().get(group)
    return None if written is None else number_of(written)


def _cut(text: str, match: re.Match[str]) -> str:
    return text[: match.start()] + "  " + text[match.end() :]
