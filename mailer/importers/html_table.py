"""The tables of HTML: those that say something in rows and columns, apart from those that only put things in their places."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lxml import html

from mailer.block import Block, Cell, Inline, cell, table
from mailer.importers.cells import LONGEST_CELL
from mailer.importers.claims import claimed_number

_BLOCKS_INSIDE = ("table", "h1", "h2", "h3", "h4", "ul", "ol", "blockquote")


def read_table(element: html.HtmlElement, read_cell: Callable[[html.HtmlElement], list[Inline]]) -> Block | None:
    """The table, or None for one that only puts things in their places: its content is read as if it were not there."""
    rows = list(_rows(element))
    widest = max((len(row) for row in rows), default=0)
    if widest < 2 or (element.get("role") or "") == "presentation":
        return None
    if any(next(found.iterdescendants(*_BLOCKS_INSIDE), None) is not None for row in rows for found in row):
        return None
    if any(len(found.text_content()) > LONGEST_CELL for row in rows for found in row):
        return None
    return table(tuple(_cell(found, read_cell) for found in row) for row in rows)


def _rows(element: html.HtmlElement) -> Iterator[list[html.HtmlElement]]:
    for part in element:
        if part.tag in ("thead", "tbody", "tfoot"):
            yield from _rows(part)
        elif part.tag == "tr":
            row = [found for found in part if found.tag in ("td", "th")]
            if row:
                yield row


def _cell(element: html.HtmlElement, read_cell: Callable[[html.HtmlElement], list[Inline]]) -> Cell:
    return cell(
        read_cell(element),
        header=element.tag == "th",
        columns=claimed_number(element.get("colspan")) or 1,
        rows=claimed_number(element.get("rowspan")) or 1,
    )
