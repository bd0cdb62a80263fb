"""Addresses never to be written to, from a file: any list that can be imported, or hashes, as another system hands them on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from subscribers.address import Address, parse_address
from subscribers.errors import InputError
from subscribers.importing.cells import addresses_in
from subscribers.importing.columns import find_columns
from subscribers.importing.formats import tables_of
from subscribers.importing.source import Source, text_of
from subscribers.importing.table import Chunk

_SAMPLE_ROWS = 1_000
_HASH = re.compile(r"(?:sha256:)?(?P<hex>[0-9a-f]{64})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Unwanted:
    """An address, or no more of it than its hash."""

    address_hash: bytes
    address: str | None

    @classmethod
    def of(cls, address: Address) -> Unwanted:
        """An address that is known."""
        return cls(address.hash, address.written)


@dataclass(frozen=True, slots=True)
class UnwantedFile:
    """What a file holds, and what is wrong with its other lines."""

    unwanted: list[Unwanted]
    rejects: list[str]


def parse_unwanted(text: str) -> Unwanted:
    """An address, or `sha256:` with 64 hexadecimal digits. InputError for anything else."""
    if hashed := _HASH.fullmatch(text.strip()):
        return Unwanted(bytes.fromhex(hashed["hex"]), None)
    return Unwanted.of(parse_address(text))


def read_unwanted(source: Source) -> UnwantedFile:
    """The addresses or hashes of a file. InputError where there are none."""
    found = UnwantedFile([], [])
    first = source.head.split(b"\n", 1)[0].decode("ascii", "replace").strip()
    for line, cells in _hashes(source) if _HASH.fullmatch(first) else _cells(source):
        for cell in cells:
            try:
                found.unwanted.append(parse_unwanted(cell))
            except InputError as error:
                found.rejects.append(f"{source.name}:{line}: {error}")
    if not found.unwanted and not found.rejects:
        raise InputError(
            f"{source.name}: there are no addresses in it. Give a file with one a line, or with a column called 邮箱."
        )
    return found


def _hashes(source: Source) -> Iterator[tuple[int, list[str]]]:
    with text_of(source, source.guess()) as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield number, [line]


def _cells(source: Source) -> Iterator[tuple[int, list[str]]]:
    for table in tables_of(source):
        first = next(table.chunks, Chunk((), ()))
        columns = find_columns(first.rows[:_SAMPLE_ROWS], table.header, {}, source.name)
        if columns is None:
            continue
        begin = Chunk(first.lines[columns.rows_above :], first.rows[columns.rows_above :])
        for chunk in chain([begin], table.chunks):
            for line, row in zip(chunk.lines, chunk.rows, strict=True):
                cell = row[columns.address] if columns.address < len(row) else ""
                if cell.strip():
                    yield line, _texts(cell)


def _texts(cell: str) -> list[str]:
    try:
        return [found.text for found in addresses_in(cell)]
    except InputError:
        return [cell]  # It is refused, in the words of whoever reads addresses.
