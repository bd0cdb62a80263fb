"""One subscriber's record: found by its address, read whole, changed with a line in the audit for each change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, text, update

from subscribers import audit
from subscribers.address import Address, parse_address
from subscribers.audit import Change, Subject, difference
from subscribers.errors import InputError
from subscribers.models import Role, Subscriber, SubscriberState, SubscriptionState, SuppressionReason

_UNSAID = frozenset({"address_hash", "canonical", "domain", "institute_id"})


@dataclass(frozen=True, slots=True)
class SubscriptionRecord:
    """What a subscriber wants of one list, since when."""

    list: str
    state: SubscriptionState
    since: datetime


@dataclass(frozen=True, slots=True)
class SuppressionNote:
    """Why a subscriber's address is not written to; `list` is None where it is for all lists."""

    list: str | None
    reason: SuppressionReason
    since: datetime
    until: datetime | None
    evidence: str


@dataclass(frozen=True, slots=True)
class SubscriberRecord:
    """All that is known of one subscriber. `formerly` are the addresses of those that were merged into it."""

    id: int
    address: str
    name: str | None
    role: Role | None
    institute_id: int | None
    institute: str | None
    rank: int | None
    language: str | None
    phone: str | None
    fields: Mapping[str, object]
    state: SubscriberState
    needs_smtputf8: bool
    created_at: datetime
    updated_at: datetime
    subscriptions: Sequence[SubscriptionRecord]
    suppressions: Sequence[SuppressionNote]
    formerly: Sequence[str]


@dataclass(frozen=True, slots=True)
class Amendment:
    """New values for a subscriber's columns; `fields` are own ones to be set, and those with None are taken away."""

    columns: Mapping[str, object] = field(default_factory=dict)
    fields: Mapping[str, object] = field(default_factory=dict)


def find_id(connection: Connection, address: Address) -> int | None:
    """The id of the subscriber with that address, or into whom it was merged; None where nobody has it."""
    found = connection.execute(_FIND, {"hash": address.hash}).scalar_one_or_none()
    return None if found is None else int(found)


def find_subscriber(connection: Connection, text_: str) -> SubscriberRecord:
    """The record of an address. InputError where nobody has it, or it was erased."""
    address = parse_address(text_)
    found = find_id(connection, address)
    if found is not None:
        return read(connection, found)
    erased = connection.execute(_ERASED, {"hash": address.hash}).scalar_one_or_none()
    if erased is not None:
        raise InputError(f"{address.written} was erased on {erased:%Y-%m-%d}: no more than a hash of the address is kept.")
    raise nobody(address.written)


def nobody(address: str) -> InputError:
    """That no subscriber has an address."""
    return InputError(f"there is no subscriber {address}. `jianbao subscriber find {address}` looks for the like.")


def read(connection: Connection, subscriber_id: int) -> SubscriberRecord:
    """The record of that id."""
    row = connection.execute(_READ, {"id": subscriber_id}).one()
    subscriptions = [
        SubscriptionRecord(one.slug, SubscriptionState(one.state), one.since)
        for one in connection.execute(_LISTS, {"id": row.id})
    ]
    suppressions = [
        SuppressionNote(one.slug, SuppressionReason(one.reason), one.since, one.until, one.evidence)
        for one in connection.execute(_SUPPRESSIONS, {"hash": row.address_hash})
    ]
    columns = {name: value for name, value in row._mapping.items() if name != "address_hash"}
    return SubscriberRecord(
        **columns | {"role": Role(row.role) if row.role else None, "state": SubscriberState(row.state)},
        subscriptions=subscriptions,
        suppressions=suppressions,
        formerly=list(connection.execute(_FORMERLY, {"id": row.id}).scalars()),
    )


def amend(
    connection: Connection,
    subscriber_id: int,
    amendment: Amendment,
    *,
    actor: str,
    action: str = "update",
    reason: str | None = None,
) -> bool:
    """Change a subscriber's columns and own fields; whether anything differs. What differs goes into the audit."""
    locked = dict(connection.execute(_LOCK, {"id": subscriber_id}).mappings().one())
    fields = {name: value for name, value in {**locked["fields"], **amendment.fields}.items() if value is not None}
    before, after = difference(locked, {**amendment.columns, "fields": fields})
    if not after:
        return False
    connection.execute(update(Subscriber).where(Subscriber.id == subscriber_id).values(**after, updated_at=text("now()")))
    change = Change(
        actor, action, Subject.SUBSCRIBER, subscriber_id, _said(connection, before), _said(connection, after), reason
    )
    audit.record(connection, change)
    return True


def addresses_of(connection: Connection, subscriber_ids: Sequence[int]) -> set[Address]:
    """Every address that these subscribers have, or had before it was corrected."""
    return {parse_address(one) for one in connection.execute(_ADDRESSES, {"ids": list(subscriber_ids)}).scalars()}


def _said(connection: Connection, columns: Mapping[str, object]) -> dict[str, object]:
    """Columns as people speak of them: an institute by its name."""
    said = {name: value for name, value in columns.items() if name not in _UNSAID}
    if "institute_id" in columns:
        said["institute"] = connection.execute(_INSTITUTE, {"id": columns["institute_id"]}).scalar_one_or_none()
    return said


def family(connection: Connection, subscriber_id: int) -> list[int]:
    """The ids of a subscriber and of those that were merged into it: a person's whole history is under all of them."""
    return list(connection.execute(_FAMILY, {"id": subscriber_id}).scalars())


# Whoever is merged names one who is not: a merger takes along what was merged before.
_FIND = text("SELECT COALESCE(merged_into_id, id) FROM subscriber WHERE address_hash = :hash")
_FAMILY = text("SELECT id FROM subscriber WHERE id = :id OR merged_into_id = :id ORDER BY id = :id DESC, id")
_FORMERLY = text("SELECT address FROM subscriber WHERE merged_into_id = :id ORDER BY id")
_ADDRESSES = text("""
    SELECT address FROM subscriber WHERE id = ANY(:ids)
    UNION SELECT before ->> 'address' FROM audit
    WHERE subject = 'subscriber' AND subject_id = ANY(:ids) AND action = 'correct' AND before ->> 'address' IS NOT NULL""")
_ERASED = text("SELECT since FROM suppression WHERE address_hash = :hash AND reason = 'erased' LIMIT 1")
_INSTITUTE = text("SELECT name FROM institute WHERE id = :id")
_READ = text("""
    SELECT s.id, s.address, s.address_hash, s.name, s.role, s.institute_id, i.name AS institute, s.rank, s.language, s.phone, s.fields,
           s.state, s.needs_smtputf8, s.created_at, s.updated_at
    FROM subscriber s LEFT JOIN institute i ON i.id = s.institute_id WHERE s.id = :id""")
_LOCK = text("""
    SELECT name, role, institute_id, rank, language, phone, fields, state, address, canonical, domain, address_hash
    FROM subscriber WHERE id = :id FOR UPDATE""")
_LISTS = text("""
    SELECT l.slug, x.state, x.since FROM subscription x JOIN mailing_list l ON l.id = x.list_id
    WHERE x.subscriber_id = :id ORDER BY l.slug""")
_SUPPRESSIONS = text("""
    SELECT l.slug, p.reason, p.since, p.until, p.evidence FROM suppression p LEFT JOIN mailing_list l ON l.id = p.list_id
    WHERE p.address_hash = :hash ORDER BY l.slug NULLS FIRST""")
