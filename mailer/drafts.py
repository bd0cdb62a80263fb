"""The next issue of a publication while its articles are collected: an ordinary issue, each change of which is a revision."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date

from sqlalchemy import Connection, exists, or_, select, text, update
from sqlalchemy import delete as sql_delete

from mailer import issues
from mailer.article_files import ArticleFile
from mailer.collecting import Numbers, added, moved, next_numbers, removed
from mailer.issue import Issue
from mailer.issues import LAST_NUMBER, LAST_TOTAL_NUMBER, PublicationRecord, StoredIssue, bears
from mailer.manuscript import write_manuscript
from mailer.models import Approval, Breaker, EditionRow, IssueRow, Mailing, MailingStatus, Publication, Revision, RevisionKind
from mailer.pictures import forget_pictures, keep_pictures, shown_by
from subscribers.audit import Change, Subject, record
from subscribers.errors import InputError

# A mailing that never began, and never will.
_FORGOTTEN = (MailingStatus.DRAFT.value, MailingStatus.CANCELLED.value)


def publication_of(connection: Connection, slug: str | None) -> PublicationRecord:
    """The publication of that slug, or the only one. InputError where it has to be said which is meant."""
    if slug is not None:
        return issues.find_publication(connection, slug)
    known = issues.publications(connection)
    if len(known) == 1:
        return known[0]
    if not known:
        raise InputError("there is no publication yet. `jianbao publication create` makes one, or `jianbao issue import` does.")
    raise InputError(f"there is more than one publication. Say with --publication which: {', '.join(p.slug for p in known)}.")


def find_draft(connection: Connection, publication: PublicationRecord) -> StoredIssue | None:
    """The issue of a publication that is collected now: the newest whose last revision is a draft, and that has gone, or
    is to go, to nobody."""
    of_issue = select(Revision.kind).where(Revision.issue_id == IssueRow.id)
    kind = of_issue.order_by(Revision.number.desc()).limit(1).scalar_subquery()
    stands = or_(Mailing.status != MailingStatus.CANCELLED.value, Mailing.started_at.is_not(None))
    mailed = exists().where(Mailing.issue_id == IssueRow.id, stands)
    statement = select(IssueRow.id).where(IssueRow.publication_id == publication.id, kind == RevisionKind.DRAFT.value, ~mailed)
    newest = statement.order_by(IssueRow.year.desc(), IssueRow.number.desc()).limit(1)
    issue_id = connection.execute(newest).scalar_one_or_none()
    return None if issue_id is None else issues.find_issue(connection, f"#{issue_id}")


def require_draft(connection: Connection, publication: PublicationRecord) -> StoredIssue:
    """The same. InputError where nothing is collected."""
    draft = find_draft(connection, publication)
    if draft is None:
        cure = f"`jianbao issue draft --publication {publication.slug}` begins one; --issue names another issue"
        raise InputError(f"publication {publication.slug!r} has no draft: {cure}.")
    return draft


def begin(connection: Connection, publication: PublicationRecord, *, today: date, day: date | None, by: str) -> StoredIssue:
    """The next issue, empty, with the numbers and the date that come next."""
    connection.execute(select(Publication.id).where(Publication.id == publication.id).with_for_update())
    draft = find_draft(connection, publication)
    if draft is not None:
        return draft
    numbers = next_numbers(_past(connection, publication), today, day)
    empty = Issue(
        publisher=publication.publisher,
        title=publication.title,
        kind=publication.kind,
        year=numbers.year,
        number=numbers.number,
        total_number=numbers.total_number,
        date=numbers.date,
        articles=(),
    )
    imported = issues.import_issue(
        connection,
        empty,
        slug=publication.slug,
        source_name="begun",
        source_sha256=_hash(empty),
        warnings=(),
        created_by=by,
        kind=RevisionKind.DRAFT,
    )
    return imported.stored


def renumber(
    connection: Connection, draft: StoredIssue, *, number: int | None, total_number: int | None, day: date | None, by: str
) -> StoredIssue:
    """The draft with another number, total number or date. Its year is that of its date; in another year it gets the next number of
    that, where none is said. InputError where that issue is there."""
    before = draft.issue
    year = day.year if day else before.year
    following = before.number
    if day is not None and year != before.year:
        following = next_numbers(_past(connection, draft.publication), day, day).number
    after = replace(
        before,
        year=year,
        number=number or following,
        last_number=None if number or year != before.year else before.last_number,
        total_number=total_number or before.total_number,
        last_total_number=None if total_number else before.last_total_number,
        date=day or before.date,
    )
    others = select(IssueRow.id).where(
        IssueRow.publication_id == draft.publication.id, bears(after.year, after.number), IssueRow.id != draft.id
    )
    if connection.execute(others).first() is not None:
        raise InputError(f"issue {after.ref} is there already. `jianbao issue list` shows which numbers are taken.")
    connection.execute(update(IssueRow).where(IssueRow.id == draft.id).values(year=after.year, number=after.number))
    return _changed(connection, draft, after, "renumbered", by)


def add_article(connection: Connection, stored: StoredIssue, read: ArticleFile, by: str) -> StoredIssue:
    """The issue with an article of a file more. The file's warnings and doubts stay with the article, by its headline."""
    keep_pictures(connection, read.pictures)
    before = issues.latest(connection, stored.id)
    about = f"{read.article.title}: "
    noted = replace(
        before,
        warnings=(*before.warnings, *(about + warning for warning in read.warnings)),
        doubts=(*before.doubts, *(about + doubt for doubt in read.doubts)),
    )
    return _changed(connection, noted, added(before.issue, read.article), read.name, by, sha256=read.sha256)


def move_article(connection: Connection, stored: StoredIssue, position: int, to: int, by: str) -> StoredIssue:
    """The issue with an article in another place."""
    before = issues.latest(connection, stored.id)
    return _changed(connection, before, moved(before.issue, position, to), f"article {position} moved to {to}", by)


def remove_article(connection: Connection, stored: StoredIssue, position: int, by: str) -> StoredIssue:
    """The issue without an article, and without what was to be looked at in it. Earlier revisions keep both."""
    before = issues.latest(connection, stored.id)
    after, article = removed(before.issue, position)
    about = f"{article.title}: "
    noted = replace(
        before,
        warnings=tuple(warning for warning in before.warnings if not warning.startswith(about)),
        doubts=tuple(doubt for doubt in before.doubts if not doubt.startswith(about)),
    )
    return _changed(connection, noted, after, f"article {position} removed", by)


def delete(connection: Connection, stored: StoredIssue, by: str) -> None:
    """Forget an issue that nobody has been sent, with its revisions, editions, approvals and pictures; the audit keeps that it was there.

    InputError where it has been sent to somebody, or is about to be, or was deleted by somebody else meanwhile.
    """
    ref = stored.issue.ref
    # Who schedules it or gives a word on it holds it already, or waits here and is told: `freeze_edition`.
    if connection.execute(select(IssueRow.id).where(IssueRow.id == stored.id).with_for_update()).one_or_none() is None:
        raise InputError(f"issue {ref} was deleted by somebody else at this moment. `jianbao audit` says by whom.")
    of_issue = connection.execute(
        select(Mailing.id, Mailing.status, Mailing.started_at).where(Mailing.issue_id == stored.id)
    ).all()
    if begun := [row.id for row in of_issue if row.started_at is not None]:
        raise InputError(
            f"issue {ref} was sent by mailing {begun[0]}, and what was sent stays. `jianbao issue correct {ref}` corrects it."
        )
    if waiting := [row.id for row in of_issue if row.status not in _FORGOTTEN]:
        raise InputError(
            f"mailing {waiting[0]} is to send issue {ref}. `jianbao mailing cancel {waiting[0]}` first, then delete it."
        )
    revisions = select(Revision.id).where(Revision.issue_id == stored.id)
    editions = select(EditionRow.id).where(EditionRow.revision_id.in_(revisions))
    connection.execute(sql_delete(Breaker).where(Breaker.mailing_id.in_([row.id for row in of_issue])))
    connection.execute(sql_delete(Mailing).where(Mailing.issue_id == stored.id))
    connection.execute(_LEAVE_TO_OTHERS, {"issue": stored.id})
    connection.execute(sql_delete(Approval).where(Approval.edition_id.in_(editions)))
    connection.execute(sql_delete(EditionRow).where(EditionRow.revision_id.in_(revisions)))
    shown = _pictures_ever(connection, stored.id)
    connection.execute(sql_delete(Revision).where(Revision.issue_id == stored.id))
    connection.execute(sql_delete(IssueRow).where(IssueRow.id == stored.id))
    forget_pictures(connection, shown)
    before = {
        "ref": ref,
        "publication": stored.publication.slug,
        "revisions": stored.revision,
        "articles": len(stored.issue.articles),
    }
    record(connection, Change(by, "delete", Subject.ISSUE, stored.id, before=before))


# The same text in another series is one edition, which stays with the words on it where a mailing of that series has it.
_LEAVE_TO_OTHERS = text("""
    UPDATE edition SET revision_id = (
        SELECT r.id FROM mailing m JOIN revision r ON r.issue_id = m.issue_id WHERE m.edition_id = edition.id
        ORDER BY r.content = own.content DESC, r.number DESC LIMIT 1)
    FROM revision own WHERE own.id = edition.revision_id AND own.issue_id = :issue
      AND EXISTS (SELECT FROM mailing WHERE edition_id = edition.id)""")


def _pictures_ever(connection: Connection, issue_id: int) -> set[str]:
    """The hashes of the pictures that any revision of an issue shows."""
    contents = connection.execute(select(Revision.content).where(Revision.issue_id == issue_id)).scalars()
    return {sha256 for content in contents for sha256 in shown_by(Issue.from_json(content))}


def _past(connection: Connection, publication: PublicationRecord) -> list[Numbers]:
    statement = select(IssueRow.year, LAST_NUMBER, LAST_TOTAL_NUMBER, IssueRow.date)
    return [Numbers(*row) for row in connection.execute(statement.where(IssueRow.publication_id == publication.id))]


def _changed(
    connection: Connection, before: StoredIssue, after: Issue, what: str, by: str, *, sha256: str | None = None
) -> StoredIssue:
    return issues.import_issue(
        connection,
        after,
        slug=before.publication.slug,
        source_name=what,
        source_sha256=sha256 or _hash(after),
        warnings=before.warnings,
        doubts=before.doubts,
        created_by=by,
        kind=before.kind,
    ).stored


def _hash(issue: Issue) -> str:
    return hashlib.sha256(write_manuscript(issue).encode()).hexdigest()
