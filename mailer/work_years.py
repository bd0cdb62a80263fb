"""The working days that staff entered, for years that the library does not know or knows wrongly."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select, text
from sqlalchemy.dialects.postgresql import insert

from mailer.models import WorkYear
from mailer.workdays import Workdays, Year

# Mailings that are closed are so by the days as they were known; the scheduler looks at them anew before it queues anything.
_LOOK_ANEW = text("UPDATE mailing SET closed_until = now() WHERE status IN ('sending', 'paused') AND closed_until > now()")


def load(connection: Connection) -> Workdays:
    """The calendar of working days as it is known now."""
    rows = connection.execute(select(WorkYear.year, WorkYear.days_off, WorkYear.days_worked))
    return Workdays(Year(row.year, frozenset(row.days_off), frozenset(row.days_worked)) for row in rows)


def enter(connection: Connection, year: Year, entered_by: str) -> None:
    """Keep a year as it was announced, in place of what was entered for it before."""
    values = {"days_off": sorted(year.off), "days_worked": sorted(year.worked), "entered_by": entered_by}
    statement = insert(WorkYear).values(year=year.year, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=[WorkYear.year], set_=values))
    connection.execute(_LOOK_ANEW)


def forget(connection: Connection, year: int) -> bool:
    """Take back what was entered for a year. Returns whether there was anything."""
    connection.execute(_LOOK_ANEW)
    return bool(connection.execute(delete(WorkYear).where(WorkYear.year == year)).rowcount)
