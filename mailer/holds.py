"""What holds a mailing back although its time has come: its hours, its first part, and breakers that wait for staff.

A worker in the middle of a batch learns of each at its next checkpoint, as it does of a pause.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from sqlalchemy import ColumnElement, Connection, exists, func, insert, select, text, update

from mailer import work_years
from mailer.breakers import LATELY, REASONS, Heard, Trip, judge, sentence
from mailer.hours import Hours
from mailer.models import Batch, Breaker, Cause, Hold, Mailing, MailingStatus
from mailer.workdays import Unannounced, Workdays

_ASK_AGAIN_AFTER = timedelta(minutes=1)


# --- Hours -------------------------------------------------------------------------------------------------------------------

# Also those that are closed and do not say so, since they were paused meanwhile.
_OPEN_WITH_HOURS = text("""
    SELECT id, reason, terms -> 'hours' AS hours FROM mailing
    WHERE status = 'sending' AND terms -> 'hours' <> 'null' AND (closed_until IS NULL OR closed_until <= :now OR reason IS NULL)
    FOR UPDATE SKIP LOCKED""")
_OUTSIDE = "outside its hours"


def keep_hours(connection: Connection, now: datetime) -> list[int]:
    """Close the mailings that are outside their hours until these come again, and say so until then. Returns their ids."""
    rows = connection.execute(_OPEN_WITH_HOURS, {"now": now}).all()
    workdays = work_years.load(connection) if rows else Workdays()
    closed = []
    for row in rows:
        mailing = update(Mailing).where(Mailing.id == row.id)
        until, reason = _closed_until(Hours.from_json(row.hours), now, workdays)
        if until > now:
            connection.execute(mailing.values(closed_until=until, reason=reason))
            closed.append(row.id)
        elif row.reason is not None and row.reason.startswith(_OUTSIDE):
            connection.execute(mailing.values(reason=None))
    return closed


def _closed_until(hours: Hours, now: datetime, workdays: Workdays) -> tuple[datetime, str]:
    try:
        until = hours.next_opening(now, workdays.is_workday)
    except Unannounced as unannounced:
        return now + _ASK_AGAIN_AFTER, f"{_OUTSIDE}, as far as is known: {unannounced}"
    return until, f"{_OUTSIDE}, {hours}; goes on at {until.astimezone(hours.zone):%Y-%m-%d %H:%M}"


# --- The first part ----------------------------------------------------------------------------------------------------------

# The first part is out when none of it is at work or due, and half of it has been tried: what was put off for later does not hold up the
# rest, as where the host of a recipient is away, nor what waits for one provider or is held for staff. But a relay that is away does, or
# has nothing left of its allowance.
_REST_GOES_AT = """CASE
    WHEN EXISTS (SELECT FROM batch WHERE mailing_id = m.id AND hold IS NULL AND (lease IS NOT NULL OR due_at <= :now)) THEN NULL
    ELSE (m.terms -> 'canary' ->> 'wait')::double precision * interval '1 second' + (
        SELECT CASE WHEN sum(part.tried) >= sum(part.untried) THEN COALESCE(max(part.settled_at), m.started_at) END
        FROM batch b, LATERAL (
            SELECT max(settled_at) FILTER (WHERE attempts > 0) AS settled_at, count(*) FILTER (WHERE attempts > 0) AS tried,
                   count(*) FILTER (WHERE state = 'pending' AND b.hold IS NULL) AS untried
            FROM delivery WHERE id BETWEEN b.first_id AND b.last_id AND mailing_id + 0 = m.id) part
        WHERE b.mailing_id = m.id AND b.hold IS DISTINCT FROM 'canary') END"""
_REST_WAITS = "EXISTS (SELECT FROM batch WHERE mailing_id = m.id AND hold = 'canary')"

# Most mailings have no rest that waits, and CASE keeps PostgreSQL from working out for them when the last of their deliveries was settled.
_END_CANARIES = text(f"""
    WITH over AS (
        SELECT m.id FROM mailing m
        WHERE m.status = 'sending' AND CASE WHEN {_REST_WAITS} THEN :now >= {_REST_GOES_AT} ELSE false END)
    UPDATE batch b SET due_at = :now, hold = CASE WHEN EXISTS (
        SELECT FROM breaker WHERE mailing_id = b.mailing_id AND provider = b.provider AND lifted_at IS NULL) THEN 'breaker' END
    FROM over WHERE b.mailing_id = over.id AND b.hold = 'canary'
    RETURNING b.mailing_id""")  # noqa: S608 - of constants of ours


def end_canaries(connection: Connection, now: datetime) -> list[int]:
    """Let the rest of a mailing go whose first part is out and whose wait is over. Returns the ids of such mailings."""
    return sorted(set(connection.execute(_END_CANARIES, {"now": now}).scalars()))


def rest_waits(connection: Connection, mailing_id: int) -> bool:
    """Whether the rest of a mailing waits for its first part; of one that was cancelled, nothing does."""
    waiting = exists().where(Batch.mailing_id == mailing_id, Batch.hold == Hold.CANARY.value, Batch.due_at.is_not(None))
    return bool(connection.execute(select(waiting)).scalar_one())


def rest_goes_at(connection: Connection, mailing_id: int, now: datetime) -> datetime | None:
    """When the wait after a mailing's first part is over; None where that is not out yet, or nothing waits for it."""
    statement = text(f"SELECT {_REST_GOES_AT} FROM mailing m WHERE m.id = :mailing AND {_REST_WAITS}")  # noqa: S608 - the same
    found: datetime | None = connection.execute(statement, {"mailing": mailing_id, "now": now}).scalar_one_or_none()
    return found


# --- Breakers ----------------------------------------------------------------------------------------------------------------

_WITH_BREAKERS = text("SELECT id FROM mailing WHERE status = 'sending' AND (terms ->> 'breakers')::boolean")

# One that is open now was lifted never, and nothing is heard behind it. The mailings are given, so that PostgreSQL knows how much of the
# deliveries is theirs, and does not go through all for each of them.
_HEARD = text("""
    WITH lifted AS (
        SELECT mailing_id, provider, max(COALESCE(lifted_at, 'infinity')) AS at FROM breaker GROUP BY mailing_id, provider)
    SELECT d.mailing_id, d.provider, CASE d.state WHEN 'complained' THEN 'complained' ELSE d.reason END AS reason,
           count(*) AS number, count(*) FILTER (WHERE d.settled_at >= :lately) AS lately,
           EXISTS (SELECT FROM batch WHERE mailing_id = d.mailing_id AND hold = 'canary') AS canary
    FROM delivery d
    LEFT JOIN lifted AS of_all ON of_all.mailing_id = d.mailing_id AND of_all.provider IS NULL
    LEFT JOIN lifted AS of_one ON of_one.mailing_id = d.mailing_id AND of_one.provider = d.provider
    WHERE d.mailing_id = ANY(:mailings) AND d.attempts > 0
      AND d.settled_at > COALESCE(GREATEST(of_all.at, of_one.at), '-infinity')
    GROUP BY d.mailing_id, d.provider, 3 ORDER BY d.mailing_id""")


@dataclass(frozen=True, slots=True)
class OpenBreaker:
    """A breaker that is open."""

    mailing_id: int
    provider: str | None
    cause: Cause
    reason: str
    since: datetime


def open_breakers(connection: Connection, now: datetime) -> list[OpenBreaker]:
    """Judge what servers answered, and stop what has to wait for staff. What was heard before a breaker was lifted is forgiven."""
    opened = []
    mailing_ids = list(connection.execute(_WITH_BREAKERS).scalars())
    rows = connection.execute(_HEARD, {"mailings": mailing_ids, "lately": now - LATELY}).all()
    for mailing_id, group in groupby(rows, key=lambda row: row.mailing_id):
        of_mailing = list(group)
        heard = [Heard(row.provider, row.reason, row.number, row.lately) for row in of_mailing]
        for trip in judge(heard, canary=of_mailing[0].canary):
            reason = _reason(connection, mailing_id, trip)
            opened.append(OpenBreaker(mailing_id, trip.provider, trip.cause, reason, now))
            stop(connection, opened[-1])
    return opened


def stop(connection: Connection, breaker: OpenBreaker) -> None:
    """Open a breaker: hold a provider's batches, or pause the mailing, until staff lift it."""
    values = {"mailing_id": breaker.mailing_id, "provider": breaker.provider, "cause": breaker.cause.value}
    connection.execute(insert(Breaker).values(values | {"reason": breaker.reason, "opened_at": breaker.since}))
    if breaker.provider is None:
        mailing = update(Mailing).where(Mailing.id == breaker.mailing_id, Mailing.status == MailingStatus.SENDING.value)
        connection.execute(mailing.values(status=MailingStatus.PAUSED.value, reason=breaker.reason))
    else:
        # What waits for the first part goes on waiting for that, and is held then.
        batches = update(Batch).where(Batch.mailing_id == breaker.mailing_id, Batch.provider == breaker.provider)
        connection.execute(batches.where(Batch.hold.is_(None)).values(hold=Hold.BREAKER.value))


def lift(connection: Connection, mailing_id: int, provider: str | None, now: datetime) -> bool:
    """Lift what is open for a provider, or (None) for the whole mailing. Returns whether anything was."""
    statement = update(Breaker).where(Breaker.mailing_id == mailing_id, Breaker.lifted_at.is_(None))
    lifted = connection.execute(statement.where(Breaker.provider.is_not_distinct_from(provider)).values(lifted_at=now))
    if provider is not None:
        held = update(Batch).where(Batch.mailing_id == mailing_id, Batch.provider == provider)
        connection.execute(held.where(Batch.hold == Hold.BREAKER.value).values(hold=None))
        wait_anew(connection, Batch.mailing_id == mailing_id, Batch.provider == provider)
    return bool(lifted.rowcount)


def wait_anew(connection: Connection, *batches: ColumnElement[bool]) -> None:
    """Let these batches go on after they waited for staff: nobody has held them up, and what was queued then, and refused, is queued."""
    connection.execute(update(Batch).where(*batches, Batch.due_at < func.now()).values(due_at=func.now(), queued_at=None))


def open_now(connection: Connection, mailing_id: int) -> list[OpenBreaker]:
    """The breakers of a mailing that staff have not lifted, the oldest first."""
    statement = select(Breaker).where(Breaker.mailing_id == mailing_id, Breaker.lifted_at.is_(None)).order_by(Breaker.id)
    rows = connection.execute(statement)
    return [OpenBreaker(row.mailing_id, row.provider, Cause(row.cause), row.reason, row.opened_at) for row in rows]


def held_at(connection: Connection) -> dict[int, list[str]]:
    """The providers at which mailings are held that are being sent otherwise, by mailing."""
    sending = select(Breaker.mailing_id, Breaker.provider).join(Mailing, Mailing.id == Breaker.mailing_id)
    held = sending.where(
        Mailing.status == MailingStatus.SENDING.value, Breaker.lifted_at.is_(None), Breaker.provider.is_not(None)
    )
    found: dict[int, list[str]] = {}
    for row in connection.execute(held.order_by(Breaker.mailing_id, Breaker.provider).distinct()):
        found.setdefault(row.mailing_id, []).append(row.provider)
    return found


_LAST_REPLY = text("""
    SELECT reply FROM delivery WHERE mailing_id = :mailing AND reason = ANY(CAST(:reasons AS text[])) AND reply IS NOT NULL
      AND (CAST(:provider AS text) IS NULL OR provider = :provider)
    ORDER BY settled_at DESC LIMIT 1""")


def _reason(connection: Connection, mailing_id: int, trip: Trip) -> str:
    parameters = {"mailing": mailing_id, "provider": trip.provider, "reasons": list(REASONS[trip.cause])}
    reply = connection.execute(_LAST_REPLY, parameters).scalar_one_or_none()
    return f"{sentence(trip)}. The last answer: {reply}" if reply else f"{sentence(trip)}."
