"""Whoever holds a delivery's token leaves by it, over the web or by mail, and comes back; once or many times is the same.

Who asks to by one click while the database is away waits in the broker, and leaves when it is back.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import structlog
from redis import Redis
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from mailer.events import Hit, record
from mailer.models import EventKind
from mailer.tokens import TOKEN_LENGTH, Purpose, Tokens
from subscribers.db import database_time, is_held, transaction, waiting_for_nobody
from subscribers.subscriptions import Wish, resubscribe, unsubscribe

LEAVING_LATER = "jianbao:leaving"  # a list in the broker
_AT_ONCE = 100
_SHOWS_BOTH_ENDS = 4
_IN_A_SUBJECT = re.compile(rf"(?<![A-Za-z0-9]){Purpose.UNSUBSCRIBE}-([A-Za-z2-7]{{{TOKEN_LENGTH}}})(?![A-Za-z0-9])")

log = structlog.get_logger()


class Method(StrEnum):
    """How somebody asked to leave, as the consent ledger keeps it."""

    ONE_CLICK = "one-click"  # a mail program's button (RFC 8058)
    PAGE = "page"
    MAIL = "mailto"
    SERVICE = "service"  # at a mail service that we hand mail to


@dataclass(frozen=True, slots=True)
class Recipient:
    """One delivery with its addressee, and the publication and lists that it came through."""

    delivery_id: int
    subscriber_id: int
    address: str
    name: str | None
    institute: str | None
    edition_id: int
    list_ids: tuple[int, ...]
    publication: str
    publisher: str
    year: int  # of the issue
    number: str
    language: str | None = None  # which pages the person once chose

    @property
    def masked_address(self) -> str:
        """The address as it may be shown to whoever holds the link: enough for its owner to know it by."""
        return masked(self.address)


def masked(address: str) -> str:
    """An address of which its owner, and hardly anybody else, knows whose it is."""
    local, _, domain = address.rpartition("@")
    last = local[-1] if len(local) >= _SHOWS_BOTH_ENDS else ""
    return f"{local[:1]}***{last}@{domain}"


def find_recipient(connection: Connection, delivery_id: int) -> Recipient | None:
    """The addressee of a delivery; None where there is no such delivery."""
    row = connection.execute(_RECIPIENT, {"delivery": delivery_id}).one_or_none()
    return None if row is None else Recipient(**{**row._mapping, "list_ids": tuple(row.list_ids)})


def leave(
    connection: Connection, recipient: Recipient, *, method: Method, now: datetime, asked_at: datetime | None = None
) -> None:
    """The addressee leaves the lists of the mailing, and an event says so; once or many times, it is the same.

    `asked_at` is when they did it, where somebody else tells of it later: who has left since and is back has not done so again.
    """
    if not _left_since(connection, recipient, method, asked_at) and unsubscribe(connection, _wish(recipient, method, now)):
        record(connection, [Hit(recipient.delivery_id, EventKind.UNSUBSCRIBE, min(asked_at or now, now))])


def _left_since(connection: Connection, recipient: Recipient, method: Method, asked_at: datetime | None) -> bool:
    """Whether a departure by this delivery and in this way has been entered since they asked for it."""
    asked = {"subscriber": recipient.subscriber_id, "delivery": recipient.delivery_id, "method": method, "asked_at": asked_at}
    return asked_at is not None and bool(connection.execute(_LEFT_SINCE, asked).scalar_one())


def for_later(delivery_id: int, asked_at: datetime) -> str:
    """What is put at the end of LEAVING_LATER where the database is away: `catch_up` does it when that is back."""
    return json.dumps([delivery_id, asked_at.isoformat()])


def catch_up(engine: Engine, redis: Redis) -> int:
    """Let those leave who asked to while the database was away or slow; how many did. One that fails in between is done once more, which is
    the same. Whose record somebody else holds, as an import may for minutes, goes to the end of the list, and holds up nobody's mail.
    """
    entries = redis.lrange(LEAVING_LATER, 0, _AT_ONCE - 1)
    for number, entry in enumerate(entries):
        held = not _leaves_now(engine, entry)
        if held:
            redis.rpush(LEAVING_LATER, entry)
        redis.lrem(LEAVING_LATER, 1, entry)  # type: ignore[arg-type]
        if held:
            return number
    return len(entries)


def _leaves_now(engine: Engine, entry: bytes | str) -> bool:
    """Have it done; False where it would have to be waited for."""
    try:
        delivery_id, at = json.loads(entry)
        asked_at = datetime.fromisoformat(at)
    except (ValueError, TypeError) as error:  # Not ours, and no reason for those behind it to wait.
        log.warning("leaving_unreadable", error=repr(error))
        return True
    try:
        with transaction(waiting_for_nobody(engine)) as connection:
            recipient, now = find_recipient(connection, delivery_id), database_time(connection)
            if recipient is not None:
                leave(connection, recipient, method=Method.ONE_CLICK, now=now, asked_at=asked_at)
    except OperationalError as error:
        if not is_held(error):
            raise
        return False
    return True


def leave_by_mail(
    connection: Connection, tokens: Tokens, words: str, *, now: datetime, asked_at: datetime | None = None
) -> Recipient | None:
    """Whoever sent a mail with these words, its subject or its recipient, leaves: the token in them counts, no sender's address does.

    None, and nothing is done, where the words hold no token of ours, or one of a delivery that is gone. Raises nothing. `asked_at` is
    when it was written: a mailbox may be read from its beginning once more, years later.
    """
    for written in _IN_A_SUBJECT.findall(words):
        delivery_id = tokens.verify(Purpose.UNSUBSCRIBE, written)
        recipient = None if delivery_id is None else find_recipient(connection, delivery_id)
        if recipient is not None:
            leave(connection, recipient, method=Method.MAIL, now=now, asked_at=asked_at)
            return recipient
    return None


def come_back(connection: Connection, recipient: Recipient, *, now: datetime, by: str | None = None) -> bool:
    """Take back what leaving through this delivery did, `by` staff where they do it; whether there was anything to take back."""
    return resubscribe(connection, _wish(recipient, "undo", now, by))


def _wish(recipient: Recipient, method: str, now: datetime, by: str | None = None) -> Wish:
    evidence = f"delivery {recipient.delivery_id}"
    return Wish(recipient.subscriber_id, recipient.address, recipient.list_ids, method, evidence, now, by)


_RECIPIENT = text("""
    SELECT delivery.id AS delivery_id, delivery.subscriber_id, delivery.address, delivery.name, delivery.institute,
           mailing.edition_id, mailing.list_ids, publication.title AS publication, publication.publisher, subscriber.language,
           issue.year, concat_ws('-', issue.number, issue.last_number) AS number
    FROM delivery
    JOIN mailing ON mailing.id = delivery.mailing_id
    JOIN issue ON issue.id = mailing.issue_id
    JOIN publication ON publication.id = issue.publication_id
    LEFT JOIN subscriber ON subscriber.id = delivery.subscriber_id
    WHERE delivery.id = :delivery
""")
# Whoever was merged is one person, and the ledger has lines of theirs under each of the records.
_LEFT_SINCE = text("""
    SELECT EXISTS (
        SELECT FROM consent WHERE subscriber_id = ANY(ARRAY(
            SELECT each.id FROM subscriber asked
            JOIN subscriber each ON each.id = COALESCE(asked.merged_into_id, asked.id)
                                    OR each.merged_into_id = COALESCE(asked.merged_into_id, asked.id)
            WHERE asked.id = :subscriber))
        AND method = :method AND at >= :asked_at
        AND starts_with(evidence || ',', 'delivery ' || CAST(:delivery AS bigint) || ','))
""")
