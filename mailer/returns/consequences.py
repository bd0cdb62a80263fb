"""What decisions do to rows of others: a delivery's state, a subscriber's state, suppressions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from subscribers import audit, suppression
from subscribers.audit import Change, Subject
from subscribers.models import SuppressionReason
from subscribers.suppression import NewSuppression
from subscribers.tasks import withdraw_tasks

ACTOR = "feedback"


@dataclass(frozen=True, slots=True)
class Ended:
    """An address that nobody is to write to any more, why, and by which fact."""

    subscriber_id: int
    reason: SuppressionReason
    evidence: str


def apply_states(connection: Connection, changes: Sequence[Mapping[str, object]]) -> None:
    """Write deliveries' new states."""
    if changes:
        columns = {name: [change[name] for change in changes] for name in ("id", "state", "reason", "reply")}
        connection.execute(_APPLY, columns)


def keep_replaced(connection: Connection, changes: Sequence[Mapping[str, object]]) -> None:
    """Keep with the first of each delivery's facts what stood there before any feedback, or nothing any more."""
    if changes:
        kept = [json.dumps(change["replaced"]) if change["replaced"] else None for change in changes]
        connection.execute(_KEEP_REPLACED, {"ids": [change["id"] for change in changes], "replaced": kept})


def suppress(connection: Connection, ended: Sequence[Ended], now: datetime) -> list[Ended]:
    """Suppress the addresses, and say for which of them that is new. What stands and is stronger stays as it is."""
    before = {row.id: row for row in connection.execute(_STANDING, {"ids": [one.subscriber_id for one in ended]})}
    wanted = [one for one in ended if one.subscriber_id in before and before[one.subscriber_id].evidence != one.evidence]
    if not wanted:
        return []
    suppression.suppress(connection, [_suppression(one, before[one.subscriber_id], now) for one in wanted])
    after = {row.id: row for row in connection.execute(_STANDING, {"ids": [one.subscriber_id for one in wanted]})}
    new = [one for one in wanted if after[one.subscriber_id].evidence == one.evidence]
    dead = [one.subscriber_id for one in new if one.reason is SuppressionReason.HARD_BOUNCE]
    connection.execute(_DISABLE, {"ids": dead})
    audit.record(connection, *(_change("suppress", one.subscriber_id, one.reason.value, one.evidence) for one in new))
    return new


def _suppression(ended: Ended, row: Row[Any], now: datetime) -> NewSuppression:
    return NewSuppression(row.address_hash, ended.reason, ended.evidence, now, address=row.address, actor=ACTOR)


def _change(action: str, subscriber_id: int, suppressed: str | None, reason: str) -> Change:
    return Change(ACTOR, action, Subject.SUBSCRIBER, subscriber_id, after={"suppressed": suppressed}, reason=reason)


def lift(connection: Connection, subscriber_ids: Sequence[int], now: datetime) -> int:
    """Take back what feedback did to addresses that, by all the facts that count, are alive; how many suppressions that were."""
    lifted = list(connection.execute(_LIFT, {"ids": list(subscriber_ids)}).scalars())
    if lifted:
        connection.execute(_ENABLE, {"ids": lifted})
        withdraw_tasks(connection, [task_key(one) for one in lifted], by=ACTOR, note="its cause was taken back", now=now)
        audit.record(
            connection, *(_change("lift suppression", one, None, "by all that came back it is alive") for one in lifted)
        )
    return len(lifted)


def task_key(subscriber_id: int) -> str:
    """The key of the task that an address's end opens."""
    return f"ended:{subscriber_id}"


_APPLY = text("""
    UPDATE delivery d SET state = t.state, reason = t.reason, reply = t.reply
    FROM unnest(CAST(:id AS bigint[]), CAST(:state AS text[]), CAST(:reason AS text[]), CAST(:reply AS text[]))
         AS t(id, state, reason, reply)
    WHERE d.id = t.id
""")
_KEEP_REPLACED = text("""
    WITH first AS MATERIALIZED (
        SELECT delivery_id, min(id) AS id FROM feedback WHERE delivery_id = ANY(CAST(:ids AS bigint[])) GROUP BY delivery_id)
    UPDATE feedback f SET replaced = CASE WHEN f.id = first.id THEN t.replaced END
    FROM unnest(CAST(:ids AS bigint[]), CAST(:replaced AS jsonb[])) AS t(id, replaced) JOIN first ON first.delivery_id = t.id
    WHERE f.delivery_id = t.id AND (f.id = first.id OR f.replaced IS NOT NULL)
""")
_STANDING = text("""
    SELECT s.id, s.address_hash, s.address, x.reason, x.evidence FROM subscriber s
    LEFT JOIN suppression x ON x.address_hash = s.address_hash AND x.list_id IS NULL WHERE s.id = ANY(:ids)
""")
_DISABLE = text("UPDATE subscriber SET state = 'disabled' WHERE id = ANY(:ids) AND state = 'active'")
# What was carried over from an address of before, or from a record that was merged, no fact about this address takes back.
_LIFT = text("""
    DELETE FROM suppression x USING subscriber s
    WHERE x.address_hash = ANY(ARRAY(SELECT address_hash FROM subscriber WHERE id = ANY(:ids))) AND x.list_id IS NULL
      AND s.address_hash = x.address_hash AND x.evidence ~ '^feedback [0-9]{1,18}$' AND NOT EXISTS (
          SELECT FROM feedback f LEFT JOIN delivery d ON d.id = f.delivery_id
          WHERE f.id = CASE WHEN x.evidence ~ '^feedback [0-9]{1,18}$' THEN CAST(substr(x.evidence, 10) AS bigint) END
            AND (f.subscriber_id <> s.id OR d.address <> s.address AND lower(d.address) <> s.canonical))
    RETURNING s.id
""")
_ENABLE = text("UPDATE subscriber SET state = 'active' WHERE id = ANY(:ids) AND state = 'disabled'")
