"""CSV, TSV and their kin: which sign divides the cells is found out, and a quote that is never closed is noticed."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import IO

from subscribers.errors import InputError
from subscribers.importing.headers import is_heading
from subscribers.importing.table import CHUNK_ROWS, Chunk, Row

DELIMITERS = (",", "\t", ";", "|", "，", "；")
MOST_COLUMNS = 1_000
LONGEST_CELL = 100_000
LONGEST_ROW = 200
_SEPARATOR = re.compile(r"sep=(.)\r?\n?", re.IGNORECASE)  # What Excel writes in front to tell itself.
_ADDRESS_ALONE = re.compile(r"\s*(?:[^@,;\t|，；、<>]*<)?[^\s@,;|，；、]+[@＠][^\s@,;|，；、]+\s*")
_ALIKE = 0.9
_SENTINEL = "\x1aend\x1a"


@dataclass(frozen=True, slots=True, order=True)
class Rating:
    """How well a sign divides a text: whether there is a heading, whether it is a table, with rows of one width and more than one cell,
    how many cells hold an address and nothing else, how alike the rows are in width, and how wide they are."""

    heading: bool
    tabular: bool
    alone: int
    alike: float
    width: int


def delimiter_of(sample: str) -> tuple[str, Rating]:
    """The sign that divides the cells of `sample`, a text's first lines, and how well it does."""
    lines = sample.splitlines(keepends=True)[:60]
    ratings = {sign: _rating(lines, sign) for sign in DELIMITERS}
    declared = _SEPARATOR.match(sample)
    best = declared[1] if declared else max(ratings, key=lambda sign: ratings[sign])
    return best, ratings.get(best) or _rating(lines, best)


def _rating(lines: list[str], delimiter: str) -> Rating:
    try:
        rows = [row for row in csv.reader(lines, delimiter=delimiter) if any(map(str.strip, row))]
    except csv.Error:
        return Rating(False, False, 0, 0.0, 0)
    widths = [len(row) for row in rows]
    usual = max(set(widths), key=widths.count, default=0)
    alone = sum(bool(_ADDRESS_ALONE.fullmatch(cell)) for row in rows for cell in row)
    alike = widths.count(usual) / max(1, len(rows))
    return Rating(any(map(is_heading, rows[:20])), usual > 1 and alike > _ALIKE, alone, alike, usual)


def read_delimited(text: IO[str], name: str, delimiter: str) -> Iterator[Chunk]:
    """The rows of a delimited text. InputError for a quote that is not closed, and for more than a list of addresses can hold."""
    csv.field_size_limit(LONGEST_CELL)
    # The last line is ours: where it is not a row of its own, a quote was still open.
    reader = csv.reader(chain(text, (_SENTINEL,)), delimiter=delimiter)
    lines: list[int] = []
    rows: list[Row] = []
    line = 1
    try:
        for row in reader:
            rows.append(row)
            lines.append(line)
            line = reader.line_num + 1
            if len(rows) > CHUNK_ROWS:
                yield _checked(Chunk(lines[:-1], rows[:-1]), name, lines[-1])
                lines, rows = lines[-1:], rows[-1:]
    except csv.Error as error:
        raise _unreadable(name, line, error) from error
    if rows[-1] != [_SENTINEL]:
        raise InputError(
            f"{name}:{lines[-1]}: a quote is opened here and never closed. Close it, or remove it, and import the file again."
        )
    yield _checked(Chunk(lines[:-1], rows[:-1]), name, lines[-1])


def _checked(chunk: Chunk, name: str, end: int) -> Chunk:
    """The chunk, which ends before the line `end`, without its blank lines. InputError for a row that is too wide, or goes on and on."""
    widths = list(map(len, chunk.rows))
    if max(widths, default=0) > MOST_COLUMNS:
        line = chunk.lines[next(place for place, width in enumerate(widths) if width > MOST_COLUMNS)]
        raise InputError(f"{name}:{line}: more than {MOST_COLUMNS:,} columns. Save the file with those that are used.")
    if chunk.lines and end - chunk.lines[0] > len(chunk.lines):
        for line, following in pairwise([*chunk.lines, end]):
            if following - line > LONGEST_ROW:
                raise InputError(
                    f"{name}:{line}: a cell goes on over {following - line} lines: a quote is probably not closed. Close it, or remove it."
                )
    if 0 not in widths:
        return chunk
    kept = [(line, row) for line, row in zip(chunk.lines, chunk.rows, strict=True) if row]
    return Chunk([line for line, _ in kept], [row for _, row in kept])


def _unreadable(name: str, line: int, error: csv.Error) -> InputError:
    if "limit" in str(error):
        return InputError(
            f"{name}:{line}: a cell has more than {LONGEST_CELL:,} characters. Where a quote is opened and never closed, close it."
        )
    return InputError(f"{name}:{line}: {error}. Open the file in a spreadsheet and save it again as CSV.")
