"""Workbooks (.xlsx): looked at before they are opened, and read by a process of its own that may use only so much memory and time.

A workbook is a ZIP file of XML from a stranger: a few kilobytes may unpack to gigabytes, and one cell far out makes a table of ten
thousand million. What the reader (calamine) does with such a file it does in its own process, whose end is told as a sentence.
"""

from __future__ import annotations

import marshal
import re
import struct
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import IO

from subscribers.errors import InputError
from subscribers.importing.table import Chunk, Table

MOST_UNPACKED = 1_000_000_000
MOST_PARTS = 2_000
MOST_RATIO = 200
MEMORY_BYTES = 2_000_000_000
CPU_SECONDS = 120
_SMALL = 10_000_000  # What unpacks to less than this is harmless at any ratio.
_MACROS = re.compile(r"(?:^|/)(?:vbaProject\.bin|macrosheets/)", re.IGNORECASE)
_DECLARATION = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_OTHERS = {
    "word/document.xml": "a Word file",
    "ppt/presentation.xml": "a PowerPoint file",
    "xl/workbook.bin": "a binary workbook (.xlsb)",
}
_FRAME = struct.Struct("<I")


def check_workbook(path: Path, name: str) -> None:
    """InputError for a ZIP file that is no workbook, or one that should not be opened: with macros, entities, or far too large inside."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            names = {part.filename for part in parts}
            if "xl/workbook.xml" not in names:
                raise InputError(_not_a_workbook(name, names))
            if any(map(_MACROS.search, names)):
                raise InputError(f"{name}: the workbook contains macros. Save it as .xlsx, without them, and import that.")
            unpacked, packed = sum(part.file_size for part in parts), sum(part.compress_size for part in parts)
            if unpacked > MOST_UNPACKED or len(parts) > MOST_PARTS or (unpacked > _SMALL and unpacked > MOST_RATIO * packed):
                raise InputError(
                    f"{name}: the workbook unpacks to {unpacked:,} octets in {len(parts):,} parts, which no list of addresses does. "
                    "Copy the rows into a new workbook."
                )
            for part in parts:
                if part.filename.endswith((".xml", ".rels")):
                    with archive.open(part) as content:
                        if _DECLARATION.search(content.read(4096).replace(b"\0", b"")):
                            raise InputError(
                                f"{name}: {part.filename} declares entities, as no spreadsheet does. Do not open this file."
                            )
    except (
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        EOFError,
        OSError,
        ValueError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise InputError(
            f"{name}: the workbook is damaged or cut off: {error}. Open it, save it again as .xlsx, and import that."
        ) from error


def _not_a_workbook(name: str, names: set[str]) -> str:
    for part, what in _OTHERS.items():
        if part in names:
            return f"{name}: this is {what}, not a workbook. Save the list as .xlsx or .csv."
    if "mimetype" in names or "content.xml" in names:
        return f"{name}: this is an OpenDocument file. Save it as .xlsx or .csv."
    lists = sorted(one for one in names if one.lower().endswith((".csv", ".txt", ".xlsx")))
    holds = f", with {', '.join(lists[:5])} in it" if lists else ""
    return f"{name}: this is a ZIP archive{holds}. Unpack it and import the files one by one."


def read_workbook(path: Path, name: str) -> Iterator[Table]:
    """The sheets, one after the other; what nobody reads of one is passed over. Of hidden ones the title alone."""
    command = [sys.executable, "-m", "subscribers.importing.sheets", str(path), str(MEMORY_BYTES), str(CPU_SECONDS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as reader:
        assert reader.stdout is not None
        try:
            frames = _frames(reader.stdout)
            for frame in frames:
                match frame:
                    case ("sheet", str(title)):
                        yield Table(_chunks(frames), title=title)
                    case ("hidden", str(title)):
                        yield Table(iter(()), title=title, hidden=True)
                    case ("error", str(why)):
                        raise InputError(f"{name}: {why}")
                    case ("end",):
                        return
            raise InputError(
                f"{name}: the workbook needs more memory or time than {MEMORY_BYTES // 1_000_000:,} MB and {CPU_SECONDS} s. "
                "Copy the rows into a new workbook."
            )
        finally:
            reader.kill()


def _chunks(frames: Iterator[tuple[object, ...]]) -> Iterator[Chunk]:
    for frame in frames:
        match frame:
            case ("rows", int(first), list(rows)):
                yield Chunk([line for line, _ in zip(count(first), rows, strict=False)], rows)
            case _:
                return


def _frames(stream: IO[bytes]) -> Iterator[tuple[object, ...]]:
    while head := stream.read(_FRAME.size):
        (size,) = _FRAME.unpack(head)
        content = stream.read(size)
        if len(content) < size:
            return
        yield marshal.loads(content)  # noqa: S302 - from the process that we have started, by the same Python
