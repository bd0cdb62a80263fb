"""`jianbao proposal`: what readers say has changed, for staff to accept."""

from __future__ import annotations

from datetime import UTC, datetime

import rich_click as click

from mailer import proposals
from mailer.cli.output import actor, json_option, local_day, note, print_json, print_table, services
from subscribers.db import transaction


@click.group()
def proposal() -> None:
    """What readers propose on their page: other contact data, or a successor. Example: `jianbao proposal list`."""


@proposal.command("list")
@click.option("--all", "every", is_flag=True, help="Those that were settled too.")
@json_option
def list_(every: bool, as_json: bool) -> None:
    """List the proposals that wait for staff, in the readers' own words.

    Example: `jianbao proposal list`
    """
    with services() as opened, transaction(opened.engine) as connection:
        found = proposals.proposals(connection, every=every)
        zone = opened.settings.zone
    if as_json:
        print_json(found)
    elif found:
        rows = [(p.id, local_day(p.at, zone), p.kind, p.address, p.institute, _words(p), p.state) for p in found]
        print_table(("id", "since", "kind", "from", "institute", "proposes", "state"), rows)
        note("`jianbao proposal accept ID` brings one into force; `jianbao proposal decline ID` does not.")
    else:
        note("no proposal waits.")


@proposal.command()
@click.argument("proposal_id", metavar="ID", type=int)
@json_option
def accept(proposal_id: int, as_json: bool) -> None:
    """Bring a proposal into force: the contact's new name and telephone, or the successor on the contact's lists.

    A successor takes the contact's place on every list. Another position or name of the institute is for you to enter.

    Example: `jianbao proposal accept 1`
    """
    with services() as opened, transaction(opened.engine) as connection:
        found = proposals.accept(connection, proposal_id, by=actor(), now=datetime.now(UTC))
    if as_json:
        print_json(found)
    else:
        click.echo(f"proposal {proposal_id} is in force: {_words(found)}")


@proposal.command()
@click.argument("proposal_id", metavar="ID", type=int)
def decline(proposal_id: int) -> None:
    """Leave everything as it is.

    Example: `jianbao proposal decline 1`
    """
    with services() as opened, transaction(opened.engine) as connection:
        proposals.decline(connection, proposal_id, by=actor(), now=datetime.now(UTC))
    note(f"proposal {proposal_id} is declined.")


def _words(found: proposals.ProposalRecord) -> str:
    return ", ".join(f"{name} {text}" for name, text in found.fields.items() if text)
