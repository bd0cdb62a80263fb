"""What staff should look at among all that came back: what belonged to nobody, and words that no rule knows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from mailer.feedback_models import Standing


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A fact, or a message without any, that no delivery was found for."""

    arrival: int | None
    at: datetime
    way: str
    why: Standing
    address: str | None
    happening: str
    said: str


@dataclass(frozen=True, slots=True)
class UnknownWords:
    """Words that only their code was read of: how often they came, when last, and one whom they were about."""

    said: str
    provider: str | None
    meaning: str
    times: int
    last_at: datetime
    address: str | None


def unmatched(connection: Connection, since: datetime) -> Iterator[Unmatched]:
    """What belonged to nobody, the newest first."""
    for row in connection.execution_options(yield_per=1000).execute(_UNMATCHED, {"since": since}):
        yield Unmatched(**{**row._mapping, "why": Standing(row.why)})


def unknown_words(connection: Connection, since: datetime) -> list[UnknownWords]:
    """The words that no rule knows, the most frequent first."""
    return [UnknownWords(**row._mapping) for row in connection.execute(_UNKNOWN, {"since": since})]


_UNMATCHED = text("""
    SELECT f.raw_id AS arrival, f.at, f.way, f.standing AS why, f.address, f.happening, f.diagnostic AS said
    FROM feedback f WHERE f.standing IN ('unmatched', 'foreign', 'forged', 'old') AND f.recorded_at >= :since
    UNION ALL
    SELECT r.id, r.received_at, r.way, 'unmatched', NULL, COALESCE(r.form, 'unread'), COALESCE(r.trouble, r.subject, '')
    FROM feedback_raw r WHERE r.received_at >= :since AND r.read_at IS NOT NULL AND r.form = 'other' AND r.way <> 'list'
      AND NOT EXISTS (SELECT FROM feedback f WHERE f.raw_id = r.id)
    ORDER BY 2 DESC
""")
# Names and numbers of single messages would make the same words many.
_UNKNOWN = text("""
    SELECT min(f.diagnostic) AS said, d.provider, f.meaning, CAST(sum(f.times_told) AS integer) AS times, max(f.at) AS last_at,
           min(f.address) AS address
    FROM feedback f LEFT JOIN delivery d ON d.id = f.delivery_id
    WHERE NOT f.known AND f.happening = 'bounced' AND f.diagnostic <> '' AND f.standing <> 'withdrawn' AND f.recorded_at >= :since
    GROUP BY d.provider, f.meaning, regexp_replace(regexp_replace(f.diagnostic, '\\S+@\\S+', '@', 'g'), '[0-9a-fA-F]{4,}', '#', 'g')
    ORDER BY times DESC, last_at DESC
""")
