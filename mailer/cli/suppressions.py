"""`jianbao suppression`: addresses never to be written to."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import rich_click as click
from sqlalchemy import Connection

from mailer.cli import EXIT_NO, known
from mailer.cli.counting import counting
from mailer.cli.output import actor, changing, dry_run_option, json_option, local_day, note, print_json, print_table, services
from mailer.when import parse_day
from subscribers import audit, store, suppression
from subscribers.address import HASHED, parse_address
from subscribers.audit import Change, Subject
from subscribers.db import database_time, transaction
from subscribers.errors import InputError
from subscribers.importing.headers import chosen_columns
from subscribers.importing.source import look_at
from subscribers.models import SuppressionReason
from subscribers.suppression import MAY_LIFT, LiftedBy, NewSuppression
from subscribers.suppression_files import ENDINGS, Unwanted, as_row, parse_unwanted, read_unwanted, write_unwanted

_REASONS = [reason.value for reason in SuppressionReason if reason is not SuppressionReason.ERASED]


@click.group("suppression")
def suppressions() -> None:
    """Addresses never to be written to, whatever list they are on. Example: `jianbao suppression list`."""


@suppressions.command("list")
@click.option("--list", "slug", help="Those for this list only, and not those for all.", shell_complete=known.lists)
@click.option("--reason", type=click.Choice([reason.value for reason in SuppressionReason]), help="Those with this reason.")
@json_option
def list_(slug: str | None, reason: str | None, as_json: bool) -> None:
    """List suppressions, the newest first. With --json one object a line. Of the erased only a hash is known.

    Example: `jianbao suppression list --reason hard_bounce`
    """
    with services() as opened:
        with transaction(opened.engine) as connection:
            list_id = store.find_list(connection, slug) if slug else None
            found = suppression.suppressions(connection, list_id, SuppressionReason(reason) if reason else None)
            slugs = {summary.id: summary.slug for summary in store.summaries(connection)}
        zone = opened.settings.zone
    if as_json:
        for one in found:
            print_json(as_row(one, slugs))
        return
    rows = [
        (
            one.address or f"{HASHED}{one.address_hash.hex()[:12]}…",
            slugs.get(one.list_id or 0, "all"),
            one.reason,
            local_day(one.since, zone),
            local_day(one.until, zone),
            one.evidence,
        )
        for one in found
    ]
    print_table(("address", "list", "reason", "since", "until", "evidence"), rows)


@suppressions.command()
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS…")
@click.option("--list", "slug", help="Only on this list; without it, on none.", shell_complete=known.lists)
@click.option("--reason", type=click.Choice(_REASONS), default="staff", show_default=True, help="Why.")
@click.option("--until", help="Until this day, like 2027-01-31; without it, for ever.")
@click.option("--why", default="", help="What shows it, for whoever asks later.")
@dry_run_option
@json_option
def add(
    addresses: tuple[str, ...], slug: str | None, reason: str, until: str | None, why: str, dry_run: bool, as_json: bool
) -> None:
    """Never write to these addresses again.

    Example: `jianbao suppression add wang@example.org --reason refused --why "telephone, 3 May"`
    """
    with services() as opened, changing(opened, dry_run=dry_run) as connection:
        ends = parse_day(until, opened.settings.zone) if until else None
        if ends is not None and ends <= database_time(connection):
            raise InputError(f"{until} is past, or has begun. Give a day that is to come.")
        unwanted = map(parse_unwanted, addresses)
        changed = _suppress(connection, unwanted, slug, SuppressionReason(reason), why, ends)
    _say(len(addresses), changed, as_json)


@suppressions.command("export")
@click.option("--list", "slug", help="Those for this list only, and not those for all.", shell_complete=known.lists)
@click.option("--reason", type=click.Choice([reason.value for reason in SuppressionReason]), help="Those with this reason.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="A .csv or .jsonl file.")
@json_option
def export(slug: str | None, reason: str | None, out: Path, as_json: bool) -> None:
    """Write suppressions to a file, with reason, evidence and days, from which `suppression import` brings them back the same.

    Example: `jianbao suppression export --out 停发.csv`
    """
    if out.suffix.lower() not in ENDINGS:
        raise InputError(f"{out}: the ending says the kind of file. Give one of {', '.join(ENDINGS)}.")
    with services() as opened, transaction(opened.engine) as connection:
        list_id = store.find_list(connection, slug) if slug else None
        found = suppression.suppressions(connection, list_id, SuppressionReason(reason) if reason else None)
        slugs = {summary.id: summary.slug for summary in store.summaries(connection)}
    rows = write_unwanted(out, found, slugs)
    if as_json:
        print_json({"file": out, "rows": rows})
    else:
        note(f"{rows} rows in {out}.")


@suppressions.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--list", "slug", help="Only on this list; without it, on none.", shell_complete=known.lists)
@click.option("--reason", type=click.Choice(_REASONS), default="staff", show_default=True, help="Why.")
@click.option("--map", "choices", multiple=True, metavar="COLUMN=address", help="Which column holds the addresses.")
@dry_run_option
@json_option
def import_(file: Path, slug: str | None, reason: str, choices: tuple[str, ...], dry_run: bool, as_json: bool) -> None:
    """Never write to the addresses in FILE again: a list in any form that can be imported, or SHA-256 hashes, one a line.

    Columns `reason`, `evidence`, `list`, `since` and `until` go before the options; whose time has run out is left out.

    Example: `jianbao suppression import left.txt --reason unsubscribed`
    """
    source = look_at(file)
    with counting(f"importing {file.name}") as tell:
        read = read_unwanted(source, tell, chosen_columns(choices))
        with services() as opened, changing(opened, dry_run=dry_run) as connection:
            changed = _suppress(connection, read.unwanted, slug, SuppressionReason(reason), source.name, None)
    for line in (*read.notes, *read.rejects):
        note(line)
    _say(len(read.unwanted), changed, as_json)
    if read.rejects:
        sys.exit(EXIT_NO)


@suppressions.command()
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS…")
@click.option("--list", "slug", help="Only what is for this list.", shell_complete=known.lists)
@click.option("--why", required=True, help="The reason, for the audit.")
@dry_run_option
@json_option
def remove(addresses: tuple[str, ...], slug: str | None, why: str, dry_run: bool, as_json: bool) -> None:
    """Write to addresses again that bounced, or that staff put down. Who left, complained or was erased can only come back
    by a confirmed sign-up of their own.

    Example: `jianbao suppression remove wang@example.org --why "mailbox mended, they telephoned"`
    """
    with services() as opened, changing(opened, dry_run=dry_run) as connection:
        lists = [store.find_list(connection, slug)] if slug else None
        removed, kept = {}, {}
        for address in {one.hash: one for one in map(parse_address, addresses)}.values():
            lifted = suppression.lift(connection, address.hash, LiftedBy.STAFF, list_ids=lists)
            removed[address.written] = [one.reason for one in lifted]
            kept[address.written] = [one.reason for one in suppression.of_address(connection, address.hash)]
            changes = [
                Change(
                    actor(), "lift", Subject.SUPPRESSION, one.id, {"address": address.written, "reason": one.reason}, None, why
                )
                for one in lifted
            ]
            audit.record(connection, *changes)
    if as_json:
        print_json([{"address": written, "removed": removed[written], "kept": kept[written]} for written in removed])
    for written, reasons in removed.items():
        if not as_json and reasons:
            note(f"{written} is written to again; it was suppressed as {', '.join(reasons)}.")
        if kept[written]:
            note(f"{written} stays suppressed as {', '.join(kept[written])}: {_whose(kept[written])}.")
        elif not reasons:
            note(f"{written} was not suppressed.")
    if not any(removed.values()):
        sys.exit(EXIT_NO)


def _whose(reasons: Iterable[SuppressionReason]) -> str:
    if set(reasons) & MAY_LIFT[LiftedBy.STAFF]:
        return "it holds for other lists"
    return "only a confirmed sign-up of their own lifts that"


def _suppress(
    connection: Connection,
    unwanted: Iterable[Unwanted],
    slug: str | None,
    reason: SuppressionReason,
    why: str,
    until: datetime | None,
) -> int:
    now = database_time(connection)
    lists: dict[str | None, int | None] = {None: store.find_list(connection, slug) if slug else None}
    wanted = []
    for one in unwanted:
        if one.list not in lists:
            lists[one.list] = store.find_list(connection, str(one.list))
        ends = one.until or until
        if ends is None or ends > now:
            evidence, since = one.evidence or why or f"put down by {actor()}", min(one.since or now, now)
            wanted.append(
                NewSuppression(
                    one.address_hash, one.reason or reason, evidence, since, one.address, lists[one.list], actor(), until=ends
                )
            )
    return suppression.suppress_by_staff(connection, wanted)


def _say(asked: int, changed: int, as_json: bool) -> None:
    if as_json:
        print_json({"asked": asked, "changed": changed})
    else:
        note(f"{changed} of {asked} addresses newly suppressed; the others were already, as strongly.")
