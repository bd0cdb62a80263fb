"""The life of a mailing: scheduled, planned, sent, paused, resumed, cancelled, finished. What it did is counted from its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, Select, exists, insert, select, text, update

from mailer.audience import AUDIENCE, SKIP_REASON, SUPPRESSION
from mailer.models import DeliveryState, IssueRow, Mailing, MailingStatus
from mailer.terms import Terms
from subscribers.errors import InputError

BATCH_SIZE = 500
QUEUED_AGAIN_AFTER = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class MailingRecord:
    """A mailing as kept, with the reference of its issue."""

    id: int
    issue: str
    status: MailingStatus
    reason: str | None
    at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    edition_id: int
    issue_id: int
    list_ids: tuple[int, ...]
    terms: Terms


@dataclass(frozen=True, slots=True)
class Counts:
    """How many deliveries are in each state, and how many recipients did something. The states add up to `recipients`."""

    recipients: int
    pending: int
    sending: int
    accepted: int
    deferred: int
    bounced: int
    complained: int
    failed: int
    skipped: int
    in_doubt: int
    opened: int
    clicked: int
    unsubscribed: int

    @property
    def settled(self) -> int:
        """Those whose fate is known."""
        return self.accepted + self.bounced + self.complained + self.failed + self.skipped


def schedule(
    connection: Connection,
    *,
    issue_id: int,
    edition_id: int,
    list_ids: Sequence[int],
    excluded_list_ids: Sequence[int] = (),
    at: datetime,
    terms: Terms,
    created_by: str,
) -> int:
    """Make a mailing that starts by itself when its time has come. Returns its id."""
    values = {
        "issue_id": issue_id,
        "edition_id": edition_id,
        "list_ids": list(list_ids),
        "excluded_list_ids": list(excluded_list_ids),
        "terms": terms.to_json(),
        "status": MailingStatus.SCHEDULED.value,
        "at": at,
        "created_by": created_by,
    }
    return connection.execute(insert(Mailing).values(values).returning(Mailing.id)).scalar_one()


def mailings(connection: Connection) -> list[MailingRecord]:
    """Every mailing, the newest first."""
    return [_record(row._mapping) for row in connection.execute(_select().order_by(Mailing.id.desc()))]


def find_mailing(connection: Connection, mailing_id: int) -> MailingRecord:
    """The mailing of that id. InputError where there is none."""
    row = connection.execute(_select().where(Mailing.id == mailing_id)).one_or_none()
    if row is None:
        raise InputError(f"there is no mailing {mailing_id}. `jianbao mailing list` shows those that there are.")
    return _record(row._mapping)


def _select() -> Select[*tuple[object, ...]]:
    return select(*Mailing.__table__.columns, IssueRow.year, IssueRow.number).join(IssueRow, IssueRow.id == Mailing.issue_id)


def _record(row: RowMapping) -> MailingRecord:
    return MailingRecord(
        id=row["id"],
        issue=f"{row['year']}-{row['number']:02d}",
        status=MailingStatus(row["status"]),
        reason=row["reason"],
        at=row["at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        edition_id=row["edition_id"],
        issue_id=row["issue_id"],
        list_ids=tuple(row["list_ids"]),
        terms=Terms.from_json(row["terms"]),
    )


# --- The audience ------------------------------------------------------------------------------------------------------------

_COUNT_AUDIENCE = f"SELECT count(*) FROM ({AUDIENCE}) audience"

_PLAN = f"""
    INSERT INTO delivery (mailing_id, subscriber_id, address, name, institute, provider, state, reason, settled_at)
    SELECT m.id, s.id, s.address, s.name, i.name, COALESCE(p.provider, 'other'),
           CASE WHEN skip.reason IS NULL THEN 'pending' ELSE 'skipped' END, skip.reason,
           CASE WHEN skip.reason IS NOT NULL THEN CAST(:now AS timestamptz) END
    FROM mailing m
    CROSS JOIN ({AUDIENCE}) a
    JOIN subscriber s ON s.id = a.subscriber_id
    LEFT JOIN institute i ON i.id = s.institute_id
    LEFT JOIN unnest(CAST(:domains AS text[]), CAST(:providers AS text[])) AS p(domain, provider) ON p.domain = s.domain
    {SUPPRESSION}
    CROSS JOIN LATERAL (SELECT {SKIP_REASON} AS reason) skip
    WHERE m.id = :mailing
    ORDER BY COALESCE(p.provider, 'other'), s.id"""

# One provider's deliveries have neighbouring ids, so that a range of them is a batch.
_CUT_INTO_BATCHES = """
    INSERT INTO batch (mailing_id, provider, first_id, last_id, due_at)
    SELECT :mailing, provider, min(id), max(id), :now
    FROM (SELECT id, provider, (row_number() OVER (PARTITION BY provider ORDER BY id) - 1) / :size AS part
          FROM delivery WHERE mailing_id = :mailing AND state = 'pending') numbered
    GROUP BY provider, part ORDER BY min(id)"""


def count_audience(connection: Connection, list_ids: Sequence[int]) -> int:
    """How many recipients a mailing to these lists has now, those that will be skipped included."""
    return int(connection.execute(text(_COUNT_AUDIENCE), {"lists": list(list_ids)}).scalar_one())


def start_due(connection: Connection, now: datetime, provider_of_domain: Mapping[str, str]) -> list[int]:
    """Start every mailing whose time has come: freeze its audience as deliveries, cut them into batches. Returns their ids.

    One whose latest start has passed is paused instead, and its reason says so: whether it may still go is for staff to say.
    """
    statement = select(Mailing.id, Mailing.at, Mailing.list_ids, Mailing.terms).where(
        Mailing.status == MailingStatus.SCHEDULED.value, Mailing.at <= now
    )
    started = []
    for row in connection.execute(statement.order_by(Mailing.at).with_for_update(skip_locked=True)).all():
        latest = row.at + timedelta(hours=Terms.from_json(row.terms).latest_start_hours)
        if now > latest:
            reason = f"it was to start by {latest:%Y-%m-%d %H:%M} UTC and nothing ran then; resume it to send it now"
            _set(connection, row.id, status=MailingStatus.PAUSED.value, reason=reason)
            continue
        _set(connection, row.id, status=MailingStatus.SENDING.value, started_at=now, reason=None)
        parameters = {"mailing": row.id, "lists": row.list_ids, "now": now, "size": BATCH_SIZE}
        domains = {"domains": list(provider_of_domain), "providers": list(provider_of_domain.values())}
        connection.execute(text(_PLAN), parameters | domains)
        connection.execute(text(_CUT_INTO_BATCHES), parameters)
        started.append(row.id)
    return started


# Rows first: a mailing is finished when none of its deliveries is open, whatever a batch says.
_FINISH = """
    UPDATE mailing m SET status = 'finished', finished_at = :now, reason = NULL
    WHERE status = 'sending'
      AND NOT EXISTS (SELECT FROM batch WHERE mailing_id = m.id AND (due_at IS NOT NULL OR lease IS NOT NULL))
      AND NOT EXISTS (SELECT FROM delivery WHERE mailing_id = m.id AND (state IN ('pending', 'deferred')
                      OR state = 'in_doubt' AND m.terms ->> 'in_doubt' = 'resend'))
    RETURNING id"""


def finish_done(connection: Connection, now: datetime) -> list[int]:
    """Mark as finished every mailing none of whose deliveries is open. Returns their ids."""
    return list(connection.execute(text(_FINISH), {"now": now}).scalars())


# At most `each` batches of one mailing at one provider are queued or at work at once, so that a slow provider's cannot fill the
# queue. One that was queued and not begun is queued again after a while: the broker may have lost it.
_QUEUE_DUE = """
    WITH candidates AS (
        SELECT b.id, b.queued_at, b.due_at, b.lease_until,
               row_number() OVER (PARTITION BY b.mailing_id, b.provider ORDER BY b.due_at, b.id) AS place
        FROM batch b JOIN mailing m ON m.id = b.mailing_id
        WHERE m.status = 'sending' AND b.due_at <= :now),
    chosen AS (
        SELECT id FROM candidates
        WHERE place <= :each AND (queued_at IS NULL OR queued_at < :lost) AND (lease_until IS NULL OR lease_until < :now))
    UPDATE batch SET queued_at = :now FROM chosen WHERE batch.id = chosen.id RETURNING batch.id"""


def queue_due(connection: Connection, now: datetime, each: int) -> list[int]:
    """The batches to put into the queue now. What is returned is marked, and returned again only if nobody begins it."""
    parameters = {"now": now, "each": each, "lost": now - QUEUED_AGAIN_AFTER}
    return list(connection.execute(text(_QUEUE_DUE), parameters).scalars())


# --- What staff do -----------------------------------------------------------------------------------------------------------

_PAUSABLE = (MailingStatus.SCHEDULED, MailingStatus.SENDING)
_CANCELLABLE = (*_PAUSABLE, MailingStatus.PAUSED)
_RETRIABLE = (MailingStatus.SENDING, MailingStatus.PAUSED, MailingStatus.FINISHED)


def pause(connection: Connection, mailing_id: int, reason: str) -> None:
    """Stop sending within two seconds on every worker, until resumed."""
    _in(_locked(connection, mailing_id), _PAUSABLE, "paused")
    _set(connection, mailing_id, status=MailingStatus.PAUSED.value, reason=reason)


_WAIT_ANEW = "UPDATE batch SET due_at = now() WHERE mailing_id = :mailing AND due_at < now()"


def resume(connection: Connection, mailing_id: int, now: datetime) -> None:
    """Go on where it was paused; one that had not begun begins now if its time has passed."""
    record = _in(_locked(connection, mailing_id), (MailingStatus.PAUSED,), "resumed")
    if record.started_at is None:
        _set(connection, mailing_id, status=MailingStatus.SCHEDULED.value, at=max(record.at, now), reason=None)
    else:
        _set(connection, mailing_id, status=MailingStatus.SENDING.value, reason=None, stuck_since=None)
        # What waited while it was paused has not been held up by anybody.
        connection.execute(text(_WAIT_ANEW), {"mailing": mailing_id})


def cancel(connection: Connection, mailing_id: int, now: datetime) -> None:
    """Send nothing more, for ever. Who has not been written to is skipped, with the reason; what is under way is still recorded."""
    _in(_locked(connection, mailing_id), _CANCELLABLE, "cancelled")
    _set(connection, mailing_id, status=MailingStatus.CANCELLED.value, finished_at=now, reason="cancelled by staff")
    open_states = "UPDATE delivery SET state = 'skipped', reason = 'cancelled', settled_at = :now, next_attempt_at = NULL "
    connection.execute(
        text(open_states + "WHERE mailing_id = :mailing AND state IN ('pending', 'deferred')"),
        {"mailing": mailing_id, "now": now},
    )
    connection.execute(text("UPDATE batch SET due_at = NULL WHERE mailing_id = :mailing"), {"mailing": mailing_id})


_RETRY = """
    WITH again AS (
        UPDATE delivery SET state = 'pending', next_attempt_at = NULL, settled_at = NULL
        WHERE mailing_id = :mailing AND state IN ('failed', 'in_doubt') RETURNING id),
    due AS (
        UPDATE batch SET due_at = :now, queued_at = NULL
        WHERE mailing_id = :mailing AND EXISTS (SELECT FROM again WHERE again.id BETWEEN first_id AND last_id))
    SELECT count(*) FROM again"""


def retry(connection: Connection, mailing_id: int, now: datetime) -> int:
    """Try again whatever failed by our fault or is in doubt. Returns how many deliveries that is."""
    record = _in(_locked(connection, mailing_id), _RETRIABLE, "retried")
    count = int(connection.execute(text(_RETRY), {"mailing": mailing_id, "now": now}).scalar_one())
    if count and record.status is MailingStatus.FINISHED:
        _set(connection, mailing_id, status=MailingStatus.SENDING.value, finished_at=None)
    return count


def _locked(connection: Connection, mailing_id: int) -> MailingRecord:
    connection.execute(select(Mailing.id).where(Mailing.id == mailing_id).with_for_update())
    return find_mailing(connection, mailing_id)


def _in(record: MailingRecord, allowed: tuple[MailingStatus, ...], done: str) -> MailingRecord:
    if record.status not in allowed:
        words = " or ".join(status.value for status in allowed)
        raise InputError(f"mailing {record.id} is {record.status.value}; only one that is {words} can be {done}.")
    return record


def _set(connection: Connection, mailing_id: int, **values: object) -> None:
    connection.execute(update(Mailing).where(Mailing.id == mailing_id).values(values))


def note_trouble(connection: Connection, mailing_id: int, trouble: str | None) -> None:
    """Keep what holds a running mailing up, for staff to see; None when it moves again."""
    statement = update(Mailing).where(Mailing.id == mailing_id, Mailing.status == MailingStatus.SENDING.value)
    connection.execute(statement.where(Mailing.reason.is_distinct_from(trouble)).values(reason=trouble))


# Not those that are paused: they wait for staff anyway.
_OPEN = (MailingStatus.SCHEDULED, MailingStatus.SENDING)


def any_open(connection: Connection) -> bool:
    """Whether there is a mailing that sends, or will by itself."""
    return connection.execute(select(exists().where(Mailing.status.in_([status.value for status in _OPEN])))).scalar_one()


def hold_open(connection: Connection, now: datetime, reason: str) -> None:
    """Pause every mailing that is sending or due; those that are due later are paused when they are."""
    sending = Mailing.status == MailingStatus.SENDING.value
    due = (Mailing.status == MailingStatus.SCHEDULED.value) & (Mailing.at <= now)
    connection.execute(update(Mailing).where(sending | due).values(status=MailingStatus.PAUSED.value, reason=reason))


# --- Counting ----------------------------------------------------------------------------------------------------------------

# A delivery is being sent when it is open and its batch's owner may have begun it.
_COUNT_STATES = """
    SELECT CASE WHEN state IN ('pending', 'deferred') AND d.id <= b.horizon AND b.lease IS NOT NULL
                     AND (d.next_attempt_at IS NULL OR d.next_attempt_at <= b.leased_at) THEN 'sending' ELSE state END AS state,
           count(*) AS number
    FROM delivery d LEFT JOIN batch b ON b.mailing_id = d.mailing_id AND b.lease IS NOT NULL AND d.id BETWEEN b.first_id AND b.last_id
    WHERE d.mailing_id = :mailing GROUP BY 1"""

_COUNT_EVENTS = """
    SELECT kind, count(DISTINCT delivery_id) AS number FROM event
    WHERE delivery_id IN (SELECT id FROM delivery WHERE mailing_id = :mailing) GROUP BY kind"""


def counts(connection: Connection, mailing_id: int) -> Counts:
    """The mailing's numbers at this moment, from its rows."""
    states: dict[str, int] = {row.state: row.number for row in connection.execute(text(_COUNT_STATES), {"mailing": mailing_id})}
    events: dict[str, int] = {row.kind: row.number for row in connection.execute(text(_COUNT_EVENTS), {"mailing": mailing_id})}
    return Counts(
        recipients=sum(states.values()),
        sending=states.get("sending", 0),
        **{state.value: states.get(state.value, 0) for state in DeliveryState},
        opened=events.get("open", 0),
        clicked=events.get("click", 0),
        unsubscribed=events.get("unsubscribe", 0),
    )
