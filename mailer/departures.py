"""Departures that look like a machine's: all of an institute, or of a mail domain, within minutes; raised as alarms, and undone.

A gateway that tries every button of a message takes a whole institute off the list at once; others have lost their own staff that way
(Rock RMS #7034). Each departure is in force at once all the same: to tell a machine from people is for staff.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from sqlalchemy import Connection, RowMapping, text

from mailer.leaving import come_back, find_recipient
from mailer.models import AlarmScope, AlarmState
from subscribers.errors import InputError
from subscribers.tasks import NewTask, TaskKind, open_tasks, withdraw_tasks

WINDOW = timedelta(minutes=10)
_SHARE = 0.8  # One mailbox in five may be on holiday from its gateway.
# Two who share an institute and leave together are worth a look; a domain is often a provider's, and needs more of them.
_FEWEST: Mapping[AlarmScope, int] = MappingProxyType({AlarmScope.INSTITUTE: 2, AlarmScope.DOMAIN: 3})


@dataclass(frozen=True, slots=True)
class Together:
    """Those of one institute or domain, as one mailing reached it, who left by that mailing in the last minutes.

    `members` counts those whom the mailing was for, but no further than to twice as many as left: no more can give alarm.
    """

    mailing_id: int
    scope: AlarmScope
    name: str
    members: int
    event_ids: tuple[int, ...]
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm as staff see it. `left` counts the departures, `members` those whom the mailing was for."""

    id: int
    mailing_id: int
    scope: AlarmScope
    name: str
    left: int
    first_at: datetime
    last_at: datetime
    state: AlarmState


def alarming(groups: Iterable[Together]) -> list[Together]:
    """Which groups give alarm: enough left, and nearly all. A domain whose departures an institute's alarm holds gives none."""
    chosen = [one for one in groups if len(one.event_ids) >= max(_FEWEST[one.scope], _SHARE * one.members)]
    told = {event for one in chosen if one.scope is AlarmScope.INSTITUTE for event in one.event_ids}
    return [one for one in chosen if one.scope is AlarmScope.INSTITUTE or not told.issuperset(one.event_ids)]


def raise_alarms(connection: Connection, now: datetime) -> list[Alarm]:
    """Look at the last minutes, and return the alarms that are new; one that goes on takes up whoever left since."""
    fewest = {scope.value: number for scope, number in _FEWEST.items()}
    rows = connection.execute(_TOGETHER, {"since": now - WINDOW} | fewest).all()
    groups = [Together(**{**row._mapping, "scope": AlarmScope(row.scope), "event_ids": tuple(row.event_ids)}) for row in rows]
    new = []
    for one in alarming(groups):
        values = {
            "mailing": one.mailing_id,
            "scope": one.scope.value,
            "name": one.name,
            "events": list(one.event_ids),
            "first_at": one.first_at,
            "last_at": one.last_at,
            "now": now,
        }
        raised = connection.execute(_RAISE, values).one()
        if raised.is_new:
            new.append(find_alarm(connection, raised.id))
    open_tasks(connection, [_task(alarm) for alarm in new], now)
    return new


def _task(alarm: Alarm) -> NewTask:
    about = (
        f"alarm {alarm.id}: {alarm.left} of {alarm.name} left within minutes. `jianbao alarm undo {alarm.id}` brings them back."
    )
    return NewTask(TaskKind.ALARM, _key(alarm.id), about)


def _key(alarm_id: int) -> str:
    return f"departures {alarm_id}"


def alarms(connection: Connection, *, state: AlarmState | None = None) -> list[Alarm]:
    """All alarms, or those in one state, the newest first."""
    return [_alarm(row) for row in connection.execute(_ALARMS, {"state": state and state.value, "id": None}).mappings()]


def find_alarm(connection: Connection, alarm_id: int) -> Alarm:
    """One alarm. InputError where there is none of that number."""
    row = connection.execute(_ALARMS, {"state": None, "id": alarm_id}).mappings().one_or_none()
    if row is None:
        raise InputError(f"there is no alarm {alarm_id}. `jianbao alarm list` shows those that there are.")
    return _alarm(row)


def undo(connection: Connection, alarm_id: int, *, by: str, now: datetime) -> int:
    """Take back every departure of an alarm, and say how many that was; who left again in another way stays away."""
    deliveries = _settle(connection, alarm_id, AlarmState.UNDONE, by, now)
    recipients = [found for delivery_id in deliveries if (found := find_recipient(connection, delivery_id))]
    return sum(come_back(connection, recipient, now=now, by=by) for recipient in recipients)


def dismiss(connection: Connection, alarm_id: int, *, by: str, now: datetime) -> None:
    """Let the departures of an alarm stand."""
    _settle(connection, alarm_id, AlarmState.DISMISSED, by, now)


def _settle(connection: Connection, alarm_id: int, state: AlarmState, by: str, now: datetime) -> list[int]:
    found = find_alarm(connection, alarm_id)
    values = {"alarm": alarm_id, "state": state.value, "by": by, "now": now}
    if not connection.execute(_SETTLE, values).rowcount:
        raise InputError(f"alarm {alarm_id} is {found.state.value} already. `jianbao alarm list` shows which are not.")
    withdraw_tasks(connection, [_key(alarm_id)], by=by, note=state.value, now=now)
    return list(connection.execute(_DELIVERIES, {"alarm": alarm_id}).scalars())


def _alarm(row: RowMapping) -> Alarm:
    return Alarm(**{**row, "scope": AlarmScope(row["scope"]), "state": AlarmState(row["state"])})


# Departures of alarms that staff have settled are left out: who leaves once more after an undo makes an alarm of its own. The order
# makes PostgreSQL walk along an index and stop at enough members, where it would go through all deliveries for each group.
_TOGETHER = text("""
    WITH departed AS (
        SELECT event.id, event.at, delivery.mailing_id, delivery.institute, split_part(delivery.address, '@', -1) AS domain
        FROM event JOIN delivery ON delivery.id = event.delivery_id
        WHERE event.kind = 'unsubscribe' AND event.at > :since
          AND NOT EXISTS (SELECT FROM departure_alarm a WHERE a.state <> 'raised' AND event.id = ANY(a.event_ids))),
    grouped AS (
        SELECT mailing_id, scope, name, array_agg(id ORDER BY id) AS event_ids, min(at) AS first_at, max(at) AS last_at
        FROM departed, LATERAL (VALUES ('institute', institute, :institute), ('domain', domain, :domain)) AS each (scope, name, fewest)
        WHERE name <> '' GROUP BY mailing_id, scope, name, fewest HAVING count(*) >= fewest)
    SELECT grouped.*, (
        SELECT count(*) FROM (
            SELECT FROM delivery WHERE delivery.mailing_id = grouped.mailing_id AND delivery.state <> 'skipped'
               AND CASE scope WHEN 'institute' THEN delivery.institute ELSE split_part(delivery.address, '@', -1) END = grouped.name
            ORDER BY delivery.subscriber_id LIMIT 2 * cardinality(event_ids)) few
        ) AS members
    FROM grouped ORDER BY mailing_id, scope, name
""")
_RAISE = text("""
    INSERT INTO departure_alarm (mailing_id, scope, name, event_ids, first_at, last_at, raised_at)
    VALUES (:mailing, :scope, :name, :events, :first_at, :last_at, :now)
    ON CONFLICT (mailing_id, scope, name) WHERE state = 'raised' DO UPDATE SET
        last_at = GREATEST(departure_alarm.last_at, excluded.last_at),
        event_ids = ARRAY(SELECT DISTINCT unnest(departure_alarm.event_ids || excluded.event_ids) ORDER BY 1)
    RETURNING id, xmax = 0 AS is_new
""")
_ALARMS = text("""
    SELECT id, mailing_id, scope, name, cardinality(event_ids) AS left, first_at, last_at, state FROM departure_alarm
    WHERE state = COALESCE(CAST(:state AS text), state) AND id = COALESCE(CAST(:id AS integer), id)
    ORDER BY id DESC
""")
_SETTLE = text("""
    UPDATE departure_alarm SET state = :state, settled_by = :by, settled_at = :now WHERE id = :alarm AND state = 'raised'
""")
_DELIVERIES = text("""
    SELECT DISTINCT event.delivery_id FROM departure_alarm JOIN event ON event.id = ANY(departure_alarm.event_ids)
    WHERE departure_alarm.id = :alarm ORDER BY 1
""")
