"""Checked lines on their way into a table of this transaction alone, by COPY, while the file is still being read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from sqlalchemy import Connection, text

from subscribers.errors import InputError
from subscribers.importing.collector import without_collector
from subscribers.importing.institute_cells import NewName
from subscribers.importing.reading import Part
from subscribers.importing.rows import STAGED, Reject, Remark

MOST_REJECTS = 100_000
_MOST_REMARKS = 100_000

# No address holds a backslash, which is the one sign that the cast to octets would take for more than itself.
CREATE = text("""
    CREATE TEMP TABLE staged (
        number integer GENERATED ALWAYS AS IDENTITY (CACHE 1000),
        hash bytea NOT NULL GENERATED ALWAYS AS (sha256(CAST(canonical AS bytea))) STORED,
        sheet smallint NOT NULL, line integer NOT NULL, address text NOT NULL, canonical text NOT NULL, name text, role text,
        institute_key text, rank smallint, language text, phone text, fields jsonb, wish text, suppressed text, since timestamptz,
        until timestamptz, why text
    ) ON COMMIT DROP""")
_COPY = f"COPY staged ({', '.join(STAGED)}) FROM STDIN (FORMAT text, NULL '')"


@dataclass(slots=True)
class Staging:
    """What was read: how many addresses, rejects and remarks, the institutes by key, notes, and the sheets' titles."""

    entries: int = 0
    rejects: list[Reject] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    institutes: dict[str, NewName] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    sheets: dict[int, str | None] = field(default_factory=dict)


def stage(connection: Connection, parts: Iterable[Part], tell: Callable[[int], None]) -> Staging:
    """Put all that can go in into the table `staged`; `tell` hears how many rows were read.

    InputError where hardly a row can go in: whoever gives the wrong file or column is told so before it is read to its end.
    """
    connection.execute(CREATE)
    staging = Staging()
    driver = connection.connection.driver_connection
    assert driver is not None
    with without_collector(), driver.cursor() as cursor, cursor.copy(_COPY) as copy:
        for part in parts:
            staging.notes += [f"{part.title}: {note}" if part.title else note for note in part.columns.notes]
            staging.sheets[part.number] = part.title
            for checked in part.chunks:
                if checked.lines:
                    copy.write(checked.lines)
                staging.entries += checked.entries
                staging.rejects += checked.rejects
                staging.remarks += checked.remarks[: _MOST_REMARKS - len(staging.remarks)]
                for one in checked.institutes:
                    staging.institutes.setdefault(one.key, one)
                if len(staging.rejects) > MOST_REJECTS:
                    first = staging.rejects[0]
                    raise InputError(
                        f"more than {MOST_REJECTS:,} rows cannot go in; line {first.line}: {first.reason} "
                        f"Is {first.column!r} the column of the addresses?"
                    )
                tell(staging.entries + len(staging.rejects))
    return staging
