"""A whole file, table by table and chunk by chunk, as checked lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from subscribers.errors import InputError
from subscribers.importing.columns import Columns, find_columns, mentions_address
from subscribers.importing.formats import tables_of
from subscribers.importing.rows import Checked, Checker
from subscribers.importing.source import Source
from subscribers.importing.table import Chunk, Table

HIDDEN = "left out, since the sheet is hidden. Show it in the workbook, and import that again, to take it in."
PROSE = "left out, though an address is mentioned: it is no list. With a column called 邮箱 or email it is one."


@dataclass(frozen=True, slots=True)
class Part:
    """One table as it is understood, and its chunks, checked."""

    columns: Columns
    title: str | None
    number: int
    chunks: Iterator[Checked]


def parts_of(source: Source, chosen: Mapping[str, str]) -> Iterator[Part]:
    """The tables of a file that hold addresses, one after the other. InputError where none does."""
    found = heading_only = False
    seen: list[str] = []
    for number, table in enumerate(tables_of(source)):
        if table.hidden:
            yield Part(Columns((), 0, notes=(HIDDEN,)), table.title, number, iter(()))
        first = next(table.chunks, None)
        if first is None:
            continue
        where = f"{source.name}, sheet {table.title}" if table.title else source.name
        columns = find_columns(first.sample, table.header, chosen, where)
        if columns is None:
            seen += [cell.strip() for cell in (table.header or first.rows[0])[:12] if cell.strip()]
            if table.title and any(map(mentions_address, chain.from_iterable(first.sample))):
                yield Part(Columns((), 0, notes=(PROSE,)), table.title, number, iter(()))
            continue
        rest = next(table.chunks, None) if len(first.rows) <= columns.rows_above else None
        if len(first.rows) <= columns.rows_above and rest is None:
            heading_only = True
            continue
        found = True
        checker = Checker(columns, sheet=table.title, sheet_number=number, escaped=table.escaped)
        yield Part(columns, table.title, number, _checked(checker, columns, first, rest, table))
    if not found:
        raise InputError(f"{source.name}: the list has a heading and no rows." if heading_only else _nothing(source, seen))


def _checked(checker: Checker, columns: Columns, first: Chunk, rest: Chunk | None, table: Table) -> Iterator[Checked]:
    above = columns.rows_above
    for chunk in chain([Chunk(first.lines[above:], first.rows[above:]), rest], table.chunks):
        if chunk is not None and chunk.rows:
            yield checker.check(chunk)


def _nothing(source: Source, seen: list[str]) -> str:
    said = f" It begins with: {', '.join(seen)[:200]}." if seen else ""
    return f"{source.name}: no column holds addresses.{said} Name the column 邮箱 or email, or say which it is: --map COLUMN=address."
