"""An export as a file: of the kind that its ending says, and whole or not there at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

import xlsxwriter

from subscribers.errors import InputError
from subscribers.exporting.query import Export
from subscribers.writing import whole_file

_BYTE_ORDER_MARK = "\ufeff".encode()
_ROWS_OF_A_SHEET = 1_048_576
_LONGEST_CELL = 32_767
_TOLD_AT_ONCE = 5_000

Writer = Callable[[Export, IO[bytes], Callable[[int], None]], int]


def kind_of(path: Path) -> Writer:
    """What writes files of that ending. InputError says which there are."""
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        raise InputError(f"{path}: the ending says the kind of file. Give one of {', '.join(_WRITERS)}.")
    return writer


def write_export(export: Export, path: Path, tell: Callable[[int], None] = lambda _rows: None) -> int:
    """Write an export, and say how many rows it has; `tell` hears how many are written.

    OSError where it cannot be written; a file that was there stays then.
    """
    writer = kind_of(path)
    with whole_file(path, private=True) as file:
        return writer(export, file, tell)


def _json_lines(export: Export, file: IO[bytes], tell: Callable[[int], None]) -> int:
    number = told = 0
    for block in export.json_lines():
        number += block.count(b"\n")
        file.write(block)
        if number - told >= _TOLD_AT_ONCE:
            told = number
            tell(number)
    return number


def _csv(export: Export, file: IO[bytes], tell: Callable[[int], None]) -> int:
    file.write(_BYTE_ORDER_MARK)
    number = -1  # The heading is no row.
    for block in export.csv_lines():
        number += 1
        file.write(block)
        if number % _TOLD_AT_ONCE == 0:
            tell(number)
    return number


def _workbook(export: Export, file: IO[bytes], tell: Callable[[int], None]) -> int:
    number = 0
    with xlsxwriter.Workbook(file, {"constant_memory": True, "in_memory": False}) as workbook:
        rows = export.rows()
        heading = next(rows)
        for place, row in enumerate(rows):
            if place % (_ROWS_OF_A_SHEET - 1) == 0:
                sheet = workbook.add_worksheet()
                for column, name in enumerate(heading):
                    sheet.write_string(0, column, str(name))
            for column, cell in enumerate(row):
                if cell:  # As text, always: `write` would make a formula of one that begins with `=`.
                    sheet.write_string(place % (_ROWS_OF_A_SHEET - 1) + 1, column, cell[:_LONGEST_CELL])
            number += 1
            if number % _TOLD_AT_ONCE == 0:
                tell(number)
        if not number:
            workbook.add_worksheet()
    return number


_WRITERS: Mapping[str, Writer] = {".csv": _csv, ".xlsx": _workbook, ".jsonl": _json_lines}
