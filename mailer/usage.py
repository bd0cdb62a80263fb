"""What the ledger knows of an allowance's use, for a broker that has lost its memory and for forecasts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Engine, text

from mailer.pacing import Count, Tally
from subscribers.db import transaction

# A delivery that was tried several times counts once, by its last attempt. Mailings that were over before are not looked at. Mail that
# goes without a relay between has the host's name behind the relay's.
_HANDED_OVER = text("""
    SELECT count(*) FROM mailing m JOIN delivery d ON d.mailing_id = m.id
    WHERE m.started_at < :until AND (m.finished_at IS NULL OR m.finished_at >= :since)
      AND (d.relay = :relay OR starts_with(d.relay, :relay || '/')) AND d.attempts > 0 AND d.settled_at >= :since AND d.settled_at < :until
      AND (CAST(:provider AS text) IS NULL OR d.provider = :provider)""")


def handed_over(connection: Connection, tally: Tally, since: datetime, until: datetime) -> int:
    """How many recipients were handed to a relay, of all providers or of one, from `since` until before `until`."""
    parameters = {"relay": tally.relay, "provider": tally.provider, "since": since, "until": until}
    return int(connection.execute(_HANDED_OVER, parameters).scalar_one())


def counter(engine: Engine) -> Count:
    """The same, in a transaction of its own for each question."""

    def count(tally: Tally, since: datetime, until: datetime) -> int:
        with transaction(engine) as connection:
            return handed_over(connection, tally, since, until)

    return count
