"""`jianbao subscriber`: people and offices, each by an address."""

from __future__ import annotations

import rich_click as click

from mailer.cli import known
from mailer.cli.exports import export_file
from mailer.cli.imports import import_file
from mailer.cli.options import add_options
from mailer.cli.output import actor, changing, dry_run_option, json_option, local_time, note, print_json, services
from mailer.cli.people import COMMANDS, RECORD_OPTIONS, RecordValues
from subscribers import store, suppression
from subscribers.address import parse_address
from subscribers.institutes import kept_name
from subscribers.store import NewSubscriber


@click.group()
def subscriber() -> None:
    """Subscribers. Example: `jianbao subscriber add wang@example.org --list members`."""


@subscriber.command()
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS…")
@click.option("--list", "slug", required=True, help="The list to put them on.", shell_complete=known.lists)
@click.option("--institute", help="The member institute; made if there is none of that name.", shell_complete=known.institutes)
@add_options(RECORD_OPTIONS)
@dry_run_option
@json_option
def add(addresses: tuple[str, ...], slug: str, institute: str | None, dry_run: bool, as_json: bool, **values: object) -> None:
    """Put addresses on a list as confirmed, with a line each in the consent ledger. Who left the list stays away.

    Example: `jianbao subscriber add wang@example.org --list members --name 王芳 --institute 云南省农业科学院`
    """
    record = RecordValues.of(values)
    if record.name and len(addresses) > 1:
        raise click.UsageError("--name goes with one address.")
    people = [
        NewSubscriber(
            parse_address(address),
            name=record.name or None,
            role=record.role,
            institute=kept_name(institute) if institute else None,
            rank=record.rank,
            language=record.language or None,
            phone=record.phone or None,
            fields=record.fields,
        )
        for address in addresses
    ]
    with services() as opened, changing(opened, dry_run=dry_run) as connection:
        list_id = store.find_list(connection, slug)
        evidence = f"jianbao subscriber add by {actor()}"
        added = store.add_subscribers(connection, people, list_id, method="staff", evidence=evidence, actor=actor())
        suppressed = {one.address.written: suppression.of_address(connection, one.address.hash) for one in people}
    if as_json:
        print_json(added)
    else:
        known = len(people) - added.subscribers - added.erased
        note(f"{added.subscribers} new subscribers, {known} known already; {added.subscriptions} newly on list {slug}.")
    for address, found in suppressed.items():
        for one in found:
            since = local_time(one.since, opened.settings.zone)[:10]
            note(f"{address} is suppressed ({one.reason}) since {since} and is not written to.")


for command in (import_file, export_file, *COMMANDS):
    subscriber.add_command(command)
