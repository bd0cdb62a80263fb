"""Receipts (回执): a reader says by a button that an issue came. It is the only proof of reading; pictures and clicks are none."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text


def acknowledge(connection: Connection, delivery_id: int, *, now: datetime) -> datetime:
    """The reader of a delivery has received it; returns when that was said first."""
    found: datetime = connection.execute(_ACKNOWLEDGE, {"delivery": delivery_id, "at": now}).scalar_one()
    return found


# An update that changes nothing, so that the row comes back whether it is new or not.
_ACKNOWLEDGE = text("""
    INSERT INTO receipt (delivery_id, at) VALUES (:delivery, :at)
    ON CONFLICT (delivery_id) DO UPDATE SET at = receipt.at RETURNING at
""")
