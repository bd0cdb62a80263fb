"""A mailing as it stands in the database once it was planned, for tests that need one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, insert, text

from mailer.edition import Edition, Field, Hole
from mailer.events import Hit
from mailer.models import (
    Batch,
    Delivery,
    DeliveryState,
    EditionRow,
    EventKind,
    IssueRow,
    Mailing,
    MailingStatus,
    Publication,
    Revision,
)
from subscribers.address import parse_address
from subscribers.db import transaction
from subscribers.store import NewSubscriber, add_subscribers, create_list

NOW = datetime(2023, 8, 3, 9, 0, tzinfo=UTC)
BASE_URL = "https://bulletin.example.org"
LINKS = ("https://www.example.org/kunming?a=1&b=2", "https://www.example.org/成果转化")
EDITION = Edition(
    subject="【信息集锦】2023年第9期（总第190期）",
    html=(
        '<!DOCTYPE html><html><body><img src="',
        Hole(Field.PIXEL_URL),
        '" alt=""><p>',
        Hole(Field.SALUTATION),
        '：<a href="',
        Hole(Field.CLICK_URL),
        '.0">昆明会议</a> <a href="',
        Hole(Field.UNSUBSCRIBE_URL),
        '">退订</a> <a href="',
        Hole(Field.VIEW_URL),
        '#article-1">一</a> ',
        Hole(Field.ADDRESS),
        Hole(Field.INSTITUTE),
        "</p></body></html>",
    ),
    text=("退订：", Hole(Field.UNSUBSCRIBE_URL)),
    links=LINKS,
)


@dataclass(frozen=True, slots=True)
class Sent:
    """One mailing and its deliveries, in the order of the addresses."""

    mailing_id: int
    list_id: int
    delivery_ids: tuple[int, ...]


def create_publication(connection: Connection) -> int:
    """The series that the mailings of a test belong to."""
    values = {"slug": "bulletin", "title": "信息集锦", "kind": "简报", "publisher": "中国科学技术院所联谊会"}
    return connection.execute(insert(Publication).values(values).returning(Publication.id)).scalar_one()


def freeze(connection: Connection, publication_id: int, number: int, edition: Edition) -> tuple[int, int]:
    """An issue of that number with one edition: their ids."""
    issue = {"publication_id": publication_id, "year": 2023, "number": number, "total_number": 181 + number}
    issue_id = connection.execute(insert(IssueRow).values(issue).returning(IssueRow.id)).scalar_one()
    revision = {"issue_id": issue_id, "number": 1, "source_name": "a.txt", "source_sha256": "0", "content": {}, "warnings": []}
    statement = insert(Revision).values(revision | {"created_by": "test"}).returning(Revision.id)
    revision_id = connection.execute(statement).scalar_one()
    row = {"revision_id": revision_id, "sha256": f"{number}{edition.sha256}", "content": edition.to_json()}
    return issue_id, connection.execute(insert(EditionRow).values(row).returning(EditionRow.id)).scalar_one()


def send(
    connection: Connection, addresses: Sequence[str], *, slug: str = "members", number: int = 9, edition: Edition = EDITION
) -> Sent:
    """A mailing of one issue to a list of its own; every delivery was accepted, and one batch holds them all."""
    known = connection.execute(text("SELECT id FROM publication")).scalar()
    issue_id, edition_id = freeze(connection, known or create_publication(connection), number, edition)
    list_id = create_list(connection, slug, slug)
    people = [NewSubscriber(parse_address(address), name="王老师", institute="云南省科学技术院") for address in addresses]
    add_subscribers(connection, people, list_id, method="import", evidence="test")
    mailing = {"issue_id": issue_id, "edition_id": edition_id, "list_ids": [list_id], "excluded_list_ids": [], "terms": {}}
    state = {"status": MailingStatus.FINISHED.value, "at": NOW, "started_at": NOW, "finished_at": NOW, "created_by": "test"}
    mailing_id = connection.execute(insert(Mailing).values(mailing | state).returning(Mailing.id)).scalar_one()
    delivery_ids = tuple(_deliver(connection, mailing_id, address) for address in addresses)
    batch = {"mailing_id": mailing_id, "provider": "other", "first_id": min(delivery_ids), "last_id": max(delivery_ids)}
    connection.execute(insert(Batch).values(batch))
    return Sent(mailing_id, list_id, delivery_ids)


def hits(engine: Engine) -> list[Hit]:
    """The events in the order in which they were written, each with the delivery that its visitor is."""
    with transaction(engine) as connection:
        rows = connection.execute(_HITS)
        return [Hit(row.delivery_id, EventKind(row.kind), row.at, row.link) for row in rows]


_HITS = text("""
    SELECT delivery.id AS delivery_id, event.kind, event.link, event.at
    FROM event JOIN mailing ON mailing.id = event.mailing_id
    JOIN delivery ON delivery.mailing_id = mailing.id
     AND CAST(CAST('x' || left(encode(sha256(mailing.salt || int8send(delivery.id)), 'hex'), 16) AS bit(64)) AS bigint) = event.visitor
    ORDER BY event.id
""")


def _deliver(connection: Connection, mailing_id: int, address: str) -> int:
    hashed = {"hash": parse_address(address).hash}
    subscriber_id = connection.execute(text("SELECT id FROM subscriber WHERE address_hash = :hash"), hashed).scalar_one()
    delivery = {
        "mailing_id": mailing_id,
        "subscriber_id": subscriber_id,
        "address": address,
        "name": "王老师",
        "institute": "云南省科学技术院",
        "provider": "other",
        "state": DeliveryState.ACCEPTED.value,
    }
    return connection.execute(insert(Delivery).values(delivery).returning(Delivery.id)).scalar_one()
