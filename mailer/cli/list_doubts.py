"""`jianbao list doubts`: addresses on a list that are valid and yet doubtful."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import rich_click as click

from mailer import exchanges
from mailer.bootstrap import provider_table
from mailer.cli import known
from mailer.cli.counting import counting
from mailer.cli.output import json_option, note, print_json, print_table, services
from subscribers import store
from subscribers.address import Address, parse_address
from subscribers.db import transaction
from subscribers.doubts import Doubt, DoubtKind, doubts_about
from subscribers.errors import InputError


@click.command()
@click.argument("slug", shell_complete=known.lists)
@click.option("--roles", is_flag=True, help="Offices' mailboxes too, which several people may read.")
@json_option
def doubts(slug: str, roles: bool, as_json: bool) -> None:
    """Name the addresses on a list that are doubtful, with what was probably meant. Nothing is changed.

    Domains are asked after in the DNS, for some seconds; where no name server answers, that is left out.

    Example: `jianbao list doubts members`
    """
    with services() as opened, counting(f"looking at {slug}"):
        with transaction(opened.engine) as connection:
            list_id = store.find_list(connection, slug)
        exchanges.recognise(opened.engine, [list_id], provider_table(opened.settings))
        with transaction(opened.engine) as connection:
            addresses = store.addresses_on(connection, list_id)
            answers = exchanges.takes_mail(connection, list_id)
        found = [one for one in _doubtful(addresses, answers) if roles or one[1].kind is not DoubtKind.ROLE]
    if as_json:
        print_json(
            [{"address": address, "kind": doubt.kind, "why": doubt.why, "proposal": doubt.proposal} for address, doubt in found]
        )
    elif found:
        rows = [(address, doubt.proposal, doubt.why) for address, doubt in found]
        print_table(("address", "probably meant", "why"), rows)
        note("`jianbao subscriber correct` gives somebody another address.")
    else:
        note(f"nothing on {slug} is doubtful.")


def _doubtful(addresses: Sequence[str], answers: Mapping[str, bool]) -> list[tuple[str, Doubt]]:
    known = [(written, address) for written in addresses if (address := _parsed(written))]
    return [
        (written, doubt)
        for written, address in known
        for doubt in doubts_about(address, takes_mail=answers.get(address.domain))
    ]


def _parsed(written: str) -> Address | None:
    try:
        return parse_address(written)
    except InputError:
        return None  # What stands in the place of an erased address is none.
