"""Imports on record: which there were, what one did, and taking one back whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, text

from subscribers import audit
from subscribers.audit import Change, Subject
from subscribers.db import Turn, take_turn
from subscribers.errors import InputError
from subscribers.importing.merging import plan_for_many
from subscribers.models import ImportMode

_MOST_NAMED = 10_000


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """An import as it stands on record."""

    id: int
    file: str
    sha256: str
    list: str | None
    mode: ImportMode
    actor: str
    started_at: datetime
    finished_at: datetime | None
    counts: Mapping[str, int]
    rejects: Sequence[Mapping[str, object]]
    undone_at: datetime | None
    undone_by: str | None


@dataclass(frozen=True, slots=True)
class Kept:
    """Something of an import that its undo leaves, since it was changed afterwards; `what` names it for people."""

    kind: str
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo took back, in rows, and what it left."""

    id: int
    subscriptions: int
    subscribers: int
    restored: int
    resubscribed: int
    suppressions: int
    institutes: int
    kept: tuple[Kept, ...]


def list_imports(connection: Connection, *, most: int = 100) -> list[ImportRecord]:
    """The latest imports, the last first."""
    return [_record(row) for row in connection.execute(_IMPORTS, {"id": None, "most": most})]


def find_import(connection: Connection, import_id: int) -> ImportRecord:
    """One import. InputError where there is none of that number."""
    row = connection.execute(_IMPORTS, {"id": import_id, "most": 1}).one_or_none()
    if row is None:
        raise InputError(f"there is no import {import_id}. `jianbao import list` shows those that there are.")
    return _record(row)


def undo(connection: Connection, import_id: int, actor: str) -> Undone:
    """Take an import back: what it made is removed, what it changed is as it was. What was changed since is left, and named.

    InputError where there is no such import or it was taken back already.
    """
    take_turn(connection, Turn.IMPORT)  # What an import under way refers to must not be removed under its hands.
    record = find_import(connection, import_id)
    if record.undone_at is not None:
        raise InputError(
            f"import {import_id} was taken back already, by {record.undone_by}, {record.undone_at:%Y-%m-%d %H:%M} UTC."
        )
    values = {"import": import_id, "actor": actor, "most": _MOST_NAMED, "evidence": f"import {import_id}"}
    plan_for_many(connection)
    connection.execute(_LOCK_PEOPLE, values)
    connection.execute(_MADE, values)
    counts = {name: connection.execute(text(statement), values).rowcount for name, statement in _STEPS.items()}
    kept = tuple(Kept(row.kind, row.what, row.why) for row in connection.execute(_KEPT, values))
    connection.execute(text("UPDATE import_batch SET undone_at = now(), undone_by = :actor WHERE id = :import"), values)
    undone = Undone(
        id=import_id,
        subscriptions=counts["subscriptions"],
        subscribers=counts["subscribers"],
        restored=counts["restored"],
        resubscribed=counts["resubscribed"],
        suppressions=counts["put_back"] + counts["suppressions"],
        institutes=counts["institutes"],
        kept=kept,
    )
    audit.record(connection, Change(actor, "undo", Subject.IMPORT, import_id, after={**counts, "kept": len(kept)}))
    return undone


def _record(row: Row[tuple[object, ...]]) -> ImportRecord:
    return ImportRecord(**{**row._mapping, "mode": ImportMode(row.mode)})


_IMPORTS = text("""
    SELECT b.id, b.file_name AS file, b.sha256, l.slug AS list, b.mode, b.actor, b.started_at, b.finished_at, b.counts, b.rejects,
           b.undone_at, b.undone_by
    FROM import_batch b LEFT JOIN mailing_list l ON l.id = b.list_id
    WHERE CAST(:id AS integer) IS NULL OR b.id = :id ORDER BY b.id DESC LIMIT :most""")

# Whoever leaves just now is waited for, and found to have left; or waits, and leaves what is left then.
_LOCK_PEOPLE = text("""
    SELECT count(*) FROM (
        SELECT id FROM subscriber WHERE id IN (SELECT subscriber_id FROM consent WHERE import_id = :import)
        ORDER BY id FOR UPDATE) AS locked""")
# The subscriptions that the import made, by their lines in the ledger, and whether anything has happened to them since. A subscriber was
# made by the import where its row is as old as the import to the microsecond: both have the time of the same transaction.
_MADE = text("""
    CREATE TEMP TABLE made ON COMMIT DROP AS
    SELECT c.list_id, c.subscriber_id, s.created_at = b.started_at AS is_new, s.address,
           x.state = c.state AND NOT EXISTS (
               SELECT FROM consent later WHERE later.subscriber_id = c.subscriber_id AND later.list_id = c.list_id AND later.id > c.id
           ) AS as_made,
           s.created_at = b.started_at AND s.updated_at = b.started_at AND s.state = 'active' AND NOT EXISTS (
               SELECT FROM consent other WHERE other.subscriber_id = c.subscriber_id AND other.import_id IS DISTINCT FROM c.import_id
           ) AND NOT EXISTS (
               SELECT FROM subscription other WHERE other.subscriber_id = c.subscriber_id AND other.list_id <> c.list_id
           ) AND NOT EXISTS (
               SELECT FROM subscriber other WHERE other.merged_into_id = c.subscriber_id
           ) AS goes
    FROM consent c
    JOIN import_batch b ON b.id = c.import_id
    JOIN subscriber s ON s.id = c.subscriber_id
    LEFT JOIN subscription x ON x.subscriber_id = c.subscriber_id AND x.list_id = c.list_id
    WHERE c.import_id = :import AND c.method = 'import'""")
_STEPS: Mapping[str, str] = {
    # What a later import found put down by this one, its undo is not to bring back: what this one had found takes its place.
    "handed_on": """
        UPDATE import_change later SET before = CASE WHEN ours.id IS NULL THEN '{}' ELSE ours.before END
        FROM import_change found LEFT JOIN import_change ours
            ON ours.import_id = :import AND ours.kind = 'suppression' AND ours.row_id = found.row_id
        WHERE later.id = found.id AND found.import_id > :import AND found.kind = 'suppression'
          AND found.before->>'import_id' = CAST(:import AS text)""",
    "put_back": """
        UPDATE suppression p SET
            reason = c.before->>'reason', evidence = c.before->>'evidence', actor = c.before->>'actor',
            import_id = CAST(c.before->>'import_id' AS integer), since = CAST(c.before->>'since' AS timestamptz),
            until = CAST(c.before->>'until' AS timestamptz)
        FROM import_change c
        WHERE c.import_id = :import AND c.kind = 'suppression' AND p.id = c.row_id AND p.import_id = :import AND c.before ? 'reason'""",
    "suppressions": "DELETE FROM suppression WHERE import_id = :import",
    "subscriptions": """
        DELETE FROM subscription x USING made m
        WHERE x.subscriber_id = m.subscriber_id AND x.list_id = m.list_id AND m.as_made""",
    # Whose record goes, his lines in the ledger go with it.
    "subscribers": "DELETE FROM subscriber s USING made m WHERE s.id = m.subscriber_id AND m.goes AND m.as_made",
    # Who stays had a subscription taken away: the ledger says so.
    "entered": """
        INSERT INTO consent (list_id, subscriber_id, state, method, evidence, actor)
        SELECT list_id, subscriber_id, 'unsubscribed', 'import_undone', :evidence, :actor FROM made WHERE as_made AND NOT goes""",
    "restored": """
        UPDATE subscriber s SET
            name = c.before->>'name', role = c.before->>'role',
            institute_id = (SELECT coalesce(i.successor_id, i.id) FROM institute i
                            WHERE i.id = CAST(c.before->>'institute_id' AS integer)),
            rank = CAST(c.before->>'rank' AS smallint), language = c.before->>'language', phone = c.before->>'phone',
            fields = c.before->'fields', updated_at = now()
        FROM import_change c JOIN import_batch b ON b.id = c.import_id
        WHERE c.import_id = :import AND c.kind = 'subscriber' AND c.action = 'updated' AND c.before IS NOT NULL AND s.id = c.row_id
          AND s.updated_at = b.started_at""",
    "resubscribed": """
        WITH back AS (
            UPDATE subscription x SET state = c.before->>'state', since = CAST(c.before->>'since' AS timestamptz)
            FROM import_change c
            WHERE c.import_id = :import AND c.kind = 'subscription' AND x.subscriber_id = c.row_id AND x.list_id = c.list_id
              AND x.state = 'unsubscribed' AND NOT EXISTS (
                  SELECT FROM consent later WHERE later.subscriber_id = x.subscriber_id AND later.list_id = x.list_id
                    AND later.import_id IS DISTINCT FROM c.import_id
                    AND later.id > (SELECT max(ours.id) FROM consent ours WHERE ours.subscriber_id = x.subscriber_id
                                      AND ours.list_id = x.list_id AND ours.import_id = c.import_id))
            RETURNING x.list_id, x.subscriber_id, x.state)
        INSERT INTO consent (list_id, subscriber_id, state, method, evidence, actor)
        SELECT list_id, subscriber_id, state, 'import_undone', :evidence, :actor FROM back""",
    "institutes": """
        DELETE FROM institute i USING import_change c, import_batch b
        WHERE i.id = c.row_id AND b.id = c.import_id AND c.import_id = :import AND c.kind = 'institute'
          AND i.updated_at = b.started_at AND NOT EXISTS (SELECT FROM subscriber s WHERE s.institute_id = i.id)
          AND NOT EXISTS (SELECT FROM institute old WHERE old.successor_id = i.id)""",
}
_KEPT = text("""
    SELECT 'subscription' AS kind, m.address AS what, 'the subscription was changed since' AS why
    FROM made m WHERE NOT coalesce(as_made, false)
    UNION ALL
    SELECT 'subscriber', m.address, 'the record was changed since, or is on another list'
    FROM made m WHERE is_new AND coalesce(as_made, false) AND NOT goes
    UNION ALL
    SELECT 'subscriber', s.address,
           CASE WHEN c.before IS NULL THEN 'what stood there before was forgotten after a time' ELSE 'the record was changed since' END
    FROM import_change c JOIN subscriber s ON s.id = c.row_id
    WHERE c.import_id = :import AND c.kind = 'subscriber' AND s.updated_at <> now()
    UNION ALL
    SELECT 'subscription', s.address, 'the subscription was changed since'
    FROM import_change c JOIN subscriber s ON s.id = c.row_id
    WHERE c.import_id = :import AND c.kind = 'subscription' AND NOT EXISTS (
        SELECT FROM consent u WHERE u.subscriber_id = c.row_id AND u.list_id = c.list_id AND u.method = 'import_undone'
          AND u.evidence = :evidence)
    UNION ALL
    SELECT 'institute', i.name, 'it has contacts, or was changed since' FROM import_change c JOIN institute i ON i.id = c.row_id
    WHERE c.import_id = :import AND c.kind = 'institute'
    LIMIT :most""")
