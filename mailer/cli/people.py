"""`jianbao subscriber …`: one person's record, looked at and changed."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import rich_click as click
from sqlalchemy import Connection

from mailer import people
from mailer.bootstrap import Services
from mailer.cli import EXIT_NO, known
from mailer.cli.counting import counting
from mailer.cli.options import add_options, read_fields
from mailer.cli.output import (
    actor,
    ask,
    changing,
    dry_run_option,
    json_option,
    json_text,
    local_time,
    note,
    print_json,
    print_table,
    services,
    yes_option,
)
from mailer.held_page import render_held
from subscribers import audit, erasing, holdings, institutes, merging, records, searching, store, subscriptions
from subscribers.address import Address, parse_address
from subscribers.audit import Change, Subject
from subscribers.db import begun_anew, database_time, transaction
from subscribers.models import Role
from subscribers.records import Amendment, SubscriberRecord
from subscribers.subscriptions import Wish
from subscribers.writing import write_whole

_LATEST = 10
_HITS = 20

RECORD_OPTIONS = (
    click.option("--name", help="The person's or the office's name."),
    click.option("--role", type=click.Choice([role.value for role in Role]), help="What they are at the institute."),
    click.option("--rank", type=click.IntRange(1, 999), help="Their place among the institute's contacts; 1 is the first."),
    click.option("--language", help="The language that they read, like zh or en."),
    click.option("--phone", help="Their telephone number."),
    click.option("--field", "own", multiple=True, metavar="NAME=VALUE", help="A field of your own; NAME= takes it away."),
)


@dataclass(frozen=True, slots=True)
class RecordValues:
    """What the options of a record say; None where an option was not given, and the empty text where it takes a value away."""

    name: str | None
    role: Role | None
    rank: int | None
    language: str | None
    phone: str | None
    fields: Mapping[str, object]

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> RecordValues:
        """From the options as click read them. InputError for a field that is none."""
        role = Role(values["role"]) if values["role"] else None
        return cls(values["name"], role, values["rank"], values["language"], values["phone"], read_fields(values["own"]))

    def amendment(self) -> Amendment:
        """The columns that options were given for."""
        given = {"name": self.name, "role": self.role, "rank": self.rank, "language": self.language, "phone": self.phone}
        columns = {name: value if value != "" else None for name, value in given.items() if value is not None}
        return Amendment(columns, self.fields)


@click.command()
@click.argument("address")
@json_option
def show(address: str, as_json: bool) -> None:
    """Show a subscriber's record, lists, suppressions, and the last ten deliveries with their fate.

    Example: `jianbao subscriber show wang@example.org`
    """
    with services() as opened:
        with transaction(opened.engine) as connection:
            record = records.find_subscriber(connection, address)
            latest = people.deliveries_of(connection, records.family(connection, record.id), _LATEST)
        zone = opened.settings.zone
    if as_json:
        print_json(asdict(record) | {"deliveries": latest})
        return
    _print_record(record, zone)
    if latest:
        rows = [(one.issue, local_time(one.at, zone), one.state, _seen(one), one.reply or one.reason) for one in latest]
        print_table(("issue", "when", "state", "seen", "reply or reason"), rows)


def _print_record(record: SubscriberRecord, zone: ZoneInfo) -> None:
    lines = {
        "address": record.address + (" (needs SMTPUTF8)" if record.needs_smtputf8 else ""),
        "formerly": ", ".join(record.formerly),
        "name": record.name,
        "role": record.role,
        "institute": record.institute,
        "rank": record.rank,
        "language": record.language,
        "phone": record.phone,
        **{f"{name} *": value for name, value in record.fields.items()},
        "state": record.state,
        "since": local_time(record.created_at, zone),
        **{f"list {one.list}": f"{one.state} since {local_time(one.since, zone)}" for one in record.subscriptions},
        **{
            f"not on {one.list}"
            if one.list
            else "not written to": f"{one.reason} since {_span(one.since, one.until, zone)}: {one.evidence}"
            for one in record.suppressions
        },
    }
    print_table(("what", "value"), [(name, value) for name, value in lines.items() if value not in (None, "")])


def _span(since: datetime, until: datetime | None, zone: ZoneInfo) -> str:
    return local_time(since, zone) + (f" until {local_time(until, zone)}" if until else "")


def _seen(one: people.PersonDelivery) -> str:
    return "clicked" if one.clicked else "opened" if one.opened else ""


@click.command()
@click.argument("address")
@add_options(RECORD_OPTIONS)
@click.option("--why", help="The reason, for the audit.")
@json_option
def update(address: str, why: str | None, as_json: bool, **values: object) -> None:
    """Change what is known of a subscriber. An empty value takes it away.

    Example: `jianbao subscriber update wang@example.org --role director --rank 1`
    """
    amendment = RecordValues.of(values).amendment()
    if not amendment.columns and not amendment.fields:
        raise click.UsageError("nothing to change: give --name, --role, --rank, --language, --phone or --field.")
    with services() as opened, transaction(opened.engine) as connection:
        found = records.find_subscriber(connection, address)
        changed = records.amend(connection, found.id, amendment, actor=actor(), reason=why)
        record = records.read(connection, found.id)
    _say_changed(record, changed, as_json)


def _say_changed(record: SubscriberRecord, changed: bool, as_json: bool) -> None:
    if as_json:
        print_json({"changed": changed, "subscriber": record})
    else:
        note(f"{record.address} is {'changed' if changed else 'as it was'}.")


@click.command()
@click.argument("address")
@click.argument("new")
@click.option("--why", help="The reason, for the audit.")
@json_option
def correct(address: str, new: str, why: str | None, as_json: bool) -> None:
    """Give a subscriber another address, with the whole history, and with what was decided about the person.

    Example: `jianbao subscriber correct wang@examp1e.org wang@example.org --why "typing error on the form"`
    """
    with services() as opened, transaction(opened.engine) as connection:
        found = records.find_subscriber(connection, address)
        changed = merging.readdress(connection, found.id, parse_address(new), actor=actor(), reason=why)
        people.readdress(connection, found.id)
        record = records.read(connection, found.id)
    _say_changed(record, changed, as_json)


@click.command()
@click.argument("query", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(1, 1000), default=_HITS, show_default=True, help="At most so many.")
@json_option
def find(query: tuple[str, ...], limit: int, as_json: bool) -> None:
    """Look for subscribers by a part of an address, a name, or an institute's name of today or of the past; slips are forgiven.

    Example: `jianbao subscriber find 云南农科院`
    """
    with services() as opened, transaction(opened.engine) as connection:
        hits = searching.find(connection, " ".join(query), limit)
    if as_json:
        print_json(hits)
    elif hits:
        rows = [(hit.address, hit.name, hit.institute, hit.state, hit.matched) for hit in hits]
        print_table(("address", "name", "institute", "state", "found by"), rows)
    if not hits:
        note(f"nobody is like {' '.join(query)!r}.")
        sys.exit(EXIT_NO)


@click.command()
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS…")
@click.option("--list", "slugs", multiple=True, help="The list to leave; may be given again.", shell_complete=known.lists)
@click.option("--all", "everything", is_flag=True, help="All lists that they are on.")
@click.option(
    "--why", default="asked staff", show_default=True, help="What shows that they want it; it goes into the consent ledger."
)
@dry_run_option
@json_option
def unsubscribe(
    addresses: tuple[str, ...], slugs: tuple[str, ...], everything: bool, why: str, dry_run: bool, as_json: bool
) -> None:
    """Take people off lists, as they asked staff by telephone or letter. No import brings them back.

    Example: `jianbao subscriber unsubscribe wang@example.org --list members --why "telephone, 3 May"`
    """
    if bool(slugs) == everything:
        raise click.UsageError("give --list SLUG, or --all.")
    with services() as opened, changing(opened, dry_run=dry_run) as connection:
        now = database_time(connection)
        named = {slug: store.find_list(connection, slug) for slug in slugs}
        left: dict[str, bool] = {}
        for address in addresses:
            record = records.find_subscriber(connection, address)
            lists = named or {one.list: store.find_list(connection, one.list) for one in record.subscriptions}
            wish = Wish(record.id, record.address, list(lists.values()), "staff", why, now, actor())
            left[record.address] = subscriptions.unsubscribe(connection, wish) or left.get(record.address, False)
    if as_json:
        print_json([{"address": address, "changed": changed} for address, changed in left.items()])
    else:
        for address, changed in left.items():
            note(f"{address} {'has left' if changed else 'was on none of'} {', '.join(slugs) or 'the lists'}.")


@click.command()
@click.argument("address")
@click.option(
    "--to",
    "institute",
    help="The institute where they are now; by any name that it has or had.",
    shell_complete=known.institutes,
)
@click.option("--nowhere", is_flag=True, help="They are at no institute any more.")
@click.option("--role", type=click.Choice([role.value for role in Role]), help="What they are there.")
@click.option("--rank", type=click.IntRange(1, 999), help="Their place among the contacts there.")
@click.option("--why", help="The reason, for the audit.")
@json_option
def move(
    address: str, institute: str | None, nowhere: bool, role: str | None, rank: int | None, why: str | None, as_json: bool
) -> None:
    """Say that somebody is at another institute now. Role and rank there are new, and lists stay as they are.

    Example: `jianbao subscriber move wang@example.org --to 四川省农业科学院 --role research`
    """
    if bool(institute) == nowhere:
        raise click.UsageError("give --to INSTITUTE, or --nowhere.")
    with services() as opened, transaction(opened.engine) as connection:
        found = records.find_subscriber(connection, address)
        institute_id = institutes.find_institute(connection, institute) if institute else None
        amendment = Amendment({"institute_id": institute_id, "role": Role(role) if role else None, "rank": rank})
        changed = records.amend(connection, found.id, amendment, actor=actor(), action="move", reason=why)
        record = records.read(connection, found.id)
    _say_changed(record, changed, as_json)


@click.command()
@click.argument("gone", metavar="OLD")
@click.argument("kept", metavar="KEPT")
@dry_run_option
@json_option
def merge(gone: str, kept: str, dry_run: bool, as_json: bool) -> None:
    """Make two records of one person one. OLD's address is not written to any more; both histories stay, and who left stays away.

    Example: `jianbao subscriber merge wang@qq.com wang@example.org`
    """
    with services() as opened, changing(opened, dry_run=dry_run) as connection:
        old, new = records.find_subscriber(connection, gone), records.find_subscriber(connection, kept)
        merged = merging.merge(connection, old, new, actor=actor(), now=database_time(connection))
        people.hand_over(connection, old.id, new.id)
    if as_json:
        print_json(merged)
    else:
        lists = "".join(f"; {state} on {slug}" for slug, state in merged.lists.items())
        note(f"{merged.gone} is part of {merged.kept.address} now{lists}.")


@click.command()
@click.argument("address")
@json_option
def history(address: str, as_json: bool) -> None:
    """Print all that happened to a subscriber: consent, changes, deliveries, opens and clicks. With --json one object a line.

    Example: `jianbao subscriber history wang@example.org`
    """
    with services() as opened:
        with transaction(opened.engine) as connection:
            happened = people.history(connection, _ids(connection, address))
        zone = opened.settings.zone
    if as_json:
        for one in happened:
            print_json(one)
    else:
        print_table(
            ("when", "what", "about", "by"), [(local_time(one.at, zone), one.what, one.about, one.actor) for one in happened]
        )


@click.command()
@click.argument("address")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def access(address: str, file: Path) -> None:
    """Write all that is held about one person into FILE, with the consent ledger (PIPL art. 45, GDPR art. 15).

    A page to read where FILE ends in .html, else JSON.

    Example: `jianbao subscriber access wang@example.org wang.html`
    """
    with services() as opened, transaction(opened.engine) as connection:
        record = records.find_subscriber(connection, address)
        addresses = [record.address, *record.formerly]
        person = holdings.person_of(connection, records.family(connection, record.id))
        found = holdings.held(connection, person) | holdings.held(connection, person, people.HELD)
        now = database_time(connection)
        audit.record(connection, Change(actor(), "access", Subject.SUBSCRIBER, record.id))
        if file.suffix.lower() in {".html", ".htm"}:
            written = render_held(addresses, found, now, opened.settings.zone)
        else:
            document = {"about": addresses, "as_of": now, "by": "jianbao subscriber access"} | found
            written = json_text(document, indent=2) + "\n"
        write_whole(file, written)
    note(f"{file}: {', '.join(f'{len(rows)} {title}' for title, rows in found.items() if rows)}.")


@click.command()
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS…")
@click.option("--why", default="asked to be erased", show_default=True, help="The ground, without the person's name.")
@yes_option
@dry_run_option
@json_option
def erase(addresses: tuple[str, ...], why: str, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Take people out of all records for ever. A hash of each address is kept, so that no import ever brings them back.

    Example: `jianbao subscriber erase wang@example.org --why "letter of 3 May"`
    """
    parsed = [parse_address(address) for address in addresses]
    ask(f"Erase {', '.join(one.written for one in parsed)} for ever? This cannot be taken back.", yes=yes or dry_run)
    with services() as opened, counting("erasing"):
        result = begun_anew(lambda: _erased(opened, parsed, why, dry_run=dry_run))
    if as_json:
        print_json(result)
    else:
        for line in result:
            note(f"erased: {line['records']} records, {line['deliveries']} deliveries. What is left is {line['address']}.")


def _erased(opened: Services, addresses: Sequence[Address], why: str, *, dry_run: bool) -> list[dict[str, str | int]]:
    with changing(opened, dry_run=dry_run) as connection:
        now = database_time(connection)
        result: list[dict[str, str | int]] = []
        for one in addresses:
            erased = erasing.erase(connection, one, actor=actor(), reason=why, now=now)
            deliveries = people.erase(connection, erased, now)
            result.append({"address": erased.placeholder, "records": len(erased.subscriber_ids), "deliveries": deliveries})
        return result


def _ids(connection: Connection, address: str) -> list[int]:
    return records.family(connection, records.find_subscriber(connection, address).id)


COMMANDS: tuple[click.Command, ...] = (show, update, correct, find, unsubscribe, move, merge, history, access, erase)
