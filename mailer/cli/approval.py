"""`jianbao issue approve`: a second person's word."""

from __future__ import annotations

import rich_click as click

from mailer import approvals, issues
from mailer.cli.output import actor, json_option, note, print_json, services
from mailer.publishing import edition_of
from subscribers.db import transaction


@click.command()
@click.argument("ref")
@click.option("--by", metavar="NAME", help="Who approves it, where several people share an account; else the account's name.")
@click.option("--note", "remark", metavar="TEXT", help="A remark that is kept with it.")
@json_option
def approve(ref: str, by: str | None, remark: str | None, as_json: bool) -> None:
    """Give a second person's word that an issue may be sent exactly as it is now; any change to it asks for a new one.

    Example: `jianbao issue approve 2023-09 --note "looked at it in the browser"`
    """
    account = actor()
    with services() as opened:
        with transaction(opened.engine) as connection:
            stored = issues.find_issue(connection, ref)
        edition = edition_of(stored, opened.settings)
        with transaction(opened.engine) as connection:
            approved = approvals.approve(connection, stored, edition, by=by or account, actor=account, note=remark)
    if as_json:
        print_json(approved)
        return
    click.echo(f"issue {stored.issue.ref}, revision {stored.revision}: approved by {approved.approved_by}.")
    note(f"This is about edition {approved.sha256[:12]} alone: what is sent has to be exactly that.")
