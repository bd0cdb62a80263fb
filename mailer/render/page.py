"""What a theme's template is given: the issue cut into the pieces that a page is made of."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import groupby, zip_longest

from mailer.block import Block, BlockKind, Inline, Row
from mailer.issue import Article, Issue
from mailer.render.cutting import WHOLE, Cut
from mailer.render.links import LinkTable, Pieces, Shown
from mailer.text_part import NEVER_FIRST, own_marker, printable, width

PREHEADER_CHARACTERS = 100  # more than any inbox shows
# Not the locale's: the same issue has the same words on every machine.
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
# Columns, a Chinese character taking two: what is brief in a table of up to four cells a row and of more, and the longest number.
_ROOMY, _BRIEF, _BRIEF_OF_MANY, _LONGEST_KEPT = 4, 10, 6, 15
_SMALLEST_PHONE, _COLUMN, _PADDING = 288, 8.5, 17  # points: of the text, of one column at most, of a cell
_CHINESE = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_WEB_ADDRESS = re.compile(r"https?://\S+")
_UNBROKEN = re.compile(r"[^\s\u2010-\u2015\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]+")
_LATIN_WORD = re.compile(r"[A-Za-z]{2,}")
# Between two Chinese characters a space is where the printed line was broken: the script has none. The other good places
# to break a headline are behind its colons, commas and semicolons.
_BREAKS = re.compile(r"(?<=[\u3400-\u9fff”》）] )(?=[\u3400-\u9fff“《（])|(?<=[：，；])(?=[\u3400-\u9fff“《（])")


@dataclass(frozen=True, slots=True)
class PageCell:
    """A cell of a table. A `brief` one stays on one line, as a date or a short heading does; in one that is `kept` no number is broken.

    `scope` is what a `header` heads: `col` in a row of headers alone, `row` beside what it heads, else nothing, as in an empty corner.
    """

    pieces: Pieces
    header: bool
    scope: str
    language: str
    columns: int
    rows: int
    brief: bool = False
    kept: bool = False


@dataclass(frozen=True, slots=True)
class PageBlock:
    """A block as a page shows it; what each field is stands at `mailer.block.Block`.

    `wide` is a table with more beside each other than a phone has room for.
    `language` is what a Chinese page has to say of it: `en` for words in Latin letters alone, else nothing.
    """

    pieces: Pieces
    language: str
    text: str
    level: int
    marker: str
    rows: tuple[tuple[PageCell, ...], ...]
    wide: bool
    picture: Shown | None


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring blocks of one kind; `marked` items bring their own numbers or bullets, or stand in a list within a list."""

    kind: str
    marked: bool
    blocks: tuple[PageBlock, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """An article; its headline in phrases. `continued` where the rest is only in the browser view."""

    number: int
    title: str
    headline: tuple[str, ...]
    language: str
    column: str
    source_line: Pieces
    runs: tuple[Run, ...]
    continued: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the contents; `number` is the article's, or None where no article has this title."""

    title: str
    column: str
    number: int | None
    language: str


def sections(issue: Issue, table: LinkTable, cut: Cut = WHOLE) -> tuple[Section, ...]:
    """The articles, numbered from 1, as far as the cut lets them stand; a column is named once, before its first article."""
    shown = issue.articles if cut.articles is None else issue.articles[: cut.articles]
    whole = tuple(_section(number, article, issue.publisher, table, cut) for number, article in enumerate(shown, 1))
    before = ["", *(section.column for section in whole)]
    return tuple(
        replace(section, column="") if section.column == column else section
        for section, column in zip(whole, before, strict=False)
    )


def entries(issue: Issue) -> tuple[Entry, ...]:
    """The contents as printed, or the headlines where none are printed; a column is named once, before its first line."""
    numbers = {_compact(article.title): number for number, article in enumerate(issue.articles, 1)}
    printed = [(entry.title, entry.column or "") for entry in issue.contents]
    lines = printed or [(article.title, article.column or "") for article in issue.articles]
    before = ["", *(column for _, column in lines)]
    return tuple(
        Entry(title, column if column != previous else "", numbers.get(_compact(title)), _language(title))
        for (title, column), previous in zip(lines, before, strict=False)
    )


def phrases(line: str) -> tuple[str, ...]:
    """A centred line in the phrases that are best not broken; joined again they are the line."""
    return tuple(_BREAKS.split(" ".join(printable(line).split())))


def english_lines(issue: Issue) -> dict[str, str]:
    """Number and date as English has them: `No. 9, 2023 (Total No. 190)`, `3 August 2023`."""
    total = f" (Total No. {issue.total_numbers})" if issue.total_number is not None else ""
    day = f"{issue.date.day} {_MONTHS[issue.date.month - 1]} {issue.date.year}" if issue.date else ""
    return {"number_line": f"No. {issue.numbers}, {issue.year}{total}", "date_line": day}


def preheader(issue: Issue) -> str:
    """What an inbox shows after the subject: the headlines, as many as have a place there."""
    headlines = "；".join(printable(article.title).strip() for article in issue.articles)
    return headlines if len(headlines) <= PREHEADER_CHARACTERS else headlines[: PREHEADER_CHARACTERS - 1] + "…"


def _section(number: int, article: Article, publisher: str, table: LinkTable, cut: Cut) -> Section:
    blocks = cut.kept(article.blocks)
    shown = _without_rules_around(blocks)
    runs = tuple(_run(kind, marked, tuple(each), table) for (kind, marked), each in groupby(shown, _manner))
    return Section(
        number=number,
        title=" ".join(printable(article.title).split()),
        headline=_headline(article.title, publisher),
        language=_language(article.title),
        column=article.column or "",
        source_line=table.pieces(article.source_line or ""),
        runs=runs,
        continued=blocks != article.blocks,
    )


def _without_rules_around(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """An article's blocks without rules at its ends, where the page draws its own."""
    texts = [index for index, block in enumerate(blocks) if block.kind is not BlockKind.RULE]
    return blocks[texts[0] : texts[-1] + 1] if texts else ()


def _headline(title: str, publisher: str) -> tuple[str, ...]:
    """Its phrases; the publisher's name, with which many begin, is one of them, unless a mark behind it would begin a line."""
    first, *others = phrases(title)
    name, rest = first[: len(publisher)], first[len(publisher) :]
    if publisher and name == publisher and rest and rest[0] not in NEVER_FIRST:
        return (name, rest, *others)
    return (first, *others)


def _manner(block: Block) -> tuple[BlockKind, bool]:
    return block.kind, block.kind is BlockKind.ITEM and bool(block.marker or block.level or own_marker(block.text))


def _run(kind: BlockKind, marked: bool, blocks: tuple[Block, ...], table: LinkTable) -> Run:
    return Run(kind.value, marked, tuple(_page_block(block, table) for block in blocks))


def _page_block(block: Block, table: LinkTable) -> PageBlock:
    many = max(map(len, block.rows), default=0) > _ROOMY
    brief = _BRIEF_OF_MANY if many else _BRIEF
    rows = tuple(_page_row(row, table, brief) for row in block.rows)
    pieces = () if rows else table.inline_pieces(block.pieces)
    return PageBlock(
        pieces,
        _language(block.text),
        printable(block.text),
        block.level,
        printable(block.marker) or _bullet(block),
        rows,
        many or _least_width(block.rows, brief) > _SMALLEST_PHONE,
        table.picture(block.picture),
    )


def _bullet(block: Block) -> str:
    """The bullet of an item in a list within a list, which is no item of the page's own lists."""
    return "•" if block.kind is BlockKind.ITEM and block.level and not own_marker(block.text) else ""


def _page_row(row: Row, table: LinkTable, brief: int) -> tuple[PageCell, ...]:
    scope = "col" if all(cell.header for cell in row) else "row"
    return tuple(
        PageCell(
            table.inline_pieces(cell.inlines or (Inline(cell.text),)),
            cell.header,
            scope if cell.header and cell.text.strip() else "",
            _language(cell.text),
            cell.columns,
            cell.rows,
            width(cell.text) <= brief,
            brief < width(cell.text) and _longest(cell.text) <= _LONGEST_KEPT,
        )
        for cell in row
    )


def _least_width(rows: tuple[Row, ...], brief: int) -> float:
    """The points that a table takes at least, where each cell keeps whole what it should."""
    lines = ([_unbroken(cell.text, brief) if cell.columns == 1 else 0 for cell in row] for row in rows)
    columns = [max(column) for column in zip_longest(*lines, fillvalue=0)]
    return sum(_COLUMN * column + _PADDING for column in columns)


def _unbroken(text: str, brief: int) -> int:
    """The columns of what is not broken in a cell: all of it, or its longest word or number; of one that is too long, a character."""
    longest = width(text) if width(text) <= brief else _longest(text)
    return max(2, longest) if longest <= _LONGEST_KEPT else 1


def _longest(text: str) -> int:
    return max(map(width, _UNBROKEN.findall(text)), default=0)


def _language(text: str) -> str:
    words = _LATIN_WORD.findall(_WEB_ADDRESS.sub("", text))
    return "en" if len(words) > 2 and not _CHINESE.search(text) else ""


def _compact(title: str) -> str:
    return "".join(title.split())
