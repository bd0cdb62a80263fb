"""Corrections (更正) of an issue that has been sent: what was sent stays, and those who got it are told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, any_, select

from mailer import mailings
from mailer.edition import Edition
from mailer.issues import StoredIssue, bears, freeze_edition
from mailer.models import EditionRow, IssueRow, Mailing, MailingStatus, RevisionKind
from mailer.terms import Terms
from subscribers.errors import InputError
from subscribers.models import MailingList

_OPEN = (MailingStatus.SCHEDULED, MailingStatus.SENDING, MailingStatus.PAUSED)


def find_sent(connection: Connection, stored: StoredIssue) -> tuple[int, ...]:
    """The lists that an issue has gone to. InputError where no mailing of it has begun: it can simply be changed."""
    begun = Mailing.started_at.is_not(None)
    of_issue = Mailing.issue_id == stored.id
    lists = select(MailingList.id).distinct().join(Mailing, MailingList.id == any_(Mailing.list_ids)).where(of_issue, begun)
    list_ids = tuple(connection.execute(lists.order_by(MailingList.id)).scalars())
    if not list_ids:
        ref = stored.issue.ref
        raise InputError(
            f"issue {ref} has been sent to nobody yet, so there is nothing to correct. `jianbao issue edit {ref}` changes it."
        )
    return list_ids


def still_sent(connection: Connection, stored: StoredIssue) -> list[int]:
    """The mailings that send, or will by themselves, what an issue said before its last revision."""
    before = (
        select(Mailing.id)
        .join(EditionRow, EditionRow.id == Mailing.edition_id)
        .where(EditionRow.revision_id != stored.revision_id)
    )
    still = before.where(Mailing.issue_id == stored.id, Mailing.status.in_([status.value for status in _OPEN]))
    return list(connection.execute(still.order_by(Mailing.id)).scalars())


def is_told(connection: Connection, stored: StoredIssue) -> bool:
    """Whether an issue's last revision is told to those who got the issue: a mailing of it has begun, or is to begin by itself."""
    of_revision = select(Mailing.id).join(EditionRow, EditionRow.id == Mailing.edition_id)
    begins = Mailing.started_at.is_not(None) | Mailing.status.in_([status.value for status in _OPEN])
    told = of_revision.where(EditionRow.revision_id == stored.revision_id, begins)
    return connection.execute(told.limit(1)).one_or_none() is not None


def require_correction(connection: Connection, stored: StoredIssue) -> tuple[int, ...]:
    """The lists of those whom a correction is for. InputError where the issue is none any more, but was imported anew."""
    if stored.kind is not RevisionKind.CORRECTION:
        ref = stored.issue.ref
        raise InputError(
            f"revision {stored.revision} of issue {ref} was imported, and does not say that it is a correction. "
            f"`jianbao issue correct {ref} FILE --why TEXT` makes one of it."
        )
    return find_sent(connection, stored)


def received(connection: Connection, stored: StoredIssue) -> str:
    """The segment of those who got an issue; by its id where there is another one of that number."""
    same_number = select(IssueRow.id).where(bears(stored.issue.year, stored.issue.number), IssueRow.id != stored.id)
    another = connection.execute(same_number.limit(1)).one_or_none()
    return f"received({stored.issue.ref if another is None else f'#{stored.id}'})"


def prepare_notice(
    connection: Connection,
    stored: StoredIssue,
    list_ids: Sequence[int],
    edition: Edition,
    *,
    terms: Terms,
    at: datetime,
    by: str,
) -> int:
    """The mailing, a draft, that sends a corrected issue to those who got it before; the one that waits already, with what is new.

    Returns its id. Nothing is sent before it is confirmed.
    """
    edition_id = freeze_edition(connection, stored.revision_id, edition)
    waiting = mailings.find_draft(connection, stored.id)
    if waiting is not None:
        mailings.change_draft(connection, waiting.id, edition_id=edition_id, list_ids=list_ids, terms=terms)
        return waiting.id
    return mailings.schedule(
        connection,
        issue_id=stored.id,
        edition_id=edition_id,
        list_ids=list_ids,
        at=at,
        terms=terms,
        created_by=by,
        status=MailingStatus.DRAFT,
    )
