"""Publications, their issues, each issue's revisions, and the editions made of them, kept in the database."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, select, update
from sqlalchemy.dialects.postgresql import insert

from mailer.edition import Edition
from mailer.issue import Issue, ref_of, up_to
from mailer.models import ArchiveAccess, EditionRow, IssueRow, Publication, Revision, RevisionKind
from mailer.pictures import pictures_of
from subscribers.audit import Change, Subject, difference, record
from subscribers.errors import InputError


@dataclass(frozen=True, slots=True)
class PublicationRecord:
    """A numbered series, as kept. `sender` is the address that its mail comes from, `fields` what it gives its theme.

    Where it `needs_approval`, an edition is sent only when somebody other than who wrote it has approved it.
    """

    id: int
    slug: str
    title: str
    kind: str
    publisher: str
    sender: str | None
    theme: str
    fields: dict[str, str]
    needs_approval: bool
    archive: ArchiveAccess = ArchiveAccess.PRIVATE
    receipt: bool = False

    def with_sender(self, sender: str) -> PublicationRecord:
        """The same publication with another sender."""
        return replace(self, sender=sender)


@dataclass(frozen=True, slots=True)
class StoredIssue:
    """An issue with its latest revision; one that was asked for by itself has the octets of its pictures, by hash."""

    id: int
    publication: PublicationRecord
    revision_id: int
    revision: int
    issue: Issue
    warnings: tuple[str, ...]
    doubts: tuple[str, ...]
    created_at: datetime
    created_by: str
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    kind: RevisionKind = RevisionKind.TEXT


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did: the issue, and whether the file brought anything new."""

    stored: StoredIssue
    new_issue: bool
    new_revision: bool
    new_publication: bool


def create_publication(
    connection: Connection,
    slug: str,
    *,
    title: str,
    kind: str,
    publisher: str,
    sender: str | None,
    theme: str = "official",
    fields: Mapping[str, str] | None = None,
    needs_approval: bool = False,
) -> PublicationRecord:
    """Make a publication. InputError when there is one of that slug."""
    values = {
        "slug": slug,
        "title": title,
        "kind": kind,
        "publisher": publisher,
        "sender": sender,
        "theme": theme,
        "fields": dict(fields or {}),
        "needs_approval": needs_approval,
    }
    statement = insert(Publication).values(values).on_conflict_do_nothing().returning(Publication.id)
    if connection.execute(statement).scalar_one_or_none() is None:
        raise InputError(f"there is a publication {slug!r} already. `jianbao publication show {slug}` shows it.")
    return find_publication(connection, slug)


def update_publication(connection: Connection, slug: str, changes: Mapping[str, object], by: str) -> PublicationRecord:
    """Change columns of a publication, with a line in the audit; mailings that exist keep what they were scheduled with.

    `fields` are put over those that there are, and an empty one is taken away.
    """
    before = find_publication(connection, slug)
    values = dict(changes)
    if isinstance(fields := values.get("fields"), Mapping):
        values["fields"] = {name: text for name, text in {**before.fields, **fields}.items() if text}
    old, new = difference({name: getattr(before, name) for name in values}, values)
    if new:
        connection.execute(update(Publication).where(Publication.id == before.id).values(new))
        record(connection, Change(by, "update", Subject.PUBLICATION, before.id, old, new))
    return find_publication(connection, slug)


def set_sender(connection: Connection, slug: str, sender: str) -> PublicationRecord:
    """Say which address a publication's mail comes from; mailings that exist keep theirs."""
    return update_publication(connection, slug, {"sender": sender}, "system")


def publications(connection: Connection) -> list[PublicationRecord]:
    """Every publication, by slug."""
    return [_publication(row._mapping) for row in connection.execute(_select_publications())]


def find_publication(connection: Connection, slug: str) -> PublicationRecord:
    """A publication by its slug. InputError names those that exist."""
    row = connection.execute(_select_publications().where(Publication.slug == slug)).one_or_none()
    if row is None:
        known = ", ".join(record.slug for record in publications(connection)) or "none"
        raise InputError(f"there is no publication {slug!r}; there are: {known}.")
    return _publication(row._mapping)


def _publication(row: RowMapping) -> PublicationRecord:
    return PublicationRecord(**{**row, "archive": ArchiveAccess(row["archive"])})


def _select_publications() -> Select[int, str, str, str, str, str | None, str, dict[str, str], bool, str, bool]:
    return select(
        Publication.id,
        Publication.slug,
        Publication.title,
        Publication.kind,
        Publication.publisher,
        Publication.sender,
        Publication.theme,
        Publication.fields,
        Publication.needs_approval,
        Publication.archive,
        Publication.receipt,
    ).order_by(Publication.slug)


def import_issue(
    connection: Connection,
    issue: Issue,
    *,
    slug: str | None,
    source_name: str,
    source_sha256: str,
    warnings: tuple[str, ...],
    created_by: str,
    doubts: tuple[str, ...] = (),
    kind: RevisionKind = RevisionKind.TEXT,
) -> Imported:
    """Keep an issue that was read: a new one, a new revision of a known one, or nothing where the same file was read before.

    An issue without a number gets that of its date, where there is an issue of that day, or else the next of its year.
    """
    _check_numbers(issue)
    publication, new_publication = _publication_of(connection, issue, slug)
    issue = issue if issue.number else replace(issue, number=_next_number(connection, publication, issue))
    issue_id, new_issue = _ensure_issue(connection, publication, issue)
    columns = (Revision.number, Revision.content, Revision.kind)
    of_issue = select(*columns).where(Revision.issue_id == issue_id)
    latest = connection.execute(of_issue.order_by(Revision.number.desc()).limit(1)).one_or_none()
    content = issue.to_json()
    # What was imported with the words of a correction becomes one: its subject says so, too.
    corrects = kind is RevisionKind.CORRECTION and latest is not None and latest.kind != kind.value
    new_revision = latest is None or latest.content != content or corrects
    if new_revision:
        connection.execute(
            insert(Revision).values(
                issue_id=issue_id,
                number=(latest.number if latest else 0) + 1,
                source_name=source_name,
                source_sha256=source_sha256,
                content=content,
                warnings=list(warnings),
                doubts=list(doubts),
                kind=kind.value,
                created_by=created_by,
            )
        )
        connection.execute(update(IssueRow).where(IssueRow.id == issue_id).values(_told(issue)))
    return Imported(_stored(connection, issue_id), new_issue, new_revision, new_publication)


def _told(issue: Issue) -> dict[str, object]:
    """What an issue's row says of it beside what it is known by; a later revision may say otherwise."""
    return {name: getattr(issue, name) for name in ("total_number", "last_number", "last_total_number", "date")}


_MOST_NUMBER = 999  # what a reference has room for
_MOST_TOTAL = 1_000_000


def _check_numbers(issue: Issue) -> None:
    """InputError where an issue's numbers are none of a bulletin: files say what they like."""
    total = issue.total_number
    if (
        not 1000 <= issue.year <= 9999
        or not 0 <= issue.number <= _MOST_NUMBER
        or not (total is None or 0 <= total <= _MOST_TOTAL)
        or not (issue.last_number is None or issue.number < issue.last_number <= _MOST_NUMBER)
        or not (issue.last_total_number is None or (total is not None and total < issue.last_total_number <= _MOST_TOTAL))
    ):
        said = f"year {issue.year}, number {issue.numbers}" + ("" if total is None else f", total number {issue.total_numbers}")
        raise InputError(f"no issue is called so: {said}. Correct it in the file; a number is at most {_MOST_NUMBER}.")


def _publication_of(connection: Connection, issue: Issue, slug: str | None) -> tuple[PublicationRecord, bool]:
    """The publication named, or the one whose title and publisher the masthead gives; the first is made from the masthead."""
    if slug is not None:
        return find_publication(connection, slug), False
    known = publications(connection)
    same = [record for record in known if (record.title, record.publisher) == (issue.title, issue.publisher)]
    if len(same) == 1:
        return same[0], False
    if known:
        names = ", ".join(f"{record.slug} ({record.publisher} {record.title})" for record in known)
        raise InputError(
            f"the masthead says {issue.publisher} {issue.title}, which is not one of the publications: {names}. "
            "Say which it is with --publication, or make one with `jianbao publication create`."
        )
    made = create_publication(
        connection, "bulletin", title=issue.title, kind=issue.kind, publisher=issue.publisher, sender=None
    )
    return made, True


LAST_NUMBER = func.coalesce(IssueRow.last_number, IssueRow.number).label("last")
LAST_TOTAL_NUMBER = func.coalesce(IssueRow.last_total_number, IssueRow.total_number).label("last_total")


def bears(year: int, number: int) -> ColumnElement[bool]:
    """Whether an issue has that number of that year; a double one has both."""
    return (IssueRow.year == year) & (IssueRow.number <= number) & (number <= LAST_NUMBER)


def series_warnings(connection: Connection, stored: StoredIssue) -> list[str]:
    """What does not fit of an issue's number and total number to those of the other issues of its publication."""
    issue = stored.issue
    rows = connection.execute(
        select(IssueRow.year, IssueRow.number, IssueRow.total_number, LAST_NUMBER, LAST_TOTAL_NUMBER).where(
            IssueRow.publication_id == stored.publication.id, IssueRow.id != stored.id
        )
    ).all()
    said = []
    same = [row for row in rows if issue.total_number is not None and row.total_number == issue.total_number]
    said += [
        f"the total number {issue.total_number} is that of {ref_of(row.year, row.number)}, too. Correct one." for row in same
    ]
    mine = up_to(issue.number, issue.last_number)
    said += [
        f"the number {mine} is, in part or whole, that of {ref_of(row.year, row.number)}, too. Correct one."
        for row in rows
        if row.year == issue.year and row.number <= (issue.last_number or issue.number) and issue.number <= row.last
    ]
    before = max((row.last for row in rows if row.year == issue.year and row.number < issue.number), default=None)
    if before is not None and before + 1 < issue.number:
        said.append(
            f"between number {before} and {issue.number} of {issue.year} there is a gap. Import what is missing, or correct it."
        )
    last = max(
        (row for row in rows if (row.year, row.number) < (issue.year, issue.number)), default=None, key=lambda row: row[:2]
    )
    if last is not None and last.last_total and issue.total_number and last.last_total >= issue.total_number and not same:
        said.append(f"the total number {issue.total_number} is not above {last.last_total}, that of the issue before.")
    return [f"{issue.ref}: {what}" for what in said]


def _next_number(connection: Connection, publication: PublicationRecord, issue: Issue) -> int:
    others = select(IssueRow.number).where(IssueRow.publication_id == publication.id)
    same_day = connection.execute(others.where(IssueRow.date == issue.date)).scalars().first()
    if same_day is not None:
        return same_day
    of_year = (IssueRow.publication_id == publication.id) & (IssueRow.year == issue.year)
    return (connection.execute(select(func.max(LAST_NUMBER)).where(of_year)).scalar_one() or 0) + 1


def _ensure_issue(connection: Connection, publication: PublicationRecord, issue: Issue) -> tuple[int, bool]:
    key = {"publication_id": publication.id, "year": issue.year, "number": issue.number}
    values = key | _told(issue)
    made = connection.execute(
        insert(IssueRow).values(values).on_conflict_do_nothing().returning(IssueRow.id)
    ).scalar_one_or_none()
    if made is not None:
        return made, True
    # The row lock makes two imports of one issue wait for each other, so that each sees the other's revision.
    held = connection.execute(select(IssueRow.id).filter_by(**key).with_for_update()).scalar_one_or_none()
    # One that was deleted while this waited is new.
    return _ensure_issue(connection, publication, issue) if held is None else (held, False)


_REF = re.compile(r"(?P<year>\d{4})-(?P<number>\d{1,3})")
_REVISION = re.compile(r"(?P<ref>.+)@(?P<revision>\d{1,9})")


def find_issue(connection: Connection, ref: str) -> StoredIssue:
    """An issue by `2023-09`, by its total number `190`, or by `#id`; one of its revisions by `2023-09@3`, else the latest.

    InputError where there is none, or more than one.
    """
    condition: ColumnElement[bool]
    revision = _REVISION.fullmatch(ref)
    ref = revision["ref"] if revision else ref
    if match := _REF.fullmatch(ref):
        condition = bears(int(match["year"]), int(match["number"]))
    elif ref.isdigit():
        condition = (IssueRow.total_number <= int(ref)) & (int(ref) <= LAST_TOTAL_NUMBER)
    elif ref.startswith("#") and ref[1:].isdigit():
        condition = IssueRow.id == int(ref[1:])
    else:
        raise InputError(f"{ref!r} names no issue. Give 2023-09, a total number like 190, or an id like #7.")
    found = connection.execute(select(IssueRow.id).where(condition)).scalars().all()
    if not found:
        raise InputError(f"there is no issue {ref!r}. `jianbao issue list` shows those that there are.")
    if len(found) > 1:
        raise InputError(f"{ref!r} is more than one issue. Give its id: {', '.join(f'#{i}' for i in found)}.")
    stored = _stored(connection, found[0], int(revision["revision"]) if revision else None)
    return replace(stored, pictures=pictures_of(connection, stored.issue))


def latest(connection: Connection, issue_id: int) -> StoredIssue:
    """An issue as it is now; nobody else changes it until this transaction ends."""
    connection.execute(select(IssueRow.id).where(IssueRow.id == issue_id).with_for_update())
    return find_issue(connection, f"#{issue_id}")


def issues(connection: Connection) -> list[StoredIssue]:
    """Every issue with its latest revision, the newest number first."""
    ids = connection.execute(select(IssueRow.id).order_by(IssueRow.year.desc(), IssueRow.number.desc())).scalars().all()
    return [_stored(connection, issue_id) for issue_id in ids]


def _stored(connection: Connection, issue_id: int, revision: int | None = None) -> StoredIssue:
    chosen = (
        select(Revision, Publication.slug)
        .join(IssueRow, IssueRow.id == Revision.issue_id)
        .join(Publication, Publication.id == IssueRow.publication_id)
        .where(Revision.issue_id == issue_id)
        .order_by(Revision.number.desc())
        .limit(1)
    )
    row = connection.execute(chosen if revision is None else chosen.where(Revision.number == revision)).one_or_none()
    if row is None:
        last = _stored(connection, issue_id)
        raise InputError(f"issue {last.issue.ref} has no revision {revision}; the last is {last.revision}.")
    return StoredIssue(
        id=issue_id,
        publication=find_publication(connection, row.slug),
        revision_id=row.id,
        revision=row.number,
        issue=Issue.from_json(row.content),
        warnings=tuple(row.warnings),
        doubts=tuple(row.doubts),
        created_at=row.created_at,
        created_by=row.created_by,
        kind=RevisionKind(row.kind),
    )


@dataclass(frozen=True, slots=True)
class RevisionRecord:
    """One revision of an issue: what it came from, who made it, when."""

    revision: int
    kind: RevisionKind
    source: str
    created_by: str
    created_at: datetime


def revisions(connection: Connection, issue_id: int) -> list[RevisionRecord]:
    """Every revision of an issue, the first first."""
    columns = (Revision.number, Revision.kind, Revision.source_name, Revision.created_by, Revision.created_at)
    rows = connection.execute(select(*columns).where(Revision.issue_id == issue_id).order_by(Revision.number))
    return [RevisionRecord(number, RevisionKind(kind), source, by, at) for number, kind, source, by, at in rows]


def freeze_edition(connection: Connection, revision_id: int, edition: Edition) -> int:
    """Keep an edition for ever; one that is kept already is found by its hash. Returns its id.

    Nobody deletes its issue until this transaction ends. InputError where somebody has, meanwhile.
    """
    # Before anything refers to the issue: who deletes it locks it first, too, and then looks for what does.
    of_issue = select(IssueRow.id).join(Revision, Revision.issue_id == IssueRow.id).where(Revision.id == revision_id)
    if connection.execute(of_issue.with_for_update(read=True, key_share=True, of=IssueRow)).one_or_none() is None:
        raise InputError("the issue was deleted at this moment. `jianbao issue list` shows those that there are.")
    values = {"revision_id": revision_id, "sha256": edition.sha256, "content": edition.to_json()}
    statement = insert(EditionRow).values(values)
    # DO UPDATE of nothing, so that the id comes back for an edition that is there already too.
    statement = statement.on_conflict_do_update(index_elements=["sha256"], set_={"sha256": EditionRow.sha256})
    return connection.execute(statement.returning(EditionRow.id)).scalar_one()


def load_edition(connection: Connection, edition_id: int) -> Edition:
    """The edition of that id."""
    content = connection.execute(select(EditionRow.content).where(EditionRow.id == edition_id)).scalar_one()
    return Edition.from_json(content)
