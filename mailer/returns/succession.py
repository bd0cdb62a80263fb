"""When an institute loses a contact: who else is there, and what staff are to do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from mailer.returns.consequences import Ended, task_key
from subscribers.models import SuppressionReason
from subscribers.tasks import NewTask, TaskKind, open_tasks

_MOST_OTHERS = 10


def open_tasks_for(connection: Connection, ended: Sequence[Ended], now: datetime) -> None:
    """A task for each address that ended: it says who of the institute is written to from now on, or that nobody is."""
    if not ended:
        return
    reasons = {one.subscriber_id: one.reason for one in ended}
    rows = connection.execute(_CONTACTS, {"ids": list(reasons), "most": _MOST_OTHERS})
    open_tasks(connection, [_task(row, reasons[row.id]) for row in rows], now)


def _task(row: Row[Any], reason: SuppressionReason) -> NewTask:
    kind, about = _about(row, reason)
    return NewTask(kind, task_key(row.id), about, row.institute_id, row.id)


def _about(row: Row[Any], reason: SuppressionReason) -> tuple[TaskKind, str]:
    match reason:
        case SuppressionReason.COMPLAINT:
            return TaskKind.COMPLAINT, "It reported our mail as spam and is not written to any more. Ask what was wrong."
        case SuppressionReason.SOFT_BOUNCE:
            kind, what = TaskKind.CONTACT_LOST, "Its mail has come back for some issues in a row. Ask whether it is still used."
        case SuppressionReason.REFUSED:
            kind, what = TaskKind.REFUSED, "Its server refuses our mail. Ask the institute to let it through."
        case _:
            kind, what = TaskKind.CONTACT_LOST, "The address is dead. Find out its owner's new one."
    if row.institute_id is None:
        return kind, what
    if not row.others:
        return TaskKind.INSTITUTE_UNREACHABLE, f"{what} Nobody else of the institute gets the bulletin: find a new contact."
    successor = row.successor or f"subscriber {row.successor_id}"
    number = "many" if row.others == _MOST_OTHERS else str(row.others - 1)
    more = f" and {number} more" if row.others > 1 else ""
    return kind, f"{what} {successor}{more} of the institute can be written to."


# Of an institute with very many contacts no more are looked at than are told of: each one's end would else cost a look at all others.
_CONTACTS = text("""
    SELECT e.id, e.institute_id, count(o.id) AS others,
           (array_agg(o.id ORDER BY o.rank, o.id))[1] AS successor_id, (array_agg(o.name ORDER BY o.rank, o.id))[1] AS successor
    FROM subscriber e LEFT JOIN LATERAL (
        SELECT c.id, c.name, c.rank
        FROM (SELECT id, name, rank, address_hash FROM subscriber
              WHERE institute_id = e.institute_id AND id <> e.id AND state = 'active' ORDER BY rank, id OFFSET 0) c
        WHERE EXISTS (SELECT FROM subscription x WHERE x.subscriber_id = c.id AND x.state = 'confirmed')
          AND NOT EXISTS (SELECT FROM suppression x WHERE x.address_hash = c.address_hash AND x.list_id IS NULL
                          AND (x.until IS NULL OR x.until > now()))
        ORDER BY c.rank, c.id LIMIT :most) o ON true
    WHERE e.id = ANY(:ids) GROUP BY e.id, e.institute_id ORDER BY e.id
""")
