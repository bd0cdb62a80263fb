"""Receipts (回执): a reader says by a button that an issue came. It is the only proof of reading; pictures and clicks are none."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

from subscribers import audit
from subscribers.audit import READER, Change, Subject


def acknowledge(connection: Connection, delivery_id: int, *, now: datetime) -> datetime:
    """The reader of a delivery has received it; returns when that was said first."""
    row = connection.execute(_ACKNOWLEDGE, {"delivery": delivery_id, "at": now}).one()
    if row.is_new:
        audit.record(
            connection, Change(READER, "acknowledge", Subject.SUBSCRIBER, row.subscriber_id, None, {"delivery": delivery_id})
        )
    found: datetime = row.at
    return found


# An update that changes nothing, so that the row comes back whether it is new or not: xmax is set where it was there.
_ACKNOWLEDGE = text("""
    INSERT INTO receipt (delivery_id, at) VALUES (:delivery, :at)
    ON CONFLICT (delivery_id) DO UPDATE SET at = receipt.at
    RETURNING at, xmax = 0 AS is_new, (SELECT subscriber_id FROM delivery WHERE id = :delivery) AS subscriber_id
""")
