"""Deliveries of the past: those of mailings that ended long ago move out of the table that is sent from, and stay deliveries.

`past_delivery` inherits from `delivery`, so that whatever asks for deliveries, or changes one, finds both (docs/adr/0010).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from mailer.models import Delivery
from subscribers.db import is_held

PORTION = 2_000

_COLUMNS = ", ".join(Delivery.__table__.columns.keys())
_ENDED = "status IN ('finished', 'cancelled') AND finished_at < :before"
_COUNT = text(f"SELECT count(*) FROM ONLY delivery WHERE mailing_id IN (SELECT id FROM mailing WHERE {_ENDED})")  # noqa: S608
# The order leads through the index: the table is not read from end to end to find that nothing is left to move.
_LONG_PAST = f"""
    SELECT found.id FROM mailing CROSS JOIN LATERAL (
        SELECT id FROM ONLY delivery WHERE mailing_id = mailing.id ORDER BY subscriber_id LIMIT :most) found
    WHERE {_ENDED} LIMIT :most"""  # noqa: S608 - of constants of ours
_LOOK = text(_LONG_PAST)
_MOVE = text(f"""
    WITH moved AS (DELETE FROM ONLY delivery WHERE id = ANY(ARRAY({_LONG_PAST})) RETURNING {_COLUMNS})
    INSERT INTO past_delivery ({_COLUMNS}) SELECT {_COLUMNS} FROM moved""")  # noqa: S608

# Who waited for a row that moves would find it deleted, and its change would be lost; so whoever writes, or locks a row to write it
# later (SELECT … FOR UPDATE), waits for the table instead, and looks for the row when it has moved. EXCLUSIVE is the weakest mode that
# keeps both out, and readers alone are let in. A tenth of a second at most, then it is put off: who sends is not held up.
_LOCK = "SET LOCAL lock_timeout = '100ms'; LOCK TABLE ONLY delivery IN EXCLUSIVE MODE"


def count_long_past(connection: Connection, before: datetime) -> int:
    """How many deliveries at hand belong to mailings that ended before then."""
    return int(connection.execute(_COUNT, {"before": before}).scalar_one())


def move_long_past(connection: Connection, before: datetime, most: int = PORTION) -> int:
    """Move at most so many of them to those of the past. Returns how many; 0 also where somebody is at work on the table for long."""
    if connection.execute(_LOOK, {"before": before, "most": 1}).first() is None:
        return 0
    try:
        with connection.begin_nested():
            connection.exec_driver_sql(_LOCK)
    except OperationalError as error:
        if not is_held(error):
            raise
        return 0
    return connection.execute(_MOVE, {"before": before, "most": most}).rowcount
