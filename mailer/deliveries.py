"""The ledger: who holds a batch, what in it is due, what became of each recipient. All writes to deliveries under way are here.

A batch is a permanent range of one mailing's deliveries, and its row carries the lease: one owner at a time (docs/adr/0004).
The owner moves the `horizon` forward, committed, before the deliveries up to it may be begun. Should it die, what lies at or before
the horizon without an outcome is in doubt, and everything behind it was certainly not sent.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, bindparam, column, func, or_, select, text, update

from mailer.audience import SKIP_REASON, SUPPRESSION
from mailer.models import Batch, Delivery, DeliveryState, Event, EventKind, Mailing, MailingStatus, Origin
from mailer.reader_models import Receipt
from mailer.terms import InDoubtPolicy, Terms
from subscribers.address import HASHED
from subscribers.institutes import INSTITUTE_OF_NAME
from subscribers.models import Institute, Subscriber

LEASE = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Claim:
    """A batch that is ours until the lease runs out; every checkpoint extends it."""

    batch_id: int
    mailing_id: int
    edition_id: int
    provider: str
    first_id: int
    last_id: int
    lease: str
    leased_at: datetime
    terms: Terms


class DueDelivery(NamedTuple):
    """A recipient to be written to now, or, with a `skip_reason`, to be left alone.

    Like all that is made for each message it is a named tuple, which costs a third of a frozen dataclass.
    """

    id: int
    address: str
    name: str | None
    institute: str | None
    times_deferred: int
    skip_reason: str | None
    deferred_at: datetime | None = None


class Settled(NamedTuple):
    """What became of one delivery in this run."""

    id: int
    state: DeliveryState
    reason: str | None = None
    reply: str | None = None
    relay: str | None = None
    next_attempt_at: datetime | None = None
    attempted: bool = True
    times_deferred: int | None = None  # how often it is now, where a server has put it off in its own words


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a batch's owner wants committed: outcomes, and a horizon up to which deliveries may begin."""

    held: Claim
    settled: Sequence[Settled]
    horizon: int


class Standing(StrEnum):
    """How a batch stands after a checkpoint."""

    GOES_ON = "goes_on"
    STOPPED = "stopped"  # Staff paused or cancelled the mailing, a breaker holds the batch, or it is outside its hours.
    LOST = "lost"  # Somebody else holds the batch by now; nothing of the checkpoint was written.


# A batch is read by its ids alone. Were `mailing_id` open to an index (`+ 0` closes it), PostgreSQL would look through the index of the
# whole mailing for every batch of it, as long as it has no statistics of a mailing that has just been planned.
_IN_BATCH = "d.id BETWEEN :first AND :last AND d.mailing_id + 0 = :mailing"

# Open, and due when the lease was taken. The condition does not move with the clock during the run, so that whoever takes a batch over
# can tell which of its deliveries the last owner may have begun.
_DUE = f"""{_IN_BATCH}
    AND (d.state IN ('pending', 'deferred') OR d.state = 'in_doubt' AND :resend)
    AND (d.next_attempt_at IS NULL OR d.next_attempt_at <= :leased_at)"""

_MARK_IN_DOUBT = text(
    f"""
    UPDATE delivery d SET state = 'in_doubt', attempts = attempts + 1, reason = 'worker_lost', next_attempt_at = NULL, settled_at = :now
    WHERE {_DUE}"""
)


def claim(connection: Connection, batch_id: int, worker: str, now: datetime) -> Claim | None:
    """Take a batch that is due, or None when there is nothing to do: not due, held by another, or its mailing not sending.

    A batch whose last owner let the lease run out is taken over if it was queued since: what that owner may have begun becomes in doubt
    first. What was queued earlier has waited for a worker meanwhile, or for the database, and says nothing of the owner.
    """
    columns = Batch.__table__.columns
    statement = (
        select(*columns, Mailing.edition_id, Mailing.terms)
        .join(Mailing, Mailing.id == Batch.mailing_id)
        .where(Batch.id == batch_id, Batch.due_at <= now, Batch.hold.is_(None), Mailing.status == MailingStatus.SENDING.value)
        .where(or_(Mailing.closed_until.is_(None), Mailing.closed_until <= now))
        .with_for_update(of=Batch.__table__, skip_locked=True)
    )
    row = connection.execute(statement).one_or_none()
    if row is None or (row.lease is not None and row.lease_until > min(now, row.queued_at or now)):
        return None
    terms = Terms.from_json(row.terms)
    if row.lease is not None:
        parameters = {"mailing": row.mailing_id, "first": row.first_id, "last": row.horizon, "resend": False}
        connection.execute(_MARK_IN_DOUBT, parameters | {"leased_at": row.leased_at, "now": now})
    lease = str(uuid.uuid4())
    values = {"lease": lease, "leased_by": worker, "leased_at": now, "lease_until": now + LEASE, "horizon": row.first_id - 1}
    connection.execute(update(Batch).where(Batch.id == batch_id).values(values))
    return Claim(
        batch_id=batch_id,
        mailing_id=row.mailing_id,
        edition_id=row.edition_id,
        provider=row.provider,
        first_id=row.first_id,
        last_id=row.last_id,
        lease=lease,
        leased_at=now,
        terms=terms,
    )


def decline(connection: Connection, batch_id: int) -> None:
    """Let a batch be queued again at once, which else is believed to be on its way: it was offered to a worker that takes none."""
    connection.execute(update(Batch).where(Batch.id == batch_id, Batch.lease.is_(None)).values(queued_at=None))


# For how long a delivery was due and could not be tried, such as over a holiday or a pause, is taken from the time that it has been put off
# for; a checkpoint keeps that.
# Whose record is gone, since the import that brought it was taken back, has no wish any more and is skipped like who has left.
_READ_DUE = text(
    f"""
    SELECT d.id, d.address, d.name, d.institute, d.times_deferred, {SKIP_REASON} AS skip_reason,
           d.deferred_at + GREATEST(:leased_at - d.next_attempt_at, interval '0') AS deferred_at
    FROM delivery d JOIN mailing m ON m.id = d.mailing_id LEFT JOIN subscriber s ON s.id = d.subscriber_id
    LEFT JOIN LATERAL (SELECT bool_or(x.state = 'confirmed') AS confirmed, min(x.state) AS wish FROM subscription x
        WHERE x.subscriber_id = s.id AND x.list_id = ANY(m.list_ids)) a ON true
    {SUPPRESSION}
    WHERE {_DUE} ORDER BY d.id"""
)


def read_due(connection: Connection, held: Claim) -> list[DueDelivery]:
    """What is due in the batch, by id. Suppressions and unsubscriptions are looked at once more here."""
    return [DueDelivery._make(row) for row in connection.execute(_READ_DUE, _range(held)).all()]


def _range(held: Claim) -> dict[str, object]:
    resend = held.terms.in_doubt is InDoubtPolicy.RESEND
    bounds = {"mailing": held.mailing_id, "first": held.first_id, "last": held.last_id}
    return bounds | {"leased_at": held.leased_at, "resend": resend}


# One statement, so that it needs no transaction around it: what is settled is settled only under a lease that still holds. A batch that
# somebody holds is due, unless its mailing was cancelled meanwhile; then what a server put off is not tried again. The mailing's own row
# would not do: the statement waits for a cancellation that has locked the batch, and sees of other rows what they were before. An attempt
# that was under way at the cancellation is counted already. Of an answer about somebody who was erased meanwhile only the code is kept,
# for its words may name them.
_CHECKPOINT = text(
    f"""
    WITH held AS (
        UPDATE batch b SET horizon = GREATEST(b.horizon, v.horizon), lease_until = now() + :lease
        FROM unnest(CAST(:batches AS integer[]), CAST(:leases AS uuid[]), CAST(:horizons AS bigint[])) AS v(id, lease, horizon), mailing m
        WHERE b.id = v.id AND b.lease = v.lease AND m.id = b.mailing_id
        RETURNING b.id, b.leased_at, b.due_at IS NULL AS cancelled,
                  m.status = 'sending' AND b.hold IS NULL AND (m.closed_until IS NULL OR m.closed_until <= now()) AS goes_on
    ), settled AS (
        UPDATE delivery d SET relay = v.relay, settled_at = now(),
               reply = CASE WHEN d.address LIKE '{HASHED}%' THEN substring(v.reply FROM '^[2-5][0-9][0-9]') ELSE v.reply END,
               attempts = d.attempts + v.attempted - CASE WHEN d.state = 'in_doubt' AND d.reason = 'under_way' THEN 1 ELSE 0 END,
               state = CASE WHEN ends THEN 'skipped' ELSE v.state END, reason = CASE WHEN ends THEN 'cancelled' ELSE v.reason END,
               next_attempt_at = CASE WHEN NOT cancelled THEN v.next_attempt_at END,
               deferred_at = COALESCE(d.deferred_at + GREATEST(held.leased_at - d.next_attempt_at, interval '0'),
                                      CASE WHEN v.next_attempt_at IS NOT NULL THEN now() END),
               times_deferred = COALESCE(v.times_deferred, d.times_deferred)
        FROM json_to_recordset(CAST(:settled AS json)) AS v(batch integer, id bigint, state text, reason text, reply text, relay text,
             next_attempt_at timestamptz, attempted integer, times_deferred integer)
        JOIN held ON held.id = v.batch, LATERAL (SELECT cancelled AND v.state = 'deferred' AS ends) attempt
        WHERE d.id = v.id
    )
    SELECT id, goes_on FROM held"""
)


def checkpoint(connection: Connection, wanted: Sequence[Checkpoint]) -> list[Standing]:
    """Record outcomes, allow deliveries up to each horizon to begin, and extend the leases, of several batches at once.

    Returns how each stands, in order. Of a batch that is LOST nothing is written.
    """
    parameters = {
        "batches": [one.held.batch_id for one in wanted],
        "leases": [one.held.lease for one in wanted],
        "horizons": [one.horizon for one in wanted],
        "lease": LEASE,
        "settled": json.dumps([_document(one.held.batch_id, row) for one in wanted for row in one.settled]),
    }
    goes_on: dict[int, bool] = {row.id: row.goes_on for row in connection.execute(_CHECKPOINT, parameters)}
    return [_standing(goes_on.get(one.held.batch_id)) for one in wanted]


def _standing(goes_on: bool | None) -> Standing:
    if goes_on is None:
        return Standing.LOST
    return Standing.GOES_ON if goes_on else Standing.STOPPED


def _document(batch_id: int, row: Settled) -> dict[str, object]:
    """What is not None of an outcome: one JSON document for all rows costs a tenth of an array for each column."""
    document: dict[str, object] = {"batch": batch_id, "id": row.id, "state": row.state, "attempted": int(row.attempted)}
    if row.reason is not None:
        document["reason"] = row.reason
    if row.reply is not None:
        document["reply"] = row.reply.replace("\0", "\N{REPLACEMENT CHARACTER}")  # No text of SQL holds NUL.
    if row.relay is not None:
        document["relay"] = row.relay
    if row.next_attempt_at is not None:
        document["next_attempt_at"] = row.next_attempt_at.isoformat()
    if row.times_deferred is not None:
        document["times_deferred"] = row.times_deferred
    return document


# A statement of its own: who holds the row may have made deliveries pending, by `retry` for one, and only a later statement sees them.
_LOCK = text("SELECT due_at IS NULL AS cancelled FROM batch WHERE id = :batch AND lease = CAST(:lease AS uuid) FOR UPDATE")

# What a cancellation took for under way, and no connection had begun.
_NOT_BEGUN = text(
    f"""
    UPDATE delivery d SET state = 'skipped', reason = 'cancelled', attempts = attempts - 1, settled_at = :now
    WHERE {_IN_BATCH} AND d.state = 'in_doubt' AND d.reason = 'under_way'"""
)

_RELEASE = text(
    f"""
    UPDATE batch SET lease = NULL, leased_by = NULL, leased_at = NULL, lease_until = NULL, queued_at = NULL, due_at = (
        SELECT CASE WHEN count(*) > 0 THEN GREATEST(min(COALESCE(d.next_attempt_at, :now)), :not_before) END FROM delivery d
        WHERE {_IN_BATCH}
          AND (d.state IN ('pending', 'deferred') OR d.state = 'in_doubt' AND :resend))
    WHERE id = :batch AND lease = CAST(:lease AS uuid)"""
)


def release(connection: Connection, held: Claim, *, now: datetime, not_before: datetime | None = None) -> None:
    """Give the batch back, due again when the earliest of its open deliveries is, but not before `not_before`.

    All that came back has been recorded: whatever else was taken for under way was never begun.
    """
    parameters = _range(held) | {"batch": held.batch_id, "lease": held.lease, "now": now, "not_before": not_before or now}
    if connection.execute(_LOCK, parameters).scalar_one_or_none():
        connection.execute(_NOT_BEGUN, parameters)
    connection.execute(_RELEASE, parameters)


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """One recipient's line of the ledger, and what they did with the mail.

    The institute is named as it was then; `province` is what is known of it now. `opened_at` and `clicked_at` are when a person was first
    seen to, of those alone who let themselves be counted by name.
    """

    id: int
    address: str
    name: str | None
    institute: str | None
    province: str | None
    provider: str
    state: DeliveryState
    attempts: int
    reason: str | None
    reply: str | None
    relay: str | None
    next_attempt_at: datetime | None
    settled_at: datetime | None
    opened_at: datetime | None
    clicked_at: datetime | None
    receipt_at: datetime | None
    unsubscribed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which deliveries are asked for: each part that is given narrows them. An empty institute, province or reason means those without."""

    states: frozenset[DeliveryState] | None = None
    provider: str | None = None
    institute: str | None = None
    province: str | None = None
    reason: str | None = None
    opened: bool = False
    clicked: bool = False
    receipt: bool = False
    unsubscribed: bool = False

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """What it says, as conditions of a statement."""
        if self.states is not None:
            yield Delivery.state.in_([state.value for state in self.states])
        if self.provider is not None:
            yield Delivery.provider == self.provider
        words = ((self.institute, Delivery.institute), (self.province, _PROVINCE), (self.reason, Delivery.reason))
        yield from (func.coalesce(column, "") == word for word, column in words if word is not None)
        for name, moment in _MOMENTS.items():
            if getattr(self, name.removesuffix("_at")):
                yield moment.is_not(None)


# The institute that the name leads to, as in the report; through the subscriber only where it leads to none.
_NAMED = text(INSTITUTE_OF_NAME).columns(column("name"), column("institute_id")).subquery("named")
_PROVINCE = func.nullif(Institute.province, "")


def _first(kind: EventKind, *also: ColumnElement[bool]) -> ColumnElement[datetime]:
    return func.min(Event.at).filter(Event.kind == kind.value, *also)


_BY_PERSON = Event.origin == Origin.PERSON.value
_DONE = (
    select(
        Event.delivery_id,
        _first(EventKind.OPEN, _BY_PERSON).label("opened_at"),
        _first(EventKind.CLICK, _BY_PERSON).label("clicked_at"),
        _first(EventKind.UNSUBSCRIBE).label("unsubscribed_at"),
    )
    .where(Event.mailing_id == bindparam("mailing"))
    .group_by(Event.delivery_id)
    .subquery("done")
)
_MOMENTS = {
    "opened_at": _DONE.c.opened_at,
    "clicked_at": _DONE.c.clicked_at,
    "receipt_at": Receipt.__table__.columns["at"],
    "unsubscribed_at": _DONE.c.unsubscribed_at,
}


def of_mailing(connection: Connection, mailing_id: int, wanted: Wanted | None = None) -> Iterator[DeliveryRecord]:
    """Every delivery of a mailing, or those that are wanted, by id; read as they are asked for."""
    own, others = Delivery.__table__.columns, {"province": _PROVINCE, **_MOMENTS}
    names = [field.name for field in fields(DeliveryRecord)]
    statement = (
        select(*(others[name].label(name) if name in others else own[name] for name in names))
        .select_from(Delivery)
        .outerjoin(_DONE, _DONE.c.delivery_id == Delivery.id)
        .outerjoin(Receipt, Receipt.delivery_id == Delivery.id)
        .outerjoin(_NAMED, _NAMED.c.name == Delivery.institute)
        .outerjoin(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .outerjoin(Institute, Institute.id == func.coalesce(_NAMED.c.institute_id, Subscriber.institute_id))
        .where(Delivery.mailing_id == bindparam("mailing"), *(wanted.conditions() if wanted else ()))
        .order_by(Delivery.id)
    )
    for row in connection.execution_options(yield_per=1000).execute(statement, {"mailing": mailing_id}):
        yield DeliveryRecord(**row._mapping)
