"""From the lines of an article to its paragraphs, sub-headings and list items, as they were before pages cut them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from mailer.block import BlockKind
from mailer.importers.lines import Line, columns, join_lines
from mailer.importers.markers import Marker, MarkerStyle, marker_of
from mailer.importers.punctuation import clauses, is_closed, must_go_on, must_have_begun
from mailer.importers.sources import is_source

_NARROWEST_TEXT = 30  # columns: lines narrower than this were not wrapped, they are short
_LONG = 90  # columns: a line wider than this is no heading, and when it ends open a page cut it
_LONGEST_HEADING = 80  # columns, with a marker before it
_LONGEST_PLAIN_HEADING = 44  # columns, with none
_SURE_PLAIN_HEADING = 28  # columns: narrower than any page, so no page can have cut a paragraph's first line to it
_MOST_CLAUSES = 3
_LABEL = re.compile(r"[\u4e00-\u9fff]{2,8}[：:]")  # 联系人：, 原文标题：
_FACTS = re.compile(r"[\u4e00-\u9fff]{2,8}[：:].+\s[\u4e00-\u9fff]{2,8}[：:].")  # 联系人：王老师    电话：0931-7612345
_ENDS_SENTENCE = re.compile(r"[。！？；]")
_SLACK = 6  # columns by which a full line may fall short: punctuation may not begin the next one
_ENOUGH = 3  # lines that end open, to say that lines are wrapped at no common width
_INDENT = 2  # columns


@dataclass(frozen=True, slots=True)
class BlockLines:
    """The lines that make one block."""

    kind: BlockKind
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Habits:
    """How a whole text is laid out.

    `width` is the width its lines were wrapped to, 0 where lines are wrapped at no common width, None where each paragraph
    is one line; `indents` says that paragraphs begin with an indent; `numbers_pages` that page breaks are marked;
    `cuts_sentences` that blank lines stand within sentences, unmarked, where pages ended.
    """

    width: int | None
    indents: bool
    numbers_pages: bool
    cuts_sentences: bool

    @property
    def narrow(self) -> int:
        """The columns up to which a line is short: a heading, a name, the last line of a paragraph."""
        return min(_LONGEST_PLAIN_HEADING, 2 * self.width // 3) if self.width else _LONGEST_PLAIN_HEADING

    def fills(self, line: Line, word: str = "") -> bool:
        """Whether a wrapped line reaches the margin: `word`, the first of the next line, would not have fitted in."""
        if self.width is None:
            return False
        return line.indent + columns(line.text) + max(_SLACK, columns(word)) >= self.width


def habits_of(lines: Sequence[Line]) -> Habits:
    """How the lines of a text are laid out."""
    width, marked = _width(lines), any(line.page_break for line in lines)
    cut = (
        (columns(line.text) > _LONG or (width is not None and not line.gap)) and not is_closed(line.text, below.text)
        for line, below in pairwise(lines)
        if below.gap
    )
    habits = Habits(width=width, indents=False, numbers_pages=marked, cuts_sentences=not marked and any(cut))
    begins = [
        line.indent >= _INDENT
        for above, line in pairwise(lines)
        if columns(line.text) >= _NARROWEST_TEXT and (is_closed(above.text, line.text) or columns(above.text) <= habits.narrow)
    ]
    return replace(habits, indents=2 * sum(begins) > len(begins) and any(not line.indent for line in lines))


def _width(lines: Sequence[Line]) -> int | None:
    inner = [line for line, below in pairwise(lines) if not below.gap and columns(line.text) >= _NARROWEST_TEXT]
    opened = [line for line, below in pairwise(lines) if not below.gap and not is_closed(line.text, below.text)]
    opened = [line for line in opened if columns(line.text) >= _NARROWEST_TEXT]
    if not opened:
        return None
    widest = sorted(line.indent + columns(line.text) for line in opened)[(len(opened) * 9) // 10]
    kept = 5 * sum(line.indent + columns(line.text) > widest + _SLACK for line in lines) <= len(opened)
    if kept and _are_regular(inner, widest):
        return widest
    if 2 * len(opened) < len(inner):
        return None
    if kept and _are_regular(opened, widest):
        return widest
    return 0 if len(opened) >= _ENOUGH else None


def _are_regular(lines: Sequence[Line], width: int) -> bool:
    regular = sum(abs(line.indent + columns(line.text) - width) <= _SLACK for line in lines)
    return 10 * regular >= 7 * len(lines)


def read_blocks(lines: Sequence[Line], habits: Habits) -> list[BlockLines]:
    """The blocks that lines make: what a page or the margin cut is joined, and each block is given its kind."""
    healer = _Healer(habits)
    for index, line in enumerate(lines):
        healer.add(line, lines[index + 1] if index + 1 < len(lines) else None)
    return _with_kinds(healer.groups, habits)


class _Healer:
    """Joins the lines of one article to groups, each of them a block."""

    def __init__(self, habits: Habits) -> None:
        self.groups: list[list[Line]] = []
        self._habits = habits
        self._last_values: dict[MarkerStyle, int] = {}
        self._sentences: set[MarkerStyle] = set()

    def add(self, line: Line, below: Line | None) -> None:
        """Takes the next line, below which another stands or none."""
        marker = self._due_marker(line)
        if self.groups and marker is None and self._continues(line, below):
            self.groups[-1].append(line)
            return
        self._note_style()
        self.groups.append([line])
        if marker is not None and marker.value is not None:
            self._last_values[marker.style] = marker.value

    def _note_style(self) -> None:
        """Where one item is a sentence, an open line with such a marker is a piece of an item and no heading."""
        marker = marker_of(self.groups[-1][0].text) if self.groups else None
        if marker is not None and is_closed(self.groups[-1][-1].text):
            self._sentences.add(marker.style)

    def _due_marker(self, line: Line) -> Marker | None:
        """The marker of a line that begins an item. Where the sentence above is open, a number must be the one that is due."""
        marker = marker_of(line.text)
        if marker is None or not self.groups or marker.value is None or is_closed(self.groups[-1][-1].text, line.text):
            return marker
        if not line.gap and self._habits.width and self._habits.fills(self.groups[-1][-1]):
            return None
        return marker if marker.value in (1, self._last_values.get(marker.style, 0) + 1) else None

    def _continues(self, line: Line, below: Line | None) -> bool:
        """Whether a line that begins no item goes on with the block above it."""
        last = self.groups[-1][-1]
        if line.is_rest and line.number == last.number:
            return True
        if is_source(line.text) or is_source(last.text):
            return False
        closed, habits = is_closed(last.text, line.text), self._habits
        if not line.gap:
            return self._is_wrapped(line, closed)
        if closed:
            return line.page_break and habits.indents and not line.indent and habits.fills(last, _first_word(line))
        return not (habits.indents and line.indent >= _INDENT) and self._was_cut(line, below)

    def _was_cut(self, line: Line, below: Line | None) -> bool:
        """Whether an open sentence goes on below blank lines, neither of the two being a heading."""
        last, habits = self.groups[-1][-1], self._habits
        if _must_join(last, line):
            return True
        if len(self.groups[-1]) == 1 and (self._heads(line) or _are_short(last, line, habits)):
            return False
        return below is None or not is_heading(line, below, habits)

    def _is_wrapped(self, line: Line, closed: bool) -> bool:
        """Whether a line directly below another is the rest of its paragraph."""
        last, habits = self.groups[-1][-1], self._habits
        if habits.indents and line.indent >= _INDENT and (closed or line.indent > last.indent):
            return False
        if closed:
            return habits.fills(last, _first_word(line))
        if habits.width is None and _LABEL.match(line.text):
            return False
        if len(self.groups[-1]) > 1 or _must_join(last, line):
            return True
        if habits.width is None and _are_short(last, line, habits):
            return False
        return (bool(habits.width) and habits.fills(last, _first_word(line))) or not self._heads(line)

    def _heads(self, line: Line) -> bool:
        """Whether the one line above is the heading of a line."""
        last = self.groups[-1][0]
        marker = marker_of(last.text)
        return (marker is None or marker.style not in self._sentences) and is_heading(last, line, self._habits)


def _first_word(line: Line) -> str:
    return line.text.split(maxsplit=1)[0] if line.text[0].isascii() else ""


def _must_join(last: Line, line: Line) -> bool:
    return must_go_on(last.text) or must_have_begun(line.text)


def _are_short(last: Line, line: Line, habits: Habits) -> bool:
    """Two short lines that end open are a list (of names, of institutes), not a paragraph that a page cut."""
    widest = max(columns(last.text), columns(line.text))
    return widest <= habits.narrow and not is_closed(line.text) and not _must_join(last, line)


def is_heading(line: Line, below: Line, habits: Habits) -> bool:
    """Whether a line is a sub-heading of the text below it, and not a piece of a paragraph that a page cut off."""
    marker = marker_of(line.text)
    text = line.text[marker.end :] if marker else line.text
    if must_go_on(text) or must_have_begun(text) or must_have_begun(below.text) or is_source(line.text):
        return False
    if _FACTS.match(text) or "\t" in text:  # a row of a table
        return False
    if marker is not None:
        return (
            marker.style is not MarkerStyle.BULLET
            and columns(line.text) <= _LONGEST_HEADING
            and _is_marked_heading(text, marker, below, habits)
        )
    if columns(text) > _LONGEST_PLAIN_HEADING or len(text) < 2 or is_closed(text) or not _is_text(below, habits):
        return False
    if habits.width and habits.fills(line):
        return False
    return _is_heading_by_look(text, below, habits)


def _is_heading_by_look(text: str, below: Line, habits: Habits) -> bool:
    parts = clauses(text)
    if len(parts) > 2 or (len(parts) == 2 and abs(len(parts[0]) - len(parts[1])) > 3):
        return False
    if below.page_break:
        return False
    if columns(text) <= _SURE_PLAIN_HEADING or habits.numbers_pages:
        return True
    return not habits.cuts_sentences and len(parts) == 1


def _is_marked_heading(text: str, marker: Marker, below: Line, habits: Habits) -> bool:
    """A heading stands on the page of its text, so a marked line that a page break follows is the beginning of an item."""
    parts = len(clauses(text))
    if below.page_break or parts > _MOST_CLAUSES or _ENDS_SENTENCE.search(text[:-1]):
        return False
    outer = marker.style in (MarkerStyle.PART, MarkerStyle.CHINESE, MarkerStyle.CHINESE_IN_BRACKETS)
    if not outer and parts > 1 and (habits.cuts_sentences or columns(text) > _LONGEST_PLAIN_HEADING):
        return False
    return not is_closed(text) or text[-1] in "：:？！?!”》）"


def _is_text(line: Line, habits: Habits) -> bool:
    return columns(line.text) > habits.narrow or is_closed(line.text) or marker_of(line.text) is not None


def _with_kinds(groups: Sequence[Sequence[Line]], habits: Habits) -> list[BlockLines]:
    markers = [marker_of(group[0].text) for group in groups]
    kinds: list[BlockKind] = []
    for index, group in enumerate(groups):
        below = groups[index + 1][0] if index + 1 < len(groups) else None
        heads = below is not None and is_heading(_whole(group), below, habits)
        marker = markers[index]
        if heads and (marker is None or not _is_listed(markers, index, kinds)):
            kinds.append(BlockKind.HEADING)
        else:
            listed = marker is not None or (group[0].text.startswith("——") and is_closed(group[-1].text))
            kinds.append(BlockKind.ITEM if listed else BlockKind.PARAGRAPH)
    return [BlockLines(kind, tuple(group)) for kind, group in zip(kinds, groups, strict=True)]


def _is_listed(markers: Sequence[Marker | None], index: int, kinds: Sequence[BlockKind]) -> bool:
    """Whether a marked line stands in a list: the block below, or an item above, has a marker of the same style."""
    marker = markers[index]
    after = markers[index + 1] if index + 1 < len(markers) else None
    before = markers[index - 1] if index and kinds[index - 1] is BlockKind.ITEM else None
    return marker is not None and any(other is not None and other.style is marker.style for other in (before, after))


def _whole(group: Sequence[Line]) -> Line:
    first = group[0]
    return first if len(group) == 1 else Line(first.number, first.offset, join_lines(group[:8]), first.indent, first.gap)
