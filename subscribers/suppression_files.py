"""Addresses never to be written to, from a file: any list that can be imported, hashes as another system hands them on, or our own export.

Where a file has columns for the reason, the evidence, the list and the time, each row is taken with its own.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from pathlib import Path
from types import MappingProxyType

from subscribers.address import HASHED, Address, parse_address
from subscribers.errors import InputError
from subscribers.importing.cells import addresses_in, guarded, unguarded
from subscribers.importing.columns import find_columns, mentions_address
from subscribers.importing.formats import tables_of
from subscribers.importing.headers import folded
from subscribers.importing.reading import HIDDEN, PROSE
from subscribers.importing.source import Source, text_of
from subscribers.importing.standings import moment_of
from subscribers.importing.states import LEFT, standing_of
from subscribers.importing.table import Chunk, Row
from subscribers.models import SuppressionReason
from subscribers.suppression import SuppressionRecord
from subscribers.writing import whole_file

ENDINGS = (".csv", ".jsonl")
_HASH = re.compile(rf"(?:{HASHED})?(?P<hex>[0-9a-f]{{64}})", re.IGNORECASE)
_COLUMNS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "sha256": ("sha256", "hash", "addresshash"),
        "list": ("list", "列表", "名单"),
        "reason": ("reason", "原因", "suppressed"),
        "evidence": ("evidence", "依据", "凭据", "suppressedwhy"),
        "since": ("since", "起始时间", "起始日期"),
        "until": ("until", "截止时间", "截止日期", "suppresseduntil"),
    }
)
_TOLD_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Unwanted:
    """An address, or no more of it than its hash; and what its row says of why, for which list (a slug) and how long."""

    address_hash: bytes
    address: str | None
    reason: SuppressionReason | None = None
    evidence: str | None = None
    list: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @classmethod
    def of(cls, address: Address) -> Unwanted:
        """An address that is known."""
        return cls(address.hash, address.written)


@dataclass(frozen=True, slots=True)
class UnwantedFile:
    """What a file holds, what is wrong with its other lines, and notes on how it was understood."""

    unwanted: list[Unwanted]
    rejects: list[str]
    notes: list[str]


def parse_unwanted(text: str) -> Unwanted:
    """An address, or `sha256:` with 64 hexadecimal digits. InputError for anything else."""
    if hashed := _HASH.fullmatch(text.strip()):
        return Unwanted(bytes.fromhex(hashed["hex"]), None)
    return Unwanted.of(parse_address(text))


def read_unwanted(
    source: Source, tell: Callable[[int], None] = lambda _rows: None, chosen: Mapping[str, str] | None = None
) -> UnwantedFile:
    """The addresses or hashes of a file, of the column that `chosen` (what `--map` says) names; `tell` hears how many were read.

    InputError where there are none.
    """
    found = UnwantedFile([], [], [])
    first = source.head.split(b"\n", 1)[0].decode("ascii", "replace").strip()
    for line, cells, said in _hashes(source) if _HASH.fullmatch(first) else _cells(source, chosen or {}, found):
        for cell in cells:
            try:
                found.unwanted.append(_with_its_own(parse_unwanted(cell), said))
            except InputError as error:
                found.rejects.append(f"{source.name}:{line}: {error}")
            if len(found.unwanted) % _TOLD_AT_ONCE == 0:
                tell(len(found.unwanted))
    if not found.unwanted and not found.rejects:
        raise InputError(
            f"{source.name}: there are no addresses in it. Give a file with one a line, or with a column called 邮箱."
        )
    return found


def write_unwanted(path: Path, records: Iterable[SuppressionRecord], slugs: Mapping[int, str]) -> int:
    """Write suppressions to a .csv or .jsonl file, from which `read_unwanted` reads them again; how many.

    Of the erased there is a hash alone. No cell of a CSV file is a formula. OSError where it cannot be written.
    """
    lines, number = path.suffix.lower() == ".jsonl", 0
    # With the mark, without which Excel takes UTF-8 for GBK.
    with whole_file(path, encoding="utf-8" if lines else "utf-8-sig") as file:
        sheet = csv.writer(file)
        if not lines:
            sheet.writerow(("address", *_COLUMNS))
        for number, one in enumerate(records, 1):  # noqa: B007 - it is how many there were
            row = as_row(one, slugs)
            if lines:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
            else:
                sheet.writerow([guarded(row[name] or "") for name in ("address", *_COLUMNS)])
    return number


def as_row(one: SuppressionRecord, slugs: Mapping[int, str]) -> dict[str, str | None]:
    """A suppression as a row of a file; `slugs` are the lists by id."""
    return {
        "address": one.address,
        "sha256": one.address_hash.hex(),
        "list": slugs.get(one.list_id or 0),
        "reason": one.reason.value,
        "evidence": one.evidence,
        "actor": one.actor,
        "since": one.since.isoformat(),
        "until": one.until.isoformat() if one.until else None,
    }


def _with_its_own(one: Unwanted, said: Mapping[str, str]) -> Unwanted:
    if not said:
        return one
    word, evidence = said.get("reason", ""), said.get("evidence") or None
    reason = _reason(word)
    if word and reason is None:  # Words of somebody's: they are kept, whatever they mean.
        evidence = "; ".join(filter(None, (word, evidence)))
    since, until = (
        datetime.fromisoformat(at) if (at := moment_of(said.get(name, ""))) else None for name in ("since", "until")
    )
    if said.get("until") and until is None:
        raise InputError(f"{said['until']!r} is no day. Write one like 2027-01-31, or leave it empty for ever.")
    address = None if reason is SuppressionReason.ERASED else one.address
    return replace(
        one, address=address, reason=reason, evidence=evidence, list=said.get("list") or None, since=since, until=until
    )


def _reason(word: str) -> SuppressionReason | None:
    word = word.removeprefix("list:")
    if word in set(SuppressionReason):
        return SuppressionReason(word)
    standing = standing_of(word) if word else None
    return SuppressionReason.UNSUBSCRIBED if standing == LEFT else standing.suppressed if standing else None


def _hashes(source: Source) -> Iterator[tuple[int, list[str], Mapping[str, str]]]:
    with text_of(source, source.guess()) as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield number, [line], {}


def _cells(
    source: Source, chosen: Mapping[str, str], found: UnwantedFile
) -> Iterator[tuple[int, list[str], Mapping[str, str]]]:
    for table in tables_of(source):
        where = f"{source.name}, {table.title}" if table.title else source.name
        first = next(table.chunks, Chunk((), ()))
        columns = find_columns(first.sample, table.header, chosen, where)
        if columns is None:
            if table.hidden or any(map(mentions_address, chain.from_iterable(first.sample))):
                found.rejects.append(f"{where}: {HIDDEN if table.hidden else PROSE}")
            continue
        if columns.passed_over:
            taken, others = columns.names[columns.address], ", ".join(columns.passed_over)
            found.notes.append(
                f"{where}: the addresses are taken from {taken!r}, and not from {others}: --map COLUMN=address does that."
            )
        folds = [folded(name) for name in columns.names]
        places = {name: folds.index(word) for name, words in _COLUMNS.items() for word in words if word in folds}
        begin = Chunk(first.lines[columns.rows_above :], first.rows[columns.rows_above :])
        for chunk in chain([begin], table.chunks):
            for line, row in zip(chunk.lines, chunk.rows, strict=True):
                said = {name: _text(row, place, escaped=table.escaped) for name, place in places.items()}
                cell = _text(row, columns.address, escaped=table.escaped) or said.pop("sha256", "")
                if cell:
                    yield line, _texts(cell), said
                elif any(map(str.strip, row)):
                    found.rejects.append(f"{where}:{line}: there is no address. Fill it in, or take the row out.")


def _text(row: Row, place: int, *, escaped: bool) -> str:
    cell = row[place] if place < len(row) else ""
    return _storable(unguarded(cell) if escaped else cell)


def _storable(cell: str) -> str:
    """A cell as it stands, but for what a database cannot hold."""
    return cell.replace("\0", "").encode("utf-8", "ignore").decode().strip()


def _texts(cell: str) -> list[str]:
    if _HASH.fullmatch(cell):
        return [cell]
    try:
        return [found.text for found in addresses_in(cell)]
    except InputError:
        return [cell]  # It is refused, in the words of whoever reads addresses.
