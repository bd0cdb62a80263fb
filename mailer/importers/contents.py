"""The contents of a bulletin: where they begin, and where they end and the text begins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from mailer.importers.entries import Entry, announced, column_name, read_entries
from mailer.importers.lines import Line, columns, key, simplified
from mailer.importers.markers import marker_of
from mailer.importers.punctuation import clauses
from mailer.importers.similarity import similarity
from mailer.importers.sources import is_source
from mailer.importers.spans import Spans

_HEADINGS = frozenset(
    {
        *("目录", "目次", "要目", "导读", "篇目", "内容提要", "内容导读", "要目索引", "今日要目"),
        *("本期目录", "本期目次", "本期要目", "本期导读", "本期篇目", "本期提要", "本期内容"),
        *("本期主要内容", "本期看点", "本期导航"),
        *("contents", "目录contents", "contents目录", "本期目录contents", "contents本期目录", "tableofcontents", "inthisissue"),
    }
)
_FIRST_LINES = 100  # the contents begin within these
_ABOVE_TEXT = 6  # the first headline begins within so many lines above the first text
_RESEMBLES = 0.6
_WIDEST = 130  # columns of an entry, leader and page included
_MOST_CLAUSES = 3
_WIDEST_COLUMN = 24


@dataclass(frozen=True, slots=True)
class Contents:
    """The contents: lines `start` to `end` of the text, of which `headings` are not entries."""

    start: int
    end: int
    headings: tuple[Line, ...]
    entries: tuple[Entry, ...]


def is_contents_heading(text: str) -> bool:
    """Whether a line says 目录, 【本期导读】, CONTENTS or the like."""
    return key(simplified(text)) in _HEADINGS


def find_heading(lines: Sequence[Line]) -> int | None:
    """The line that says 目录, 【本期导读】, CONTENTS or the like; None where there is none."""
    return next((index for index, line in enumerate(lines[:_FIRST_LINES]) if is_contents_heading(line.text)), None)


def read_contents(lines: Sequence[Line], spans: Spans, start: int) -> Contents:
    """The contents that begin with the heading at line `start`."""
    first = start + 1
    end = _end_by_repetition(lines, spans, first)
    end = _above_columns(lines, first, _end_by_look(lines, first) if end is None else end)
    headings, entries = read_entries(lines, spans, first, end)
    return Contents(start, end, (lines[start], *headings), tuple(entries))


def read_contents_without_heading(lines: Sequence[Line], spans: Spans, first: int) -> Contents | None:
    """Contents that nothing announces: two lines or more, directly below the masthead, each of which comes again in the text."""
    end = _end_by_repetition(lines, spans, first)
    if end is None:
        return None
    end = _above_columns(lines, first, end)
    headings, entries = read_entries(lines, spans, first, end)
    if len(entries) < 2 or not all(spans.find(key(entry.title), end) for entry in entries):
        return None
    return Contents(first, end, tuple(headings), tuple(entries))


def titles_announced(lines: Sequence[Line], first: int, end: int) -> Iterator[str]:
    """The keys of all titles that the lines from `first` to `end` may announce."""
    return (key(title) for index in range(first, end) for _, title in announced(lines, index, end))


def repeated_in(entries: Sequence[Entry]) -> list[tuple[Line, str]]:
    """What the contents say twice, titles and numbers within one column, with the line that says it again."""
    found: list[tuple[Line, str]] = []
    said: set[object] = set()
    for entry in entries:
        title, number = key(entry.title), (entry.column, entry.number)
        if title in said:
            found.append((entry.lines[0], f"the title {entry.title!r}"))
        if entry.number is not None and number in said:
            found.append((entry.lines[0], f"the number {entry.number}"))
        said |= {title, number}
    return found


def _end_by_repetition(lines: Sequence[Line], spans: Spans, first: int) -> int | None:
    """The line where the first announced headline comes again; None where none does above the first text.

    Of several such lines it is the one that leaves most lines above it that come again, and fewest that do not: a title
    printed twice in the contents does not end them, and the second article's headline does not either.
    """
    limit = first_text(lines, first + 1)
    change = [0] * (limit - first + 2)
    ends: set[int] = set()
    for index in range(first, limit):
        last = -1
        for length, title in announced(lines, index, limit):
            said = key(title)
            ends.update(start for start, _ in spans.find(said, index + length) if start <= limit)
            last = max(last, spans.last(said))
        if last > index:  # the line counts for every end between itself and the last place that says it again
            change[index - first + 1] += 2
            change[min(last, limit) - first + 1] -= 2
    if not ends:
        return None
    again = list(accumulate(change))
    return max(ends, key=lambda end: (again[end - first] - (end - first), end))


def _end_by_look(lines: Sequence[Line], first: int) -> int:
    """The line where the first headline seems to stand, none being printed as announced: the one above the first text that
    is most like an announced title, else the one that begins the block above it."""
    limit = first_text(lines, first + 1)
    likeness, end = max(
        ((_likeness(lines, first, index), index) for index in range(max(first + 1, limit - _ABOVE_TEXT), limit)),
        default=(0.0, limit),
    )
    if likeness >= _RESEMBLES:
        return end
    begins = [index for index in range(first + 1, limit) if lines[index].gap and marker_of(lines[index].text) is None]
    return begins[-1] if begins else max(first, limit - 1)


def _likeness(lines: Sequence[Line], first: int, index: int) -> float:
    said = {key("".join(line.text for line in lines[index : index + length])) for length in range(1, 4)}
    titles = {
        key(title) for entry in range(first, min(index, first + _FIRST_LINES)) for _, title in announced(lines, entry, index)
    }
    return max((similarity(left, right) for left in said for right in titles), default=0.0)


def _above_columns(lines: Sequence[Line], first: int, end: int) -> int:
    """The end moved above the headings of columns that stand over the first headline."""
    headline = key(lines[end].text) if end < len(lines) else ""
    seen: set[str] = set()
    repeated = [False] * (end - first)
    for index in range(first, end):
        said = key(lines[index].text)
        repeated[index - first] = said in seen and said != headline
        seen.add(said)
    while end - 1 > first and (
        column_name(lines[end - 1].text) or (repeated[end - 1 - first] and columns(lines[end - 1].text) <= _WIDEST_COLUMN)
    ):
        end -= 1
    return end


def first_text(lines: Sequence[Line], first: int) -> int:
    """The first line from `first` on that can be no entry: a sentence, a source line, a line too wide."""
    for index in range(first, len(lines)):
        text = lines[index].text
        if "。" in text or columns(text) > _WIDEST or len(clauses(text)) > _MOST_CLAUSES or is_source(text):
            return index
    return len(lines)
