"""Which headings of a document are the bulletin's title, its columns and its articles: their levels and what follows them tell."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from itertools import takewhile

from mailer.block import Block, BlockKind
from mailer.importers.contents import is_contents_heading
from mailer.importers.dates import find_date
from mailer.importers.entries import announced, column_name
from mailer.importers.lines import Line, columns, key
from mailer.importers.markers import marker_of
from mailer.importers.masthead import is_imprint, masthead_length
from mailer.importers.naming import is_notice, names_imprint
from mailer.importers.numbering import find_number
from mailer.importers.sources import is_credit, is_source

_MOST_MASTHEAD = 12  # blocks between the title and the first heading below it
_LONGEST_MASTHEAD = 120  # columns of one of them
_ENOUGH_ANNOUNCED = 0.5
_WIDEST_COLUMN = 16  # columns of its heading, where nothing but its place tells
_WIDEST_IN_BRACKETS = 24
_MOST_LINES = 3  # of a headline
_LONGEST_HEADLINE = 120  # columns
_FIRST = ("第一，", "第一：", "一是", "首先")  # what begins like this is the first of several, too


@dataclass(frozen=True, slots=True)
class Section:
    """An article: its headline from `title` on, its blocks from `start` to `end`, the headings of columns that stand above it."""

    columns: tuple[int, ...]
    title: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Outline:
    """Where the parts of a bulletin stand in a document: its `title`, the masthead up to `masthead`, the contents from `contents[0]` up to
    `contents[1]`, what stands above the first article up to `unplaced`."""

    title: int | None
    masthead: int
    contents: tuple[int, int] | None
    unplaced: int
    sections: tuple[Section, ...]


def outline_of(blocks: Sequence[Block], known: int | None = None) -> Outline | None:
    """The outline that the headings of a document give, or None where it has none that head articles. `known` is the issue's number where
    the document says it beside its text."""
    headings = [index for index, block in enumerate(blocks) if block.kind is BlockKind.HEADING]
    masthead = _above_column(blocks, _numbered_masthead(blocks, _masthead_end(blocks, headings, known), known))
    contents = _contents(blocks, headings, masthead)
    first = contents[1] if contents else masthead
    heads = [index for index in headings if index >= first]
    if not heads:
        return None
    said = {title for block in blocks[slice(*contents)] for title in _titles(block)} if contents else set()
    told = {index for index in heads if not said.isdisjoint(_titles(blocks[index]))}
    level, column_level = _levels(blocks, heads, told)
    headlines = _headlines(blocks, heads, level, told)
    small = _small_columns(blocks, headlines, first)
    sections = _sections(blocks, sorted({*headlines, *small}), column_level, small, told)
    begin = min((*sections[0].columns, sections[0].title))
    above = [index for index in headings if index < masthead]
    title = min(above, key=lambda index: blocks[index].level, default=None)
    return Outline(title, masthead, contents, begin, tuple(sections))


def _masthead_end(blocks: Sequence[Block], headings: Sequence[int], known: int | None) -> int:
    """Where the masthead ends: below the title and the short lines that follow it, above the next heading or the contents."""
    if not headings:
        return 0
    contents = _contents_start(blocks, headings)
    if contents is not None:
        return contents
    first = headings[0]
    if first > _MOST_MASTHEAD or not all(map(_is_short, blocks[:first])):
        return 0
    again = [index for index in headings[1:3] if key(blocks[index].text) == key(blocks[first].text)]
    if again and all(map(_is_short, blocks[: again[0]])):  # a page's title, and the heading on the page
        first = again[0]
        headings = headings[headings.index(first) :]
    is_said = known is not None or any(map(_says_which, blocks[:first]))
    numbered = None if is_said else _numbered(blocks, first)
    # Publisher, title and kind may each have their size.
    if numbered is not None and any(first < index < numbered for index in headings):
        below = _below_title(blocks, headings, max(index for index in headings if index < numbered))
        return numbered + 1 if below is None else below
    below = _below_title(blocks, headings, first)
    if not _is_title(blocks, headings, below, is_said=is_said):
        return first
    return first + 1 if below is None else below


def _numbered_masthead(blocks: Sequence[Block], end: int, known: int | None) -> int:
    """Where the masthead ends that has the number: where all of it is set like headings, what its lines say tells."""
    if any(find_number(block.text).number is not None for block in blocks[:end]):
        return end + sum(1 for _ in takewhile(lambda block: names_imprint(block.text), blocks[end:]))
    lines = [
        Line(index, 0, block.text, gap=1) for index, block in enumerate(blocks[: 3 * _MOST_MASTHEAD]) if block.text.strip()
    ]
    length = masthead_length(lines)
    if known is not None and all(find_number(line.text).number != known for line in lines[:length]):
        return end
    return max(end, lines[length - 1].number + 1) if length else end


def _above_column(blocks: Sequence[Block], end: int) -> int:
    """The end of a masthead that has its number, moved above the heading of a column in brackets that stands over the first headline."""
    numbered = next((index for index, block in enumerate(blocks[:end]) if find_number(block.text).number is not None), end)
    is_headline = end < len(blocks) and blocks[end].kind is BlockKind.HEADING and not is_contents_heading(blocks[end].text)
    while is_headline and end - 1 > numbered and _is_in_brackets(blocks[end - 1]) and not is_notice(blocks[end - 1].text):
        end -= 1
    return end


def _contents_start(blocks: Sequence[Block], headings: Sequence[int]) -> int | None:
    """Where contents begin below short lines: at a line that says so, or at the first of two or more that headings below say again."""
    short = next((index for index, block in enumerate(blocks) if not _is_short(block)), len(blocks))
    said = next((index for index in range(short) if is_contents_heading(blocks[index].text)), None)
    if said is None:
        titles = {title for index in headings for title in _titles(blocks[index])}
        lines = (index for index in range(short) if blocks[index].kind is not BlockKind.HEADING)
        above = [index for index in lines if not titles.isdisjoint(_titles(blocks[index]))]
        said = above[0] if len(above) > 1 else None
    return said if said is not None and said <= _MOST_MASTHEAD else None


def _titles(block: Block) -> set[str]:
    """What a line says, and the title that it announces without marker and page."""
    return {key(title) for _, title in announced([Line(1, 0, block.text)], 0, 1)} | {key(block.text)}


def _numbered(blocks: Sequence[Block], first: int) -> int | None:
    """The line that has the issue's number, or else its date right above a heading, where nothing but short lines stands above it."""
    dated = None  # by the date that stands above a headline: below one, it is an article's
    for index in range(first + 1, min(len(blocks), first + 1 + _MOST_MASTHEAD)):
        block = blocks[index]
        if not _is_short(block) or is_contents_heading(block.text):
            break
        if block.kind is not BlockKind.HEADING and find_number(block.text).number is not None:
            return index
        if block.kind is BlockKind.PARAGRAPH and find_date(block.text) is not None and is_imprint(block.text):
            dated = index
    is_above = dated is not None and dated + 1 < len(blocks) and blocks[dated + 1].kind is BlockKind.HEADING
    return dated if is_above else None


def _below_title(blocks: Sequence[Block], headings: Sequence[int], title: int) -> int | None:
    """Where the short lines below the title end: at a heading of its level, at a list, at a line that a heading says again."""
    level = blocks[title].level
    announced = {key(blocks[index].text) for index in headings if index > title}
    equal = [index for index in headings if index > title and blocks[index].level <= level]
    below = title + 1
    while below < len(blocks) and below - title <= _MOST_MASTHEAD and _is_short(blocks[below]):
        ends = blocks[below].level <= level if equal and equal[0] - title <= _MOST_MASTHEAD else True
        if (blocks[below].kind is BlockKind.HEADING and ends) or is_contents_heading(blocks[below].text):
            return below
        if blocks[below].kind is not BlockKind.HEADING and key(blocks[below].text) in announced:
            return below
        below += 1
    return below if below < len(blocks) and blocks[below].kind is BlockKind.ITEM else None


def _is_short(block: Block) -> bool:
    return block.kind not in (BlockKind.ITEM, BlockKind.NOTE) and columns(block.text) <= _LONGEST_MASTHEAD


def _is_text(block: Block) -> bool:
    return "。" in block.text or is_source(block.text.strip())


def _is_title(blocks: Sequence[Block], headings: Sequence[int], below: int | None, *, is_said: bool) -> bool:
    """Whether the first heading is the bulletin's own: the only one of its level, or with its number or others right below.

    Where it is said before which issue this is, the lines below it must be a masthead's: an article may be as short.
    """
    first, others = headings[0], headings[1:]
    if not others or is_contents_heading(blocks[first].text):
        return False
    under = blocks[first + 1]
    if is_said and under.kind is BlockKind.PARAGRAPH and under.text.strip() and is_imprint(under.text):
        return True
    is_above = under.kind is BlockKind.HEADING and under.level > blocks[first].level
    if below == first + 1 and (not is_said or is_above or _is_announced(blocks, others, below)):
        return True
    if below is not None and not is_said and any(map(_says_which, blocks[:below])):
        return True
    deeper = all(blocks[index].level > blocks[first].level for index in others)
    return deeper and not (is_said and all(marker_of(blocks[index].text) is not None for index in others))


def _is_announced(blocks: Sequence[Block], headings: Sequence[int], index: int) -> bool:
    """Whether a line begins the contents: it says so, or what a heading says again."""
    titles = {title for heading in headings if heading != index for title in _titles(blocks[heading])}
    return is_contents_heading(blocks[index].text) or not titles.isdisjoint(_titles(blocks[index]))


def _says_which(block: Block) -> bool:
    """Whether a line has the number or the date of an issue."""
    number = find_number(block.text)
    return number.number is not None or number.total is not None or find_date(block.text) is not None


def _contents(blocks: Sequence[Block], headings: Sequence[int], start: int) -> tuple[int, int] | None:
    """The contents: what stands below a heading that says so, or a list of lines that most headings say again."""
    if start < len(blocks) and is_contents_heading(blocks[start].text):
        end = _contents_end(blocks, headings, start + 1)
        if end > start + 1 or not any(index > start for index in headings):
            return start, end
    end = start
    while end < len(blocks) and blocks[end].kind in (BlockKind.ITEM, BlockKind.PARAGRAPH):
        end += 1
    said = {title for index in headings if index >= end for title in _titles(blocks[index])}
    again = [not said.isdisjoint(_titles(block)) for block in blocks[start:end]]
    if len(again) >= 2 and sum(again) >= _ENOUGH_ANNOUNCED * len(again):
        return start, end
    return None


def _contents_end(blocks: Sequence[Block], headings: Sequence[int], first: int) -> int:
    """Where contents end: at the first heading that says again what stands in them, so that columns and entries may be in bold letters;
    at the first of all headings where none does above the text."""
    last = {title: index for index in headings for title in _titles(blocks[index])}
    said: set[str] = set()
    for index in range(first, len(blocks)):
        titles = _titles(blocks[index])
        if blocks[index].kind is BlockKind.HEADING and not said.isdisjoint(titles):
            return _above_columns(blocks, first, index)
        is_long = not _is_short(blocks[index]) and blocks[index].kind is not BlockKind.ITEM
        if is_long or (_is_text(blocks[index]) and all(last.get(title, -1) <= index for title in titles)):
            break
        said |= titles
    return next((index for index in headings if index >= first), len(blocks))


def _above_columns(blocks: Sequence[Block], first: int, index: int) -> int:
    """Where the headings of columns begin that stand above a headline."""
    while index > first and _heads_heading(blocks, index - 1):
        index -= 1
    return index


def _levels(blocks: Sequence[Block], heads: Sequence[int], told: Set[int]) -> tuple[int, int | None]:
    """The level of the articles' headings, and that of columns above it, where half of these have nothing below but headings.

    Long ones are no columns' if they stand above numbered ones, or if the contents tell of them and of nothing below them.
    """
    top = min(blocks[index].level for index in heads)
    tops = [index for index in heads if blocks[index].level == top]
    deeper = [index for index in heads if blocks[index].level > top]
    alone = told if told.isdisjoint(deeper) else frozenset[int]()
    bare = [index for index in tops if _heads_heading(blocks, index) and not _heads_section(blocks, index, alone)]
    if deeper and 2 * len(bare) >= len(tops):
        below = [blocks[index + 1].level for index in bare]
        return min(below), top
    return top, None


def _heads_section(blocks: Sequence[Block], index: int, told: Set[int]) -> bool:
    """Whether a heading above another is rather an article's, which begins with its first section."""
    below = blocks[index + 1].text
    counted = marker_of(below) is not None or below.startswith(_FIRST)
    return columns(blocks[index].text) > _WIDEST_COLUMN and (index in told or counted)


def _headlines(blocks: Sequence[Block], heads: Sequence[int], level: int, told: Set[int]) -> list[int]:
    """The headings of articles, and of columns above them: those of the level, and those below it that the contents tell of. Numbered
    ones that they do not tell of are sub-headings, set like headlines, where those that they tell of have no numbers; so they are
    without contents where each article begins to number them anew."""
    numbered = {index for index in heads if marker_of(blocks[index].text) is not None}
    if (len(told) > 1 and told.isdisjoint(numbered)) or (not told and _are_sections(blocks, heads, level, numbered)):
        heads = [index for index in heads if index in told or index not in numbered]
    return [index for index in heads if blocks[index].level <= level or index in told]


def _are_sections(blocks: Sequence[Block], heads: Sequence[int], level: int, numbered: Set[int]) -> bool:
    """Whether numbered headings are sections of articles whose headings are of the same level and have no numbers, but text below them
    mostly, which columns do not have, and which are not all as short as those."""
    heads = [index for index in heads if blocks[index].level == level]
    plain = [index for index in heads if index not in numbered]
    wide = any(columns(blocks[index].text) > _WIDEST_COLUMN for index in plain)
    with_text = sum(index + 1 < len(blocks) and blocks[index + 1].kind is not BlockKind.HEADING for index in plain)
    values = [marker.value for index in heads if (marker := marker_of(blocks[index].text)) is not None]
    return wide and len(plain) > 1 and plain[0] == heads[0] and 2 * with_text > len(plain) and values.count(1) > 1


def _heads_heading(blocks: Sequence[Block], index: int) -> bool:
    """Whether a heading stands directly above another of a lower level."""
    above, below = blocks[index], blocks[index + 1] if index + 1 < len(blocks) else None
    return below is not None and above.kind is below.kind is BlockKind.HEADING and below.level > above.level


def _small_columns(blocks: Sequence[Block], headlines: Sequence[int], first: int) -> frozenset[int]:
    """The headings of columns that are set no larger than the headline right below them: those in brackets; and short ones, which are no
    sub-headings with nothing below, if there are two or more. What stands elsewhere, too, as below the last article, is none: articles
    end with it."""
    bracketed: set[int] = set()
    short: set[int] = set()
    for headline in headlines:
        above = headline - 1
        while above >= first and _is_in_brackets(blocks[above]):
            bracketed.add(above)
            above -= 1
        if above == headline - 1 >= first and _may_be_column(blocks[above]):
            short.add(above)
    small = bracketed | (short if len(short) > 1 else set())
    elsewhere = {blocks[index].text for index in range(first, len(blocks)) if index not in small}
    return frozenset(index for index in small if index in headlines or blocks[index].text not in elsewhere)


def _is_in_brackets(block: Block) -> bool:
    """Whether a line is 【政策动态】 or the like."""
    text = block.text.strip()
    is_line = block.kind in (BlockKind.HEADING, BlockKind.PARAGRAPH) and 0 < columns(text) <= _WIDEST_IN_BRACKETS
    return is_line and text[-1] not in "：:" and column_name(text) is not None and not is_credit(text)


def _may_be_column(block: Block) -> bool:
    return block.kind is BlockKind.HEADING and columns(block.text) <= _WIDEST_COLUMN and not is_credit(block.text)


def _sections(
    blocks: Sequence[Block], heads: Sequence[int], column_level: int | None, small: Set[int], told: Set[int]
) -> list[Section]:
    sections: list[Section] = []
    above: list[int] = []
    title: list[int] = []
    for number, index in enumerate(heads):
        end = heads[number + 1] if number + 1 < len(heads) else len(blocks)
        is_column = index in small or (column_level is not None and blocks[index].level <= column_level)
        if is_column and end == index + 1 < len(blocks):
            above.append(index)
            continue
        title.append(index)
        if end in small or not _goes_on(blocks, title, end, told):
            sections.append(Section(tuple(above), title[0], index + 1, end))
            above, title = [], []
    return sections


def _goes_on(blocks: Sequence[Block], title: Sequence[int], below: int, told: Set[int]) -> bool:
    """Whether a headline goes on in the heading at `below`, its author having broken it in two paragraphs."""
    if below != title[-1] + 1 or below == len(blocks) or len(title) == _MOST_LINES:
        return False
    lines = [blocks[index] for index in (*title, below)]
    return (
        all(block.kind is BlockKind.HEADING and block.level == lines[0].level for block in lines)
        and sum(columns(block.text) for block in lines) <= _LONGEST_HEADLINE
        and marker_of(lines[-1].text) is None
        and not {title[-1], below} <= told
    )
