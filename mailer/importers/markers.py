"""What stands before a heading, a list item or an entry of the contents: 一、 （二） 3. ④ ★."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from mailer.importers.chinese_numbers import number_of
from mailer.importers.lines import half_width


class MarkerStyle(StrEnum):
    """The styles of markers, from the outer to the inner as GB/T 9704-2012 §7.3.3 orders the levels of a document."""

    PART = "第一部分"
    CHINESE = "一、"
    CHINESE_IN_BRACKETS = "（一）"
    ARABIC = "1."
    ARABIC_IN_BRACKETS = "（1）"
    CIRCLED = "①"
    BULLET = "•"


@dataclass(frozen=True, slots=True)
class Marker:
    """A marker at the beginning of a line; the text it marks begins at `end`. Bullets have no `value`, but their sign."""

    style: MarkerStyle
    value: int | None
    sign: str
    end: int


_FIRST = 100  # characters of a line, among which its markers stand
_CHINESE = "[一二三四五六七八九十百]{1,4}"
_PATTERNS = (
    (MarkerStyle.PART, re.compile(rf"第\s*(?P<value>{_CHINESE}|\d{{1,3}})\s*(?:部分|[章节篇条])[\s、:.]\s*")),
    (MarkerStyle.CHINESE, re.compile(rf"(?P<value>{_CHINESE})\s*[、.．]\s*")),
    (MarkerStyle.CHINESE_IN_BRACKETS, re.compile(rf"\((?P<value>{_CHINESE})\)\s*[、.]?\s*")),
    (
        MarkerStyle.ARABIC,
        re.compile(
            r"(?P<value>\d{1,3})\s*[.、](?!\d|\s\d+\.)\s*|(?P<before_date>\d{1,3})[.、](?=\d{1,2}月\d{1,2}日|[12]\d{3}年)"
        ),
    ),
    (MarkerStyle.ARABIC_IN_BRACKETS, re.compile(r"\(?(?P<value>\d{1,3})\)\s*[、.]?\s*")),
    (MarkerStyle.CIRCLED, re.compile(r"(?P<value>[①-⑳⑴-⒇❶-❿➀-➉])\s*[、.]?\s*")),
    (MarkerStyle.BULLET, re.compile(r"(?P<sign>[★☆●○•◆◇■□▲△▼▶►▪◎⊙※✦✧✓✔➢➤])\s*|(?P<dash>[-*·–—])\s+")),
)
_PADDED = re.compile(r"0\d\s+(?=[^\d\s年月日时分秒号:/.-])")
_CIRCLED = {character: value for first in "①⑴❶➀" for value in range(1, 21) for character in [chr(ord(first) + value - 1)]}


def marker_of(text: str) -> Marker | None:
    """The marker a line begins with, if text follows it; "- ★" and "• 1." count as one, named after the last."""
    found: Marker | None = None
    start, plain = 0, half_width(text[:_FIRST])
    while (marker := _one_marker(plain, start)) is not None and marker.end < len(text):
        found, start = marker, marker.end
        if marker.style is not MarkerStyle.BULLET:
            break
    return found


def unmarked(text: str) -> str:
    """The text without the marker before it, or a number like 01 with nothing but a space behind."""
    marker = marker_of(text)
    if marker is not None:
        return text[marker.end :]
    padded = _PADDED.match(half_width(text))
    return text if padded is None else text[padded.end() :]


def _one_marker(plain: str, start: int) -> Marker | None:
    for style, pattern in _PATTERNS:
        match = pattern.match(plain, start)
        if match is not None:
            sign = match.group().strip() if style is MarkerStyle.BULLET else ""
            return Marker(style, _value(match), sign, match.end())
    return None


def _value(match: re.Match[str]) -> int | None:
    written = match.groupdict().get("value") or match.groupdict().get("before_date")
    if written is None:
        return None
    return _CIRCLED[written] if written in _CIRCLED else number_of(written)
