"""`jianbao publication`: the numbered series."""

from __future__ import annotations

import re

import rich_click as click

from mailer import issues
from mailer.cli.options import add_options
from mailer.cli.output import actor, json_option, note, print_json, print_table, services
from mailer.issues import PublicationRecord
from mailer.models import ArchiveAccess
from mailer.publishing import sender_address, theme_folders
from mailer.render import find_theme
from mailer.settings import Settings
from subscribers.db import transaction
from subscribers.errors import InputError

_IN_MARKS = re.compile("\\A《([^《》]+)》\\Z")  # It is put between them wherever it is named.


@click.group()
def publication() -> None:
    """Numbered series, such as 信息集锦 简报. Example: `jianbao publication list`."""


# What both making and changing a publication may say of how its issues look and who lets them out.
_LOOK = (
    click.option("--theme", metavar="NAME", help="How its issues look; `jianbao theme list` shows the themes."),
    click.option("--field", "fields", multiple=True, metavar="NAME=TEXT", help="What the theme asks for; empty takes it away."),
    click.option(
        "--needs-approval/--no-needs-approval",
        default=None,
        help="Send an issue only when a second person has approved it: `jianbao issue approve`.",
    ),
)


@publication.command()
@click.argument("slug")
@click.option("--title", required=True, help="Its title, like 信息集锦.")
@click.option("--kind", required=True, help="What it is, like 简报.")
@click.option("--publisher", required=True, help="Who publishes it.")
@click.option("--from", "sender", required=True, metavar="ADDRESS", help="The address that its mail comes from.")
@add_options(_LOOK)
@json_option
def create(
    slug: str,
    title: str,
    kind: str,
    publisher: str,
    sender: str,
    theme: str | None,
    fields: tuple[str, ...],
    needs_approval: bool | None,
    as_json: bool,
) -> None:
    """Make a publication.

    Example: `jianbao publication create xxjj --title 信息集锦 --kind 简报 --publisher 联谊会 --from news@example.org`
    """
    address = sender_address(sender)
    with services() as opened:
        look = _checked_look(theme or "official", fields, opened.settings)
        with transaction(opened.engine) as connection:
            record = issues.create_publication(
                connection,
                slug,
                title=_IN_MARKS.sub(r"\1", title.strip()),
                kind=kind,
                publisher=publisher,
                sender=address,
                theme=theme or "official",
                fields=look,
                needs_approval=bool(needs_approval),
            )
    _print([record], as_json=as_json, one=True)


@publication.command()
@click.argument("slug")
@click.option("--from", "sender", metavar="ADDRESS", help="The address that its mail comes from.")
@click.option("--archive", type=click.Choice([access.value for access in ArchiveAccess]), help="Who may read it on the web.")
@click.option("--receipt/--no-receipt", default=None, help="Ask readers, by a button, to say that an issue came (回执).")
@add_options(_LOOK)
@json_option
def update(
    slug: str,
    sender: str | None,
    archive: str | None,
    receipt: bool | None,
    theme: str | None,
    fields: tuple[str, ...],
    needs_approval: bool | None,
    as_json: bool,
) -> None:
    """Change a publication's sender, theme, archive and so on; mailings that are scheduled stay as they are.

    Example: `jianbao publication update bulletin --from news@example.org --theme modern`
    """
    asked = {"sender": sender_address(sender) if sender else None, "theme": theme, "needs_approval": needs_approval}
    asked |= {"archive": archive, "receipt": receipt}
    changes: dict[str, object] = {name: value for name, value in asked.items() if value is not None}
    if not (changes or fields):
        raise InputError("nothing was asked for. Give --from, --archive, --receipt, --theme, --field or --needs-approval.")
    with services() as opened:
        with transaction(opened.engine) as connection:
            kept = issues.find_publication(connection, slug)
        if theme or fields:
            changes["fields"] = _checked_look(theme or kept.theme, fields, opened.settings)
        with transaction(opened.engine) as connection:
            record = issues.update_publication(connection, slug, changes, actor())
        address = f"{opened.settings['BASE_URL'].rstrip('/')}/archive/{slug}"
    if archive == ArchiveAccess.PUBLIC:
        note(f"everybody may read it now: {address}")
    _print([record], as_json=as_json, one=True)


def _checked_look(theme: str, texts: tuple[str, ...], settings: Settings) -> dict[str, str]:
    """The fields as given, where the theme is there and asks for them."""
    known = find_theme(theme, theme_folders(settings)).fields
    fields = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or name not in known:
            there_are = ", ".join(known) or "none"
            raise InputError(f"{text!r} is no field of the theme {theme}. Give NAME=TEXT; its fields: {there_are}.")
        fields[name] = value
    return fields


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
        rows = [(r.slug, r.publisher, r.title, r.kind, r.sender or "(not set)", r.theme, r.archive) for r in records]
        print_table(("slug", "publisher", "title", "kind", "from", "theme", "archive"), rows)
    else:
        note("there is no publication yet. `jianbao issue import FILE` makes the first one from a masthead.")
