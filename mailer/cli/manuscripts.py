"""`jianbao issue export`, `edit` and `diff`: the whole issue as one Markdown file, out and in again, and what has changed."""

from __future__ import annotations

import difflib
import hashlib
import json
import sys
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import assert_never

import rich_click as click
from sqlalchemy import Connection

from mailer import issues
from mailer.bulletin_files import BulletinFile, pictures_to_json
from mailer.cli.issue_view import note_what_is_still_sent
from mailer.cli.output import actor, json_option, note, print_json, services
from mailer.exporting import Dress, write_docx, write_page
from mailer.importers.reading import Reading
from mailer.issue import Issue
from mailer.issues import StoredIssue
from mailer.manuscript import read_manuscript, write_manuscript
from mailer.printing import print_pdf
from mailer.publishing import theme_folders
from mailer.render import find_theme
from mailer.settings import Settings
from subscribers.db import transaction
from subscribers.errors import InputError
from subscribers.writing import write_whole


class Form(StrEnum):
    """What an issue can be taken out as."""

    MARKDOWN = "md"
    JSON = "json"
    HTML = "html"
    DOCX = "docx"
    PDF = "pdf"


_FOR_PROGRAMS = (Form.DOCX, Form.PDF)


@click.command()
@click.argument("ref")
@click.option("--to", "form", type=click.Choice([form.value for form in Form]), default=Form.MARKDOWN.value, show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write; without it, standard output.")
def export(ref: str, form: str, out: Path | None) -> None:
    """Take an issue out, to be read, printed, edited or kept: as Markdown, JSON, a page with its pictures, a Word file, or PDF.

    All but PDF import back to the same issue. PDF is made by Chromium or LibreOffice, whichever the machine has. REF may name a
    revision: 2023-09@3.

    Example: `jianbao issue export 2023-09 --to docx --out 2023-09.docx`
    """
    with services() as opened, transaction(opened.engine) as connection:
        stored = issues.find_issue(connection, ref)
    chosen = Form(form)
    if out is None and chosen in _FOR_PROGRAMS and sys.stdout.isatty():
        raise InputError(
            f"{form} is no text for a terminal. Say with --out which file to write: --out {stored.issue.ref}.{form}"
        )
    if chosen is Form.PDF:
        note("• making the pages …")
    written = _written(stored, chosen, opened.settings)
    if out is None:
        sys.stdout.buffer.write(written)
        return
    write_whole(out, written)
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
            opened_at = issues.find_issue(connection, f"#{stored.id}")
        read = edited(stored, opened.settings)
        if read is None:
            note(f"issue {stored.issue.ref}: nothing was changed.")
            return
        with transaction(opened.engine) as connection:
            require_unchanged(connection, opened_at, read, opened.settings, "import")
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
            note_what_is_still_sent(connection, imported.stored)
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
        kept = _keep(stored, after, settings)
        raise InputError(f"{error} What you wrote is in {kept}; correct it and import it.") from error
    return BulletinFile(Reading(changed), hashlib.sha256(after.encode()).hexdigest())


def require_unchanged(
    connection: Connection, before: StoredIssue, written: BulletinFile, settings: Settings, command: str
) -> None:
    """Hold the issue for what was written in the editor. InputError where it has another revision by now: what was written is kept, to be
    brought in by `jianbao issue COMMAND`."""
    now = issues.latest(connection, before.id)
    if now.revision == before.revision:
        return
    ref, kept = now.issue.ref, _keep(before, write_manuscript(written.reading.issue), settings)
    raise InputError(
        f"issue {ref} was changed by {now.created_by} while you wrote, in revision {now.revision}, which would be lost. What you wrote "
        f"is in {kept}. Put in it what `jianbao issue diff {ref}@{before.revision} {ref}@{now.revision}` shows, and bring it in with "
        f"`jianbao issue {command}`."
    )


def _keep(stored: StoredIssue, text: str, settings: Settings) -> Path:
    """Put what was written into a file of its own: what was kept before may be somebody's who has not brought it in yet."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    names = (f"{stored.issue.ref}-edited{f'-{number}' if number > 1 else ''}.md" for number in count(1))
    kept = next(path for path in map(settings.data_dir.joinpath, names) if not path.exists())
    kept.write_text(text, encoding="utf-8")
    return kept


def _same_issue(stored: StoredIssue, text: str) -> Issue:
    changed = read_manuscript(text, f"{stored.issue.ref}.md")
    if changed.ref != stored.issue.ref:
        raise InputError(f"{stored.issue.ref}.md: year and number were changed to {changed.ref}, which is another issue.")
    if stored.issue.articles and not changed.articles:
        raise InputError(f"{stored.issue.ref}.md: there is no article left in it. Each begins with a line like: # headline.")
    return changed


def _written(stored: StoredIssue, form: Form, settings: Settings) -> bytes:
    match form:
        case Form.MARKDOWN:
            return write_manuscript(stored.issue, stored.pictures).encode("utf-8", "surrogatepass")
        case Form.JSON:
            said = stored.issue.to_json() | ({"pictures": pictures_to_json(stored.pictures)} if stored.pictures else {})
            return f"{json.dumps(said, ensure_ascii=False, indent=2)}\n".encode("utf-8", "surrogatepass")
        case Form.HTML:
            return _page(stored, settings).encode()
        case Form.DOCX:
            return write_docx(stored.issue, stored.pictures, _dress(stored, settings))
        case Form.PDF:
            dress = _dress(stored, settings).for_any_machine()
            return print_pdf(_page(stored, settings), lambda: write_docx(stored.issue, stored.pictures, dress))
        case _:
            assert_never(form)


def _page(stored: StoredIssue, settings: Settings) -> str:
    return write_page(stored.issue, stored.pictures, find_theme(stored.publication.theme, theme_folders(settings)))


def _dress(stored: StoredIssue, settings: Settings) -> Dress:
    return Dress(find_theme(stored.publication.theme, theme_folders(settings)).colours["accent"])
