"""`jianbao issue draft` and `delete`: the next issue is begun, to be filled article by article, or given up."""

from __future__ import annotations

from datetime import UTC, datetime

import rich_click as click

from mailer import drafts, issues
from mailer.cli.issue_view import document, show_issue
from mailer.cli.output import actor, ask, json_option, note, print_json, services, yes_option
from subscribers.db import transaction
from subscribers.errors import InputError


@click.command()
@click.option("--publication", "slug", help="The publication whose next issue is meant, where there are several.")
@click.option("--number", type=click.IntRange(1, 999), help="Another number than the next of its year.")
@click.option("--total-number", type=click.IntRange(1), help="Another total number than the next.")
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="When it appears, like 2026-12-20.")
@json_option
def draft(slug: str | None, number: int | None, total_number: int | None, day: datetime | None, as_json: bool) -> None:
    """Begin the next issue of a publication, or show the one that is begun. What its numbers and date are can be said, then or later.

    Example: `jianbao issue draft --date 2026-12-20`
    """
    appears = day.date() if day else None
    with services() as opened, transaction(opened.engine) as connection:
        publication = drafts.publication_of(connection, slug)
        before = drafts.find_draft(connection, publication)
        today = datetime.now(UTC).astimezone(opened.settings.zone).date()
        stored = before or drafts.begin(connection, publication, today=today, day=appears, by=actor())
        if number or total_number or (before and appears):
            stored = drafts.renumber(connection, stored, number=number, total_number=total_number, day=appears, by=actor())
        series = issues.series_warnings(connection, stored)
    for warning in series:
        note(f"warning: {warning}")
    if as_json:
        print_json(document(stored) | {"begun": before is None})
        return
    show_issue(stored)
    if before is None:
        note(f"issue {stored.issue.ref} is begun. `jianbao article add FILE` puts an article into it.")


@click.command()
@click.argument("ref")
@yes_option
def delete(ref: str, yes: bool) -> None:
    """Delete an issue that nobody has been sent, such as a draft begun by mistake, with all its revisions. There is no way back.

    Example: `jianbao issue delete 2026-12`
    """
    if "@" in ref:
        raise InputError(
            f"{ref} is one revision, and only a whole issue can be deleted. `jianbao issue edit` brings text back."
        )
    with services() as opened:
        with transaction(opened.engine) as connection:
            stored = issues.find_issue(connection, ref)
        issue = stored.issue
        ask(f"Delete issue {issue.ref} ({len(issue.articles)} articles) for ever?", yes=yes)
        with transaction(opened.engine) as connection:
            drafts.delete(connection, stored, actor())
    note(f"issue {issue.ref} is deleted.")
