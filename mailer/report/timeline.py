"""A mailing over time, and beside the ones before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from mailer.models import DeliveryState

_MOST_STEPS = 36
_STEPS = (
    *(timedelta(seconds=seconds) for seconds in (1, 2, 5, 10, 30)),
    *(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 15, 30)),
    *(timedelta(hours=hours) for hours in (1, 2, 3, 6, 12)),
    *(timedelta(days=days) for days in (1, 2, 7, 30, 365)),
)
_EARLIER = 5


@dataclass(frozen=True, slots=True)
class Step:
    """One stretch of time from `at` on: how many deliveries servers took, and how often people opened and followed links."""

    at: datetime
    reached: int
    opens: int
    clicks: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """A mailing in equal steps, without gaps. What was reached adds up to the report's, but for what has no time."""

    step: timedelta
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class IssueBefore:
    """A mailing of the same publication, this one or one before it, in a few numbers; readers are people alone, None where not counted."""

    mailing_id: int
    year: int
    number: int
    last_number: int | None
    started_at: datetime
    recipients: int
    reached: int
    not_reached: int
    openers: int | None
    clickers: int | None
    unsubscribed: int


def read_timeline(connection: Connection, mailing_id: int) -> Timeline:
    """A mailing over time, in steps that suit how long it took; no steps where nothing happened yet."""
    bounds = connection.execute(_BOUNDS, {"mailing": mailing_id}).one()
    if bounds.first is None:
        return Timeline(_STEPS[0], ())
    step = step_for(bounds.last - bounds.first)
    rows = {row.at: row for row in connection.execute(_TIMELINE, {"mailing": mailing_id, "step": step, "origin": _ORIGIN})}
    start, end = min(rows), max(rows)
    moments = [start + number * step for number in range((end - start) // step + 1)]
    return Timeline(
        step,
        tuple(
            Step(at, rows[at].reached, rows[at].opens, rows[at].clicks) if at in rows else Step(at, 0, 0, 0) for at in moments
        ),
    )


def step_for(length: timedelta) -> timedelta:
    """The shortest step in which a length of time is told in a few dozen."""
    return next((step for step in _STEPS if length < step * _MOST_STEPS), _STEPS[-1])


def read_issues_before(connection: Connection, mailing_id: int) -> tuple[IssueBefore, ...]:
    """This mailing, last, and those of the publication that went before it, the oldest first."""
    rows: Sequence[IssueBefore] = [
        IssueBefore(**row._mapping)
        for row in connection.execute(_BEFORE, {"mailing": mailing_id, "number": _EARLIER + 1, "lost": _LOST})
    ]
    return tuple(reversed(rows))


_LOST = [state.value for state in (DeliveryState.BOUNCED, DeliveryState.FAILED, DeliveryState.SKIPPED)]
_ORIGIN = datetime.fromisoformat("2020-01-05T16:00:00+00:00")  # midnight of a Monday in China: days and weeks begin there
# What was sent first and read last is told, of a mailing that goes on for weeks by an allowance too; a stray hit three weeks after its
# end would only make the steps coarse. The first hit and the last are each a look into the index of times.
_BOUNDS = text("""
    WITH told AS (SELECT COALESCE(finished_at, now()) + interval '14 days' AS until FROM mailing WHERE id = :mailing)
    SELECT min(at) AS first, max(at) AS last FROM (
        SELECT settled_at AS at FROM delivery WHERE mailing_id = :mailing AND state IN ('accepted', 'complained')
        UNION ALL
        SELECT unnest(ARRAY[
            (SELECT min(at) FROM event WHERE mailing_id = :mailing AND kind IN ('open', 'click') AND origin = 'person'
                AND at < (SELECT until FROM told)),
            (SELECT max(at) FROM event WHERE mailing_id = :mailing AND kind IN ('open', 'click') AND origin = 'person'
                AND at < (SELECT until FROM told))])) happened
""")
_TIMELINE = text("""
    SELECT date_bin(:step, at, :origin) AS at, count(*) FILTER (WHERE kind = 'reached') AS reached,
           count(*) FILTER (WHERE kind = 'open') AS opens, count(*) FILTER (WHERE kind = 'click') AS clicks
    FROM (
        SELECT settled_at AS at, 'reached' AS kind FROM delivery
        WHERE mailing_id = :mailing AND state IN ('accepted', 'complained') AND settled_at IS NOT NULL
        UNION ALL
        SELECT event.at, event.kind FROM event JOIN mailing ON mailing.id = event.mailing_id
        WHERE event.mailing_id = :mailing AND event.kind IN ('open', 'click') AND event.origin = 'person'
          AND event.at < COALESCE(mailing.finished_at, now()) + interval '14 days') happened
    GROUP BY 1
""")
# Which few are shown is settled before anything is counted. Whether a mailing has recipients is asked in the index's order, so that one
# entry of it answers: EXISTS would become a join with all deliveries. Hits are put together by reader before readers are counted:
# DISTINCT would sort them all.
_BEFORE = text("""
    SELECT mailing_id, year, number, last_number, started_at, counted.*, unsubscribed,
           CASE WHEN counts THEN openers END AS openers, CASE WHEN counts THEN clickers END AS clickers
    FROM (
        SELECT other.id AS mailing_id, issue.year, issue.number, issue.last_number, other.started_at, other.tracking <> 'off' AS counts
        FROM mailing this JOIN issue mine ON mine.id = this.issue_id
        JOIN issue ON issue.publication_id = mine.publication_id
        JOIN mailing other ON other.issue_id = issue.id
        WHERE this.id = :mailing AND other.started_at IS NOT NULL AND other.status <> 'cancelled'
          AND (other.started_at, other.id) <= (this.started_at, this.id)
          AND (SELECT id FROM delivery WHERE delivery.mailing_id = other.id ORDER BY subscriber_id LIMIT 1) IS NOT NULL
        ORDER BY other.started_at DESC, other.id DESC LIMIT :number) shown
    CROSS JOIN LATERAL (
        SELECT count(*) AS recipients, count(*) FILTER (WHERE state IN ('accepted', 'complained')) AS reached,
               count(*) FILTER (WHERE state = ANY(:lost)) AS not_reached
        FROM delivery WHERE delivery.mailing_id = shown.mailing_id) counted
    CROSS JOIN LATERAL (
        SELECT count(visitor) FILTER (WHERE opened) AS openers, count(visitor) FILTER (WHERE clicked) AS clickers
        FROM (
            SELECT visitor, bool_or(kind = 'open') AS opened, bool_or(kind = 'click') AS clicked
            FROM event WHERE event.mailing_id = shown.mailing_id AND kind IN ('open', 'click') AND origin = 'person'
            GROUP BY visitor) each_reader) read
    CROSS JOIN LATERAL (
        SELECT count(DISTINCT delivery_id) AS unsubscribed
        FROM event WHERE event.mailing_id = shown.mailing_id AND kind = 'unsubscribe') gone
    ORDER BY shown.started_at DESC, shown.mailing_id DESC
""")
