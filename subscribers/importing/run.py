"""One import from a file to the tables: read, checked, staged, merged and recorded, in the transaction of the caller."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field

from sqlalchemy import Connection, func, insert, text, update

from subscribers import audit
from subscribers.audit import Change, Subject
from subscribers.importing.merging import Batch, Merged, left_alone, merge
from subscribers.importing.reading import parts_of
from subscribers.importing.rows import Reject, Remark
from subscribers.importing.source import Source
from subscribers.importing.staging import Staging, stage
from subscribers.models import Import, ImportMode

_KEPT_REJECTS = 1_000
_MOST_LEFT_ALONE = 10_000
_DOUBLE_OPT_IN = text("SELECT double_opt_in FROM mailing_list WHERE id = :list")
_INCOMPLETE = (
    "nobody was unsubscribed: rows that cannot go in may be of people on the list. Mend them in the file, and import the whole "
    "of it again."
)
_UNPROVEN = (
    "the list has double opt-in: who is new on it is unconfirmed, and nobody writes there. `--consent` says how they have agreed, "
    "`jianbao signup invite` asks them."
)


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be imported, and how: `chosen` is what `--map` says, by column.

    `consent` says how the people of the file have agreed. On a list with double opt-in they are unconfirmed without it.
    """

    source: Source
    list_id: int
    mode: ImportMode
    actor: str
    chosen: Mapping[str, str] = field(default_factory=dict)
    consent: str | None = None


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """A row whose address stays as it is, since its owner has left or nobody may write there; `reason` says which."""

    line: int
    address: str
    reason: str
    sheet: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an import did: each of the `rows` addresses is in one of created, updated, unchanged, rejected and suppressed.

    `duplicates` are among the unchanged; `unsubscribed` were on the list and not in the file.
    """

    id: int
    rows: int
    created: int
    updated: int
    unchanged: int
    rejected: int
    suppressed: int
    duplicates: int
    new_subscribers: int
    new_institutes: int
    unsubscribed: int
    rejects: tuple[Reject, ...]
    left_alone: tuple[LeftAlone, ...]
    warnings: tuple[Remark, ...]
    notes: tuple[str, ...]


def run_import(connection: Connection, order: Order, tell: Callable[[int], None] = lambda _rows: None) -> Outcome:
    """Import a file. InputError where it cannot be read; whatever is raised, the caller's transaction is to be rolled back."""
    source = order.source
    opened = insert(Import).values(
        file_name=source.name, sha256=source.sha256, list_id=order.list_id, mode=order.mode.value, actor=order.actor
    )
    import_id: int = connection.execute(opened.returning(Import.id)).scalar_one()
    staging = stage(connection, parts_of(source, order.chosen), tell)
    unproven = order.consent is None and connection.execute(_DOUBLE_OPT_IN, {"list": order.list_id}).scalar_one()
    # Whoever stands in a row that cannot be read is in the file all the same; a row without any address is nobody's.
    incomplete = order.mode is ImportMode.SYNC and any(one.address for one in staging.rejects)
    mode = ImportMode.UPDATE if incomplete else order.mode
    batch = Batch(import_id, order.list_id, mode, order.actor, source.name, staging.sheets, order.consent, unproven)
    merged, notes = merge(connection, batch, staging.institutes)
    if incomplete:
        notes.append(_INCOMPLETE)
    if unproven and merged.created:
        notes.append(_UNPROVEN)
    outcome = _outcome(connection, import_id, staging, merged, notes)
    counts = {name: value for name, value in asdict(outcome).items() if isinstance(value, int) and name != "id"}
    rejects = [{"line": one.line, "address": one.address, "reason": one.reason} for one in outcome.rejects[:_KEPT_REJECTS]]
    closed = update(Import).where(Import.id == import_id)
    connection.execute(closed.values(finished_at=func.clock_timestamp(), counts=counts, rejects=rejects))
    audit.record(connection, Change(order.actor, "import", Subject.IMPORT, import_id, after={"file": source.name, **counts}))
    return outcome


def _outcome(connection: Connection, import_id: int, staging: Staging, merged: Merged, notes: list[str]) -> Outcome:
    return Outcome(
        id=import_id,
        rows=staging.entries + len(staging.rejects),
        created=merged.created,
        updated=merged.updated,
        unchanged=merged.unchanged,
        rejected=len(staging.rejects),
        suppressed=merged.left_alone,
        duplicates=merged.duplicates,
        new_subscribers=merged.new_subscribers,
        new_institutes=merged.new_institutes,
        unsubscribed=merged.unsubscribed,
        rejects=tuple(staging.rejects),
        left_alone=tuple(
            LeftAlone(line, address, reason, staging.sheets.get(sheet))
            for sheet, line, address, reason in left_alone(connection, _MOST_LEFT_ALONE)
        ),
        warnings=tuple(staging.remarks),
        notes=(*staging.notes, *notes),
    )
