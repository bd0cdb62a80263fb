"""What every format is read as: tables of text, in chunks of rows that know their lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

Row = Sequence[str]
CHUNK_ROWS = 5_000
_SAMPLE_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows, and the line of the file (of a workbook: the row of the sheet) on which each begins."""

    lines: Sequence[int]
    rows: Sequence[Row]

    @property
    def sample(self) -> Sequence[Row]:
        """As many of the rows as tell what the columns hold."""
        return self.rows[:_SAMPLE_ROWS]


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a file. `header` is there where the format itself says it; in the others it is among the rows.

    `title` is the sheet's name in a workbook; of a `hidden` sheet there are no rows. `escaped` says that a leading apostrophe is there to
    keep a spreadsheet from reading a formula, as our own export writes it.
    """

    chunks: Iterator[Chunk]
    header: Row | None = None
    title: str | None = None
    escaped: bool = False
    hidden: bool = False


def in_chunks(numbered: Iterable[tuple[int, Row]], size: int = CHUNK_ROWS) -> Iterator[Chunk]:
    """Rows with their lines, gathered into chunks."""
    lines: list[int] = []
    rows: list[Row] = []
    for line, row in numbered:
        lines.append(line)
        rows.append(row)
        if len(rows) == size:
            yield Chunk(lines, rows)
            lines, rows = [], []
    if rows:
        yield Chunk(lines, rows)
