"""Opens and clicks on their way into the table: a stream takes them from the web server, and a flush writes each exactly once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import structlog
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import ResponseError
from sqlalchemy import Connection, Engine, text

from mailer.models import EventKind
from subscribers.db import transaction

STREAM = "jianbao:events"
# Where nobody flushes for long, the oldest hits go rather than the broker: an entry holds a hit, or some dozen in a rush, of 200 octets.
_STREAM_CAPACITY = 200_000
_ENTRIES_AT_ONCE = 1_000
_MAX_LINK = 2**15 - 1  # event.link is a smallint
_MAX_BIGINT = 2**63 - 1

log = structlog.get_logger()


class Hit(NamedTuple):
    """One open, click or unsubscription as the web server saw it. `link` is the number of the link that was clicked.

    `number` is the request's own, by which it is kept once however often it comes. `agent` is None where nothing of the request
    is known; `network` is what is kept of its address, and `speaks` is whether it named a language.
    """

    delivery_id: int
    kind: EventKind
    at: datetime
    link: int | None = None
    number: int | None = None
    agent: str | None = None
    network: str | None = None
    speaks: bool = False


async def append(redis: AsyncRedis, hits: Sequence[Hit]) -> None:
    """The hits are in the stream when this returns, as one entry: a command for each would cost more than all else about a hit.

    RedisError where the broker does not take them.
    """
    if hits:
        await redis.xadd(STREAM, {"hits": json.dumps([fields_of(hit) for hit in hits])}, maxlen=_STREAM_CAPACITY)


def hits_in(redis: Redis) -> int:
    """How many hits wait in the stream."""
    return sum(len(_hits_of(*entry)) for entry in _entries_after("0-0", redis, _STREAM_CAPACITY))


def record(connection: Connection, hits: Sequence[Hit]) -> int:
    """Write the hits as rows of `event` and say how many.

    Left out are those of a delivery that does not exist (any more), those that were kept before, and every open and click that is not to
    be counted: where the mailing's lists say so, where its reader does, or where the mailing's numbers are closed. A reader is named only
    where both the lists and the reader agree to it.
    """
    if not hits:
        return 0
    result = connection.execute(
        _INSERT,
        {
            "delivery_ids": [hit.delivery_id for hit in hits],
            "kinds": [hit.kind.value for hit in hits],
            "links": [hit.link for hit in hits],
            "ats": [hit.at for hit in hits],
            "numbers": [hit.number for hit in hits],
            "agents": [hit.agent for hit in hits],
            "networks": [hit.network for hit in hits],
            "speaks": [hit.speaks for hit in hits],
        },
    )
    return result.rowcount


def flush(engine: Engine, redis: Redis, *, limit: int = _ENTRIES_AT_ONCE) -> int:
    """Move up to `limit` entries from the stream into `event`, each hit exactly once; the number of entries, 0 where none are left.

    The cursor moves in the transaction that writes the rows, and only from where this flush found it. So a crash before the commit
    leaves both as they were, one after it leaves entries behind that the cursor has passed, and of two flushes that read the same
    entries one writes them, while the other looks again.
    """
    while True:
        cursor = _cursor(engine)
        entries = _entries_after(cursor, redis, limit)
        if not entries and _begun_anew(cursor, redis):
            entries = _entries_after("0-0", redis, limit)
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
            record(connection, [hit for entry in entries for hit in _hits_of(*entry)])
    return bool(moved)


def _begun_anew(cursor: str, redis: Redis) -> bool:
    """Whether the stream is not the one that the cursor speaks of, and all of it is new.

    A broker that lost everything numbers its entries by its clock again, which may be behind what it was.
    """
    try:
        last = _decoded(redis.xinfo_stream(STREAM)["last-generated-id"])
    except ResponseError:  # There is no stream yet.
        return False
    return _place(last) < _place(cursor)


def _entries_after(cursor: str, redis: Redis, limit: int) -> list[tuple[str, dict[str, str]]]:
    answer = redis.xrange(STREAM, min=f"({cursor}", count=limit) or []
    return [
        (_decoded(entry_id), {_decoded(name): _decoded(value) for name, value in (fields or {}).items()})
        for entry_id, fields in answer
    ]


def _decoded(value: bytes | str | None) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""


def fields_of(hit: Hit) -> dict[str, int | str]:
    """A hit as plain values; what is not known is left out."""
    fields: dict[str, int | str] = {"delivery": hit.delivery_id, "kind": hit.kind.value, "at": hit.at.isoformat()}
    known = {"link": hit.link, "number": hit.number, "agent": hit.agent, "network": hit.network, "speaks": hit.speaks or None}
    return fields | {name: value for name, value in known.items() if value is not None}


def hit_of(entry_id: str, fields: object) -> Hit | None:
    """What `fields_of` wrote; None, and a line in the log, for anything else."""
    try:
        if not isinstance(fields, Mapping):
            raise ValueError(f"it is no hit: {fields!r}")
        delivery_id = int(fields["delivery"])
        link, number = (int(fields[name]) if name in fields else None for name in ("link", "number"))
        if not 0 < delivery_id <= _MAX_BIGINT or not 0 <= (link or 0) <= _MAX_LINK or not 0 <= (number or 0) <= _MAX_BIGINT:
            raise ValueError(f"delivery {delivery_id}, link {link} or number {number} is out of range")
        at = datetime.fromisoformat(fields["at"])
        agent, network = fields.get("agent"), fields.get("network")
        return Hit(delivery_id, EventKind(fields["kind"]), at, link, number, agent, network, "speaks" in fields)
    except (KeyError, TypeError, ValueError) as error:
        log.warning("event_unreadable", entry=entry_id, error=repr(error))
        return None


def _hits_of(entry_id: str, fields: Mapping[str, str]) -> list[Hit]:
    """The hits of one entry of the stream; versions before this one wrote a hit as the entry's own fields."""
    try:
        written = json.loads(fields["hits"]) if "hits" in fields else [fields]
    except ValueError as error:
        log.warning("event_unreadable", entry=entry_id, error=repr(error))
        return []
    return [hit for each in written if (hit := hit_of(entry_id, each))]


def _following(entry_id: str) -> str:
    milliseconds, sequence = _place(entry_id)
    return f"{milliseconds}-{sequence + 1}"


def _place(entry_id: str) -> tuple[int, int]:
    milliseconds, sequence = entry_id.split("-")
    return int(milliseconds), int(sequence)


_FIRST_CURSOR = text("INSERT INTO stream_cursor (stream, last_id) VALUES (:stream, '0-0') ON CONFLICT DO NOTHING")
_READ_CURSOR = text("SELECT last_id FROM stream_cursor WHERE stream = :stream")
_MOVE_CURSOR = text("UPDATE stream_cursor SET last_id = :after WHERE stream = :stream AND last_id = :before")
_INSERT = text("""
    INSERT INTO event (mailing_id, delivery_id, kind, link, at, visitor, hit, agent, network, speaks, after_seconds)
    SELECT delivery.mailing_id,
           CASE WHEN hit.kind = 'unsubscribe' OR mailing.tracking = 'individual' AND reader.wish = 'individual' THEN delivery.id END,
           hit.kind, hit.link, hit.at,
           CAST(CAST('x' || left(encode(sha256(mailing.salt || int8send(delivery.id)), 'hex'), 16) AS bit(64)) AS bigint),
           hit.number, hit.agent, hit.network, hit.speaks,
           LEAST(GREATEST(EXTRACT(EPOCH FROM hit.at - COALESCE(delivery.settled_at, hit.at)), 0), 2000000000)
    FROM unnest(CAST(:delivery_ids AS bigint[]), CAST(:kinds AS text[]), CAST(:links AS smallint[]), CAST(:ats AS timestamptz[]),
                CAST(:numbers AS bigint[]), CAST(:agents AS text[]), CAST(:networks AS text[]), CAST(:speaks AS boolean[]))
         WITH ORDINALITY AS hit (delivery_id, kind, link, at, number, agent, network, speaks, position)
    JOIN delivery ON delivery.id = hit.delivery_id
    JOIN mailing ON mailing.id = delivery.mailing_id
    LEFT JOIN subscriber AS once ON once.id = delivery.subscriber_id
    LEFT JOIN reader_tracking AS reader ON reader.subscriber_id = COALESCE(once.merged_into_id, once.id)
    WHERE hit.kind = 'unsubscribe'
       OR mailing.tracking <> 'off' AND mailing.salt IS NOT NULL AND reader.wish IS DISTINCT FROM 'none'
    ORDER BY hit.position
    ON CONFLICT (hit) WHERE hit IS NOT NULL DO NOTHING
""")
