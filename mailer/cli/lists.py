"""`jianbao list`: mailing lists."""

from __future__ import annotations

import rich_click as click

from mailer.cli import known
from mailer.cli.list_doubts import doubts
from mailer.cli.list_reading import reading
from mailer.cli.output import actor, json_option, note, print_json, print_table, services
from subscribers import store
from subscribers.db import transaction
from subscribers.models import Succession
from subscribers.store import ListSummary

_SUCCESSION = click.Choice([succession.value for succession in Succession])
_SUCCESSION_HELP = (
    "Who of an institute's contacts on the list receives a mailing: all of them, the first by rank who can be reached, "
    "or those of one role."
)


@click.group("list")
def lists() -> None:
    """Mailing lists. Example: `jianbao list list`."""


lists.add_command(reading)
lists.add_command(doubts)


@lists.command()
@click.argument("slug")
@click.option("--name", required=True, help="What people call it.")
@click.option("--succession", type=_SUCCESSION, default=Succession.ALL.value, show_default=True, help=_SUCCESSION_HELP)
@click.option("--double-opt-in", is_flag=True, help="Who signs up confirms it from the mailbox before anything is sent.")
@json_option
def create(slug: str, name: str, succession: str, double_opt_in: bool, as_json: bool) -> None:
    """Make a list.

    Example: `jianbao list create members --name 会员单位 --succession first`
    """
    with services() as opened, transaction(opened.engine) as connection:
        store.create_list(connection, slug, name, succession=Succession(succession), double_opt_in=double_opt_in, actor=actor())
        summary = store.summary_of(connection, slug)
    _print([summary], as_json=as_json, one=True)


@lists.command()
@click.argument("slug", shell_complete=known.lists)
@click.option("--name", help="What people call it.")
@click.option("--succession", type=_SUCCESSION, help=_SUCCESSION_HELP)
@click.option("--double-opt-in/--single-opt-in", default=None, help="Whether who signs up confirms it from the mailbox.")
@json_option
def update(slug: str, name: str | None, succession: str | None, double_opt_in: bool | None, as_json: bool) -> None:
    """Change a list's name or policies. Mailings that have begun keep their audience.

    Example: `jianbao list update members --succession role:office`
    """
    given = {"name": name, "succession": succession, "double_opt_in": double_opt_in}
    values = {name: value for name, value in given.items() if value is not None}
    if not values:
        raise click.UsageError("nothing to change: give --name, --succession, --double-opt-in or --single-opt-in.")
    with services() as opened, transaction(opened.engine) as connection:
        store.change_list(connection, slug, values, actor=actor())
        summary = store.summary_of(connection, slug)
    _print([summary], as_json=as_json, one=True)


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
@click.argument("slug", shell_complete=known.lists)
@json_option
def show(slug: str, as_json: bool) -> None:
    """Show one list.

    Example: `jianbao list show members`
    """
    with services() as opened, transaction(opened.engine) as connection:
        summary = store.summary_of(connection, slug)
    _print([summary], as_json=as_json, one=True)


def _print(summaries: list[ListSummary], *, as_json: bool, one: bool) -> None:
    if as_json:
        print_json(summaries[0] if one else summaries)
    elif summaries:
        rows = [
            (s.slug, s.name, s.succession, "yes" if s.double_opt_in else "", s.confirmed, s.unconfirmed, s.unsubscribed)
            for s in summaries
        ]
        heads = ("slug", "name", "writes to", "opt-in", "confirmed", "unconfirmed", "unsubscribed")
        print_table(heads, rows, numbers=frozenset(heads[-3:]))
    else:
        note("there is no list yet. `jianbao list create members --name 会员单位` makes one.")
