"""One article from the lines between its headline and the next: subtitle, source lines, blocks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mailer.block import Block
from mailer.importers.blocks import BlockLines, Habits, read_blocks
from mailer.importers.entries import Entry
from mailer.importers.headlines import Headline
from mailer.importers.lines import Line, columns, join_lines
from mailer.importers.organisations import is_organisation
from mailer.importers.punctuation import is_closed
from mailer.importers.sources import ends_with_credit, is_byline, is_credit, is_source, names_reporter, parse_source
from mailer.issue import Article

_SUBTITLE = re.compile(r"(?:——?|--|―+)\s*\S")
_AUTHOR_NOTE = re.compile(r"[（(]\s*(?:本文)?作者[^：:/]")
_BELOW_SOURCE = re.compile(
    r"[（(]?(?:责任编辑|责编|编辑)\s*[：:].{1,20}[）)]?|[（(]?原文(?:标题|题目|链接|地址|网址)\s*[：:].+"
)
_MOST_SOURCE_LINES = 3
_WIDEST_SUB_HEADING = 44


@dataclass(frozen=True, slots=True)
class ArticleLines:
    """The lines of one article, by what they are."""

    column: tuple[Line, ...]
    title: tuple[Line, ...]
    source: tuple[Line, ...]
    blocks: tuple[BlockLines, ...]
    entry: Entry | None


def read_article(
    lines: Sequence[Line], headline: Headline, entry: Entry | None, habits: Habits, *, column: int, end: int
) -> ArticleLines:
    """The article whose column heading begins at line `column` and whose last line stands above line `end`."""
    begin = headline.end
    while begin < end and is_subtitle(lines[begin]):
        begin += 1
    title = tuple(lines[headline.start : begin])
    body = list(lines[begin:end])
    front, back = source_lines(body)
    text = [line for index, line in enumerate(body) if index >= front and index not in back]
    source = (*body[:front], *(body[index] for index in sorted(back)))
    return ArticleLines(tuple(lines[column : headline.start]), title, source, tuple(read_blocks(text, habits)), entry)


def source_lines(body: Sequence[Line]) -> tuple[int, set[int]]:
    """How many lines above an article's text say where it comes from, and the indexes of those that do below it."""
    front = _source_lines_above(body)
    return front, {front + index for index in _source_lines_below(body[front:])}


def is_subtitle(line: Line) -> bool:
    """Whether a line below a headline goes on with it: ——以东江省为例."""
    return (
        _SUBTITLE.match(line.text) is not None
        and columns(line.text) <= 90
        and not is_closed(line.text)
        and not is_source(line.text)
    )


def _source_lines_above(body: Sequence[Line]) -> int:
    count = 0
    while count < min(_MOST_SOURCE_LINES, len(body) - 1) and _is_byline_above(body, count):
        count += 1
    return count


def _is_byline_above(body: Sequence[Line], index: int) -> bool:
    """Whether a line below the headline says who wrote the text. A lone name or institute does if it could be no sub-heading,
    and what stands in brackets below it says who that is."""
    text = body[index].text
    if is_source(text) or names_reporter(text):
        return True
    if index and text[0] in "（(" and text[-1] in "）)" and columns(text) <= 60:
        return True
    others = (line.text for line in body[index + 1 :])
    below = body[index + 1].text
    return (
        is_byline(text)
        and (columns(below) > _WIDEST_SUB_HEADING or below[0] in "（(" or is_byline(below))
        and not (is_organisation(text) and any(map(is_organisation, others)))
    )


def _source_lines_below(body: Sequence[Line]) -> set[int]:
    """The indexes of the source lines at the end, which a note on the authors may follow.

    Where the paragraphs of a digest have a credit each, the last one's is no source of the whole.
    """
    found: set[int] = set()
    if any(ends_with_credit(line.text) for line in body[:-1]):
        return found
    index = len(body) - 1
    while index > 0 and len(found) < _MOST_SOURCE_LINES:
        text = body[index].text
        in_brackets = text[0] in "（(" and text[-1] in "）)"
        if is_credit(text) or _BELOW_SOURCE.fullmatch(text) or (in_brackets and is_byline(text)):
            found.add(index)
        elif not (_AUTHOR_NOTE.match(text) and in_brackets):
            break
        index -= 1
    return found


def article_of(read: ArticleLines, position: int, column: str | None) -> Article:
    """The article that its lines make, as the `position`-th of the issue, in a column."""
    source_line = " ".join(line.text for line in read.source) or None
    source, authors = _source(read.source)
    return Article(
        position=position,
        title=_title(read),
        blocks=tuple(Block(block.kind, join_lines(block.lines)) for block in read.blocks),
        column=column,
        source_line=source_line,
        source=source,
        authors=authors,
        column_line=join_lines(read.column) or None,
    )


def _source(lines: Sequence[Line]) -> tuple[str | None, tuple[str, ...]]:
    parsed = [parse_source(line.text) for line in lines if is_byline(line.text)]
    authors = dict.fromkeys(author for _, names in parsed for author in names)
    return next((source for source, _ in parsed if source is not None), None), tuple(authors)


def _title(read: ArticleLines) -> str:
    """The headline as printed. Where the contents print the same on one line, their spacing is taken: a headline that was
    broken in two often keeps a space where the break was."""
    title = join_lines(read.title)
    entry = read.entry
    if entry is not None and len(entry.lines) == 1 and "".join(entry.title.split()) == "".join(title.split()):
        return entry.title
    return title
