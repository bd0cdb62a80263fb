"""`jianbao subscriber`: one person's or office's record."""

from __future__ import annotations

import getpass

import rich_click as click

from mailer.cli.output import json_option, note, print_json, services
from subscribers import store
from subscribers.address import parse_address
from subscribers.db import transaction
from subscribers.store import NewSubscriber


@click.group()
def subscriber() -> None:
    """Subscribers. Example: `jianbao subscriber add wang@example.org --list members`."""


@subscriber.command()
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS…")
@click.option("--list", "slug", required=True, help="The list to put them on.")
@click.option("--name", help="The person's or the office's name, where one address is given.")
@click.option("--institute", help="The member institute; made if there is none of that name.")
@json_option
def add(addresses: tuple[str, ...], slug: str, name: str | None, institute: str | None, as_json: bool) -> None:
    """Put addresses on a list as confirmed, with a line each in the consent ledger. Who left the list stays away.

    Example: `jianbao subscriber add wang@example.org --list members --name 王芳 --institute 云南省农业科学院`
    """
    if name and len(addresses) > 1:
        raise click.UsageError("--name goes with one address.")
    people = [NewSubscriber(parse_address(address), name=name, institute=institute) for address in addresses]
    with services() as opened, transaction(opened.engine) as connection:
        list_id = store.find_list(connection, slug)
        evidence = f"jianbao subscriber add by {getpass.getuser()}"
        added = store.add_subscribers(connection, people, list_id, method="staff", evidence=evidence)
    if as_json:
        print_json(added)
    else:
        known = len(people) - added.subscribers
        note(f"{added.subscribers} new subscribers, {known} known already; {added.subscriptions} newly on list {slug}.")
