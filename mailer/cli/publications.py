"""`jianbao publication`: the numbered series."""

from __future__ import annotations

import rich_click as click

from mailer import issues
from mailer.cli.output import json_option, note, print_json, print_table, services
from mailer.issues import PublicationRecord
from mailer.publishing import sender_address
from subscribers.db import transaction


@click.group()
def publication() -> None:
    """Numbered series, such as 信息集锦 简报. Example: `jianbao publication list`."""


@publication.command()
@click.argument("slug")
@click.option("--title", required=True, help="Its title, like 信息集锦.")
@click.option("--kind", required=True, help="What it is, like 简报.")
@click.option("--publisher", required=True, help="Who publishes it.")
@click.option("--from", "sender", required=True, metavar="ADDRESS", help="The address that its mail comes from.")
@json_option
def create(slug: str, title: str, kind: str, publisher: str, sender: str, as_json: bool) -> None:
    """Make a publication.

    Example: `jianbao publication create xxjj --title 信息集锦 --kind 简报 --publisher 联谊会 --from news@example.org`
    """
    address = sender_address(sender)
    with services() as opened, transaction(opened.engine) as connection:
        record = issues.create_publication(connection, slug, title=title, kind=kind, publisher=publisher, sender=address)
    _print([record], as_json=as_json, one=True)


@publication.command()
@click.argument("slug")
@click.option("--from", "sender", required=True, metavar="ADDRESS", help="The address that its mail comes from.")
@json_option
def update(slug: str, sender: str, as_json: bool) -> None:
    """Change the address that a publication's mail comes from; mailings that are scheduled already keep theirs.

    Example: `jianbao publication update bulletin --from news@example.org`
    """
    address = sender_address(sender)
    with services() as opened, transaction(opened.engine) as connection:
        record = issues.set_sender(connection, slug, address)
    _print([record], as_json=as_json, one=True)


@publication.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List all publications.

    Example: `jianbao publication list`
    """
    with services() as opened, transaction(opened.engine) as connection:
        records = issues.publications(connection)
    _print(records, as_json=as_json, one=False)


@publication.command()
@click.argument("slug")
@json_option
def show(slug: str, as_json: bool) -> None:
    """Show one publication.

    Example: `jianbao publication show bulletin`
    """
    with services() as opened, transaction(opened.engine) as connection:
        record = issues.find_publication(connection, slug)
    _print([record], as_json=as_json, one=True)


def _print(records: list[PublicationRecord], *, as_json: bool, one: bool) -> None:
    if as_json:
        print_json(records[0] if one else records)
    elif records:
        rows = [(r.slug, r.publisher, r.title, r.kind, r.sender or "(not set)", r.theme) for r in records]
        print_table(("slug", "publisher", "title", "kind", "from", "theme"), rows)
    else:
        note("there is no publication yet. `jianbao issue import FILE` makes the first one from a masthead.")
