"""`jianbao institute`: the member institutes, and whom an issue reached there."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

import rich_click as click

from mailer import issues
from mailer.cli import EXIT_NO, known
from mailer.cli.counting import counting
from mailer.cli.options import add_options, read_fields
from mailer.cli.output import (
    actor,
    changing,
    dry_run_option,
    json_option,
    local_time,
    note,
    print_json,
    print_table,
    services,
    write_sheet,
)
from mailer.coverage import InstituteCoverage, Outcome, coverage, totals
from subscribers import memberships, searching
from subscribers.db import database_time, transaction
from subscribers.errors import InputError
from subscribers.importing.source import look_at
from subscribers.institutes import find_institute
from subscribers.models import InstituteStatus
from subscribers.roster import RosterOutcome, apply_roster, read_roster

_STATUS = click.Choice([status.value for status in InstituteStatus])
_DAY = click.DateTime(["%Y-%m-%d"])
_HEADS = ("institute", "province", "membership_number", "outcome", "by", "why")

_OPTIONS = (
    click.option("--short", "short_name", help="A short name; it finds the institute too."),
    click.option("--province", help="The province, like 云南省."),
    click.option("--city", help="The city."),
    click.option("--kind", help="What it is, like 研究所 or 大学."),
    click.option("--status", type=_STATUS, help="Whether it belongs to the association."),
    click.option("--number", "membership_number", help="Its membership number."),
    click.option("--since", type=_DAY, help="A member since, like 2012-05-01."),
    click.option("--until", type=_DAY, help="A member until."),
    click.option("--notes", help="What staff should know."),
    click.option("--field", "own", multiple=True, metavar="NAME=VALUE", help="A field of your own; NAME= takes it away."),
)


@click.group()
def institute() -> None:
    """Member institutes, found by any name that they have or had. Example: `jianbao institute coverage 2023-09`."""


@institute.command("list")
@click.option("--status", type=_STATUS, help="Those with this status.")
@click.option("--province", help="Those of this province.")
@click.option("--like", help="Those with a name like this one, slips and short forms included.")
@json_option
def list_(status: str | None, province: str | None, like: str | None, as_json: bool) -> None:
    """List institutes by province, with how many contacts can be written to.

    Example: `jianbao institute list --like 云南农科院`
    """
    with services() as opened, transaction(opened.engine) as connection, counting("looking at institutes"):
        found = memberships.institutes(connection, InstituteStatus(status) if status else None, province)
        if like:
            near = searching.institutes_like(connection, like)
            found = sorted((one for one in found if one.id in near), key=lambda one: near[one.id][0])
    if as_json:
        print_json(found)
    elif found:
        rows = [(one.name, one.province, one.status, one.membership_number, one.contacts) for one in found]
        print_table(("name", "province", "status", "number", "contacts"), rows, numbers=frozenset({"contacts"}))
    else:
        note("there is no such institute. `jianbao institute add NAME` makes one.")


@institute.command()
@click.argument("name", shell_complete=known.institutes)
@json_option
def show(name: str, as_json: bool) -> None:
    """Show an institute: its names, of the past too, and its contacts in their order.

    Example: `jianbao institute show 云南省农业科学院`
    """
    with services() as opened:
        with transaction(opened.engine) as connection:
            record = memberships.find(connection, name)
        zone = opened.settings.zone
    if as_json:
        print_json(record)
        return
    lines = {
        "name": record.name,
        **{f"{one.kind} name": f"{one.name}{_span(one.since, one.until)}" for one in record.names if one.kind != "current"},
        "province, city": ", ".join(filter(None, (record.province, record.city))),
        "kind": record.kind,
        "status": f"{record.status}{_span(record.since, record.until)}",
        "number": record.membership_number,
        "successor": record.successor,
        "notes": record.notes,
        **{f"{field} *": value for field, value in record.fields.items()},
        "changed": local_time(record.updated_at, zone),
    }
    former = [one for one in record.names if one.kind == "former"]
    rows = [(what, value) for what, value in lines.items() if value and what != "former name"]
    rows[1:1] = [("formerly", f"{one.name}{_span(one.since, one.until)}") for one in former]
    print_table(("what", "value"), rows)
    if record.contacts:
        cells = [
            (one.rank, one.address, one.name, one.role, one.suppressed or one.state, ", ".join(one.lists))
            for one in record.contacts
        ]
        print_table(("rank", "address", "name", "role", "state", "lists"), cells, numbers=frozenset({"rank"}))


def _span(since: date | None, until: date | None) -> str:
    return "".join((f" since {since}" if since else "", f" until {until}" if until else ""))


@institute.command()
@click.argument("name")
@add_options(_OPTIONS)
@json_option
def add(name: str, as_json: bool, **values: Any) -> None:
    """Make an institute.

    Example: `jianbao institute add 云南省农业科学院 --province 云南省 --kind 研究院 --number A017`
    """
    with services() as opened, transaction(opened.engine) as connection:
        made = memberships.create(connection, name, _given(values), actor=actor())
        record = memberships.read(connection, made)
    if as_json:
        print_json(record)
    else:
        note(f"{record.name} is a {record.status} now.")


@institute.command()
@click.argument("name", shell_complete=known.institutes)
@add_options(_OPTIONS)
@click.option("--why", help="The reason, for the audit.")
@json_option
def update(name: str, why: str | None, as_json: bool, **values: Any) -> None:
    """Change what is known of an institute. An empty value takes it away; another name is for `rename`.

    Example: `jianbao institute update 云南省农业科学院 --status former --until 2026-12-31`
    """
    given = _given(values)
    if not given:
        raise click.UsageError("nothing to change: give one of the options that `--help` names.")
    with services() as opened, transaction(opened.engine) as connection:
        found = find_institute(connection, name)
        changed = memberships.amend(connection, found, given, actor=actor(), reason=why)
        record = memberships.read(connection, found)
    if as_json:
        print_json({"changed": changed, "institute": record})
    else:
        note(f"{record.name} is {'changed' if changed else 'as it was'}.")


def _given(values: dict[str, Any]) -> dict[str, object]:
    fields = read_fields(values.pop("own"))
    given = {name: value if value != "" else None for name, value in values.items() if value is not None}
    days = {name: value.date() for name, value in given.items() if isinstance(value, datetime)}
    return given | days | ({"fields": fields} if fields else {})


@institute.command()
@click.argument("name", shell_complete=known.institutes)
@click.argument("new")
@click.option("--on", type=_DAY, help="Since when; without it, since today.")
@json_option
def rename(name: str, new: str, on: datetime | None, as_json: bool) -> None:
    """Give an institute another name. The old one is kept and finds it for ever.

    Example: `jianbao institute rename 云南省农机研究所 云南省农业机械研究所 --on 2026-03-01`
    """
    with services() as opened, transaction(opened.engine) as connection:
        found = find_institute(connection, name)
        day = on.date() if on else database_time(connection).astimezone(opened.settings.zone).date()
        memberships.rename(connection, found, new, day, actor=actor())
        record = memberships.read(connection, found)
    if as_json:
        print_json(record)
    else:
        note(f"{name} is {record.name} now.")


@institute.command()
@click.argument("gone", nargs=-1, required=True, metavar="GONE…", shell_complete=known.institutes)
@click.argument("kept", shell_complete=known.institutes)
@click.option("--name", "new", help="What the merged institute is called from then on.")
@click.option("--on", type=_DAY, help="Since when; without it, since today.")
@dry_run_option
@json_option
def merge(gone: tuple[str, ...], kept: str, new: str | None, on: datetime | None, dry_run: bool, as_json: bool) -> None:
    """Merge institutes into one. Their contacts come after its own; all their names lead to it; what they received stays on record.

    Example: `jianbao institute merge 云南省茶叶研究所 云南省农业科学院 --on 2026-03-01`
    """
    with services() as opened, changing(opened, dry_run=dry_run) as connection:
        day = on.date() if on else database_time(connection).astimezone(opened.settings.zone).date()
        into = find_institute(connection, kept)
        came = {
            name: memberships.merge(connection, find_institute(connection, name), into, day, actor=actor()) for name in gone
        }
        if new:
            memberships.rename(connection, into, new, day, actor=actor())
        record = memberships.read(connection, into)
    if as_json:
        print_json({"contacts": came, "institute": record})
    else:
        for name, contacts in came.items():
            note(f"{name} is part of {record.name} now, with {contacts} contacts.")


@institute.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--update", "amends", is_flag=True, help="Fill and change what is known of institutes that are there already.")
@click.option("--strict", is_flag=True, help="Import nothing where a row cannot go in.")
@dry_run_option
@json_option
def import_(file: Path, amends: bool, strict: bool, dry_run: bool, as_json: bool) -> None:
    """Bring the list of members in: CSV, XLSX, JSON lines or one name a line.

    Columns are called 单位名称, 简称, 曾用名, 省份, 城市, 类别, 会员编号, 状态, 入会时间, 退会时间, 备注, or so in English.
    A column `field.X` is one of your own.

    Example: `jianbao institute import 会员单位.xlsx --dry-run`
    """
    roster = read_roster(look_at(file))
    with services() as opened, changing(opened, dry_run=dry_run) as connection:
        with counting(f"importing {file.name}", len(roster.entries)) as tell:
            outcome = apply_roster(connection, roster, update=amends, actor=actor(), tell=tell)
        if as_json:
            print_json(outcome)
        else:
            _report(file.name, outcome)
        if outcome.rejects and (strict or outcome.rejected == outcome.rows):
            raise InputError(f"{file.name}: nothing was imported. Mend the rows that are named.")
    if outcome.rejects:
        sys.exit(EXIT_NO)


def _report(name: str, outcome: RosterOutcome) -> None:
    for reject in outcome.rejects:
        note(f"{name}:{reject.line}: {reject.reason}")
    for line in outcome.notes:
        note(line)
    if outcome.left_out:
        note(f"left out: {', '.join(outcome.left_out)}. Call a column field.NAME to keep it as your own.")
    counts = f"{outcome.created} new, {outcome.updated} changed, {outcome.unchanged} as they were, {outcome.rejected} rejected"
    note(f"{outcome.rows} institutes: {counts}.")


@institute.command("coverage")
@click.argument("ref", metavar="ISSUE")
@click.option(
    "--only", type=click.Choice([outcome.value for outcome in Outcome]), help="Only the institutes with this outcome."
)
@click.option(
    "--csv", "sheet", type=click.Path(dir_okay=False, path_type=Path), help="Write one line an institute into this file."
)
@json_option
def coverage_(ref: str, only: str | None, sheet: Path | None, as_json: bool) -> None:
    """Say of each member institute whether an issue reached it: by whom, or why not, or that nobody is there to be reached.

    Example: `jianbao institute coverage 2023-09 --only not_reached`
    """
    with services() as opened, transaction(opened.engine) as connection, counting(f"looking at {ref}"):
        stored = issues.find_issue(connection, ref)
        covered = coverage(connection, stored.id)
    counted = totals(covered)
    shown = [one for one in covered if only is None or one.outcome == only]
    if sheet:
        write_sheet(sheet, _HEADS, map(_row, shown))
    if as_json:
        print_json({"issue": ref, "institutes": len(covered)} | counted | {"members": [asdict(one) for one in shown]})
        return
    print_table(("institute", "province", "outcome", "by whom, or why not"), [_cells(one) for one in shown])
    words = ", ".join(f"{number} {outcome.replace('_', ' ')}" for outcome, number in counted.items())
    note(f"{ref} at {len(covered)} member institutes: {words}.")


def _cells(one: InstituteCoverage) -> Sequence[object]:
    return one.institute, one.province, one.outcome.replace("_", " "), _said(one)


def _said(one: InstituteCoverage) -> str:
    by = ", ".join(f"{who.name} <{who.address}>" if who.name else who.address for who in one.by)
    return by or "; ".join(one.why)


def _row(one: InstituteCoverage) -> Sequence[object]:
    by = ", ".join(who.address for who in one.by)
    return one.institute, one.province, one.membership_number, one.outcome, by, "; ".join(one.why)
