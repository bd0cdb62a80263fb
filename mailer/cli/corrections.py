"""`jianbao issue correct`: what was sent with a mistake is corrected, and a notice to those who got it prepared."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import rich_click as click

from mailer import issues
from mailer.bulletin_files import BulletinFile, read_bulletin
from mailer.cli.issue_view import document
from mailer.cli.manuscripts import edited
from mailer.cli.output import actor, json_option, note, print_json, services
from mailer.collecting import corrected
from mailer.corrections import find_sent
from mailer.importers.reading import Reading
from mailer.issues import StoredIssue
from mailer.models import RevisionKind
from mailer.pictures import keep_pictures
from subscribers.db import transaction
from subscribers.errors import InputError


@click.command()
@click.argument("ref")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--why", required=True, metavar="TEXT", help="What was wrong and what is right; readers see it at the top.")
@json_option
def correct(ref: str, file: Path | None, why: str, as_json: bool) -> None:
    """Correct (更正) an issue that has been sent: by FILE, or in your editor as `issue edit` does.

    Its next revision says at the top, and in the subject, that it is a correction. Nothing is sent: the command that sends it to those
    who got the issue is printed. What was sent stays as it was.

    Example: `jianbao issue correct 2023-09 2023-09.docx --why "第二篇中“12家”应为“13家”。"`
    """
    with services() as opened:
        with transaction(opened.engine) as connection:
            stored = issues.find_issue(connection, ref)
            sent = find_sent(connection, stored)
        read = _read(stored, file) if file else edited(stored, opened.settings)
        if read is None:
            note(f"issue {stored.issue.ref}: nothing was changed.")
            return
        with transaction(opened.engine) as connection:
            imported = issues.import_issue(
                connection,
                corrected(stored.issue, read.reading.issue, why.strip()),
                slug=stored.publication.slug,
                source_name=file.name if file else f"{stored.issue.ref}@{stored.revision}, corrected",
                source_sha256=read.sha256,
                warnings=read.reading.warnings,
                doubts=read.doubts,
                created_by=actor(),
                kind=RevisionKind.CORRECTION,
            )
            keep_pictures(connection, read.pictures)
    command = shlex.join(sent.notice(ref.partition("@")[0]))
    for warning in read.reading.warnings:
        note(f"warning: {warning}")
    for mailing_id in sent.open:
        note(f"warning: mailing {mailing_id} sends the text as it was; `jianbao mailing cancel {mailing_id}` stops it.")
    if not imported.new_revision:
        note(f"issue {stored.issue.ref} says this already, in revision {imported.stored.revision}; nothing was changed.")
    else:
        note(
            f"issue {stored.issue.ref} has a new revision, {imported.stored.revision}, a correction. Look at it, then send it:"
        )
    if as_json:
        print_json(document(imported.stored) | {"new_revision": imported.new_revision, "notice": command})
    else:
        click.echo(command)


def _read(stored: StoredIssue, file: Path) -> BulletinFile:
    """The issue in a file, which has to be the same one; one without a number is."""
    read = read_bulletin(file)
    issue, before = read.reading.issue, stored.issue
    if not issue.number:
        issue = replace(issue, year=before.year, number=before.number, total_number=before.total_number, date=before.date)
    if issue.ref != before.ref:
        raise InputError(
            f"{file.name}: this is issue {issue.ref}, and not {before.ref}. Correct the number in it, or name that issue."
        )
    return replace(read, reading=Reading(issue, read.reading.warnings))
