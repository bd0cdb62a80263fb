"""An issue as the commands about it show it."""

from __future__ import annotations

import rich_click as click
from sqlalchemy import Connection

from mailer import corrections
from mailer.block import BlockKind
from mailer.cli.output import note, print_table
from mailer.issues import StoredIssue
from mailer.models import RevisionKind


def document(stored: StoredIssue) -> dict[str, object]:
    """An issue as JSON."""
    identity = {"id": stored.id, "publication": stored.publication.slug, "revision": stored.revision}
    identity |= {"revision_kind": stored.kind.value, "created_by": stored.created_by, "created_at": stored.created_at}
    return stored.issue.to_json() | identity | {"warnings": list(stored.warnings), "doubts": list(stored.doubts)}


def note_what_is_still_sent(connection: Connection, stored: StoredIssue) -> None:
    """Say which mailings do not send what an issue has been changed to: whoever changes it may think so."""
    for mailing_id in corrections.still_sent(connection, stored):
        note(
            f"warning: mailing {mailing_id} sends issue {stored.issue.ref} as it was. `jianbao mailing cancel {mailing_id}` stops it; "
            "what it says now is then yours to schedule."
        )


def show_issue(stored: StoredIssue) -> None:
    """An issue as staff read it: its masthead, and a line for each article."""
    issue = stored.issue
    click.echo(f"{issue.publisher} {issue.title} {issue.kind}")
    kind = "" if stored.kind is RevisionKind.TEXT else f"  ({stored.kind.value})"
    click.echo(f"{issue.subject}  {issue.date or ''}{kind}")
    in_columns = any(article.column for article in issue.articles)
    rows = []
    for article in issue.articles:
        column = (article.column,) if in_columns else ()
        paragraphs = sum(block.kind is not BlockKind.HEADING for block in article.blocks)
        characters = sum(len(block.text) for block in article.blocks)
        rows.append((article.position, *column, article.title, article.source, paragraphs, characters))
    heads = ("", *(("column",) if in_columns else ()), "title", "source", "paragraphs", "characters")
    print_table(heads, rows, numbers=frozenset({"paragraphs", "characters"}))
