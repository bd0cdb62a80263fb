"""From a mailing whose time has come to batches in the queue, and to its end: who is written to, in what order, how many at once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Connection,
    DateTime,
    Select,
    bindparam,
    case,
    cast,
    column,
    func,
    insert,
    select,
    text,
    true,
    update,
)

from mailer import succession
from mailer.activity import select_segment
from mailer.audience import AUDIENCE, PROVIDER, PROVIDERS, SKIP_REASON, SUPPRESSION
from mailer.models import Delivery, DeliveryState, Mailing, MailingStatus
from mailer.terms import Terms
from subscribers.db import references_looked_after
from subscribers.errors import InputError
from subscribers.models import Institute, Subscriber
from subscribers.segments.vocabulary import Moment

BATCH_SIZE = 1000
QUEUED_AGAIN_AFTER = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who would get a mailing, as a message names them."""

    address: str
    name: str | None
    institute: str | None


_AUDIENCE = text(AUDIENCE).columns(column("subscriber_id")).subquery("audience")

# Everybody on the lists, as the deliveries that they would be.
_CANDIDATES = (
    text(f"""
    SELECT m.id AS mailing_id, s.id AS subscriber_id, s.address, s.name, i.name AS institute, {PROVIDER} AS provider,
           CASE WHEN skip.reason IS NULL THEN 'pending' ELSE 'skipped' END AS state, skip.reason,
           CASE WHEN skip.reason IS NOT NULL THEN CAST(:now AS timestamptz) END AS settled_at
    FROM mailing m
    CROSS JOIN ({AUDIENCE}) a
    JOIN subscriber s ON s.id = a.subscriber_id
    LEFT JOIN institute i ON i.id = s.institute_id
    {PROVIDERS}
    {SUPPRESSION}
    CROSS JOIN LATERAL (SELECT {SKIP_REASON} AS reason OFFSET 0) skip  -- so that it is worked out once and not at each mention
    WHERE m.id = :mailing""")  # noqa: S608 - of constants of ours
    .columns(
        Delivery.mailing_id,
        Delivery.subscriber_id,
        Delivery.address,
        Delivery.name,
        Delivery.institute,
        Delivery.provider,
        Delivery.state,
        Delivery.reason,
        Delivery.settled_at,
    )
    .subquery("candidate")
)

# One provider's deliveries have neighbouring ids, so that a range of them is a batch. Where a first part goes ahead, each provider's
# first batches are its share, and the others wait; so do all of a provider that staff stopped before the mailing began.
_CUT_INTO_BATCHES = text("""
    INSERT INTO batch (mailing_id, provider, first_id, last_id, due_at, hold)
    SELECT :mailing, provider, min(id), max(id), :now,
           CASE WHEN waits THEN 'canary'
                WHEN provider = ANY(ARRAY(SELECT provider FROM breaker WHERE mailing_id = :mailing AND lifted_at IS NULL)) THEN 'breaker'
           END
    FROM (SELECT id, provider, row_number() OVER (PARTITION BY provider ORDER BY id) - 1 AS number,
                 ceil(count(*) OVER (PARTITION BY provider) * CAST(:share AS double precision)) AS first
          FROM delivery WHERE mailing_id = :mailing AND state = 'pending') numbered,
         LATERAL (SELECT number >= first AS waits, CASE WHEN number < first THEN number ELSE number - first END AS place) part
    GROUP BY provider, waits, floor(place / :size) ORDER BY min(id)""")
_COUNT_PENDING = text("SELECT count(*) FROM delivery WHERE mailing_id = :mailing AND state = 'pending'")


def count_audience(connection: Connection, list_ids: Sequence[int], chosen: Select[int] | None = None) -> int:
    """How many recipients a mailing to these lists, or to those of them who are chosen, has now; those to be skipped included."""
    statement = select(func.count()).select_from(_AUDIENCE).where(_is_chosen(_AUDIENCE.c.subscriber_id, chosen))
    return connection.execute(statement, {"lists": list(list_ids)}).scalar_one()


def some_recipients(
    connection: Connection, list_ids: Sequence[int], chosen: Select[int] | None, recipients: int, number: int = 20
) -> list[Reader]:
    """The first, the last and some `number` others of the audience, of whom there are `recipients`, drawn anew each time."""
    identity, among, lists = _AUDIENCE.c.subscriber_id, _is_chosen(_AUDIENCE.c.subscriber_id, chosen), {"lists": list(list_ids)}
    ends = connection.execute(select(func.min(identity), func.max(identity)).where(among), lists).one()
    drawn = select(identity).where(among, func.random() < 2 * number / max(1, recipients)).limit(number)
    ids = {found for found in (*ends, *connection.execute(drawn, lists).scalars()) if found is not None}
    named = select(Subscriber.address, Subscriber.name, Institute.name.label("institute"))
    joined = named.outerjoin(Institute, Institute.id == Subscriber.institute_id).where(Subscriber.id.in_(ids))
    return [Reader(*row) for row in connection.execute(joined.order_by(Subscriber.id))]


def recipients_by_provider(
    connection: Connection, mailing_id: int, provider_of_domain: Mapping[str, str], chosen: Select[int] | None = None
) -> dict[str, int]:
    """How many would be written to if the mailing began now."""
    lists = connection.execute(select(Mailing.list_ids).where(Mailing.id == mailing_id)).scalar_one()
    planned = _planned(connection, lists, chosen).subquery().c
    would_be = select(planned.provider, func.count().label("number")).where(planned.state == DeliveryState.PENDING.value)
    parameters = {"mailing": mailing_id, "lists": lists, "now": None} | _domains(provider_of_domain)
    return {row.provider: row.number for row in connection.execute(would_be.group_by(planned.provider), parameters)}


def _planned(connection: Connection, list_ids: Sequence[int], chosen: Select[int] | None) -> Select[Any]:
    """Everybody who is chosen, as the deliveries that they will be; of an institute's contacts those are skipped whom no list wants."""
    candidates = select(_CANDIDATES).where(_is_chosen(_CANDIDATES.c.subscriber_id, chosen))
    if not succession.narrows(connection, list_ids):
        return candidates
    planned, left_out = candidates.cte("planned"), succession.LEFT_OUT
    stays = left_out.c.reason.is_(None)
    changed = {
        "state": case((stays, planned.c.state), else_=DeliveryState.SKIPPED.value),
        "reason": func.coalesce(planned.c.reason, left_out.c.reason),
        "settled_at": case((stays, planned.c.settled_at), else_=cast(bindparam("now"), DateTime(timezone=True))),
    }
    columns = [changed[column.key].label(column.key) if column.key in changed else column for column in planned.c]
    return select(*columns).outerjoin_from(planned, left_out, left_out.c.subscriber_id == planned.c.subscriber_id)


def _is_chosen(subscriber_id: ColumnElement[int], chosen: Select[int] | None) -> ColumnElement[bool]:
    return true() if chosen is None else subscriber_id.in_(chosen)


def left_by_provider(connection: Connection, mailing_id: int) -> dict[str, int]:
    """How many of a mailing's deliveries are open."""
    open_ = Delivery.state.in_([DeliveryState.PENDING.value, DeliveryState.DEFERRED.value])
    of_mailing = select(Delivery.provider, func.count().label("number")).where(Delivery.mailing_id == mailing_id, open_)
    return {row.provider: row.number for row in connection.execute(of_mailing.group_by(Delivery.provider))}


# A batch is due when the first of its deliveries is.
_LAST_DUE = text("""
    SELECT max(GREATEST(b.due_at, put_off.until)) FROM batch b CROSS JOIN LATERAL (
        SELECT max(next_attempt_at) AS until FROM delivery
        WHERE id BETWEEN b.first_id AND b.last_id AND mailing_id + 0 = b.mailing_id AND state IN ('deferred', 'in_doubt')) put_off
    WHERE b.mailing_id = :mailing AND b.due_at IS NOT NULL AND b.hold IS NULL""")


def last_due(connection: Connection, mailing_id: int) -> datetime | None:
    """When the last of a mailing's open deliveries is due; None where none is, or all are held back."""
    last: datetime | None = connection.execute(_LAST_DUE, {"mailing": mailing_id}).scalar_one()
    return last


def start_due(connection: Connection, now: datetime, provider_of_domain: Mapping[str, str]) -> list[int]:
    """Start every mailing whose time has come: freeze its audience as deliveries, cut them into batches. Returns their ids.

    One whose latest start has passed is paused instead, and its reason says so: whether it may still go is for staff to say.
    """
    statement = select(Mailing.id, Mailing.at, Mailing.list_ids, Mailing.terms).where(
        Mailing.status == MailingStatus.SCHEDULED.value, Mailing.at <= now
    )
    started = []
    for row in connection.execute(statement.order_by(Mailing.at).with_for_update(skip_locked=True)).all():
        terms = Terms.from_json(row.terms)
        latest = row.at + timedelta(hours=terms.latest_start_hours)
        try:
            if now > latest:
                raise InputError(
                    f"it was to start by {latest:%Y-%m-%d %H:%M} UTC and nothing ran then; resume it to send it now"
                )
            chosen = chosen_by(connection, terms, now)
        except InputError as error:
            _set(connection, row.id, status=MailingStatus.PAUSED.value, reason=str(error))
            continue
        _set(connection, row.id, status=MailingStatus.SENDING.value, started_at=now, reason=None)
        parameters = {"mailing": row.id, "lists": row.list_ids, "now": now, "size": BATCH_SIZE}
        planned = _planned(connection, row.list_ids, chosen)
        in_order = planned.order_by(planned.selected_columns.provider, planned.selected_columns.subscriber_id)
        deliveries = insert(Delivery).from_select(_CANDIDATES.c.keys(), in_order)
        with references_looked_after(connection):  # All of them refer to the mailing, which is ours by its lock.
            connection.execute(deliveries, parameters | _domains(provider_of_domain))
        connection.execute(_CUT_INTO_BATCHES, parameters | {"share": _first_share(connection, row.id, terms)})
        started.append(row.id)
    return started


def chosen_by(connection: Connection, terms: Terms, now: datetime) -> Select[int] | None:
    """Those whom the mailing's segment finds; None: there is none. InputError where it cannot be understood any more."""
    if terms.segment is None:
        return None
    return select_segment(connection, terms.segment.expression, Moment(now, ZoneInfo(terms.segment.zone)))


def _set(connection: Connection, mailing_id: int, **values: object) -> None:
    connection.execute(update(Mailing).where(Mailing.id == mailing_id).values(values))


def _first_share(connection: Connection, mailing_id: int, terms: Terms) -> float:
    if terms.canary is None:
        return 1.0
    return terms.canary.share_of(int(connection.execute(_COUNT_PENDING, {"mailing": mailing_id}).scalar_one()))


def _domains(provider_of_domain: Mapping[str, str]) -> dict[str, object]:
    return {"domains": list(provider_of_domain), "providers": list(provider_of_domain.values())}


# A mailing is finished when none of its deliveries is open, whatever a batch says. But as long as one of its batches is to do, there
# is no need to look: CASE keeps PostgreSQL from going through a million deliveries first, twice a second.
_DONE = text("""
    SELECT id FROM mailing m WHERE status = 'sending' AND CASE
        WHEN EXISTS (SELECT FROM batch WHERE mailing_id = m.id AND (due_at IS NOT NULL OR lease IS NOT NULL)) THEN false
        ELSE NOT EXISTS (SELECT FROM delivery WHERE mailing_id = m.id AND (state IN ('pending', 'deferred')
                         OR state = 'in_doubt' AND m.terms ->> 'in_doubt' = 'resend')) END
    FOR UPDATE SKIP LOCKED""")


def finish_done(connection: Connection, now: datetime) -> list[int]:
    """Mark as finished every mailing none of whose deliveries is open, and of whose institutes nobody is next. Returns their ids."""
    done = set(connection.execute(_DONE).scalars())
    if not done:
        return []
    # Once more, now that they are locked: what staff tried again while it went through the deliveries, it has not seen.
    done &= set(connection.execute(_DONE).scalars())
    done -= succession.take_over(connection, now, done)
    finished = update(Mailing).where(Mailing.id.in_(done))
    connection.execute(finished.values(status=MailingStatus.FINISHED.value, finished_at=now, reason=None))
    return sorted(done)


# At most `each` batches of one mailing at one provider are queued or at work at once, and fewer where its pace needs no more, so that
# a slow provider's cannot fill the queue. One that was queued and not begun is queued again after a while: the broker may have lost it.
_QUEUE_DUE = text("""
    WITH candidates AS (
        SELECT b.id, b.mailing_id, b.provider, b.queued_at, b.due_at, b.lease_until,
               row_number() OVER (PARTITION BY b.mailing_id, b.provider ORDER BY b.due_at, b.id) AS place
        FROM batch b JOIN mailing m ON m.id = b.mailing_id
        WHERE m.status = 'sending' AND b.due_at <= :now AND b.hold IS NULL AND (m.closed_until IS NULL OR m.closed_until <= :now)),
    few AS (
        SELECT * FROM jsonb_to_recordset(CAST(:few AS jsonb)) AS few(mailing_id integer, provider text, number integer)),
    chosen AS (
        SELECT id FROM candidates LEFT JOIN few USING (mailing_id, provider)
        WHERE place <= LEAST(:each, number) AND (queued_at IS NULL OR queued_at < :lost)
          AND (lease_until IS NULL OR lease_until < :now AND :take_over))
    UPDATE batch SET queued_at = :now
    WHERE id IN (SELECT id FROM batch WHERE id IN (SELECT id FROM chosen) FOR UPDATE SKIP LOCKED) RETURNING id""")


def queue_due(connection: Connection, now: datetime, each: int, *, take_over: bool = True) -> list[int]:
    """The batches to put into the queue now. What is returned is marked, and returned again only if nobody begins it.

    Without `take_over`, a batch whose lease has run out is left to its owner for now.
    """
    sending = select(Mailing.id, Mailing.terms).where(Mailing.status == MailingStatus.SENDING.value)
    few = [
        {"mailing_id": row.id, "provider": provider, "number": number}
        for row in connection.execute(sending)
        for provider, number in Terms.from_json(row.terms).batches_at_once().items()
    ]
    parameters = {"now": now, "each": each, "lost": now - QUEUED_AGAIN_AFTER, "few": json.dumps(few), "take_over": take_over}
    return list(connection.execute(_QUEUE_DUE, parameters).scalars())
