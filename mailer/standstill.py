"""Mailings that are stuck: there is work to do, and for ten minutes no server has answered for any recipient.

The scheduler marks them once a minute; staff see the mark with the last that was heard from a relay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from mailer.smtp.outcomes import Reason

STUCK_AFTER = timedelta(minutes=10)

# The words that stand in `delivery.reason` when no server has said anything about that recipient.
_UNANSWERED = ["unreachable", "worker_lost", *(reason.value for reason in Reason)]


@dataclass(frozen=True, slots=True)
class Standstill:
    """A mailing that is stuck: since when nothing has moved, and the last that was heard: in general, and from which relay."""

    mailing_id: int
    since: datetime
    reason: str | None
    relay: str | None
    reply: str | None

    @property
    def last_word(self) -> str:
        """The best that can be said of the cause."""
        heard = f"{self.relay}: {self.reply}" if self.relay and self.reply else None
        return self.reason or heard or "no worker takes its batches: see whether a worker runs"


_ANSWERED = "d.relay IS NOT NULL AND (d.reason IS NULL OR d.reason <> ALL(CAST(:unanswered AS text[])))"

# Most mailings plainly move: they have just begun, or something was answered lately in a batch that somebody holds. Only of the others
# are all deliveries read.
_MAY_STAND = text(f"""
    SELECT m.id FROM mailing m
    WHERE m.status = 'sending' AND m.started_at <= :long_ago AND (m.closed_until IS NULL OR m.closed_until <= :long_ago)
      AND NOT EXISTS (
          SELECT FROM batch b CROSS JOIN LATERAL (
              SELECT FROM delivery d WHERE d.id BETWEEN b.first_id AND b.last_id AND d.mailing_id + 0 = b.mailing_id
                 AND d.settled_at > :long_ago AND {_ANSWERED} LIMIT 1) lately
          WHERE b.mailing_id = m.id AND b.lease IS NOT NULL)""")  # noqa: S608 - of constants of ours

# What waits for its time (a retry, a pace, its hours, a first part, staff) is not stuck. A batch that has been due for long has no
# worker; one that is put off with a trouble on record has no relay, and neither has a delivery that is put off unanswered. Only those for
# whom the recipients' own hosts do not answer have to be a tenth of all: a few, when all others are through, say something of these hosts.
_PUT_OFF = (
    "d.next_attempt_at IS NOT NULL AND d.state IN ('deferred', 'in_doubt') AND d.reason = ANY(CAST(:unanswered AS text[]))"
)
_MARK = text(f"""
    WITH heard AS (
        SELECT d.mailing_id, max(d.settled_at) FILTER (WHERE {_ANSWERED}) AS at,
               10 * count(*) FILTER (WHERE {_PUT_OFF}) >= count(*) FILTER (WHERE d.state <> 'skipped')
                   OR bool_or({_PUT_OFF} AND d.relay NOT LIKE '%/%') AS put_off
        FROM delivery d WHERE d.mailing_id = ANY(:may_stand) GROUP BY d.mailing_id),
    seen AS (
        SELECT m.id, GREATEST(m.started_at, m.closed_until, heard.at) AS moved
        FROM mailing m LEFT JOIN heard ON heard.mailing_id = m.id
        WHERE m.id = ANY(:may_stand) AND (heard.put_off OR EXISTS (
            SELECT FROM batch b WHERE b.mailing_id = m.id AND b.hold IS NULL
               AND (b.due_at <= :long_ago OR b.due_at IS NOT NULL AND m.reason IS NOT NULL)))),
    judged AS (
        SELECT m.id, m.stuck_since, seen.moved AS stuck
        FROM mailing m LEFT JOIN seen ON seen.id = m.id AND seen.moved <= :long_ago WHERE m.status = 'sending'),
    marked AS (
        UPDATE mailing m SET stuck_since = j.stuck FROM judged j
        WHERE j.id = m.id AND m.stuck_since IS DISTINCT FROM j.stuck RETURNING m.id)
    SELECT id FROM judged WHERE stuck IS NOT NULL AND stuck_since IS NULL ORDER BY id""")  # noqa: S608 - of constants of ours

_STUCK = text("""
    SELECT m.id AS mailing_id, m.stuck_since AS since, m.reason, d.relay, d.reply
    FROM mailing m LEFT JOIN LATERAL (
        SELECT relay, reply FROM delivery WHERE mailing_id = m.id AND relay IS NOT NULL AND reply IS NOT NULL
        ORDER BY settled_at DESC LIMIT 1) d ON true
    WHERE m.status = 'sending' AND m.stuck_since IS NOT NULL ORDER BY m.id""")


def mark(connection: Connection, now: datetime) -> Sequence[int]:
    """Mark the mailings that are stuck, and those no longer that move again. Returns the ids of those that are newly stuck."""
    parameters = {"long_ago": now - STUCK_AFTER, "unanswered": _UNANSWERED}
    may_stand = list(connection.execute(_MAY_STAND, parameters).scalars())
    return connection.execute(_MARK, parameters | {"may_stand": may_stand}).scalars().all()


def stuck(connection: Connection) -> dict[int, Standstill]:
    """The mailings that are marked as stuck, by id."""
    found = (Standstill(**row._mapping) for row in connection.execute(_STUCK))
    return {standstill.mailing_id: standstill for standstill in found}
