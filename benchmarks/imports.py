"""Importing a list of a million members, and the same list again, against PostgreSQL's own COPY of the bare file.

Ours: what `jianbao subscriber import FILE --list …` does, in a process of its own, from the first octet read to the commit: every address
checked, doubtful ones named, institutes found or made, each address once, suppressions asked, subscribers, subscriptions and a line of the
consent ledger for each, all in one transaction. The peak of memory is that process's. Then the same file once more, with nothing to change.
Reference: COPY of the same file into a table with a primary key, a unique address and an index on the institute, and nothing else: one
table and three indexes where we fill three tables and seven. `copy_heap` is COPY into an unlogged table without any index, for the record.

Workbooks: reading and checking every row of an .xlsx of a tenth as many (at most 100,000) members, in its guarded process, against the bare
reader (calamine) that hands out the cells in ours.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import xlsxwriter
from python_calamine import CalamineWorkbook

from benchmarks.figures import CannotMeasure, Figure, Pair, Report, in_turns, rounded
from benchmarks.member_list import HEADING, copy_in, empty, make_bare_table, members, write_members
from benchmarks.office import Office, open_office
from benchmarks.options import Options
from subscribers import store
from subscribers.db import transaction
from subscribers.importing.collector import without_collector
from subscribers.importing.reading import parts_of
from subscribers.importing.source import look_at

RECIPIENTS = 1_000_000
MOST_MEGABYTES = 300
_WORKBOOK_ROWS = 100_000
_TABLES = ("subscriber", "subscription", "consent", "institute", "institute_name", "import_batch", "import_change")


@dataclass(frozen=True, slots=True)
class _Run:
    first: float
    again: float
    megabytes: float


@dataclass(frozen=True, slots=True)
class _Copied:
    keyed: float
    heap: float


def run(options: Options) -> Report:
    """Seconds for the whole list."""
    with open_office() as office:
        path = office.folder / "members.csv"
        write_members(path, options.recipients)
        make_bare_table(office.services.engine)
        with transaction(office.services.engine) as connection:
            store.create_list(connection, "imported", "imported")
        measured = in_turns(
            options.pairs,
            lambda: _import_twice(office, path, options.recipients),
            lambda: _copy(office, path),
            lambda ours, copied: (
                f"{ours.first:.2f} s, again {ours.again:.2f} s, against {copied.keyed:.2f} s; {ours.megabytes:.0f} MB"
            ),
        )
        workbooks = _workbooks(office.folder / "members.xlsx", min(_WORKBOOK_ROWS, options.recipients), options.pairs)
    figures = (
        Figure("import", "import the list", "s", tuple(Pair(o.first, r.keyed) for o, r in measured), most=5.0),
        Figure("again", "import it again", "s", tuple(Pair(o.again, r.keyed) for o, r in measured), most=3.0),
        Figure("memory", "peak of memory", "MB", tuple(Pair(o.megabytes, MOST_MEGABYTES) for o, _ in measured), most=1.0),
        Figure("workbook", "read a workbook", "s", workbooks, most=1.5),
    )
    heap = min(copied.heap for _, copied in measured)
    return Report("import", figures, {"recipients": options.recipients, "copy_heap": rounded(heap)})


def _import_twice(office: Office, path: Path, number: int) -> _Run:
    empty(office.services.engine, *_TABLES)
    first, megabytes = _import(office, path, "created", number)
    again, more = _import(office, path, "unchanged", number)
    return _Run(first, again, max(megabytes, more))


def _import(office: Office, path: Path, what: str, number: int) -> tuple[float, float]:
    url = office.services.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "benchmarks.one_import", url, str(path), "imported"]
    done = subprocess.run(command, env=office.environment, capture_output=True, text=True, check=False)
    said = json.loads(done.stdout) if done.returncode == 0 else {}
    if said.get(what) != number:
        raise CannotMeasure(f"the import did not do its work: {done.stdout[-300:]}{done.stderr[-300:]}")
    return said["seconds"], said["megabytes"]


def _copy(office: Office, path: Path) -> _Copied:
    engine = office.services.engine
    copied = _Copied(copy_in(engine, path, "bare"), copy_in(engine, path, "heap"))
    empty(engine, "bare", "heap")
    return copied


def _workbooks(path: Path, number: int, pairs: int) -> tuple[Pair, ...]:
    with xlsxwriter.Workbook(path, {"constant_memory": True}) as workbook:
        sheet = workbook.add_worksheet()
        for row, cells in enumerate([HEADING, *members(number)]):
            for column, cell in enumerate(cells):
                sheet.write_string(row, column, cell)
    measured = in_turns(
        pairs,
        lambda: _read(path, number),
        lambda: _read_barely(path, number),
        lambda ours, reference: f"{ours:.2f} s against {reference:.2f} s",
    )
    return tuple(Pair(ours, reference) for ours, reference in measured)


def _read(path: Path, number: int) -> float:
    began = time.perf_counter()
    with without_collector():  # as an import does
        entries = sum(checked.entries for part in parts_of(look_at(path), {}) for checked in part.chunks)
    seconds = time.perf_counter() - began
    if entries != number:
        raise CannotMeasure(f"{entries} of {number} rows were read.")
    return seconds


def _read_barely(path: Path, number: int) -> float:
    began = time.perf_counter()
    rows = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
    seconds = time.perf_counter() - began
    if len(rows) != number + 1:
        raise CannotMeasure(f"{len(rows)} rows were read.")
    return seconds
