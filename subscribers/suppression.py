"""Addresses never to be written to: put down, looked up, and lifted by the few who may."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Row, text

from subscribers import audit
from subscribers.address import placeholder_of
from subscribers.audit import Change, Subject
from subscribers.models import SuppressionReason

# From the one that yields to every other to the one that yields to none.
STRENGTH = [
    reason.value
    for reason in (
        SuppressionReason.SOFT_BOUNCE,
        SuppressionReason.HARD_BOUNCE,
        SuppressionReason.STAFF,
        SuppressionReason.REFUSED,
        SuppressionReason.UNSUBSCRIBED,
        SuppressionReason.COMPLAINT,
        SuppressionReason.ERASED,
    )
]
# When one that stands (`old`) yields to another for the same address and lists (`excluded`), for PostgreSQL: once it has run out, and to
# one that is stronger, or of the same reason, and lasts as long. What a file said, and then happens too, does not go with its import.
YIELDS = """
    (old.until <= excluded.since
     OR (excluded.until IS NULL OR excluded.until >= old.until)
        AND (array_position(CAST(:strength AS text[]), excluded.reason) > array_position(CAST(:strength AS text[]), old.reason)
             OR excluded.reason = old.reason AND (
                 old.until IS NOT NULL AND excluded.until IS DISTINCT FROM old.until
                 OR old.import_id IS NOT NULL AND excluded.import_id IS NULL)))"""


class LiftedBy(StrEnum):
    """Who lifts a suppression: the person, by an opt-in that was confirmed from the mailbox itself, or staff."""

    PERSON = "person"
    STAFF = "staff"


# Nobody else may, an import least of all: who asked not to be written to is asked before anything changes that.
MAY_LIFT: Mapping[LiftedBy, frozenset[SuppressionReason]] = MappingProxyType(
    {
        LiftedBy.PERSON: frozenset(SuppressionReason) - {SuppressionReason.STAFF},
        LiftedBy.STAFF: frozenset({SuppressionReason.HARD_BOUNCE, SuppressionReason.SOFT_BOUNCE, SuppressionReason.STAFF}),
    }
)


@dataclass(frozen=True, slots=True)
class NewSuppression:
    """An address, by hash, not to be written to: on one list, or without a list on any; for ever, or until a day.

    `address` is for people to read, and left out where the owner was erased.
    """

    address_hash: bytes
    reason: SuppressionReason
    evidence: str
    since: datetime
    address: str | None = None
    list_id: int | None = None
    actor: str | None = None
    import_id: int | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class SuppressionRecord:
    """A suppression as it stands."""

    id: int
    address_hash: bytes
    address: str | None
    list_id: int | None
    reason: SuppressionReason
    evidence: str
    actor: str | None
    since: datetime
    until: datetime | None


def suppress(connection: Connection, wanted: Sequence[NewSuppression]) -> int:
    """Put suppressions down; how many of them changed anything.

    One that stands is replaced by a stronger one that lasts as long, or by any once it has run out: none is shortened or weakened.
    """
    return len(_suppress(connection, wanted))


def suppress_by_staff(connection: Connection, wanted: Sequence[NewSuppression]) -> int:
    """The same, with a line in the audit for each that changed anything."""
    changed = _suppress(connection, wanted)
    changes = [
        Change(
            row.actor,
            "suppress",
            Subject.SUPPRESSION,
            row.id,
            None,
            {"address": row.address or placeholder_of(row.address_hash), "reason": row.reason},
            row.evidence,
        )
        for row in changed
    ]
    audit.record(connection, *changes)
    return len(changed)


def _suppress(connection: Connection, wanted: Sequence[NewSuppression]) -> Sequence[Row[Any]]:
    if not wanted:
        return ()
    columns: dict[str, object] = {
        "hash": [one.address_hash for one in wanted],
        "address": [one.address for one in wanted],
        "list": [one.list_id for one in wanted],
        "reason": [one.reason.value for one in wanted],
        "evidence": [one.evidence for one in wanted],
        "actor": [one.actor for one in wanted],
        "import": [one.import_id for one in wanted],
        "since": [one.since for one in wanted],
        "until": [one.until for one in wanted],
        "strength": STRENGTH,
    }
    return connection.execute(_SUPPRESS, columns).all()


def lift(
    connection: Connection,
    address_hash: bytes,
    by: LiftedBy,
    *,
    list_ids: Collection[int] | None = None,
    everywhere: bool = False,
) -> list[SuppressionRecord]:
    """Remove what `by` may remove of an address's suppressions: of all scopes, or of these lists only. Returns what was removed.

    Those for all lists go with these lists' own where `everywhere` says so.
    """
    parameters = {
        "everywhere": everywhere,
        "hash": address_hash,
        "reasons": [reason.value for reason in MAY_LIFT[by]],
        "lists": list(list_ids) if list_ids is not None else None,
    }
    lifted = [_record(row) for row in connection.execute(_LIFT, parameters)]
    if any(one.list_id is None for one in lifted):
        connection.execute(_ENABLE, {"hash": address_hash})
    return lifted


def of_address(connection: Connection, address_hash: bytes) -> list[SuppressionRecord]:
    """Every suppression of an address, those that have run out too."""
    return [_record(row) for row in connection.execute(_OF_ADDRESS, {"hash": address_hash})]


def suppressions(
    connection: Connection, list_id: int | None = None, reason: SuppressionReason | None = None
) -> list[SuppressionRecord]:
    """Every suppression, or those of one list or reason; the newest first."""
    parameters = {"list": list_id, "reason": reason.value if reason else None}
    return [_record(row) for row in connection.execute(_ALL, parameters)]


def _record(row: Row[Any]) -> SuppressionRecord:
    return SuppressionRecord(**{**row._mapping, "reason": SuppressionReason(row.reason)})


_COLUMNS = "id, address_hash, address, list_id, reason, evidence, actor, since, until"
# What happens that a file had said already needs its import no more, and still has the file for its evidence: it does not go with what
# happened either, where that is taken back.
_REPEATED = "(excluded.reason = old.reason AND old.until IS NULL)"
# Of several wanted for one address and scope the strongest counts: a row can be changed only once by one statement.
_SUPPRESS = text(f"""
    INSERT INTO suppression AS old (address_hash, address, list_id, reason, evidence, actor, import_id, since, until)
    SELECT DISTINCT ON (hash, list) hash, address, list, reason, evidence, actor, import, since, until
    FROM unnest(CAST(:hash AS bytea[]), CAST(:address AS text[]), CAST(:list AS integer[]), CAST(:reason AS text[]),
                CAST(:evidence AS text[]), CAST(:actor AS text[]), CAST(:import AS integer[]), CAST(:since AS timestamptz[]),
                CAST(:until AS timestamptz[])) AS v(hash, address, list, reason, evidence, actor, import, since, until)
    ORDER BY hash, list, array_position(CAST(:strength AS text[]), reason) DESC, until DESC NULLS FIRST
    ON CONFLICT (address_hash, list_id) DO UPDATE SET
        (address, reason, import_id, since, until)
        = (excluded.address, excluded.reason, excluded.import_id, excluded.since, excluded.until),
        evidence = CASE WHEN {_REPEATED} THEN old.evidence ELSE excluded.evidence END,
        actor = CASE WHEN {_REPEATED} THEN old.actor ELSE excluded.actor END
    WHERE {YIELDS}
    RETURNING old.id, old.address, old.address_hash, old.reason, old.list_id, old.evidence, old.actor""")  # noqa: S608
_LIFT = text(f"""
    DELETE FROM suppression
    WHERE address_hash = :hash AND reason = ANY(:reasons)
      AND (CAST(:lists AS integer[]) IS NULL OR list_id = ANY(:lists) OR CAST(:everywhere AS boolean) AND list_id IS NULL)
    RETURNING {_COLUMNS}""")  # noqa: S608
_ENABLE = text("UPDATE subscriber SET state = 'active' WHERE address_hash = :hash AND state = 'disabled'")
_ALL = text(f"""
    SELECT {_COLUMNS} FROM suppression
    WHERE (CAST(:list AS integer) IS NULL OR list_id = :list) AND (CAST(:reason AS text) IS NULL OR reason = :reason)
    ORDER BY since DESC, id DESC""")  # noqa: S608
_OF_ADDRESS = text(f"SELECT {_COLUMNS} FROM suppression WHERE address_hash = :hash ORDER BY list_id NULLS FIRST")  # noqa: S608
