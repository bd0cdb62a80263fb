"""What an export holds, as statements for COPY: the database makes the lines, and they go by in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
from psycopg import sql
from sqlalchemy import Connection, Select, column, insert, table, text

OWN_FIELD = "field."
COLUMNS = {
    "address": "s.address",
    "name": "s.name",
    "role": "s.role",
    "rank": "s.rank",
    "language": "s.language",
    "phone": "s.phone",
    "institute": "i.name",
    "province": "i.province",
    "city": "i.city",
    "institute_kind": "i.kind",
    "membership_number": "i.membership_number",
}
_UTC = """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
ON_A_LIST = {"state": "x.state", "since": _UTC.format("x.since")}
# What is for every list stands before what is for this one; whoever was disabled is written to no more than who is suppressed.
SUPPRESSED = {
    "suppressed": "coalesce(g.reason, 'list:' || h.reason, CASE WHEN s.state = 'disabled' THEN 'staff' END)",
    "suppressed_until": _UTC.format("CASE WHEN g.reason IS NULL THEN h.until ELSE g.until END"),
    "suppressed_why": "CASE WHEN g.reason IS NULL THEN h.evidence ELSE g.evidence END",
}
# Signs that JSON never holds as they are: a line of JSON goes through the CSV form of COPY untouched.
_QUOTE, _DELIMITER = "\x01", "\x02"
_EXPORTED = table("exported", column("id"))
_HARMLESS = frozenset({"role", "rank", "state", "since", "suppressed", "suppressed_until"})  # words of ours, and figures
_PEOPLE = """
    (SELECT * FROM subscriber WHERE state <> 'merged') s {subscription} {narrowed} LEFT JOIN institute i ON i.id = s.institute_id
    LEFT JOIN suppression g ON g.address_hash = s.address_hash AND g.list_id IS NULL AND (g.until IS NULL OR g.until > now())
    LEFT JOIN suppression h ON h.address_hash = s.address_hash AND h.list_id = {list} AND (h.until IS NULL OR h.until > now())"""
_ON_THE_LIST = "JOIN subscription x ON x.subscriber_id = s.id AND x.list_id = {}"
_FORMULA_BEGINS = "left({cell}, 1) IN ('=', '+', '-', '@', '''', chr(9), chr(13))"


@dataclass(frozen=True, slots=True)
class Selection:
    """Whom to export: those on one list, or all; and of those only the ones whose ids `chosen` selects."""

    list_id: int | None = None
    chosen: Select[int] | None = None


class Export:
    """What is to be exported, in one transaction: every look at it sees the same."""

    def __init__(self, connection: Connection, selection: Selection) -> None:
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        self._driver = driver
        self._list_id = selection.list_id
        self._narrowed = selection.chosen is not None
        if selection.chosen is not None:
            connection.execute(text("CREATE TEMP TABLE exported (id integer PRIMARY KEY) ON COMMIT DROP"))
            connection.execute(insert(_EXPORTED).from_select(["id"], selection.chosen))
        self.columns = COLUMNS | (ON_A_LIST if selection.list_id is not None else {}) | SUPPRESSED

    def own_fields(self) -> tuple[str, ...]:
        """The names of the fields that an association has made for itself."""
        query = sql.SQL("SELECT DISTINCT jsonb_object_keys(s.fields) AS name FROM {} ORDER BY name").format(self._people())
        return tuple(row[0] for row in self._driver.execute(query).fetchall())

    def json_lines(self) -> Iterator[bytes]:
        """One JSON object a line, without what is empty."""
        columns = [f"{value} AS {name}" for name, value in self.columns.items()]
        columns.append("CASE WHEN s.fields <> '{}' THEN s.fields END AS fields")
        one = sql.SQL("SELECT {} FROM {} ORDER BY s.id").format(sql.SQL(", ".join(columns)), self._people())
        query = sql.SQL("SELECT json_strip_nulls(row_to_json(r)) FROM ({}) r").format(one)
        form = sql.SQL("FORMAT csv, QUOTE {}, DELIMITER {}").format(sql.Literal(_QUOTE), sql.Literal(_DELIMITER))
        return self._copied(query, form)

    def csv_lines(self) -> Iterator[bytes]:
        """CSV with a heading, in which no cell is a formula: an apostrophe stands before what would be one."""
        return self._copied(self._rows(guarded=True), sql.SQL("FORMAT csv, HEADER"))

    def rows(self) -> Iterator[tuple[str | None, ...]]:
        """A heading, and the rows as text."""
        yield (*self.columns, *(OWN_FIELD + name for name in self.own_fields()))
        with (
            self._driver.cursor() as cursor,
            cursor.copy(sql.SQL("COPY ({}) TO STDOUT").format(self._rows(guarded=False))) as copy,
        ):
            yield from copy.rows()

    def _rows(self, *, guarded: bool) -> sql.Composed:
        cells = [(sql.SQL(value), name) for name, value in self.columns.items()]
        own = [(sql.SQL("(s.fields->>{})").format(sql.Literal(name)), OWN_FIELD + name) for name in self.own_fields()]
        shape = (
            f"CASE WHEN {_FORMULA_BEGINS} THEN '''' || {{cell}} ELSE {{cell}} END AS {{name}}"
            if guarded
            else "{cell} AS {name}"
        )
        columns = [
            sql.SQL(shape if name not in _HARMLESS else "{cell} AS {name}").format(cell=cell, name=sql.Identifier(name))
            for cell, name in [*cells, *own]
        ]
        return sql.SQL("SELECT {} FROM {} ORDER BY s.id").format(sql.SQL(", ").join(columns), self._people())

    def _people(self) -> sql.Composed:
        return sql.SQL(_PEOPLE).format(
            subscription=sql.SQL(_ON_THE_LIST).format(sql.Literal(self._list_id)) if self._list_id is not None else sql.SQL(""),
            narrowed=sql.SQL("JOIN exported e ON e.id = s.id") if self._narrowed else sql.SQL(""),
            list=sql.Literal(self._list_id),
        )

    def _copied(self, query: sql.Composed, form: sql.SQL | sql.Composed) -> Iterator[bytes]:
        with self._driver.cursor() as cursor, cursor.copy(sql.SQL("COPY ({}) TO STDOUT ({})").format(query, form)) as copy:
            for block in copy:
                yield bytes(block)
