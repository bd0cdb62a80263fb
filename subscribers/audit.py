"""Who changed what, when, and what stood there before: written in the transaction of the change, and only ever added to."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, func, insert, select

from subscribers.models import Audit


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
