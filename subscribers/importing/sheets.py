"""The process that reads a workbook: its cells as text, in frames on stdout. It is told how much memory and time it may use.

Run as `python -m subscribers.importing.sheets FILE MEMORY_BYTES CPU_SECONDS`.
"""

from __future__ import annotations

import gc
import marshal
import resource
import struct
import sys
from collections.abc import Iterator
from datetime import date, datetime, time
from itertools import islice

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

_FRAME = struct.Struct("<I")
_ROWS = 5_000
MOST_COLUMNS = 1_000
LONGEST_CELL = 100_000
_LONGEST_MERGE = 10_000


def main() -> None:
    """Read the workbook that the arguments name."""
    gc.disable()  # This process makes rows, which make no cycles, and ends.
    path, memory, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        _read(path)
    except PasswordError:
        _send(("error", "the workbook is protected by a password. Save it without one."))
    except CalamineError as error:
        _send(("error", f"the workbook is damaged: {error}. Open it, save it again as .xlsx, and import that."))
    except BrokenPipeError:
        return
    sys.stdout.flush()


def _read(path: str) -> None:
    workbook = CalamineWorkbook.from_path(path)
    for sheet in workbook.sheets_metadata:
        if sheet.typ is not SheetTypeEnum.WorkSheet:
            continue
        if sheet.visible is not SheetVisibleEnum.Visible:
            _send(("hidden", sheet.name))
        elif not _sheet(workbook.get_sheet_by_name(sheet.name)):
            return
    _send(("end",))


def _sheet(sheet: CalamineSheet) -> bool:
    """Whether the sheet could be sent."""
    if sheet.width > MOST_COLUMNS:
        _send(("error", f"the sheet {sheet.name!r} has {sheet.width:,} columns. Copy those that are used into a new workbook."))
        return False
    _send(("sheet", sheet.name))
    first = sheet.start[0] + 1 if sheet.start else 1
    rows = _texts(sheet, first)
    while some := list(islice(rows, _ROWS)):
        if any(len(cell) > LONGEST_CELL for row in some for cell in row):
            _send(("error", f"the sheet {sheet.name!r} has a cell of more than {LONGEST_CELL:,} characters. Shorten it."))
            return False
        _send(("rows", first, some))
        first += len(some)
    _send(("done",))
    return True


def _texts(sheet: CalamineSheet, first: int) -> Iterator[list[str]]:
    """The rows as text. What stands in a cell that was merged downwards stands in each of its rows."""
    left = sheet.start[1] if sheet.start else 0
    going_on: dict[int, list[int]] = {}  # by line, the columns whose cell goes on from the line above
    for (top, column), (bottom, _) in sheet.merged_cell_ranges or []:
        for row in range(top + 1, min(bottom, top + _LONGEST_MERGE) + 1):
            going_on.setdefault(row + 1, []).append(column - left)
    above: list[str] = []
    for line, cells in enumerate(sheet.iter_rows(), first):
        texts = [cell if type(cell) is str else text_of(cell) for cell in cells]
        for column in going_on.get(line, ()):
            if 0 <= column < len(texts) and not texts[column] and above:
                texts[column] = above[column]
        above = texts
        yield texts


def text_of(cell: object) -> str:
    """A cell that is no text as it would be typed."""
    match cell:
        case bool():
            return str(cell).upper()
        case float() if cell.is_integer() and abs(cell) < 1e16:
            return str(int(cell))
        case datetime() if cell.time() == time(0):
            return cell.date().isoformat()
        case datetime() | date() | time():
            return cell.isoformat()
        case None:
            return ""
        case _:
            return str(cell)


def _send(frame: tuple[str] | tuple[str, str] | tuple[str, int, list[list[str]]]) -> None:
    content = marshal.dumps(frame)
    sys.stdout.buffer.write(_FRAME.pack(len(content)) + content)


if __name__ == "__main__":
    main()
