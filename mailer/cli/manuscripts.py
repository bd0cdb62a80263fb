"""`jianbao issue export`, `edit` and `diff`: the whole issue as one Markdown file, out and in again, and what has changed."""

from __future__ import annotations

import base64
import difflib
import hashlib
import html
import json
from enum import StrEnum
from pathlib import Path
from typing import assert_never

import rich_click as click

from mailer import issues
from mailer.block import picture_type
from mailer.bulletin_files import BulletinFile
from mailer.cli.output import actor, json_option, note, print_json, services
from mailer.edition import Field, Imprint, fill
from mailer.importers.reading import Reading
from mailer.issue import Issue
from mailer.issues import StoredIssue
from mailer.manuscript import read_manuscript, write_manuscript
from mailer.publishing import theme_folders
from mailer.render import render
from mailer.settings import Settings
from subscribers.db import transaction
from subscribers.errors import InputError


class Form(StrEnum):
    """What an issue can be taken out as."""

    MARKDOWN = "md"
    JSON = "json"
    HTML = "html"


@click.command()
@click.argument("ref")
@click.option("--to", "form", type=click.Choice([form.value for form in Form]), default=Form.MARKDOWN.value, show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write; without it, standard output.")
def export(ref: str, form: str, out: Path | None) -> None:
    """Take an issue out: as Markdown or JSON, which import back to the same issue, or as a page with its pictures.

    REF may name a revision: 2023-09@3.

    Example: `jianbao issue export 2023-09 --to md --out 2023-09.md`
    """
    with services() as opened, transaction(opened.engine) as connection:
        stored = issues.find_issue(connection, ref)
    written = _written(stored, Form(form), opened.settings)
    if out is None:
        click.echo(written, nl=False)
    else:
        out.write_text(written, encoding="utf-8")
        note(f"issue {stored.issue.ref}, revision {stored.revision}, is in {out}.")


@click.command()
@click.argument("ref")
@json_option
def edit(ref: str, as_json: bool) -> None:
    """Open an issue as one Markdown file in your editor ($VISUAL or $EDITOR); what is saved is its next revision.

    Example: `jianbao issue edit 2023-09`
    """
    with services() as opened:
        with transaction(opened.engine) as connection:
            stored = issues.find_issue(connection, ref)
        read = edited(stored, opened.settings)
        if read is None:
            note(f"issue {stored.issue.ref}: nothing was changed.")
            return
        with transaction(opened.engine) as connection:
            imported = issues.import_issue(
                connection,
                read.reading.issue,
                slug=stored.publication.slug,
                source_name=f"{stored.issue.ref}@{stored.revision}, edited",
                source_sha256=read.sha256,
                warnings=(),
                created_by=actor(),
                kind=stored.kind,
            )
    note(f"issue {stored.issue.ref} has a new revision, {imported.stored.revision}. Editions that were sent stay as they were.")
    if as_json:
        print_json({"ref": stored.issue.ref, "revision": imported.stored.revision, "new_revision": imported.new_revision})


@click.command()
@click.argument("old")
@click.argument("new", required=False)
def diff(old: str, new: str | None) -> None:
    """Compare two revisions, line by line; of one REF alone, the last revision with the one before.

    Example: `jianbao issue diff 2023-09@3 2023-09@4`
    """
    with services() as opened, transaction(opened.engine) as connection:
        after = issues.find_issue(connection, new or old)
        if new is None and after.revision == 1:
            raise InputError(f"issue {after.issue.ref} has one revision alone; there is nothing to compare it with.")
        before = issues.find_issue(connection, old if new else f"{old.partition('@')[0]}@{after.revision - 1}")
    old_name, new_name = (f"{stored.issue.ref}@{stored.revision}" for stored in (before, after))
    old_lines, new_lines = (write_manuscript(stored.issue).splitlines() for stored in (before, after))
    for line in difflib.unified_diff(old_lines, new_lines, old_name, new_name, lineterm=""):
        click.echo(line)


def edited(stored: StoredIssue, settings: Settings) -> BulletinFile | None:
    """The issue as a person leaves it in the editor; None where nothing was changed. InputError where it is none any more: what was
    written is kept."""
    before = write_manuscript(stored.issue)
    after = click.edit(before, extension=".md")
    if after is None or after == before:
        return None
    try:
        changed = _same_issue(stored, after)
    except InputError as error:
        kept = settings.data_dir / f"{stored.issue.ref}-edited.md"
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(after, encoding="utf-8")
        raise InputError(f"{error} What you wrote is in {kept}; correct it and import it.") from error
    return BulletinFile(Reading(changed), hashlib.sha256(after.encode()).hexdigest())


def _same_issue(stored: StoredIssue, text: str) -> Issue:
    changed = read_manuscript(text, f"{stored.issue.ref}.md")
    if changed.ref != stored.issue.ref:
        raise InputError(f"{stored.issue.ref}.md: year and number were changed to {changed.ref}, which is another issue.")
    if stored.issue.articles and not changed.articles:
        raise InputError(f"{stored.issue.ref}.md: there is no article left in it. Each begins with a line like: # headline.")
    return changed


def _written(stored: StoredIssue, form: Form, settings: Settings) -> str:
    match form:
        case Form.MARKDOWN:
            return write_manuscript(stored.issue)
        case Form.JSON:
            return json.dumps(stored.issue.to_json(), ensure_ascii=False, indent=2) + "\n"
        case Form.HTML:
            return _page(stored, settings)
        case _:
            assert_never(form)


def _page(stored: StoredIssue, settings: Settings) -> str:
    """The issue as a page for everybody, which needs nothing beside it."""
    publication = stored.publication
    edition = render(
        stored.issue,
        theme=publication.theme,
        tracking=False,
        imprint=Imprint(sender=publication.publisher),
        folders=theme_folders(settings),
        fields=publication.fields,
        limit=0,
        public=True,
        pictures="cid:",
    )
    page = fill(edition.browser, dict.fromkeys(Field, ""), escape=html.escape)
    for sha256, content in stored.pictures.items():
        page = page.replace(f'src="cid:{sha256}"', f'src="{_data_address(content)}"')
    return page


def _data_address(content: bytes) -> str:
    return f"data:{picture_type(content)};base64,{base64.b64encode(content).decode()}"
