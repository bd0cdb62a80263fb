"""Who changed what, when, and what stood there before: written in the transaction of the change, and only ever added to."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, case, func, insert, select

from subscribers.models import Audit, Institute, MailingList, Segment, Subscriber

READER = "reader"  # who did it, where a page or a mail of the person's own did


class Subject(StrEnum):
    """What a change was made to. The rest of the system adds its own nouns here."""

    INSTITUTE = "institute"
    SUBSCRIBER = "subscriber"
    SUBSCRIPTION = "subscription"  # By the subscriber's id.
    SUPPRESSION = "suppression"
    LIST = "list"
    IMPORT = "import"
    SEGMENT = "segment"
    PUBLICATION = "publication"
    ISSUE = "issue"
    MAILING = "mailing"


@dataclass(frozen=True, slots=True)
class Change:
    """One change. `actor` is an OS user, an account, `reader` for a page, or a part of the system; `action` is a verb.

    `before` and `after` hold what differs, by column: plain values that JSON can say. What came into being has no `before`, what
    was removed no `after`.
    """

    actor: str
    action: str
    subject: Subject
    subject_id: int | None = None
    before: Mapping[str, object] | None = None
    after: Mapping[str, object] | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """A change as it was recorded. `name` is what its subject is called now, where there is one; `subject` may be an older program's."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    subject_id: int | None
    before: Mapping[str, object] | None
    after: Mapping[str, object] | None
    reason: str | None
    name: str | None

    @property
    def said(self) -> str:
        """What differs, in one line, and the reason."""
        before, after = self.before or {}, self.after or {}
        if "erased" in before or "erased" in after:
            return "; ".join(filter(None, ("(erased)", self.reason)))
        words = [_differs(name, before.get(name), after.get(name)) for name in dict.fromkeys((*before, *after))]
        return "; ".join(filter(None, (", ".join(words), self.reason)))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which changes are to be read; None does not narrow them."""

    actor: str | None = None
    subject: Subject | None = None
    subscriber_ids: Sequence[int] | None = None
    since: datetime | None = None


# Where a change is of a person, an institute or a list, people know it by its name and not by its number.
_NAME = case(
    (
        Audit.subject.in_(["subscriber", "subscription"]),
        select(Subscriber.address).where(Subscriber.id == Audit.subject_id).scalar_subquery(),
    ),
    (Audit.subject == "institute", select(Institute.name).where(Institute.id == Audit.subject_id).scalar_subquery()),
    (Audit.subject == "list", select(MailingList.slug).where(MailingList.id == Audit.subject_id).scalar_subquery()),
    (Audit.subject == "segment", select(Segment.name).where(Segment.id == Audit.subject_id).scalar_subquery()),
).label("name")


def _differs(name: str, before: object, after: object) -> str:
    if before is None:
        return f"{name}: {after}"
    return f"{name}: {before} → {'–' if after is None else after}"


def read(connection: Connection, wanted: Wanted, most: int | None = None) -> list[Recorded]:
    """The latest changes that are wanted, in the order in which they were made."""
    statement = select(Audit.__table__, _NAME).order_by(Audit.id.desc()).limit(most)
    if wanted.actor is not None:
        statement = statement.where(Audit.actor == wanted.actor)
    if wanted.subject is not None:
        statement = statement.where(Audit.subject == wanted.subject.value)
    if wanted.subscriber_ids is not None:
        of_subscribers = Audit.subject.in_([Subject.SUBSCRIBER.value, Subject.SUBSCRIPTION.value])
        statement = statement.where(of_subscribers, Audit.subject_id.in_(wanted.subscriber_ids))
    if wanted.since is not None:
        statement = statement.where(Audit.at >= wanted.since)
    return [Recorded(**row._mapping) for row in connection.execute(statement)][::-1]


def record(connection: Connection, *changes: Change) -> None:
    """Add to the audit, in the transaction of the change itself."""
    rows = [
        {
            "actor": change.actor,
            "action": change.action,
            "subject": change.subject.value,
            "subject_id": change.subject_id,
            "before": change.before,
            "after": change.after,
            "reason": change.reason,
        }
        for change in changes
    ]
    if rows:
        connection.execute(insert(Audit), rows)


def difference(before: Mapping[str, object], after: Mapping[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    """Of two states of a row, the columns in which they differ: as they were, and as they are."""
    names = [name for name in after if before.get(name) != after[name]]
    return {name: before.get(name) for name in names}, {name: after[name] for name in names}


def erase(connection: Connection, subscriber_ids: Collection[int], addresses: Iterable[str], placeholder: str) -> int:
    """Take a person out of the audit: `placeholder` stands for what it said of the subscribers, and for their addresses elsewhere.

    Rows stay, with who did what when. The database's function is the only way, since the table refuses every other.
    """
    statement = select(func.erase_from_audit(list(subscriber_ids), pattern_of(addresses), placeholder))
    return int(connection.execute(statement).scalar_one())


def pattern_of(addresses: Iterable[str]) -> str:
    """A regular expression of PostgreSQL's that finds these addresses in a text, and none that one of them is a part of."""
    words = "|".join(re.escape(address) for address in sorted(set(addresses)))
    return rf"(?<![\w.!#$%&'*+/=?^`{{|}}~-])(?:{words})(?!\.?[\w-])" if words else "(?!)"
