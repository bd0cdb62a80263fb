"""Reads a bulletin from plain text, as it is extracted from the PDF or the Word file that staff made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mailer.importers.articles import article_of
from mailer.importers.entries import column_name
from mailer.importers.layout import Layout, lay_out
from mailer.importers.lines import Line, join_lines, split_lines
from mailer.importers.markers import unmarked
from mailer.importers.masthead import Masthead, read_masthead
from mailer.importers.reading import Piece, Place, Reading
from mailer.importers.review import warnings_about
from mailer.issue import Article, ContentsEntry, Issue
from subscribers.encoding import decode
from subscribers.errors import InputError

_ORNAMENTS = " ★☆●○◆◇■□▲△◎※"  # ★要闻★

_Placed = tuple[tuple[int, int], Piece]


def read_text_issue(content: bytes, name: str) -> Reading:
    """The issue in a text file, with a warning for all that was uncertain, and where each line of the file went.

    Raises InputError, with `name` and the line, where the file is no text, has no masthead with number and year, or no article.
    """
    layout = lay_out(split_lines(decode(content, name)))
    masthead = read_masthead(layout.masthead, layout.colophon, name)
    if not layout.articles:
        where = layout.masthead[-1].number
        cure = "Put each headline on a line of its own, with blank lines around it."
        raise InputError(f"{name}:{where}: no article was found below the masthead. {cure}")
    return reading_of(layout, masthead, name)


def reading_of(layout: Layout, masthead: Masthead, name: str) -> Reading:
    """The reading that a layout and its masthead make, whatever the format of the file `name`."""
    return Reading(_issue(layout, masthead), tuple(warnings_about(layout, masthead, name)), tuple(_pieces(layout)))


def _issue(layout: Layout, masthead: Masthead) -> Issue:
    entries = layout.contents.entries if layout.contents else ()
    return Issue(
        publisher=masthead.names.publisher,
        title=masthead.names.title or masthead.names.publisher,
        kind=masthead.names.kind,
        year=masthead.year,
        number=masthead.number,
        total_number=masthead.total_number,
        date=masthead.date,
        articles=tuple(_articles(layout)),
        contents=tuple(ContentsEntry(join_lines(entry.lines), entry.title, entry.column) for entry in entries),
        masthead=_texts(layout.masthead),
        contents_headings=_texts(layout.contents.headings if layout.contents else ()),
        colophon=_texts(layout.colophon),
        furniture=_texts(layout.furniture),
        unplaced=_texts(layout.unplaced),
        last_number=masthead.last_number,
        last_total_number=masthead.last_total_number,
    )


def _articles(layout: Layout) -> Iterator[Article]:
    """The articles, each in the column that the contents give it, or else in the last one that opened above it."""
    column: str | None = None
    for position, read in enumerate(layout.articles, start=1):
        if read.column:
            line = join_lines(read.column)
            column = column_name(line) or unmarked(line).rstrip(_ORNAMENTS) or line
        yield article_of(read, position, read.entry.column if read.entry and read.entry.column else column)


def _texts(lines: Iterable[Line]) -> tuple[str, ...]:
    return tuple(line.text for line in lines)


def _pieces(layout: Layout) -> list[Piece]:
    pieces = [*_whole_lines(Place.MASTHEAD, layout.masthead), *_whole_lines(Place.COLOPHON, layout.colophon)]
    pieces += [*_whole_lines(Place.FURNITURE, layout.furniture), *_whole_lines(Place.UNPLACED, layout.unplaced)]
    if layout.contents:
        pieces += _whole_lines(Place.CONTENTS_HEADING, layout.contents.headings)
        pieces += [
            piece for index, entry in enumerate(layout.contents.entries) for piece in _in(Place.CONTENTS, index, entry.lines)
        ]
    for index, article in enumerate(layout.articles):
        pieces += _in(Place.COLUMN_LINE, index, article.column)
        pieces += _in(Place.TITLE, index, article.title)
        pieces += _in(Place.SOURCE_LINE, index, article.source)
        pieces += [
            piece for number, block in enumerate(article.blocks) for piece in _in(Place.BLOCK, index, block.lines, number)
        ]
    return [piece for _, piece in sorted(pieces, key=lambda placed: placed[0])]


def _whole_lines(place: Place, lines: Iterable[Line]) -> list[_Placed]:
    return [placed for index, line in enumerate(lines) for placed in _in(place, index, (line,))]


def _in(place: Place, index: int, lines: Iterable[Line], block: int | None = None) -> list[_Placed]:
    return [(_order(line), Piece(place, index, line.text, line.number, block)) for line in lines]


def _order(line: Line) -> tuple[int, int]:
    return line.number, line.offset
