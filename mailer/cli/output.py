"""How commands speak: the result on stdout, as tables for people or as JSON for scripts; everything else on stderr."""

from __future__ import annotations

import csv
import getpass
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from enum import Enum
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import rich_click as click
import structlog
from psycopg.errors import InsufficientPrivilege, NumericValueOutOfRange
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection
from sqlalchemy.exc import DataError, OperationalError, ProgrammingError

from mailer.bootstrap import Services, open_services
from mailer.logs import log_only_trouble
from mailer.settings import Settings, read_settings
from subscribers.db import transaction
from subscribers.errors import InputError, ServiceError, first_line
from subscribers.importing.cells import FORMULAS_BEGIN
from subscribers.writing import whole_file

F = TypeVar("F", bound=Callable[..., Any])
_ROWS_AT_ONCE = 1000  # which take a second or two


def json_option(command: F) -> F:
    """Adds `--json`, which every command that prints something takes."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts instead of text for people.")(command)


def dry_run_option(command: F) -> F:
    """Adds `--dry-run`, which every command that changes more than one row takes."""
    return click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")(command)


def yes_option(command: F) -> F:
    """Adds `--yes`, which every command takes that calls `ask`."""
    return click.option("--yes", is_flag=True, help="Do not ask.")(command)


def ask(question: str, *, yes: bool) -> None:
    """Ask before what cannot be taken back, and end the command where the answer is no; not where `--yes` or nobody is there."""
    if not yes and sys.stdin.isatty():
        click.confirm(question, abort=True, err=True)


@contextmanager
def changing(opened: Services, *, dry_run: bool = False) -> Iterator[Connection]:
    """The transaction of a command that changes records; a dry run does all of it, and takes it back."""
    with transaction(opened.engine) as connection, connection.begin_nested() as attempt:
        yield connection
        if dry_run:
            attempt.rollback()
            note("dry run: nothing was changed. It would be:")


def actor() -> str:
    """Who is at the command line, for the records: the OS user's name, or `uid-12345` for one without a name, as containers have."""
    try:
        return getpass.getuser()  # noqa: TID251
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"


def settings() -> Settings:
    """The settings in force."""
    return read_settings(os.environ)


@contextmanager
def services(*, check_schema: bool = True) -> Iterator[Services]:
    """The services in force, for the time of a command, whose stdout is for its result.

    ServiceError where the database gives up in the middle: a full disk, a server that stops, a connection that is cut. InputError for a
    number or a text that was given and that it cannot hold.
    """
    if not structlog.is_configured():
        log_only_trouble()
    try:
        with open_services(settings(), check_schema=check_schema) as opened:
            yield opened
    except OperationalError as error:
        raise ServiceError(
            f"the database gave up: {first_line(error.orig or error)}. What was under way was not done; try again."
        ) from error
    except ProgrammingError as error:
        if not isinstance(error.orig, InsufficientPrivilege):
            raise
        raise ServiceError(
            f"the database does not let us: {first_line(error.orig or error)}. `jianbao db upgrade` and `restore` need the owner's "
            "role; the program's needs its GRANTs anew after either (docs/operators.md)."
        ) from error
    except DataError as error:
        if not isinstance(error.orig, NumericValueOutOfRange):
            raise
        raise InputError(f"a number that was given is larger than any here can be: {error.orig}. Check it.") from error
    except UnicodeEncodeError as error:  # The system hands on whatever octets it is given.
        raise InputError(f"{error.object!r} is not in UTF-8, as everything here is. Set the terminal to it.") from error


def console() -> Console:
    """A console on stdout; 80 columns wide where nobody says otherwise. It shows `:100:` of an IP address as it is."""
    width = None if os.environ.get("COLUMNS") or os.isatty(1) else 80
    return Console(width=width, highlight=False, markup=False, emoji=False)


def note(message: str) -> None:
    """A message to the person, on stderr."""
    click.echo(message, err=True)


def print_json(document: object) -> None:
    """One JSON document on a line of its own, Chinese as it is."""
    click.echo(json_text(document))


def json_text(document: object, *, indent: int | None = None) -> str:
    """A document as JSON, Chinese as it is."""
    return json.dumps(document, ensure_ascii=False, default=_plain, indent=indent)


def print_table(heads: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: frozenset[str] = frozenset()) -> None:
    """A table whose columns stay in line when they hold Chinese; `numbers` names the columns to align right.

    A long one is begun anew after a thousand rows, so that it is not held as a whole, and nobody waits for its end to see its first line.
    """
    left, on = iter(rows), console()
    portion = list(islice(left, _ROWS_AT_ONCE))
    while True:
        table = Table(box=SIMPLE, pad_edge=False, show_edge=False)
        for head in heads:
            table.add_column(head, justify="right" if head in numbers else "left", overflow="fold")
        for row in portion:
            table.add_row(*("" if cell is None else _inert(str(cell)) for cell in row))
        on.print(table)
        if not (portion := list(islice(left, _ROWS_AT_ONCE))):
            return


def _inert(cell: str) -> str:
    """A cell whose letters a terminal shows and does not obey: what strangers wrote may hold escape sequences, or turn lines around."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "\N{REPLACEMENT CHARACTER}" for letter in cell)


def local_time(moment: datetime | None, zone: ZoneInfo) -> str:
    """A moment as people read it, in the configured zone; empty where there is none."""
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def local_day(moment: datetime | None, zone: ZoneInfo) -> str:
    """Its day alone."""
    return local_time(moment, zone)[:10]


def write_sheet(path: Path, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file of which no cell is a formula, with the mark without which Excel takes UTF-8 for GBK."""
    with whole_file(path, encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow(heads)
        for row in rows:
            writer.writerow(["" if cell is None else _harmless(str(cell)) for cell in row])


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULAS_BEGIN) else cell


def _plain(value: object) -> object:
    match value:
        case datetime() | date():
            return value.isoformat()
        case Enum():
            return value.value
        case _ if is_dataclass(value) and not isinstance(value, type):
            return asdict(value)
        case _:
            return str(value)
