"""Exporting a million subscribers of a list as JSON lines, against PostgreSQL's own COPY OUT.

Ours: `write_export` into a file, everything of each record among it: name, role, institute with its place, state, suppression, own
fields. Reference: COPY TO STDOUT of the same columns of the same join as PostgreSQL's own text, written to a file as it comes.
"""

from __future__ import annotations

import time
from pathlib import Path

import psycopg
from psycopg import sql

from benchmarks.figures import CannotMeasure, Figure, Pair, Report, in_turns
from benchmarks.member_list import write_members
from benchmarks.office import Office, open_office
from benchmarks.options import Options
from subscribers import store
from subscribers.db import transaction
from subscribers.exporting.files import write_export
from subscribers.exporting.query import Export, Selection
from subscribers.importing.run import Order, run_import
from subscribers.importing.source import look_at
from subscribers.models import ImportMode

RECIPIENTS = 1_000_000
_SAME = sql.SQL("""
    COPY (SELECT s.address, s.name, s.role, s.rank, s.language, s.phone, i.name, i.province, i.city, i.kind, i.membership_number, x.state,
                 x.since, g.reason, s.fields
          FROM subscriber s JOIN subscription x ON x.subscriber_id = s.id AND x.list_id = {}
          LEFT JOIN institute i ON i.id = s.institute_id LEFT JOIN suppression g ON g.address_hash = s.address_hash
          ORDER BY s.id) TO STDOUT""")


def run(options: Options) -> Report:
    """Seconds for all of them."""
    with open_office() as office:
        list_id = _fill(office, options.recipients)
        measured = in_turns(
            options.pairs,
            lambda: _export(office, list_id, options.recipients),
            lambda: _copy_out(office, list_id),
            lambda ours, reference: f"{ours:.2f} s against {reference:.2f} s",
        )
    pairs = tuple(Pair(ours, reference) for ours, reference in measured)
    return Report(
        "export", (Figure("export", "export as JSON lines", "s", pairs, most=4.0),), {"recipients": options.recipients}
    )


def _fill(office: Office, number: int) -> int:
    path = office.folder / "members.csv"
    write_members(path, number)
    with transaction(office.services.engine) as connection:
        list_id = store.create_list(connection, "exported", "exported")
        run_import(connection, Order(look_at(path), list_id, ImportMode.NEW, "benchmark"))
    return list_id


def _export(office: Office, list_id: int, number: int) -> float:
    path = office.folder / "out.jsonl"
    began = time.perf_counter()
    with transaction(office.services.engine) as connection:
        written = write_export(Export(connection, Selection(list_id)), path)
    seconds = time.perf_counter() - began
    if written != number:
        raise CannotMeasure(f"{written} of {number} were exported.")
    return seconds


def _copy_out(office: Office, list_id: int) -> float:
    path = Path(office.folder, "out.copy")
    began = time.perf_counter()
    with transaction(office.services.engine) as connection, path.open("wb") as file:
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        with driver.cursor() as cursor, cursor.copy(_SAME.format(sql.Literal(list_id))) as copy:
            for block in copy:
                file.write(block)
    return time.perf_counter() - began
