"""The database as everybody reaches it: one declarative base, one way to make an engine, one transaction block."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from enum import IntEnum, unique
from typing import TypeVar

import psycopg
from psycopg.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy import URL, Connection, Engine, ExceptionContext, MetaData, create_engine, event, func, make_url, select, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from subscribers.errors import ServiceError, first_line

Result = TypeVar("Result")

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


# A machine that has gone, or its network, is noticed by the other side after half a minute. Without this a transaction that was left
# behind would keep its locks for two hours, and who waits for an answer would wait a quarter of an hour. Unix sockets need none of it.
_PROBES = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 4, "tcp_user_timeout": 30_000}


# How long a transaction of a process that nobody watches may stand idle: halted, it would hold locks that others wait for.
IDLE_SECONDS = 30


def make_engine(url: str, *, pool_size: int = 5, idle_seconds: int | None = None) -> Engine:
    """An engine for a PostgreSQL URL, in UTC, whose pooled connections are tried before use.

    A transaction that was left idle for `idle_seconds` is ended by the server: it may hold locks that others wait for. Its errors say
    nothing of what stands in rows or parameters, for they come into logs.
    """
    address = _with_psycopg(url)
    arguments = _connect_args(address, idle_seconds)
    made = create_engine(address, pool_size=pool_size, pool_pre_ping=True, hide_parameters=True, connect_args=arguments)
    event.listen(made, "handle_error", _without_rows)
    event.listen(made, "handle_error", _let_go)
    event.listen(made, "handle_error", _unavailable_where_read_only)
    return made


def make_async_engine(url: URL, *, pool_size: int = 5, idle_seconds: int | None = None) -> AsyncEngine:
    """An engine as make_engine gives it, for an event loop."""
    address = _with_psycopg(url)
    arguments = _connect_args(address, idle_seconds)
    made = create_async_engine(address, pool_size=pool_size, pool_pre_ping=True, hide_parameters=True, connect_args=arguments)
    event.listen(made.sync_engine, "handle_error", _without_rows)
    event.listen(made.sync_engine, "handle_error", _unavailable_where_read_only)
    return made


def _unavailable_where_read_only(context: ExceptionContext) -> Exception | None:
    """Take a server that only lets itself be read for one that is not there: a replica in the middle of a failover, or a full disk.

    Its connections are given up, for they would lead to it for ever; the next ones may lead to who took its place.
    """
    error = context.original_exception
    if not isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return None
    context.is_disconnect = True
    return OperationalError(context.statement, None, error, hide_parameters=True, connection_invalidated=True)


def _let_go(context: ExceptionContext) -> None:
    """Close a connection that could not be made. psycopg's error keeps it in a circle until the garbage is next looked through, and a
    server that was halted has a place for each of them when it goes on: of its hundred none may be left."""
    if context.connection is None:
        traceback.clear_frames(context.original_exception.__traceback__)


def _without_rows(context: ExceptionContext) -> None:
    """Leave of what the server says the message alone: the lines below it, DETAIL and CONTEXT, quote rows."""
    if isinstance(context.original_exception, psycopg.Error) and context.original_exception.sqlstate:
        for error in (context.original_exception, context.sqlalchemy_exception):
            if error is not None:
                error.args = (str(error.args[0]).partition("\n")[0],)


def _with_psycopg(url: str | URL) -> URL:
    """The URL as SQLAlchemy wants it. A password among the options moves to where passwords are masked, and kept from arguments."""
    made = make_url(url).set(drivername="postgresql+psycopg")
    password = made.query.get("password")
    return made.set(password=password).difference_update_query(["password"]) if isinstance(password, str) else made


def _connect_args(url: URL, idle_seconds: int | None) -> dict[str, object]:
    """What a connection is asked to be, but for what its URL says itself.

    Statements are not compiled: of tables that were just filled the planner takes so much for granted that every one would be, and what
    takes a third of a second took two. Nor are they cut short by what the server sets for everybody: a million deliveries take a while.
    """
    options = {"timezone": "UTC", "jit": "off", "statement_timeout": "0"}
    options |= {f"tcp_{name.removeprefix('tcp_')}": str(value) for name, value in _PROBES.items()}
    if idle_seconds is not None:
        options["idle_in_transaction_session_timeout"] = f"{idle_seconds}s"
    words = [f"-c {name}={value}" for name, value in options.items()]
    ours = {"application_name": "jianbao", "client_encoding": "utf8", "connect_timeout": 10, **_PROBES}
    said = url.query.get("options", "")
    return {name: value for name, value in ours.items() if name not in url.query} | {
        "options": " ".join([*words, said if isinstance(said, str) else " ".join(said)])
    }


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction that commits when the block ends and rolls back when it raises; ServiceError where nobody answers."""
    try:
        connection = engine.connect()
    except OperationalError as error:
        raise ServiceError(unreachable(engine, error)) from error
    with connection, connection.begin():
        yield connection


def begun_anew(work: Callable[[], Result]) -> Result:
    """What the work gives; where its transaction and another waited for each other, and PostgreSQL has ended ours, it begins anew."""
    while True:
        try:
            return work()
        except OperationalError as error:
            if not isinstance(error.orig, DeadlockDetected):
                raise


def waiting_for_nobody(engine: Engine) -> Engine:
    """The same, of which no transaction waits for rows that somebody else holds, as an import may for minutes: see `is_held`."""
    return waiting_no_longer(engine, 0.1)


def waiting_no_longer(engine: Engine, seconds: float) -> Engine:
    """The same, of which no transaction waits longer than that for what somebody else holds."""
    impatient = engine.execution_options()
    bound = f"SET LOCAL lock_timeout = '{seconds * 1000:.0f}ms'"
    event.listen(impatient, "begin", lambda connection: connection.exec_driver_sql(bound))
    return impatient


def is_held(error: DBAPIError) -> bool:
    """Whether it is only that somebody else holds what was asked for."""
    return isinstance(error.orig, LockNotAvailable)


def snapshot(engine: Engine) -> AbstractContextManager[Connection]:
    """A transaction that only reads, and in which every statement sees the rows of one moment."""
    return transaction(engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True))


def unreachable(engine: Engine, error: Exception) -> str:
    """What to tell somebody whose database does not answer; passwords are left out."""
    shown = engine.url.difference_update_query(["sslpassword"]).render_as_string(hide_password=True)
    return (
        f"PostgreSQL at {shown} cannot be reached: {first_line(error.__cause__ or error)}. "
        "Start it, or unset JIANBAO_DATABASE_URL to use the embedded one."
    )


def database_time(connection: Connection) -> datetime:
    """The time by the database's clock, which all machines share, as the transaction began."""
    return connection.execute(select(func.now())).scalar_one()


@unique
class Turn(IntEnum):
    """What is done by one transaction at a time, by the number of its advisory lock. The numbers are of the whole database, so that two
    that had the same one would wait for each other's work."""

    UPGRADE = 7_310_580
    BEAT = 7_310_581
    IMPORT = 7_310_582
    NEW_INSTITUTES = 7_310_583
    SIGN_UP = 7_310_584


def take_turn(connection: Connection, turn: Turn) -> None:
    """Wait until nobody else has this turn; it is ours until the transaction ends."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": turn.value})


def other_programs(connection: Connection) -> list[str]:
    """The names of the other programs that are connected to this database, each once."""
    return list(connection.execute(_OTHER_PROGRAMS).scalars())


_OTHER_PROGRAMS = text("""
    SELECT DISTINCT COALESCE(NULLIF(application_name, ''), usename, 'unknown') FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend' ORDER BY 1""")
_MAY_LEAVE_OUT = text("SELECT has_parameter_privilege(current_user, 'session_replication_role', 'SET')")


@contextmanager
def references_looked_after(connection: Connection) -> Iterator[None]:
    """Statements of many rows without the check of each reference of each row, where we may leave it out.

    It would take as long as all the rest. For statements alone whose references the same transaction has read, and made or locked; the
    other constraints hold as ever. docs/adr/0007-bulk-references.md
    """
    allowed = connection.execute(_MAY_LEAVE_OUT).scalar_one()
    if allowed:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
    yield
    if allowed:
        connection.execute(text("SET LOCAL session_replication_role = origin"))
