"""A mailing as staff see it: scheduled, paused, resumed, cancelled, tried again. What it did is counted from its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ARRAY, Connection, Integer, RowMapping, Select, cast, exists, func, insert, or_, select, text, update

from mailer import holds
from mailer.issue import ref_of
from mailer.models import Batch, Cause, DeliveryState, IssueRow, Mailing, MailingStatus
from mailer.terms import Terms
from subscribers.errors import InputError
from subscribers.models import MailingList, TrackingMode


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
    closed_until: datetime | None
    edition_id: int
    issue_id: int
    list_ids: tuple[int, ...]
    excluded_list_ids: tuple[int, ...]
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
    status: MailingStatus = MailingStatus.SCHEDULED,
) -> int:
    """Make a mailing that starts by itself when its time has come; one that is a draft waits for `confirm`. Returns its id."""
    values = {
        "tracking": tracking_of(connection, list_ids).value,
        "issue_id": issue_id,
        "edition_id": edition_id,
        "list_ids": list(list_ids),
        "excluded_list_ids": list(excluded_list_ids),
        "terms": terms.to_json(),
        "status": status.value,
        "at": at,
        "created_by": created_by,
    }
    return connection.execute(insert(Mailing).values(values).returning(Mailing.id)).scalar_one()


def of_issue(connection: Connection, issue_id: int, list_ids: Sequence[int]) -> list[MailingRecord]:
    """The mailings of an issue to any of these lists that have begun, or are to begin by themselves."""
    meant = Mailing.status.not_in([MailingStatus.DRAFT.value, MailingStatus.CANCELLED.value])
    statement = _select().where(
        Mailing.issue_id == issue_id, Mailing.list_ids.op("&&")(cast(list(list_ids), ARRAY(Integer))), meant
    )
    return [_record(row._mapping) for row in connection.execute(statement.order_by(Mailing.id))]


def find_draft(connection: Connection, issue_id: int) -> MailingRecord | None:
    """The mailing of an issue that is prepared and not confirmed, or None."""
    of_issue = (Mailing.issue_id == issue_id) & (Mailing.status == MailingStatus.DRAFT.value)
    row = connection.execute(_select().where(of_issue).order_by(Mailing.id.desc()).limit(1)).one_or_none()
    return None if row is None else _record(row._mapping)


def tracking_of(connection: Connection, list_ids: Sequence[int]) -> TrackingMode:
    """How far a mailing to these lists is counted: no further than the strictest of them allows."""
    modes = set(connection.execute(select(MailingList.tracking).where(MailingList.id.in_(list_ids))).scalars())
    return next((mode for mode in TrackingMode if mode.value in modes), TrackingMode.AGGREGATE)


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
        issue=ref_of(row["year"], row["number"]),
        status=MailingStatus(row["status"]),
        reason=row["reason"],
        at=row["at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        closed_until=row["closed_until"],
        edition_id=row["edition_id"],
        issue_id=row["issue_id"],
        list_ids=tuple(row["list_ids"]),
        excluded_list_ids=tuple(row["excluded_list_ids"]),
        terms=Terms.from_json(row["terms"]),
    )


# --- What staff do -----------------------------------------------------------------------------------------------------------

_PAUSABLE = (MailingStatus.SCHEDULED, MailingStatus.SENDING)
_CANCELLABLE = (MailingStatus.DRAFT, *_PAUSABLE, MailingStatus.PAUSED)
_RETRIABLE = (MailingStatus.SENDING, MailingStatus.PAUSED, MailingStatus.FINISHED)


def require_draft(connection: Connection, mailing_id: int) -> MailingRecord:
    """The mailing of that id, locked. InputError where it is none that waits to be confirmed."""
    return _in(_locked(connection, mailing_id), (MailingStatus.DRAFT,), "confirmed")


def change_draft(connection: Connection, mailing_id: int, *, edition_id: int, list_ids: Sequence[int], terms: Terms) -> None:
    """Give a prepared mailing another edition, audience and terms."""
    require_draft(connection, mailing_id)
    tracking = tracking_of(connection, list_ids).value
    values = {"edition_id": edition_id, "list_ids": list(list_ids), "terms": terms.to_json(), "tracking": tracking}
    _set(connection, mailing_id, **values)


def confirm(connection: Connection, mailing_id: int, at: datetime) -> None:
    """Let a prepared mailing start by itself when its time has come."""
    require_draft(connection, mailing_id)
    _set(connection, mailing_id, status=MailingStatus.SCHEDULED.value, at=at)


def pause(connection: Connection, mailing_id: int, reason: str) -> None:
    """Stop sending within two seconds on every worker, until resumed."""
    _in(_locked(connection, mailing_id), _PAUSABLE, "paused")
    _set(connection, mailing_id, status=MailingStatus.PAUSED.value, reason=reason)


def resume(connection: Connection, mailing_id: int, now: datetime) -> None:
    """Go on where it was paused; one that had not begun begins now if its time has passed."""
    record = _locked(connection, mailing_id)
    held = sorted({breaker.provider for breaker in holds.open_now(connection, mailing_id) if breaker.provider})
    if record.status is MailingStatus.SENDING and held:
        cure = f"`jianbao mailing resume {mailing_id} --provider {held[0]}` lets it go on"
        raise InputError(f"mailing {mailing_id} is not paused; held is its mail to {', '.join(held)}: {cure}.")
    _in(record, (MailingStatus.PAUSED,), "resumed")
    holds.lift(connection, mailing_id, None, now)
    if record.started_at is None:
        _set(connection, mailing_id, status=MailingStatus.SCHEDULED.value, at=max(record.at, now), reason=None)
    else:
        _go_on(connection, mailing_id, reason=None)
        holds.wait_anew(connection, Batch.mailing_id == mailing_id)


def pause_provider(connection: Connection, mailing_id: int, provider: str, reason: str, now: datetime) -> None:
    """Hold the mailing's mail to one provider within two seconds on every worker, until resumed."""
    _in(_locked(connection, mailing_id), (MailingStatus.SENDING, MailingStatus.PAUSED), "held at one provider")
    if all(breaker.provider != provider for breaker in holds.open_now(connection, mailing_id)):
        holds.stop(connection, holds.OpenBreaker(mailing_id, provider, Cause.STAFF, reason, now))


def resume_provider(connection: Connection, mailing_id: int, provider: str, now: datetime) -> None:
    """Go on with the mailing's mail to one provider, which staff or a breaker held."""
    _locked(connection, mailing_id)
    if not holds.lift(connection, mailing_id, provider, now):
        raise InputError(
            f"mailing {mailing_id} holds nothing back at {provider}. `jianbao mailing show {mailing_id}` says what it does."
        )


# A delivery is under way when it is open and its batch's owner may have begun it. Those are found by the ranges of the leases, since to
# look for the lease of each delivery costs recipients times leases. `OFFSET 0` and `+ 0` leave the planner no other way than by the
# range, whatever its statistics are of.
_UNDER_WAY = """
    SELECT d.id, d.state FROM batch b CROSS JOIN LATERAL (
        SELECT id, state FROM delivery
        WHERE id BETWEEN b.first_id AND b.horizon AND mailing_id + 0 = b.mailing_id AND state IN ('pending', 'deferred')
          AND (next_attempt_at IS NULL OR next_attempt_at <= b.leased_at) OFFSET 0) d
    WHERE b.mailing_id = :mailing AND b.lease IS NOT NULL"""

# As a takeover does, and for its reason: the owner may never say what came of it.
_DOUBT = f"""
    UPDATE delivery SET state = 'in_doubt', attempts = attempts + 1, reason = 'under_way', next_attempt_at = NULL, settled_at = :now
    WHERE id = ANY(ARRAY(SELECT id FROM ({_UNDER_WAY}) under_way))"""
_SKIP = """
    UPDATE delivery SET state = 'skipped', reason = 'cancelled', settled_at = :now, next_attempt_at = NULL
    WHERE mailing_id = :mailing AND state IN ('pending', 'deferred')"""


def cancel(connection: Connection, mailing_id: int, now: datetime) -> None:
    """Send nothing more, for ever. Who has not been written to is skipped, with the reason.

    What is under way is in doubt until its worker has recorded what came of it; who is put off then is skipped as well.
    """
    _in(_locked(connection, mailing_id), _CANCELLABLE, "cancelled")
    _set(connection, mailing_id, status=MailingStatus.CANCELLED.value, finished_at=now, reason="cancelled by staff")
    # Batches before deliveries, as a checkpoint does: it has written all that the next statement sees, or sees that this is over.
    connection.execute(text("UPDATE batch SET due_at = NULL WHERE mailing_id = :mailing"), {"mailing": mailing_id})
    for statement in (_DOUBT, _SKIP):
        connection.execute(text(statement), {"mailing": mailing_id, "now": now})


# What came back of the earlier attempt says nothing of the next.
_RETRY = text("""
    WITH again AS (
        UPDATE delivery SET state = 'pending', next_attempt_at = NULL, settled_at = NULL, deferred_at = NULL, times_deferred = 0
        WHERE mailing_id = :mailing AND state IN ('failed', 'in_doubt') RETURNING id),
    forgotten AS (
        UPDATE feedback SET standing = 'withdrawn', key = key || ':retried:' || id, replaced = NULL
        WHERE delivery_id IN (SELECT id FROM again)),
    due AS (
        UPDATE batch SET due_at = :now, queued_at = NULL
        WHERE mailing_id = :mailing AND EXISTS (SELECT FROM again WHERE again.id BETWEEN first_id AND last_id))
    SELECT count(*) FROM again""")


def retry(connection: Connection, mailing_id: int, now: datetime) -> int:
    """Try again whatever failed by our fault or is in doubt. Returns how many deliveries that is."""
    record = _in(_locked(connection, mailing_id), _RETRIABLE, "retried")
    # Batches before deliveries here too: what is in doubt may be on its way again, and its checkpoint wait for us as we for it.
    connection.execute(text("SELECT FROM batch WHERE mailing_id = :mailing ORDER BY id FOR UPDATE"), {"mailing": mailing_id})
    count = int(connection.execute(_RETRY, {"mailing": mailing_id, "now": now}).scalar_one())
    if count and record.status is MailingStatus.FINISHED:
        _go_on(connection, mailing_id, finished_at=None)
    return count


def _go_on(connection: Connection, mailing_id: int, **values: object) -> None:
    """Let a mailing be sent again that was not: nothing could leave until now, and nobody is to be told that it is stuck since before."""
    until_now = func.greatest(Mailing.closed_until, func.now())
    _set(connection, mailing_id, status=MailingStatus.SENDING.value, stuck_since=None, closed_until=until_now, **values)


def _locked(connection: Connection, mailing_id: int) -> MailingRecord:
    # Rows that refer to it may come meanwhile: to cancel a million takes seconds, in which people leave.
    connection.execute(select(Mailing.id).where(Mailing.id == mailing_id).with_for_update(key_share=True))
    return find_mailing(connection, mailing_id)


def _in(record: MailingRecord, allowed: tuple[MailingStatus, ...], done: str) -> MailingRecord:
    if record.status not in allowed:
        words = " or ".join(status.value for status in allowed)
        cure = f" `jianbao mailing confirm {record.id} --at now` sends it." if record.status is MailingStatus.DRAFT else ""
        raise InputError(f"mailing {record.id} is {record.status.value}; only one that is {words} can be {done}.{cure}")
    return record


def _set(connection: Connection, mailing_id: int, **values: object) -> None:
    connection.execute(update(Mailing).where(Mailing.id == mailing_id).values(values))


def note_trouble(connection: Connection, mailing_id: int, trouble: str | None) -> None:
    """Keep what holds a running mailing up, for staff to see; None when it moves again. That it is outside its hours is kept."""
    statement = update(Mailing).where(Mailing.id == mailing_id, Mailing.status == MailingStatus.SENDING.value)
    statement = statement.where(or_(Mailing.closed_until.is_(None), Mailing.closed_until <= func.now()))
    connection.execute(statement.where(Mailing.reason.is_distinct_from(trouble)).values(reason=trouble))


# Not those that are paused: they wait for staff anyway.
_OPEN = (MailingStatus.SCHEDULED, MailingStatus.SENDING)


def any_open(connection: Connection) -> bool:
    """Whether there is a mailing that sends, or will by itself."""
    return connection.execute(select(exists().where(Mailing.status.in_([status.value for status in _OPEN])))).scalar_one()


def beside(connection: Connection, mailing_id: int, until: datetime) -> list[int]:
    """The other mailings that are sending, or begin by themselves before `until`: they share what relays and providers allow."""
    sending = Mailing.status == MailingStatus.SENDING.value
    soon = (Mailing.status == MailingStatus.SCHEDULED.value) & (Mailing.at < until)
    others = select(Mailing.id).where(Mailing.id != mailing_id, sending | soon)
    return list(connection.execute(others.order_by(Mailing.id)).scalars())


def hold_open(connection: Connection, now: datetime, reason: str) -> None:
    """Pause every mailing that is sending or due; those that are due later are paused when they are."""
    sending = Mailing.status == MailingStatus.SENDING.value
    due = (Mailing.status == MailingStatus.SCHEDULED.value) & (Mailing.at <= now)
    connection.execute(update(Mailing).where(sending | due).values(status=MailingStatus.PAUSED.value, reason=reason))


# --- Counting ----------------------------------------------------------------------------------------------------------------

# What is under way is taken from the others, and counted as being sent.
_COUNT_STATES = text(f"""
    WITH begun AS (SELECT state, count(*) AS number FROM ({_UNDER_WAY}) under_way GROUP BY state)
    SELECT state, CAST(sum(number) AS bigint) AS number FROM (
        SELECT state, count(*) AS number FROM delivery WHERE mailing_id = :mailing GROUP BY state
        UNION ALL SELECT state, -number FROM begun
        UNION ALL SELECT 'sending', number FROM begun) counted
    GROUP BY state""")

_COUNT_EVENTS = text("""
    SELECT kind, count(DISTINCT COALESCE(visitor, delivery_id)) AS number FROM event WHERE mailing_id = :mailing GROUP BY kind""")


def counts(connection: Connection, mailing_id: int) -> Counts:
    """The mailing's numbers at this moment, from its rows."""
    states: dict[str, int] = {row.state: row.number for row in connection.execute(_COUNT_STATES, {"mailing": mailing_id})}
    events: dict[str, int] = {row.kind: row.number for row in connection.execute(_COUNT_EVENTS, {"mailing": mailing_id})}
    return Counts(
        recipients=sum(states.values()),
        sending=states.get("sending", 0),
        **{state.value: states.get(state.value, 0) for state in DeliveryState},
        opened=events.get("open", 0),
        clicked=events.get("click", 0),
        unsubscribed=events.get("unsubscribe", 0),
    )
