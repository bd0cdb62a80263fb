"""`jianbao subscriber import` and `jianbao import`: lists from files, and taking an import back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import rich_click as click
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from mailer import exchanges
from mailer.bootstrap import Services, provider_table
from mailer.cli import EXIT_INPUT, EXIT_NO, known
from mailer.cli.counting import counting
from mailer.cli.output import actor, changing, dry_run_option, json_option, local_time, note, print_json, print_table, services
from subscribers import store
from subscribers.db import begun_anew, transaction
from subscribers.errors import InputError, ServiceError, first_line
from subscribers.importing import batches
from subscribers.importing.batches import ImportRecord, Undone
from subscribers.importing.headers import Field, chosen_columns
from subscribers.importing.rejects import write_rejects
from subscribers.importing.run import Order, Outcome, run_import
from subscribers.importing.source import look_at
from subscribers.models import ImportMode

_SHOWN = 20
_MAP = f"Which column holds what: {', '.join(Field)}, or field.NAME for one of your own; - leaves a column out."
_ALREADY = {
    "unsubscribed": "has left",
    "hard_bounce": "the address does not exist",
    "soft_bounce": "the mailbox has refused mail for long",
    "complaint": "has complained",
    "refused": "refused our mail",
    "erased": "was erased",
    "staff": "blocked by staff",
    "merged": "is an address of before; its owner's record has another one now, or another state",
}


class _Rehearsed(Exception):
    """Ends a transaction whose outcome is only to be shown."""


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--list", "slug", required=True, help="The list that they come on.", shell_complete=known.lists)
@click.option("--update", is_flag=True, help="Fill and change what is known of addresses that are there already.")
@click.option("--sync", is_flag=True, help="As --update, and whoever is not in the file is unsubscribed; asks first.")
@dry_run_option
@click.option("--strict", is_flag=True, help="Import nothing where a row cannot go in.")
@click.option("--map", "choices", multiple=True, metavar="COLUMN=FIELD", help=_MAP)
@click.option("--consent", metavar="TEXT", help="How they have agreed, for the ledger; a list with double opt-in wants it.")
@click.option(
    "--online", is_flag=True, help="Ask the DNS afterwards, for some seconds, which domains of the list take no mail."
)
@click.option("--rejects", type=click.Path(path_type=Path, dir_okay=False), help="Write the rows that cannot go in there.")
@click.option("--yes", is_flag=True, help="Do not ask before --sync unsubscribes anybody.")
@json_option
def import_file(
    file: Path,
    slug: str,
    update: bool,
    sync: bool,
    dry_run: bool,
    strict: bool,
    choices: tuple[str, ...],
    consent: str | None,
    online: bool,
    rejects: Path | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Put the addresses of a file on a list: CSV, XLSX, JSON, vCard or a plain list, in any encoding met in China.

    Good rows go in; those that cannot are named with the reason, and the exit code is 1. Whoever has left or is suppressed stays away.

    Example: `jianbao subscriber import 通讯录.xlsx --list members --rejects 待改.csv`
    """
    mode = ImportMode.SYNC if sync else ImportMode.UPDATE if update else ImportMode.NEW
    source = look_at(file)
    if rejects is not None and rejects.exists() and rejects.samefile(file):
        raise InputError(f"{rejects}: --rejects would write over the list itself. Name another file.")
    with services() as opened, explained(source.name):
        with transaction(opened.engine) as connection:
            list_id = store.find_list(connection, slug)
        order = Order(source, list_id, mode, actor(), chosen_columns(choices), consent)
        agreed = None
        if sync and not dry_run:
            agreed = _ask(begun_anew(lambda: _run(opened.engine, order, keep=False)), slug, yes=yes)
        outcome = begun_anew(
            lambda: _run(opened.engine, order, keep=not dry_run, strict=strict, rejects=rejects, agreed=agreed)
        )
        if online and not dry_run:
            _doubt_domains(opened, list_id)
    nothing = _is_refused(outcome, strict=strict)
    _report(outcome, slug, as_json=as_json, dry_run=dry_run, nothing=nothing)
    if outcome.rejects:
        sys.exit(EXIT_INPUT if nothing else EXIT_NO)


def _run(
    engine: Engine, order: Order, *, keep: bool, strict: bool = False, rejects: Path | None = None, agreed: int | None = None
) -> Outcome:
    """Import in one transaction, which is kept where `keep` says so and nothing speaks against it."""
    outcome: Outcome | None = None
    try:
        with counting(f"importing {order.source.name}") as tell, transaction(engine) as connection:
            outcome = run_import(connection, order, tell)
            if agreed is not None and outcome.unsubscribed > agreed:
                raise InputError(
                    f"{outcome.unsubscribed} would go now, and not {agreed}: the list has changed. Nothing was done; begin again."
                )
            if rejects is not None and outcome.rejects:
                write_rejects(rejects, outcome.rejects)
            if not keep or _is_refused(outcome, strict=strict):
                raise _Rehearsed
    except _Rehearsed:
        pass
    assert outcome is not None
    return outcome


def _is_refused(outcome: Outcome, *, strict: bool) -> bool:
    """Whether nothing goes in: no row can, or with `strict` not every one."""
    return bool(outcome.rejects) and (strict or outcome.rejected == outcome.rows)


def _doubt_domains(opened: Services, list_id: int) -> None:
    """Name the domains that take no mail: a doubt, and no rejection."""
    exchanges.recognise(opened.engine, [list_id], provider_table(opened.settings))
    with transaction(opened.engine) as connection:
        lost = [domain for domain, takes in sorted(exchanges.takes_mail(connection, list_id).items()) if not takes]
    for domain in lost[:_SHOWN]:
        note(f"{domain}: the DNS knows no server that takes mail for it. `jianbao list doubts` names the addresses.")
    if len(lost) > _SHOWN:
        note(f"… and {len(lost) - _SHOWN} more domains.")


def _ask(rehearsed: Outcome, slug: str, *, yes: bool) -> int | None:
    """How many may go, where somebody was asked. InputError unless they may."""
    if not rehearsed.unsubscribed or yes:
        return None if yes else 0
    for line in rehearsed.notes:  # The sheet that was left out may be the one that has them.
        note(line)
    question = f"{rehearsed.unsubscribed} are on list {slug} and not in the file. Unsubscribe them?"
    if not sys.stdin.isatty():
        raise InputError(f"{question} Nobody can be asked here: say --yes, or leave --sync out. Nothing was changed.")
    if not click.confirm(question, err=True):
        raise InputError("nothing was changed.")
    return rehearsed.unsubscribed


@contextmanager
def explained(name: str) -> Iterator[None]:
    """What the database could not do as a ServiceError."""
    try:
        yield
    except (DBAPIError, psycopg.Error) as error:  # COPY raises the driver's own.
        said = first_line((error.orig or error) if isinstance(error, DBAPIError) else error)
        cure = "make room on its disk, and import it again" if "No space left" in said else "import it again"
        raise ServiceError(f"{name}: the database could not take the import: {said}. Nothing was changed; {cure}.") from error


def _report(outcome: Outcome, slug: str, *, as_json: bool, dry_run: bool, nothing: bool) -> None:
    for line in outcome.notes:
        note(line)
    for one in outcome.rejects[:_SHOWN]:
        note(f"{_place(one.sheet, one.line)}: {one.reason}")
    for left in outcome.left_alone[:_SHOWN]:
        note(f"{_place(left.sheet, left.line)}: {left.address} is left as it is: {_ALREADY.get(left.reason, left.reason)}.")
    for remark in [one for one in outcome.warnings if one.kind != "role"][:_SHOWN]:
        meant = f" Is {remark.proposal} meant?" if remark.proposal else ""
        note(f"{_place(remark.sheet, remark.line)}: {remark.address}: {remark.why}.{meant}")
    offices = sum(one.kind == "role" for one in outcome.warnings)
    if offices:
        note(f"{offices} addresses are offices' mailboxes, where whoever works there may leave the list for all.")
    if as_json:
        print_json({**_document(outcome), "dry_run": dry_run})
        return
    for name, number in (("more rejects", outcome.rejected), ("more rows left as they are", outcome.suppressed)):
        if number > _SHOWN:
            note(f"… and {number - _SHOWN} {name}; --json has all, --rejects FILE writes what cannot go in.")
    note(_sentence(outcome, slug, dry_run=dry_run, nothing=nothing))


def _document(outcome: Outcome) -> dict[str, object]:
    document = {name: getattr(outcome, name) for name in outcome.__slots__}
    document["rejects"] = [
        {"line": one.line, "address": one.address, "reason": one.reason, "column": one.column, "sheet": one.sheet}
        for one in outcome.rejects
    ]
    return document


def _sentence(outcome: Outcome, slug: str, *, dry_run: bool, nothing: bool) -> str:
    if nothing:
        return f"nothing was changed: {outcome.rejected} of {outcome.rows} rows cannot go in."
    gone = f", {outcome.unsubscribed} unsubscribed" if outcome.unsubscribed else ""
    counts = (
        f"{outcome.rows} rows: {outcome.created} newly on list {slug}, {outcome.updated} changed, {outcome.unchanged} unchanged, "
        f"{outcome.suppressed} left as they are, {outcome.rejected} rejected{gone}."
    )
    return (
        f"would be: {counts} Nothing was changed." if dry_run else f"{counts} `jianbao import undo {outcome.id}` takes it back."
    )


def _place(sheet: str | None, line: int) -> str:
    return f"{sheet}, row {line}" if sheet else f"line {line}"


@click.group("import")
def imports() -> None:
    """Imports on record. Example: `jianbao import list`."""


@imports.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the latest imports.

    Example: `jianbao import list`
    """
    with services() as opened, transaction(opened.engine) as connection:
        records = batches.list_imports(connection)
    if as_json:
        print_json(records)
    elif records:
        zone = opened.settings.zone
        rows = [
            (one.id, local_time(one.started_at, zone), one.file, one.list, *_numbers(one), "undone" if one.undone_at else "")
            for one in records
        ]
        heads = ("id", "at", "file", "list", "rows", "created", "rejected", "")
        print_table(heads, rows, numbers=frozenset({"id", "rows", "created", "rejected"}))
    else:
        note("there was no import yet. `jianbao subscriber import FILE --list members` is one.")


def _numbers(record: ImportRecord) -> tuple[int, ...]:
    return tuple(record.counts.get(name, 0) for name in ("rows", "created", "rejected"))


@imports.command()
@click.argument("import_id", type=int, metavar="ID")
@json_option
def show(import_id: int, as_json: bool) -> None:
    """Show one import: whose file, what it did, what it rejected.

    Example: `jianbao import show 1`
    """
    with services() as opened, transaction(opened.engine) as connection:
        record = batches.find_import(connection, import_id)
    if as_json:
        print_json(record)
        return
    zone = opened.settings.zone
    rows: list[tuple[object, object]] = [
        ("file", record.file),
        ("SHA-256", record.sha256),
        ("list", record.list),
        ("mode", record.mode),
        ("by", record.actor),
        ("at", local_time(record.started_at, zone)),
        *((name.replace("_", " "), number) for name, number in record.counts.items()),
    ]
    if record.undone_at:
        rows.append(("taken back", f"{local_time(record.undone_at, zone)} by {record.undone_by}"))
    print_table(("import", str(import_id)), rows)
    for one in record.rejects[:_SHOWN]:
        note(f"line {one['line']}: {one['reason']}")


@imports.command()
@click.argument("import_id", type=int, metavar="ID")
@dry_run_option
@json_option
def undo(import_id: int, dry_run: bool, as_json: bool) -> None:
    """Take an import back whole. What was changed since is named and left.

    Example: `jianbao import undo 1`
    """
    with services() as opened, counting(f"taking import {import_id} back"):
        undone = begun_anew(lambda: _undone(opened, import_id, dry_run=dry_run))
    for kept in undone.kept[:_SHOWN]:
        note(f"left: {kept.kind} {kept.what}: {kept.why}.")
    if len(undone.kept) > _SHOWN:
        note(f"… and {len(undone.kept) - _SHOWN} more; --json has all.")
    if as_json:
        print_json({**{name: getattr(undone, name) for name in undone.__slots__}, "dry_run": dry_run})
        return
    note(
        f"taken back: {undone.subscriptions} subscriptions, {undone.subscribers} subscribers and "
        f"{undone.institutes} institutes removed, {undone.restored} records and {undone.resubscribed} subscriptions as they were, "
        f"{len(undone.kept)} left."
    )


def _undone(opened: Services, import_id: int, *, dry_run: bool) -> Undone:
    with changing(opened, dry_run=dry_run) as connection:
        return batches.undo(connection, import_id, actor())
