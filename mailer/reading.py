"""What readers did, as kept: judged again and again while the raw form is there, and then forgotten but for the numbers."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from mailer.models import EventKind
from mailer.origin import Judgement, OriginTable, RawHit, judge

# What comes later tells of what came before, so each hit is judged at once, and for good after this while.
SETTLED_AFTER = timedelta(minutes=15)
_AROUND = timedelta(minutes=2)
_AT_ONCE = 5_000


def judge_due(connection: Connection, table: OriginTable, now: datetime) -> int:
    """Judge the hits that are new, and those that are a quarter of an hour old for good; some thousand at a time, and how many."""
    due = connection.execute(_DUE, {"settled": now - SETTLED_AFTER, "limit": _AT_ONCE}).all()
    by_mailing: dict[int, list[tuple[int, datetime]]] = {}
    for row in due:
        by_mailing.setdefault(row.mailing_id, []).append((row.id, row.at))
    for mailing_id, wanted in by_mailing.items():
        ids = {event_id for event_id, _ in wanted}
        first, last = min(at for _, at in wanted), max(at for _, at in wanted)
        bounds = {"mailing": mailing_id, "first": first - _AROUND, "last": last + _AROUND}
        scale = float(connection.execute(_SCALE, {"mailing": mailing_id}).scalar_one())
        hits = [RawHit(**{**row._mapping, "kind": EventKind(row.kind)}) for row in connection.execute(_RAW, bounds)]
        judged = [one for one in judge(hits, table, scale=scale) if one.id in ids]
        _keep(connection, judged, {"version": table.version, "settled": now - SETTLED_AFTER})
    return len(due)


def judge_anew(connection: Connection, table: OriginTable) -> int:
    """Have everything judged again that another table judged and whose raw form is kept; how many hits that will be."""
    return connection.execute(_ANEW, {"version": table.version}).rowcount


def _keep(connection: Connection, judged: list[Judgement], facts: dict[str, object]) -> None:
    columns = {
        "ids": [one.id for one in judged],
        "origins": [one.origin.value for one in judged],
        "reasons": [", ".join(one.reasons) for one in judged],
    }
    connection.execute(_KEEP, columns | facts)


_DUE = text("""
    SELECT id, mailing_id, at FROM event
    WHERE judged_by IS NULL AND kind IN ('open', 'click') AND agent IS NOT NULL AND (origin IS NULL OR at < :settled)
    ORDER BY at LIMIT :limit
""")
_SCALE = text("SELECT COALESCE(terms ->> 'retry_scale', '1') FROM mailing WHERE id = :mailing")
_RAW = text("""
    SELECT id, kind, link, at, visitor, agent, network, speaks, after_seconds FROM event
    WHERE mailing_id = :mailing AND at BETWEEN :first AND :last AND kind IN ('open', 'click') AND agent IS NOT NULL
      AND visitor IS NOT NULL
""")
_KEEP = text("""
    UPDATE event SET origin = judged.origin, reasons = judged.reasons,
           judged_by = CASE WHEN event.at < :settled THEN :version END
    FROM unnest(CAST(:ids AS bigint[]), CAST(:origins AS text[]), CAST(:reasons AS text[])) AS judged (id, origin, reasons)
    WHERE event.id = judged.id
""")
_ANEW = text("UPDATE event SET judged_by = NULL, origin = NULL WHERE judged_by <> :version AND agent IS NOT NULL")
