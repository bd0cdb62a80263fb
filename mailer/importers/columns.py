"""The headings of columns in the text: 【政策动态】, ◎ 学术交流, 一、要闻, or a plain line that the contents name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mailer.importers.entries import column_name
from mailer.importers.headlines import Headline
from mailer.importers.lines import Line, columns, key
from mailer.importers.markers import MarkerStyle, marker_of
from mailer.importers.organisations import is_organisation
from mailer.importers.punctuation import is_closed
from mailer.importers.sources import is_source

_WIDEST = 24  # columns of a column's heading
_WIDEST_PLAIN = 16
_PLAIN = (MarkerStyle.BULLET, "")


def column_starts(lines: Sequence[Line], headlines: Sequence[Headline], first: int, known: frozenset[str] | None) -> list[int]:
    """For each headline, the line where the headings of columns above it begin; its own line where there are none.

    `known` are the keys of the columns that the contents name, None where there are no contents. A heading in brackets or a
    known one is certain; another short line must open the text, or stand above two headlines in the same style.
    """
    tops = [first, *(headline.end for headline in headlines)]
    starts = [_above_certain(lines, top, headline.start, known) for top, headline in zip(tops, headlines, strict=False)]
    likely = {
        index: style
        for index, (top, headline) in enumerate(zip(tops, headlines, strict=False))
        if starts[index] == headline.start > top and (style := _style(lines, top, headline.start - 1, known)) is not None
    }
    count = Counter(likely.values())
    for index, style in likely.items():
        if count[style] >= 2 or starts[index] - 1 == first:
            starts[index] -= 1
    return starts


def _above_certain(lines: Sequence[Line], top: int, start: int, known: frozenset[str] | None) -> int:
    while start > top and _is_certain(lines[start - 1].text, known or frozenset()):
        start -= 1
    return start


def _is_certain(text: str, known: frozenset[str]) -> bool:
    name = column_name(text)
    marker = marker_of(text)
    if key(name or text) in known or (marker is not None and key(text[marker.end :]) in known):
        return True
    return name is not None and columns(text) <= _WIDEST and text[-1] not in "：:"


def _style(lines: Sequence[Line], top: int, index: int, known: frozenset[str] | None) -> tuple[MarkerStyle, str] | None:
    """The style of a line that may be a column's heading: how it is marked, or that it is not; None for any other line."""
    line, text = lines[index], lines[index].text
    if is_closed(text) or is_source(text) or is_organisation(text) or columns(text) > _WIDEST:
        return None
    marker = marker_of(text)
    apart = marker is not None and line.gap > 0
    if index > top and not (apart or is_closed(lines[index - 1].text) or is_source(lines[index - 1].text)):
        return None
    if marker is not None:
        return marker.style, marker.sign
    plain = known is None and columns(text) <= _WIDEST_PLAIN and line.gap > 0 and not any(map(str.isdecimal, text))
    return _PLAIN if plain else None
