"""A second person's word: given on an edition, so that what was approved is what is sent, and any change asks for it again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from mailer.edition import Edition
from mailer.issues import StoredIssue, freeze_edition
from mailer.models import Approval, EditionRow
from subscribers.audit import Change, Subject, record
from subscribers.errors import InputError


@dataclass(frozen=True, slots=True)
class Approved:
    """Who approved which edition, and when."""

    sha256: str
    approved_by: str
    note: str | None
    approved_at: datetime


def approve(
    connection: Connection, stored: StoredIssue, edition: Edition, *, by: str, actor: str, note: str | None = None
) -> Approved:
    """Keep the word of `by` on this edition, which is frozen; `actor` is whose account it came from. The same word twice is one.

    InputError where `by` is who wrote the revision: it is a second person's word that is asked for.
    """
    if by == stored.created_by:
        raise InputError(
            f"{by} brought in revision {stored.revision} of issue {stored.issue.ref}, and it is a second person's word that is "
            "asked for. Let a colleague look at it, and approve it from their account or with --by."
        )
    edition_id = freeze_edition(connection, stored.revision_id, edition)
    values = {"edition_id": edition_id, "approved_by": by, "note": note}
    made = connection.execute(insert(Approval).values(values).on_conflict_do_nothing().returning(Approval.id))
    if made.scalar_one_or_none() is not None:
        after = {"edition": edition.sha256, "revision": stored.revision, "approved_by": by}
        record(connection, Change(actor, "approve", Subject.ISSUE, stored.id, after=after, reason=note))
    return next(approved for approved in approvals_of(connection, edition) if approved.approved_by == by)


def approvals_of(connection: Connection, edition: Edition) -> list[Approved]:
    """Everybody's word on exactly this edition."""
    statement = (
        select(EditionRow.sha256, Approval.approved_by, Approval.note, Approval.approved_at)
        .join(Approval, Approval.edition_id == EditionRow.id)
        .where(EditionRow.sha256 == edition.sha256)
        .order_by(Approval.approved_at)
    )
    return [Approved(**row._mapping) for row in connection.execute(statement)]


def require_approval(connection: Connection, stored: StoredIssue, edition: Edition) -> None:
    """InputError where the publication asks for a second person's word and nobody has given it on exactly this edition."""
    if not stored.publication.needs_approval:
        return
    others = [approved for approved in approvals_of(connection, edition) if approved.approved_by != stored.created_by]
    if not others:
        ref = stored.issue.ref
        raise InputError(
            f"issue {ref} as it is now (revision {stored.revision}, theme {stored.publication.theme}) has not been approved by a "
            f"second person, as {stored.publication.slug} asks. Whoever else has looked at it runs `jianbao issue approve {ref}`."
        )
