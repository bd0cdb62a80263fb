"""A delivery as the web meets it: whose it is, which edition it carries, and its addressee leaving or coming back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from mailer.events import Hit, record
from mailer.models import EventKind
from subscribers.subscriptions import Wish, resubscribe, unsubscribe

_SHOWS_BOTH_ENDS = 4


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

    @property
    def masked_address(self) -> str:
        """The address as it may be shown to whoever holds the link: enough for its owner to know it by."""
        local, _, domain = self.address.rpartition("@")
        last = local[-1] if len(local) >= _SHOWS_BOTH_ENDS else ""
        return f"{local[:1]}***{last}@{domain}"


@dataclass(frozen=True, slots=True)
class Span:
    """A range of delivery ids, both ends included, that all carry the same edition."""

    first_id: int
    last_id: int
    edition_id: int


def find_recipient(connection: Connection, delivery_id: int) -> Recipient | None:
    """The addressee of a delivery; None where there is no such delivery."""
    row = connection.execute(_RECIPIENT, {"delivery": delivery_id}).one_or_none()
    return None if row is None else Recipient(**{**row._mapping, "list_ids": tuple(row.list_ids)})


def find_span(connection: Connection, delivery_id: int) -> Span | None:
    """The edition of a delivery, for as wide a range of ids around it as is sure; None where there is no such delivery.

    A batch's range is sure where each of its ids is a delivery of the same mailing: ids are given once, so no other can ever
    lie in it. Elsewhere the span is the one delivery.
    """
    row = connection.execute(_SPAN, {"delivery": delivery_id}).one_or_none()
    return None if row is None else Span(**row._mapping)


def leave(connection: Connection, recipient: Recipient, *, method: str, now: datetime) -> None:
    """The addressee leaves the lists of the mailing, and an event says so; once or many times, it is the same."""
    if unsubscribe(connection, _wish(recipient, method, now)):
        record(connection, [Hit(recipient.delivery_id, EventKind.UNSUBSCRIBE, now)])


def come_back(connection: Connection, recipient: Recipient, *, now: datetime) -> bool:
    """Take back what leaving through this delivery did; whether there was anything to take back."""
    return resubscribe(connection, _wish(recipient, "undo", now))


def _wish(recipient: Recipient, method: str, now: datetime) -> Wish:
    evidence = f"delivery {recipient.delivery_id}"
    return Wish(recipient.subscriber_id, recipient.address, recipient.list_ids, method, evidence, now)


_RECIPIENT = text("""
    SELECT delivery.id AS delivery_id, delivery.subscriber_id, delivery.address, delivery.name, delivery.institute,
           mailing.edition_id, mailing.list_ids, publication.title AS publication, publication.publisher
    FROM delivery
    JOIN mailing ON mailing.id = delivery.mailing_id
    JOIN issue ON issue.id = mailing.issue_id
    JOIN publication ON publication.id = issue.publication_id
    WHERE delivery.id = :delivery
""")
_SPAN = text("""
    SELECT COALESCE(whole.first_id, delivery.id) AS first_id, COALESCE(whole.last_id, delivery.id) AS last_id,
           mailing.edition_id
    FROM delivery
    JOIN mailing ON mailing.id = delivery.mailing_id
    LEFT JOIN LATERAL (
        SELECT batch.first_id, batch.last_id FROM batch
        WHERE batch.mailing_id = delivery.mailing_id AND delivery.id BETWEEN batch.first_id AND batch.last_id
          AND batch.last_id - batch.first_id + 1 = (
              SELECT count(*) FROM delivery AS other
              WHERE other.id BETWEEN batch.first_id AND batch.last_id AND other.mailing_id = batch.mailing_id)
        LIMIT 1) AS whole ON true
    WHERE delivery.id = :delivery
""")
