"""`jianbao article`: articles are collected into the next issue, brought into order, taken out again."""

from __future__ import annotations

from pathlib import Path

import rich_click as click
from sqlalchemy import Connection

from mailer import drafts, issues
from mailer.article_files import read_article_files
from mailer.cli.issue_view import document, note_what_is_still_sent, show_issue
from mailer.cli.options import add_options
from mailer.cli.output import actor, json_option, note, print_json, services
from mailer.issues import StoredIssue
from subscribers.db import transaction
from subscribers.errors import InputError

# What says which issue is meant, and `--json`.
_WHICH = (
    click.option("--issue", "ref", metavar="REF", help="Another issue than the draft."),
    click.option("--publication", "slug", help="The publication whose draft is meant, where there are several."),
    json_option,
)


@click.group()
def article() -> None:
    """Articles of the next issue, each from a file of its own. Example: `jianbao article add 3-visit.docx`."""


@article.command()
@click.argument("files", metavar="FILE...", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--title", metavar="TEXT", help="The headline, in place of the file's own.")
@click.option("--source", metavar="TEXT", help="Where it is from, in place of what the file says.")
@add_options(_WHICH)
def add(
    files: tuple[Path, ...], title: str | None, source: str | None, ref: str | None, slug: str | None, as_json: bool
) -> None:
    """Put articles at the end of the draft, each from a file of its own; each is a revision. All of them go in, or none.

    FILE is what `issue import` reads: text, Markdown, HTML, DOCX, PDF, or a folder or zip file of an article with its pictures, or of
    several: each text in it is an article, in the order of their names. The first line of a text is its headline.

    Example: `jianbao article add visit.docx --source 科技日报`
    """
    if title is not None and len(files) > 1:
        raise InputError("--title names one article. Add the files one by one, each with its title.")
    read = [found for file in files for found in read_article_files(file, title=title, source=source)]
    with services() as opened, transaction(opened.engine) as connection:
        stored = _issue(connection, ref, slug)
        for found in read:
            stored = drafts.add_article(connection, stored, found, actor())
        note_what_is_still_sent(connection, stored)
    for found in read:
        for warning in found.warnings:
            note(f"warning: {warning}")
    if doubts := sum(len(found.doubts) for found in read):
        note(f"{doubts} places are doubtful: `jianbao issue show {stored.issue.ref} --doubts` lists them.")
    first = len(stored.issue.articles) - len(read) + 1
    said = (
        f"article {number} of issue {stored.issue.ref} is {found.article.title!r}." for number, found in enumerate(read, first)
    )
    _said(stored, "\n".join(said), as_json)


@article.command("list")
@add_options(_WHICH)
def list_(ref: str | None, slug: str | None, as_json: bool) -> None:
    """List the articles of the draft.

    Example: `jianbao article list`
    """
    with services() as opened, transaction(opened.engine) as connection:
        stored = _issue(connection, ref, slug)
    if as_json:
        print_json(document(stored))
        return
    show_issue(stored)
    if not stored.issue.articles:
        note(f"issue {stored.issue.ref} has no article yet. `jianbao article add FILE` puts one into it.")


@article.command()
@click.argument("position", metavar="N", type=int)
@click.argument("to", metavar="M", type=int)
@add_options(_WHICH)
def move(position: int, to: int, ref: str | None, slug: str | None, as_json: bool) -> None:
    """Bring article N to the place M.

    Example: `jianbao article move 5 1`
    """
    with services() as opened, transaction(opened.engine) as connection:
        stored = drafts.move_article(connection, _issue(connection, ref, slug), position, to, actor())
        note_what_is_still_sent(connection, stored)
    title = stored.issue.articles[to - 1].title
    _said(stored, f"article {to} of issue {stored.issue.ref} is now {title!r}.", as_json)


@article.command()
@click.argument("position", metavar="N", type=int)
@add_options(_WHICH)
def remove(position: int, ref: str | None, slug: str | None, as_json: bool) -> None:
    """Take article N out; the revision before keeps it.

    Example: `jianbao article remove 3`
    """
    with services() as opened, transaction(opened.engine) as connection:
        stored = drafts.remove_article(connection, _issue(connection, ref, slug), position, actor())
        note_what_is_still_sent(connection, stored)
    before = f"{stored.issue.ref}@{stored.revision - 1}"
    _said(stored, f"article {position} is taken out; `jianbao issue show {before}` still has it.", as_json)


def _issue(connection: Connection, ref: str | None, slug: str | None) -> StoredIssue:
    if ref is not None:
        return issues.find_issue(connection, ref)
    return drafts.require_draft(connection, drafts.publication_of(connection, slug))


def _said(stored: StoredIssue, what: str, as_json: bool) -> None:
    note(what)
    if as_json:
        print_json(document(stored))
    else:
        show_issue(stored)
