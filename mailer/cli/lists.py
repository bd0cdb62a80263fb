"""`jianbao list`: mailing lists."""

from __future__ import annotations

import rich_click as click

from mailer.cli.output import json_option, note, print_json, print_table, services
from subscribers import store
from subscribers.db import transaction
from subscribers.store import ListSummary


@click.group("list")
def lists() -> None:
    """Mailing lists. Example: `jianbao list list`."""


@lists.command()
@click.argument("slug")
@click.option("--name", required=True, help="What people call it.")
@json_option
def create(slug: str, name: str, as_json: bool) -> None:
    """Make a list.

    Example: `jianbao list create members --name 会员单位`
    """
    with services() as opened, transaction(opened.engine) as connection:
        store.create_list(connection, slug, name)
        summaries = [summary for summary in store.summaries(connection) if summary.slug == slug]
    _print(summaries, as_json=as_json, one=True)


@lists.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List all lists with how many are on each.

    Example: `jianbao list list`
    """
    with services() as opened, transaction(opened.engine) as connection:
        summaries = store.summaries(connection)
    _print(summaries, as_json=as_json, one=False)


@lists.command()
@click.argument("slug")
@json_option
def show(slug: str, as_json: bool) -> None:
    """Show one list.

    Example: `jianbao list show members`
    """
    with services() as opened, transaction(opened.engine) as connection:
        store.find_list(connection, slug)
        summaries = [summary for summary in store.summaries(connection) if summary.slug == slug]
    _print(summaries, as_json=as_json, one=True)


def _print(summaries: list[ListSummary], *, as_json: bool, one: bool) -> None:
    if as_json:
        print_json(summaries[0] if one else summaries)
    elif summaries:
        rows = [(s.slug, s.name, s.confirmed, s.unconfirmed, s.unsubscribed) for s in summaries]
        numbers = frozenset({"confirmed", "unconfirmed", "unsubscribed"})
        print_table(("slug", "name", "confirmed", "unconfirmed", "unsubscribed"), rows, numbers=numbers)
    else:
        note("there is no list yet. `jianbao list create members --name 会员单位` makes one.")
