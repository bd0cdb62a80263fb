"""The database as everybody reaches it: one declarative base, one way to make an engine, one transaction block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, Engine, MetaData, create_engine, func, make_url, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase

from subscribers.errors import ServiceError

# Constraints have names, so that a migration can speak of them on every machine.
_NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """What every table belongs to."""

    metadata = MetaData(naming_convention=_NAMING)


def make_engine(url: str, *, pool_size: int = 5) -> Engine:
    """An engine for a PostgreSQL URL, in UTC, whose pooled connections are tried before use."""
    parsed = make_url(url).set(drivername="postgresql+psycopg")
    return create_engine(
        parsed,
        pool_size=pool_size,
        pool_pre_ping=True,
        connect_args={"options": "-c timezone=UTC", "application_name": "jianbao", "connect_timeout": 10},
    )


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction that commits when the block ends and rolls back when it raises; ServiceError where nobody answers."""
    try:
        connection = engine.connect()
    except OperationalError as error:
        raise ServiceError(unreachable(engine, error)) from error
    with connection, connection.begin():
        yield connection


def unreachable(engine: Engine, error: Exception) -> str:
    """What to tell somebody whose database does not answer; the password is masked."""
    first_line = str(error.__cause__ or error).strip().splitlines()[0]
    return (
        f"PostgreSQL at {engine.url.render_as_string(hide_password=True)} cannot be reached: {first_line}. "
        "Start it, or unset JIANBAO_DATABASE_URL to use the embedded one."
    )


def database_time(connection: Connection) -> datetime:
    """The time by the database's clock, which all machines share, as the transaction began."""
    return connection.execute(select(func.now())).scalar_one()
