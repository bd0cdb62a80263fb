"""The entries of the contents: starred, numbered or plain, with page numbers, wrapped, grouped under columns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from mailer.importers.lines import Line, columns, half_width, join_lines, key
from mailer.importers.markers import Marker, MarkerStyle, marker_of
from mailer.importers.notes import is_note_label
from mailer.importers.punctuation import is_closed
from mailer.importers.spans import MOST_LINES, Spans

_LEADER = re.compile(
    r"(?<![\s.·_…⋯‥])\s*+(?:(?:[.·_]\s?){3,}+|[…⋯‥]++|(?<!-)-{3,}+|(?<!—)—{3,}+)[.…⋯·\s]*+"
    r"(?:.{0,20}?[(]?\s*\d{1,4}(?:[-–]\d{1,4})?\s*[)]?)?$"
)
_PAGE = re.compile(
    r"(?:\s{2,}|\t\s*)[(]?\d{1,4}[)]?$|\s*[(]\s*[Pp]?\.?\s*\d{1,3}\s*页?\s*[)]$|\s+[Pp]\.?\s*\d{1,3}$|\s*/\s*\d{1,3}$|\s*第\s*\d{1,3}\s*页$"
)
_SOURCE_BEHIND = re.compile(r"\s*[(（][^()（）]{2,30}[)）]$")
_FIGURE = re.compile(r"\s\d{1,3}$")
# A number with nothing but a space behind it (1 标题), unless a word follows that counts things (28 条措施).
_BARE_NUMBER = re.compile(
    r"[Pp]\.?\s*\d{1,3}\s+|\d{1,2}\s+(?=[^\d\s年月日时分条个项家亿万千百余名位届所次类种例件篇部场批期天岁])"
)
_BEFORE_FIGURE = re.compile(r"\d{1,2}[.、]\s*(?=\d)")  # 1．3项成果…: a number before a figure, or no number
_BRACKETED = re.compile(r"[【〖〔［\[]\s*(?P<name>[^】〗〕］\]]+?)\s*[】〗〕］\]]")
_WIDEST_COLUMN = 24  # columns
_LONGEST = 500  # characters of an entry with leader and page; looking for these in longer lines would take long


@dataclass(frozen=True, slots=True)
class Entry:
    """One announced article: the lines that print it, its title without marker and page, its column and its number."""

    lines: tuple[Line, ...]
    title: str
    column: str | None = None
    number: int | None = None


def column_name(text: str) -> str | None:
    """The name of the column that a line opens wherever it stands: 【政策动态】, 〖…〗, 政策动态：; None for any other line."""
    match = _BRACKETED.fullmatch(text)
    if is_note_label(text):
        return None
    if match is not None:
        return match["name"]
    return text[:-1].strip() if text[-1] in "：:" and columns(text) <= _WIDEST_COLUMN else None


def announced(lines: Sequence[Line], start: int, end: int) -> Iterator[tuple[int, str]]:
    """The titles that the lines from `start` may announce: how many lines they take, and the title."""
    for length in range(1, min(MOST_LINES, end - start) + 1):
        yield from ((length, title) for title in _titles(lines[start : start + length]))


def read_entries(lines: Sequence[Line], spans: Spans, start: int, end: int) -> tuple[list[Line], list[Entry]]:
    """The lines between `start` and `end` as headings of columns and entries, in order.

    Where it is not plain how many lines one entry takes, the text below `end` decides: what is a headline there is one here.
    """
    reader = _Reader(lines, spans, start, end)
    headings: list[Line] = []
    entries: list[Entry] = []
    column: str | None = None
    index = start
    while index < end:
        name = column if key(lines[index].text).isdecimal() else reader.column(index)
        if name is not None or key(lines[index].text).isdecimal():  # a column, or a page number on a line of its own
            headings.append(lines[index])
            column, index = name, index + 1
            continue
        length, title = reader.entry(index)
        marker = marker_of(lines[index].text)
        entries.append(Entry(tuple(lines[index : index + length]), title, column, marker.value if marker else None))
        index += length
    return headings, entries


class _Reader:
    def __init__(self, lines: Sequence[Line], spans: Spans, start: int, end: int) -> None:
        self._lines, self._spans, self._start, self._end = lines, spans, start, end
        self._markers = [marker_of(line.text) for line in lines[start:end]]
        entries = sum(column_name(line.text) is None for line in lines[start:end])
        self._marked = 3 * sum(marker is not None for marker in self._markers) > entries
        pages = [_without_page(line.text) != line.text for line in lines[start:end]]
        self._paged = 2 * sum(pages) >= entries > 0
        self._titles = {key(title) for index in range(start, end) for _, title in announced(lines, index, end)}
        self._column_style = _outer_style(self._markers) or self._style_of_columns_alone(pages)

    def column(self, index: int) -> str | None:
        """The column that the line opens, if it does."""
        text, marker = self._lines[index].text, self._marker(index)
        name = column_name(text)
        if name is not None or index + 1 == self._end:
            return name
        plain = text[marker.end :] if marker else text
        if marker is not None and _style(marker) == self._column_style:
            return plain
        if self._column_style is not None or (marker is not None and self._marked):
            return None
        return plain if columns(plain) <= _WIDEST_COLUMN and self._opens_column(index) else None

    def entry(self, index: int) -> tuple[int, str]:
        """How many lines the entry takes that begins at a line, and its title."""
        most = self._most_lines(index)
        for length in range(most, 0, -1):
            for title in _titles(self._lines[index : index + length]):
                if self._spans.find(key(title), self._end):
                    return length, title
        length = self._length_by_look(index, most)
        return length, _titles(self._lines[index : index + length])[0]

    def _style_of_columns_alone(self, pages: Sequence[bool]) -> tuple[MarkerStyle, str] | None:
        """The only style of markers, if it is that of columns: what has none has a page, or is a headline of the text by itself."""
        styles = {_style(marker) for marker in self._markers if marker is not None}
        bare = [
            start
            for start, marker in enumerate(self._markers, self._start)
            if marker is None and column_name(self._lines[start].text) is None
        ]
        if len(styles) != 1 or not bare or bare[0] == self._start:
            return None
        by_page = all((marker is None) == page for marker, page in zip(self._markers, pages, strict=True))
        by_text = all(
            self._find_title([self._lines[index]]) and not self._stands_above_titles(index) and self._are_apart(index - 1)
            for index in bare
        )
        return styles.pop() if by_page or by_text else None

    def _marker(self, index: int) -> Marker | None:
        return self._markers[index - self._start]

    def _opens_column(self, index: int) -> bool:
        """Whether the line is a column's heading, and not a short entry or the first line of one.

        Where the text has the two lines together, they are one headline, unless it sets them apart. Where it does not, the
        line is a column's if the next one is announced differently, or if it stands above headlines in the text, only there.
        """
        line, below = self._lines[index : index + 2]
        if self._places_together(index):
            return self._are_apart(index)
        if self._stands_above_titles(index):
            return True
        if self._marked:
            return self._marker(index + 1) is not None
        differs = (self._marker(index) is None) != (self._marker(index + 1) is None)
        differs |= self._paged and _without_page(line.text) == line.text
        return differs and column_name(below.text) is None and not self._find_title([line]) and bool(self._find_title([below]))

    def _find_title(self, lines: Sequence[Line]) -> list[tuple[int, int]]:
        return [place for title in _titles(lines) for place in self._spans.find(key(title), self._end)]

    def _places_together(self, index: int) -> list[tuple[int, int]]:
        two = self._lines[index : index + 2]
        return self._spans.find(key(join_lines(two)), self._end) or self._find_title(two)

    def _are_apart(self, index: int) -> bool:
        """Whether the text has the line and the next one only with a blank line between, or marks the first as here."""
        marker = self._marker(index)
        for start, length in self._places_together(index):
            below, other = self._lines[start + length - 1], marker_of(self._lines[start].text)
            same = marker is not None and other is not None and _style(marker) == _style(other)
            if length != 2 or not (same or (below.gap > 0 and not below.page_break)):
                return False
        return True

    def _stands_above_titles(self, index: int) -> bool:
        """Whether the line stands in the text directly above one of the headlines, each time."""
        places = self._spans.find(key(self._lines[index].text), self._end)
        return bool(places) and all(
            length == 1
            and not is_closed(self._lines[start].text)
            and start + 1 < len(self._lines)
            and any(said in self._titles for _, said in self._spans.at(start + 1))
            for start, length in places
        )

    def _most_lines(self, index: int) -> int:
        length = 1
        while length < MOST_LINES and index + length < self._end:
            line, above = self._lines[index + length], self._lines[index + length - 1]
            if _without_page(above.text) != above.text:
                break
            if self._markers[index + length - self._start] is not None or column_name(line.text) is not None:
                break
            if not self._marked and line.gap and not line.page_break:
                break
            length += 1
        return length

    def _length_by_look(self, index: int, most: int) -> int:
        if self._paged:
            ends = [
                n
                for n in range(1, most + 1)
                if _without_page(self._lines[index + n - 1].text) != self._lines[index + n - 1].text
            ]
            return ends[0] if ends else 1
        length = 1
        while self._marked and length < most and not self._lines[index + length].gap:
            if self._stands_above_titles(index + length):
                break
            length += 1
        return length


def _titles(lines: Sequence[Line]) -> list[str]:
    """The titles that lines may print together, the likeliest first: a figure at the end may be a page or part of the title."""
    if sum(len(line.text) for line in lines) > _LONGEST:
        return [join_lines(lines)]
    marker = marker_of(lines[0].text)
    start = marker.end if marker else _bare_number(lines[0].text)
    first = replace(lines[0], text=lines[0].text[start:])
    text = join_lines([first, *lines[1:]])
    plain = _without_page(text)
    said = [plain, text, _FIGURE.sub("", plain), _SOURCE_BEHIND.sub("", plain)]
    if plain[:1].isdecimal():
        said += [title[number.end() :] for title in said if (number := _BEFORE_FIGURE.match(half_width(title))) is not None]
    return list(dict.fromkeys(title for title in said if key(title))) or [text]


def _bare_number(text: str) -> int:
    match = _BARE_NUMBER.match(text)
    return match.end() if match else 0


def _without_page(text: str) -> str:
    if len(text) > _LONGEST:
        return text
    plain = half_width(text)
    for pattern in (_LEADER, _PAGE):
        match = pattern.search(plain)
        if match is not None and match.start() > 0:
            return text[: match.start()]
    return text


def _style(marker: Marker) -> tuple[MarkerStyle, str]:
    return marker.style, marker.sign


def _outer_style(markers: Sequence[Marker | None]) -> tuple[MarkerStyle, str] | None:
    """The first of two styles of markers, which is that of columns if no line of it follows another and the others outnumber it."""
    styles = [_style(marker) for marker in markers if marker is not None]
    if len(set(styles)) < 2:
        return None
    outer = styles[0]
    alternates = all(not (earlier == later == outer) for earlier, later in pairwise(styles))
    return outer if alternates and styles[-1] != outer and 2 * styles.count(outer) <= len(styles) else None
