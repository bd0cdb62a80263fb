"""`jianbao issue correct`: what was sent with a mistake is corrected, and a notice to those who got it prepared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import rich_click as click
from sqlalchemy import Connection

from mailer import issues, planning
from mailer.activity import freeze_segment
from mailer.bulletin_files import BulletinFile, read_bulletin
from mailer.cli.issue_view import document
from mailer.cli.manuscripts import edited, require_unchanged
from mailer.cli.output import actor, json_option, note, print_json, services
from mailer.collecting import corrected
from mailer.corrections import find_sent, is_told, prepare_notice, received, still_sent
from mailer.importers.reading import Reading
from mailer.issues import StoredIssue
from mailer.models import RevisionKind
from mailer.pictures import keep_pictures
from mailer.publishing import edition_of, terms_of
from mailer.settings import Settings
from mailer.terms import SegmentTerm
from subscribers.db import transaction
from subscribers.errors import InputError


@click.command()
@click.argument("ref")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--why", required=True, metavar="TEXT", help="What was wrong and what is right; readers see it at the top.")
@json_option
def correct(ref: str, file: Path | None, why: str, as_json: bool) -> None:
    """Correct (更正) an issue that has been sent: by FILE, or in your editor as `issue edit` does.

    Its next revision says at the top, and in the subject, that it is a correction, and a mailing to those who got the issue is
    prepared. Nothing is sent before that mailing is confirmed. What was sent stays as it was.

    Example: `jianbao issue correct 2023-09 2023-09.docx --why "第二篇中“12家”应为“13家”。"`
    """
    with services() as opened:
        with transaction(opened.engine) as connection:
            stored = issues.find_issue(connection, ref)
            opened_at = issues.find_issue(connection, f"#{stored.id}")
            find_sent(connection, stored)
        read = _read(stored, file) if file else edited(stored, opened.settings)
        if read is None:
            note(f"issue {stored.issue.ref}: nothing was changed.")
            return
        with transaction(opened.engine) as connection:
            if file is None:
                require_unchanged(connection, opened_at, read, opened.settings, f"correct {stored.issue.ref}")
            before, list_ids = issues.latest(connection, stored.id), find_sent(connection, stored)
            imported = issues.import_issue(
                connection,
                corrected(before.issue, read.reading.issue, why.strip()),
                slug=stored.publication.slug,
                source_name=file.name if file else f"{stored.issue.ref}@{stored.revision}, corrected",
                source_sha256=read.sha256,
                warnings=read.reading.warnings,
                doubts=read.doubts,
                created_by=actor(),
                kind=RevisionKind.CORRECTION,
            )
            keep_pictures(connection, read.pictures)
            after = issues.find_issue(connection, f"#{stored.id}")
            untold = imported.new_revision or not is_told(connection, after)
            prepared = _prepare(connection, after, list_ids, opened.settings) if untold else None
            still = still_sent(connection, after)
    for warning in read.reading.warnings:
        note(f"warning: {warning}")
    for mailing_id in still:
        note(f"warning: mailing {mailing_id} sends the text as it was; `jianbao mailing cancel {mailing_id}` stops it.")
    new = (
        f"has a new revision, {after.revision}, a correction"
        if imported.new_revision
        else f"says this already, in revision {after.revision}"
    )
    if prepared is None:
        note(f"issue {stored.issue.ref} {new}; nothing was changed.")
    else:
        note(
            f"issue {stored.issue.ref} {new}. Mailing {prepared.mailing_id} to the {prepared.recipients} who got the issue is "
            f"prepared. Look at it (`jianbao issue preview {stored.issue.ref}`), then send it:"
        )
    if as_json:
        more = (
            {"mailing": prepared.mailing_id, "recipients": prepared.recipients, "notice": prepared.command} if prepared else {}
        )
        print_json(document(after) | {"new_revision": imported.new_revision} | more)
    elif prepared is not None:
        click.echo(prepared.command)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """The mailing that waits to be confirmed, and how many it would go to now."""

    mailing_id: int
    recipients: int

    @property
    def command(self) -> str:
        """What sends it."""
        return f"jianbao mailing confirm {self.mailing_id} --at now"


def _prepare(connection: Connection, stored: StoredIssue, list_ids: tuple[int, ...], settings: Settings) -> _Prepared:
    segment = SegmentTerm(freeze_segment(connection, received(connection, stored)), settings.zone.key)
    terms = terms_of(stored.publication, settings, None, {}, segment=segment)
    now = datetime.now(UTC)
    mailing_id = prepare_notice(connection, stored, list_ids, edition_of(stored, settings), terms=terms, at=now, by=actor())
    chosen = planning.chosen_by(connection, terms, now)
    return _Prepared(mailing_id, planning.count_audience(connection, list_ids, chosen))


def _read(stored: StoredIssue, file: Path) -> BulletinFile:
    """The issue in a file, which has to be the same one; one without a number is."""
    read = read_bulletin(file)
    issue, before = read.reading.issue, stored.issue
    if not issue.number:
        numbers = ("year", "number", "last_number", "total_number", "last_total_number", "date")
        issue = replace(issue, **{name: getattr(before, name) for name in numbers})
    if issue.ref != before.ref:
        raise InputError(
            f"{file.name}: this is issue {issue.ref}, and not {before.ref}. Correct the number in it, or name that issue."
        )
    return replace(read, reading=Reading(issue, read.reading.warnings))
