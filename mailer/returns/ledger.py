"""Facts on record, and the deliveries that they speak of."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from mailer.returns.arrivals import storable
from mailer.returns.claims import canonical
from mailer.returns.correlation import LATEST, Asked, Placed, Sent

_LONGEST_DIAGNOSTIC = 1000


def sent_by_id(connection: Connection, delivery_ids: Iterable[int]) -> dict[int, Sent]:
    """The deliveries of these ids, as far as they exist."""
    rows = connection.execute(_SENT_BY_ID, {"ids": sorted(set(delivery_ids))})
    return {row.id: Sent(**row._mapping) for row in rows}


def probes(connection: Connection, notice_ids: Iterable[int], addresses: Iterable[str], now: datetime) -> dict[int, Asked]:
    """The probes of these ids, as far as they exist, and those of the last weeks to these addresses."""
    wanted = {"ids": sorted(set(notice_ids)), "addresses": sorted(set(addresses)), "since": now - LATEST - timedelta(days=1)}
    if not wanted["ids"] and not wanted["addresses"]:
        return {}
    return {row.id: Asked(**row._mapping) for row in connection.execute(_PROBES, wanted)}


def sent_to(connection: Connection, addresses: Iterable[str], now: datetime) -> dict[str, list[Sent]]:
    """The deliveries of mailings that were under way in the last weeks to these addresses, by address in canonical form."""
    wanted = sorted(set(addresses))
    found: dict[str, list[Sent]] = defaultdict(list)
    if wanted:
        for row in connection.execute(_SENT_TO, {"addresses": wanted, "since": now - LATEST - timedelta(days=1)}):
            sent = Sent(row.id, row.subscriber_id, row.address, row.reply, row.began_at, row.settled_at)
            found[row.canonical].append(sent)
    return found


def record(connection: Connection, placed: Sequence[tuple[int | None, Placed]], now: datetime) -> list[int]:
    """Put facts on record, each with the arrival that it came by; returns the ids of those that were not there before.

    One that is known already is only counted once more; of somebody who was erased none keeps any words. Their keys are taken in
    order, so that two that do this wait for each other and never for ever.
    """
    by_key = {one.key: (raw_id, one) for raw_id, one in placed}
    times: dict[str, int] = defaultdict(int)
    for _, one in placed:
        times[one.key] += 1
    ordered = sorted(by_key)
    if not ordered:
        return []
    rows = [_row(key, *by_key[key], now) | {"times_told": times[key]} for key in ordered]
    return [row.id for row in connection.execute(_RECORD, {"rows": json.dumps(rows)}) if row.is_new]


def _row(key: str, raw_id: int | None, placed: Placed, now: datetime) -> dict[str, object]:
    fact, sent, about = placed.claim.fact, placed.sent, placed.sent or placed.asked
    named = None if placed.of_erased else canonical(fact.recipient) or canonical(fact.original_recipient)
    return {
        "raw_id": raw_id,
        "way": placed.claim.arrival.way.value,
        "key": storable(key),
        "delivery_id": sent.id if sent else None,
        "subscriber_id": placed.subscriber_id,
        "address": named or (about.address if about else None),
        "happening": fact.happening.value,
        "finding": placed.finding.value if placed.finding else None,
        "meaning": fact.meaning.value if fact.meaning else None,
        "rule": storable(fact.rule),
        "known": fact.known,
        "status": storable(fact.status[:50]),
        "diagnostic": "" if placed.of_erased else storable(fact.diagnostic[:_LONGEST_DIAGNOSTIC]),
        "trust": placed.trust.value,
        "standing": placed.standing.value,
        "at": (min(fact.at, now) if fact.at else placed.claim.arrival.received_at).isoformat(),
    }


# By their hashes, and then what each got: whatever statistics say, nobody else's mail is read. What came to an address of before is the
# record's that has another one now.
_THEIRS = """
    theirs AS MATERIALIZED (
        SELECT s.* FROM unnest(CAST(:addresses AS text[])) AS one CROSS JOIN LATERAL (
            SELECT unnest(ARRAY[id, merged_into_id]) AS id, canonical, address FROM subscriber
            WHERE address_hash = sha256(convert_to(one, 'UTF8')) OFFSET 0) s)"""
# The answer to the message itself, which names it at the relay: what came back later stands in its place by now.
_SENT = """
    d.id, d.subscriber_id, d.address, COALESCE(m.started_at, m.at) AS began_at, d.settled_at, COALESCE((
        SELECT f.replaced ->> 'reply' FROM feedback f WHERE f.delivery_id = d.id AND f.replaced IS NOT NULL LIMIT 1), d.reply) AS reply"""
_PROBES = text(f"""
    WITH {_THEIRS}
    SELECT id, subscriber_id, address, reply, requested_at AS began_at FROM notice
    WHERE id = ANY(:ids) AND subscriber_id IS NOT NULL
    UNION
    SELECT n.id, n.subscriber_id, n.address, n.reply, n.requested_at FROM theirs CROSS JOIN LATERAL (
        SELECT * FROM notice WHERE subscriber_id = theirs.id OFFSET 0) n
    WHERE n.requested_at >= :since AND n.address = theirs.address
""")
_SENT_BY_ID = text(f"SELECT {_SENT} FROM delivery d JOIN mailing m ON m.id = d.mailing_id WHERE d.id = ANY(:ids)")
# The key of the mailing and the subscriber finds each delivery, so that its own table needs no index that sending would pay for.
_SENT_TO = text(f"""
    WITH {_THEIRS},
    lately AS MATERIALIZED (
        SELECT id, started_at, at FROM mailing WHERE started_at IS NOT NULL AND COALESCE(finished_at, 'infinity') >= :since)
    SELECT theirs.canonical, {_SENT}
    FROM theirs CROSS JOIN lately m CROSS JOIN LATERAL (
        SELECT * FROM delivery WHERE mailing_id = m.id AND subscriber_id = theirs.id OFFSET 0) d
    WHERE theirs.address = d.address OR theirs.canonical = lower(d.address)
""")
_RECORD = text("""
    INSERT INTO feedback (raw_id, way, key, delivery_id, subscriber_id, address, happening, finding, meaning, rule, known, status,
                          diagnostic, trust, standing, at, times_told)
    SELECT raw_id, way, key, delivery_id, subscriber_id, address, happening, finding, meaning, rule, known, status, diagnostic, trust,
           standing, at, times_told
    FROM ROWS FROM (json_to_recordset(CAST(:rows AS json)) AS (
        raw_id bigint, way text, key text, delivery_id bigint, subscriber_id integer, address text, happening text, finding text,
        meaning text, rule text, known boolean, status text, diagnostic text, trust text, standing text, at timestamptz,
        times_told integer)) WITH ORDINALITY AS told ORDER BY ordinality
    ON CONFLICT (key) DO UPDATE SET times_told = feedback.times_told + EXCLUDED.times_told
    RETURNING id, xmax = 0 AS is_new
""")
