"""Opens and clicks on their way into the table: a stream takes them from the web server, and a flush writes each exactly once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.typing import EncodableT, FieldT
from sqlalchemy import Connection, Engine, text

from mailer.models import EventKind
from subscribers.db import transaction

STREAM = "jianbao:events"
# A million entries are about 100 MB of the broker's memory: where nobody flushes, the oldest hits go rather than the broker.
_STREAM_CAPACITY = 1_000_000
_MAX_LINK = 2**15 - 1  # event.link is a smallint
_MAX_DELIVERY_ID = 2**63 - 1

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Hit:
    """One open or click as the web server saw it. `link` is the number of the link that was clicked."""

    delivery_id: int
    kind: EventKind
    at: datetime
    link: int | None = None


async def append(redis: AsyncRedis, hits: Sequence[Hit]) -> None:
    """The hits are in the stream when this returns; one round trip. RedisError where the broker does not take them."""
    async with redis.pipeline(transaction=False) as pipeline:
        for hit in hits:
            pipeline.xadd(STREAM, _fields(hit), maxlen=_STREAM_CAPACITY)
        await pipeline.execute()


def record(connection: Connection, hits: Sequence[Hit]) -> int:
    """Write the hits as rows of `event` and say how many; a hit on a delivery that does not exist (any more) is left out."""
    if not hits:
        return 0
    result = connection.execute(
        _INSERT,
        {
            "delivery_ids": [hit.delivery_id for hit in hits],
            "kinds": [hit.kind.value for hit in hits],
            "links": [hit.link for hit in hits],
            "ats": [hit.at for hit in hits],
        },
    )
    return result.rowcount


def flush(engine: Engine, redis: Redis, *, limit: int = 10_000) -> int:
    """Move up to `limit` entries from the stream into `event`, each exactly once; the number moved, 0 where none are left.

    The cursor moves in the transaction that writes the rows, and only from where this flush found it. So a crash before the commit
    leaves both as they were, one after it leaves entries behind that the cursor has passed, and of two flushes that read the same
    entries one writes them, while the other looks again.
    """
    while True:
        cursor = _cursor(engine)
        entries = _entries_after(cursor, redis, limit)
        if not entries or _write(engine, cursor, entries):
            break
    redis.xtrim(STREAM, minid=_following(entries[-1][0] if entries else cursor), approximate=False)
    return len(entries)


def _cursor(engine: Engine) -> str:
    with transaction(engine) as connection:
        connection.execute(_FIRST_CURSOR, {"stream": STREAM})
        return str(connection.execute(_READ_CURSOR, {"stream": STREAM}).scalar_one())


def _write(engine: Engine, cursor: str, entries: Sequence[tuple[str, dict[str, str]]]) -> bool:
    """Whether the entries were written: not where another flush has moved the cursor meanwhile."""
    last, _ = entries[-1]
    with transaction(engine) as connection:
        moved = connection.execute(_MOVE_CURSOR, {"stream": STREAM, "before": cursor, "after": last}).rowcount
        if moved:
            record(connection, [hit for entry in entries if (hit := _hit(*entry))])
    return bool(moved)


def _entries_after(cursor: str, redis: Redis, limit: int) -> list[tuple[str, dict[str, str]]]:
    answer = redis.xrange(STREAM, min=f"({cursor}", count=limit) or []
    return [
        (_decoded(entry_id), {_decoded(name): _decoded(value) for name, value in (fields or {}).items()})
        for entry_id, fields in answer
    ]


def _decoded(value: bytes | str | None) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""


def _fields(hit: Hit) -> dict[FieldT, EncodableT]:
    fields: dict[FieldT, EncodableT] = {"delivery": hit.delivery_id, "kind": hit.kind.value, "at": hit.at.isoformat()}
    return fields if hit.link is None else {**fields, "link": hit.link}


def _hit(entry_id: str, fields: dict[str, str]) -> Hit | None:
    """What `_fields` wrote; None, and a line in the log, for an entry that it did not write."""
    try:
        delivery_id, link = int(fields["delivery"]), int(fields["link"]) if "link" in fields else None
        if not 0 < delivery_id <= _MAX_DELIVERY_ID or not 0 <= (link or 0) <= _MAX_LINK:
            raise ValueError(f"delivery {delivery_id} or link {link} is out of range")
        return Hit(delivery_id, EventKind(fields["kind"]), datetime.fromisoformat(fields["at"]), link)
    except (KeyError, ValueError) as error:
        log.warning("event_unreadable", entry=entry_id, error=repr(error))
        return None


def _following(entry_id: str) -> str:
    milliseconds, sequence = entry_id.split("-")
    return f"{milliseconds}-{int(sequence) + 1}"


_FIRST_CURSOR = text("INSERT INTO stream_cursor (stream, last_id) VALUES (:stream, '0-0') ON CONFLICT DO NOTHING")
_READ_CURSOR = text("SELECT last_id FROM stream_cursor WHERE stream = :stream")
_MOVE_CURSOR = text("UPDATE stream_cursor SET last_id = :after WHERE stream = :stream AND last_id = :before")
_INSERT = text("""
    INSERT INTO event (delivery_id, kind, link, at)
    SELECT hit.delivery_id, hit.kind, hit.link, hit.at
    FROM unnest(CAST(:delivery_ids AS bigint[]), CAST(:kinds AS text[]), CAST(:links AS smallint[]), CAST(:ats AS timestamptz[]))
         WITH ORDINALITY AS hit (delivery_id, kind, link, at, position)
    JOIN delivery ON delivery.id = hit.delivery_id
    ORDER BY hit.position
""")
