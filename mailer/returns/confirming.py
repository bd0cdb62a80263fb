"""The addresses that confirm a subscription to a service's events: fetched after the arrival that named them was committed.

What is to be fetched is on record until it was: a program that ends in between, or a host that does not answer, delays it and no more.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit

import structlog
from sqlalchemy import Engine, text

from mailer.returns.fetching import fetch
from subscribers.db import database_time, transaction
from subscribers.errors import ServiceError

AGAIN_AFTER = timedelta(minutes=10)
GOOD_FOR = timedelta(days=3)  # as SNS keeps a subscription that nobody has confirmed

log = structlog.get_logger()


def confirm_due(engine: Engine, fetch: Callable[[str], object] = fetch) -> int:
    """Fetch what is due, each in nobody's transaction; how many subscriptions are confirmed now."""
    confirmed = 0
    while True:
        with transaction(engine) as connection:
            times = {"now": database_time(connection), "again": AGAIN_AFTER, "good_for": GOOD_FOR}
            due = connection.execute(_CLAIM, times).one_or_none()
        if due is None:
            return confirmed
        try:
            fetch(due.confirm_url)
        except ServiceError as error:
            log.error("subscription_not_confirmed", error=str(error))
            continue
        with transaction(engine) as connection:
            connection.execute(_DONE, {"id": due.id, "url": due.confirm_url})
        log.info("subscription_confirmed", host=urlsplit(due.confirm_url).hostname)
        confirmed += 1


# Who claims one sets its next time first, so that another reader, or this one after a failure, leaves it alone until then.
_CLAIM = text("""
    UPDATE feedback_raw SET confirm_at = :now + CAST(:again AS interval) WHERE id = (
        SELECT id FROM feedback_raw
        WHERE confirm_url IS NOT NULL AND confirm_at <= :now AND received_at > :now - CAST(:good_for AS interval)
        ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING id, confirm_url
""")
_DONE = text("UPDATE feedback_raw SET confirm_url = NULL, confirm_at = NULL WHERE id = :id AND confirm_url = :url")
