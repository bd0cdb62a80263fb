"""What readers did, as kept: judged again and again while the raw form is there, and then forgotten but for the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, Row, text

from mailer.models import EventKind
from mailer.origin import Judgement, OriginTable, RawHit, judge

# What comes later tells of what came before, so each hit is judged at once, and for good after this while.
SETTLED_AFTER = timedelta(minutes=15)
_AROUND = timedelta(minutes=2)
_AT_ONCE = 5_000


def judge_due(connection: Connection, table: OriginTable, now: datetime) -> int:
    """Judge the hits that are new, and those that are a quarter of an hour old for good; some thousand at a time, and how many."""
    due = connection.execute(_DUE, {"settled": now - SETTLED_AFTER, "limit": _AT_ONCE}).all()
    by_mailing: dict[int, list[Row[Any]]] = {}
    for row in due:
        by_mailing.setdefault(row.mailing_id, []).append(row)
    for mailing_id, wanted in by_mailing.items():
        ids = {row.id for row in wanted}
        scale = float(connection.execute(_SCALE, {"mailing": mailing_id}).scalar_one())
        raw = connection.execute(_RAW, _bounds(wanted) | {"mailing": mailing_id})
        hits = [RawHit(**{**row._mapping, "kind": EventKind(row.kind)}) for row in raw]
        judged = [one for one in judge(hits, table, scale=scale) if one.id in ids]
        _keep(connection, judged, {"version": table.version, "settled": now - SETTLED_AFTER})
    return len(due)


def judge_anew(connection: Connection, table: OriginTable) -> int:
    """Have everything judged again that another table judged and whose raw form is kept; how many hits that will be."""
    return connection.execute(_ANEW, {"version": table.version}).rowcount


def _bounds(wanted: Sequence[Row[Any]]) -> dict[str, object]:
    """What tells of some hits, given by their time: all that was around them, and whatever their readers did between the first and last.

    What is new and what is to be settled lie a quarter of an hour apart. What others did meanwhile tells of neither.
    """
    times = [row.at for row in wanted]
    left, back = max(pairwise([times[0], *times]), key=lambda pair: pair[1] - pair[0])
    return {
        "first": times[0] - _AROUND,
        "left": left + _AROUND,
        "back": back - _AROUND,
        "last": times[-1] + _AROUND,
        "visitors": [row.visitor for row in wanted],
    }


def _keep(connection: Connection, judged: list[Judgement], facts: dict[str, object]) -> None:
    columns = {
        "ids": [one.id for one in judged],
        "origins": [one.origin.value for one in judged],
        "reasons": [", ".join(one.reasons) for one in judged],
    }
    connection.execute(_KEEP, columns | facts)


_DUE = text("""
    SELECT id, mailing_id, at, visitor FROM event
    WHERE judged_by IS NULL AND kind IN ('open', 'click') AND agent IS NOT NULL AND (origin IS NULL OR at < :settled)
    ORDER BY at LIMIT :limit
""")
_SCALE = text("SELECT COALESCE(terms ->> 'retry_scale', '1') FROM mailing WHERE id = :mailing")
_RAW = text("""
    SELECT id, kind, link, at, visitor, agent, network, speaks, after_seconds FROM event
    WHERE mailing_id = :mailing AND at BETWEEN :first AND :last AND kind IN ('open', 'click') AND agent IS NOT NULL
      AND visitor IS NOT NULL
      AND (at NOT BETWEEN :left AND :back OR visitor IN (SELECT unnest(CAST(:visitors AS bigint[]))))
""")
_KEEP = text("""
    UPDATE event SET origin = judged.origin, reasons = judged.reasons,
           judged_by = CASE WHEN event.at < :settled THEN :version END
    FROM unnest(CAST(:ids AS bigint[]), CAST(:origins AS text[]), CAST(:reasons AS text[])) AS judged (id, origin, reasons)
    WHERE event.id = judged.id
""")
_ANEW = text("UPDATE event SET judged_by = NULL, origin = NULL WHERE judged_by <> :version AND agent IS NOT NULL")
