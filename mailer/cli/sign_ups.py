"""`jianbao signup`: who waits to be subscribed until the mailbox has said so."""

from __future__ import annotations

from datetime import UTC, datetime

import rich_click as click

from mailer import outbox
from mailer.cli import known
from mailer.cli.output import actor, json_option, local_time, note, print_json, print_table, services
from subscribers.address import parse_address
from subscribers.db import transaction
from subscribers.errors import InputError
from subscribers.sign_ups import Asked, Refusal, open_list, sign_up, unconfirmed

_TEXT_VERSION = "invited by staff"


@click.group()
def signup() -> None:
    """Who waits to be subscribed until the mailbox has said so. Example: `jianbao signup list`."""


@signup.command("list")
@json_option
def list_(as_json: bool) -> None:
    """The sign-ups that nobody has confirmed yet, the newest first.

    Example: `jianbao signup list`
    """
    with services() as opened:
        zone = opened.settings.zone
        with transaction(opened.engine) as connection:
            waiting = unconfirmed(connection, datetime.now(UTC))
    if as_json:
        print_json(waiting)
        return
    rows = [
        (one.id, one.address, one.slug, *(local_time(at, zone)[:16] for at in (one.requested_at, one.expires_at)))
        for one in waiting
    ]
    print_table(("id", "address", "list", "asked at", "good until"), rows, numbers=frozenset({"id"}))


@signup.command()
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS…")
@click.option("--list", "slug", required=True, help="A list with double opt-in.", shell_complete=known.lists)
@json_option
def invite(addresses: tuple[str, ...], slug: str, as_json: bool) -> None:
    """Ask people by mail whether they want to be on a list; they are once they have confirmed it.

    Example: `jianbao signup invite wang@example.org --list bulletin`
    """
    people = [parse_address(address) for address in addresses]
    outcomes: list[tuple[str, str]] = []
    with services() as opened, transaction(opened.engine) as connection:
        found = open_list(connection, slug)
        if found is None:
            raise InputError(
                f"{slug!r} is no list with double opt-in. `jianbao list update {slug} --double-opt-in` makes it one."
            )
        for address in people:
            asked = Asked(found[0], address, f"staff:{actor()}", _TEXT_VERSION, datetime.now(UTC), by_staff=True)
            kept = sign_up(connection, asked)
            if not isinstance(kept, Refusal):
                outbox.put_down(connection, kept, asked.at)
            outcomes.append(
                (address.written, _WORDS.get(kept, "may not be asked now") if isinstance(kept, Refusal) else "is asked")
            )
    if as_json:
        print_json([{"address": address, "outcome": outcome} for address, outcome in outcomes])
        return
    for who, outcome in outcomes:
        note(f"{who} {outcome}.")


_WORDS = {
    Refusal.SUBSCRIBED: "is on the list already",
    Refusal.SUPPRESSED: "is suppressed, and may not be asked now",
    Refusal.ADDRESS: "was asked today, or three times this month",
}
