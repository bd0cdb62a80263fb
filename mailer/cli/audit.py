"""`jianbao audit`: who changed what, when."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from mailer.cli.counting import counting
from mailer.cli.output import json_option, local_time, note, print_json, print_table, services, write_sheet
from mailer.when import parse_day
from subscribers import audit, records
from subscribers.address import parse_address
from subscribers.audit import Recorded, Subject, Wanted
from subscribers.db import transaction

_SHOWN = 50


@click.command("audit")
@click.option("--actor", help="Changes by this OS user or account.")
@click.option("--subject", type=click.Choice([subject.value for subject in Subject]), help="Changes to this kind of thing.")
@click.option("--address", help="Changes to this subscriber.")
@click.option("--since", help="From this day on, like 2026-11-01.")
@click.option("--limit", type=click.IntRange(1), help=f"The latest so many; {_SHOWN} on a screen, else all.")
@click.option("--csv", "sheet", type=click.Path(dir_okay=False, path_type=Path), help="Write them into this file.")
@json_option
def show_audit(
    actor: str | None,
    subject: str | None,
    address: str | None,
    since: str | None,
    limit: int | None,
    sheet: Path | None,
    as_json: bool,
) -> None:
    """Show who changed what, the latest last. With --json one object a line.

    Example: `jianbao audit --address wang@example.org`
    """
    with services() as opened:
        zone = opened.settings.zone
        begin = parse_day(since, zone) if since else None
        with transaction(opened.engine) as connection:
            ids = None
            if address:
                found = records.find_id(connection, parse_address(address))
                if found is None:
                    raise records.nobody(address)
                ids = records.family(connection, found)
            most = limit or (None if as_json or sheet else _SHOWN)
            with counting("reading the audit"):
                rows = audit.read(connection, Wanted(actor, Subject(subject) if subject else None, ids, begin), most)
    if sheet:
        told = ((row.at.isoformat(), row.actor, row.action, row.subject, row.subject_id, row.said) for row in rows)
        write_sheet(sheet, ("at", "actor", "action", "subject", "subject_id", "what"), told)
        note(f"{sheet}: {len(rows)} changes.")
    elif as_json:
        for row in rows:
            print_json(row)
    else:
        cells = [(local_time(row.at, zone), row.actor, row.action, _subject(row), row.said) for row in rows]
        print_table(("when", "who", "did", "to", "what"), cells)


def _subject(row: Recorded) -> str:
    return row.name or (f"{row.subject} {row.subject_id}" if row.subject_id is not None else row.subject)
