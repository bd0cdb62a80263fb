"""Corrections (更正) of an issue that has been sent: what was sent stays, and those who got it are told."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, any_, select

from mailer.issues import StoredIssue
from mailer.models import Mailing, MailingStatus
from subscribers.errors import InputError
from subscribers.models import MailingList

_OPEN = (MailingStatus.SCHEDULED, MailingStatus.SENDING, MailingStatus.PAUSED)


@dataclass(frozen=True, slots=True)
class Sent:
    """Where an issue has gone: the lists, by their slugs, and the mailings that still send what it said before."""

    lists: tuple[str, ...]
    open: tuple[int, ...]

    def notice(self, ref: str) -> tuple[str, ...]:
        """The command that sends the issue as it is now to those who got it before."""
        to = (word for slug in self.lists for word in ("--list", slug))
        return ("jianbao", "mailing", "schedule", ref, *to, "--segment", f"received({ref})", "--at", "now")


def find_sent(connection: Connection, stored: StoredIssue) -> Sent:
    """Where an issue has gone. InputError where no mailing of it has begun: it can simply be changed."""
    begun = Mailing.started_at.is_not(None)
    of_issue = Mailing.issue_id == stored.id
    lists = select(MailingList.slug).distinct().join(Mailing, MailingList.id == any_(Mailing.list_ids)).where(of_issue, begun)
    slugs = tuple(connection.execute(lists.order_by(MailingList.slug)).scalars())
    if not slugs:
        ref = stored.issue.ref
        raise InputError(
            f"issue {ref} has been sent to nobody yet, so there is nothing to correct. `jianbao issue edit {ref}` changes it."
        )
    still = select(Mailing.id).where(of_issue, Mailing.status.in_([status.value for status in _OPEN])).order_by(Mailing.id)
    return Sent(slugs, tuple(connection.execute(still).scalars()))
