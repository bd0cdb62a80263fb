"""The association's members: one institute's record, its names through the years, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, select, text, update
from sqlalchemy.exc import IntegrityError

from subscribers import audit
from subscribers.audit import Change, Subject, difference
from subscribers.errors import InputError
from subscribers.institutes import NewInstitute, ensure_institutes, find_institute, kept_name, key_of
from subscribers.models import Institute, InstituteName, InstituteStatus, NameKind, SubscriberState


@dataclass(frozen=True, slots=True)
class NameRecord:
    """A name that an institute has or had; `until` is when it gave it up."""

    name: str
    kind: NameKind
    since: date | None
    until: date | None


@dataclass(frozen=True, slots=True)
class ContactRecord:
    """One of an institute's contacts, in the order in which they are written to."""

    address: str
    name: str | None
    role: str | None
    rank: int | None
    state: SubscriberState
    lists: Sequence[str]
    suppressed: str | None


@dataclass(frozen=True, slots=True)
class InstituteRecord:
    """All that is known of one institute."""

    id: int
    name: str
    short_name: str | None
    province: str | None
    city: str | None
    kind: str | None
    status: InstituteStatus
    membership_number: str | None
    since: date | None
    until: date | None
    notes: str | None
    fields: Mapping[str, object]
    successor: str | None
    created_at: datetime
    updated_at: datetime
    names: Sequence[NameRecord]
    contacts: Sequence[ContactRecord]


@dataclass(frozen=True, slots=True)
class InstituteLine:
    """An institute in a list, with how many contacts it has that can be written to."""

    id: int
    name: str
    province: str | None
    kind: str | None
    status: InstituteStatus
    membership_number: str | None
    contacts: int


def read(connection: Connection, institute_id: int) -> InstituteRecord:
    """The record of that id."""
    row = connection.execute(_READ, {"id": institute_id}).one()
    names = [
        NameRecord(one.name, NameKind(one.kind), one.since, one.until) for one in connection.execute(_NAMES, {"id": row.id})
    ]
    contacts = [
        ContactRecord(**{**one._mapping, "state": SubscriberState(one.state)})
        for one in connection.execute(_CONTACTS, {"id": row.id})
    ]
    return InstituteRecord(**{**row._mapping, "status": InstituteStatus(row.status)}, names=names, contacts=contacts)


def institutes(
    connection: Connection, status: InstituteStatus | None = None, province: str | None = None
) -> list[InstituteLine]:
    """Institutes by province and name: all, or those of a status or a province."""
    rows = connection.execute(_LIST, {"status": status.value if status else None, "province": province})
    return [InstituteLine(**{**row._mapping, "status": InstituteStatus(row.status)}) for row in rows]


def create(connection: Connection, name: str, values: Mapping[str, object], *, actor: str) -> int:
    """Make an institute. InputError where that name leads to one already, or is none."""
    name = kept_name(name)
    known = connection.execute(_HAS_NAME, {"key": key_of(name)}).scalar_one_or_none()
    if known is not None:
        raise InputError(
            f"there is {known} already, which has or had the name {name}. `jianbao institute show {name}` shows it."
        )
    made = ensure_institutes(connection, [NewInstitute(name)])[name]
    amend(connection, made, values, actor=actor, action="add")
    return made


def amend(
    connection: Connection,
    institute_id: int,
    values: Mapping[str, object],
    *,
    actor: str,
    action: str = "update",
    reason: str | None = None,
) -> bool:
    """Change an institute's columns, `fields` among them, whose own ones with None are taken away; whether anything differs."""
    locked = dict(connection.execute(_LOCK, {"id": institute_id}).mappings().one())
    fields = {**locked["fields"], **_mapping(values.get("fields"))}
    wanted = {**values, "fields": {name: value for name, value in fields.items() if value is not None}}
    before, after = difference(locked, wanted)
    if not after and action == "update":
        return False
    try:
        with connection.begin_nested():
            connection.execute(update(Institute).where(Institute.id == institute_id).values(**after, updated_at=text("now()")))
    except IntegrityError as error:
        raise InputError(f"the membership number {values.get('membership_number')} is another institute's.") from error
    if after.get("short_name"):
        _call(connection, institute_id, str(after["short_name"]), NameKind.SHORT, None)
    audit.record(connection, Change(actor, action, Subject.INSTITUTE, institute_id, _plain(before), _plain(after), reason))
    return True


def rename(connection: Connection, institute_id: int, name: str, on: date, *, actor: str) -> None:
    """Give an institute another name from a day on; the one before is kept, and finds it for ever. InputError for one that is none."""
    name = kept_name(name)
    holder = connection.execute(_HAS_CURRENT, {"key": key_of(name), "id": institute_id}).scalar_one_or_none()
    if holder is not None:
        raise InputError(f"{holder} has that name. `jianbao institute merge` makes one of two institutes.")
    before = connection.execute(_LOCK, {"id": institute_id}).one().name
    connection.execute(_GIVE_UP, {"id": institute_id, "on": on})
    _call(connection, institute_id, name, NameKind.CURRENT, on)
    connection.execute(update(Institute).where(Institute.id == institute_id).values(name=name, updated_at=text("now()")))
    audit.record(
        connection, Change(actor, "rename", Subject.INSTITUTE, institute_id, {"name": before}, {"name": name, "on": str(on)})
    )


def merge(connection: Connection, gone_id: int, kept_id: int, on: date, *, actor: str) -> int:
    """Make `kept` the successor of `gone`: its contacts come after its own ones, its names lead to it. How many contacts came."""
    if gone_id == kept_id:
        raise InputError("that is one institute already: both names lead to it.")
    gone, kept = (connection.execute(_LOCK, {"id": one}).one() for one in (gone_id, kept_id))
    parameters = {"gone": gone_id, "kept": kept_id, "on": on}
    moved = connection.execute(_MOVE_CONTACTS, parameters).scalars().all()
    for statement in _FOLLOW:
        connection.execute(statement, parameters)
    came = {"institute": kept.name, "by": "merger"}
    contacts = [Change(actor, "move", Subject.SUBSCRIBER, one, {"institute": gone.name}, came) for one in moved]
    ended = Change(
        actor, "merge", Subject.INSTITUTE, gone_id, {"status": gone.status}, {"status": "former", "successor": kept.name}
    )
    audit.record(connection, ended, *contacts)
    return len(moved)


def by_number(connection: Connection, membership_number: str) -> int | None:
    """The id of the institute with that membership number."""
    return connection.execute(select(Institute.id).where(Institute.membership_number == membership_number)).scalar_one_or_none()


def call(connection: Connection, institute_id: int, names: Sequence[tuple[str, NameKind]]) -> bool:
    """Let an institute be found by other names too, short ones or former ones; whether any of them is new to it."""
    known = set(connection.execute(select(InstituteName.key).where(InstituteName.institute_id == institute_id)).scalars())
    new = [(name, kind) for name, kind in names if key_of(name) not in known]
    for name, kind in new:
        _call(connection, institute_id, name, kind, None)
    return bool(new)


def find(connection: Connection, name: str) -> InstituteRecord:
    """The record of the institute with that name, of today or of the past."""
    return read(connection, find_institute(connection, name))


def _call(connection: Connection, institute_id: int, name: str, kind: NameKind, since: date | None) -> None:
    parameters = {"id": institute_id, "name": name, "key": key_of(name), "kind": kind.value, "since": since}
    connection.execute(_CALL, parameters)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _plain(values: Mapping[str, object]) -> dict[str, object]:
    return {name: str(value) if isinstance(value, date) else value for name, value in values.items()}


_READ = text("""
    SELECT i.id, i.name, i.short_name, i.province, i.city, i.kind, i.status, i.membership_number, i.since, i.until, i.notes, i.fields,
           successor.name AS successor, i.created_at, i.updated_at
    FROM institute i LEFT JOIN institute successor ON successor.id = i.successor_id WHERE i.id = :id""")
_NAMES = text("""
    SELECT name, kind, since, until FROM institute_name WHERE institute_id = :id
    ORDER BY array_position(ARRAY['current', 'short', 'former'], kind), until DESC NULLS LAST, id""")
_CONTACTS = text("""
    SELECT s.address, s.name, s.role, s.rank, s.state,
           ARRAY(SELECT l.slug FROM subscription x JOIN mailing_list l ON l.id = x.list_id
                 WHERE x.subscriber_id = s.id AND x.state = 'confirmed' ORDER BY l.slug) AS lists,
           (SELECT min(reason) FROM suppression p WHERE p.address_hash = s.address_hash AND p.list_id IS NULL
                AND (p.until IS NULL OR p.until > now())) AS suppressed
    FROM subscriber s WHERE s.institute_id = :id AND s.state <> 'merged' ORDER BY s.rank NULLS LAST, s.id""")
_LIST = text("""
    SELECT i.id, i.name, i.province, i.kind, i.status, i.membership_number, count(s.id) AS contacts
    FROM institute i
    LEFT JOIN subscriber s ON s.institute_id = i.id AND s.state = 'active' AND NOT EXISTS (
        SELECT FROM suppression p WHERE p.address_hash = s.address_hash AND p.list_id IS NULL AND (p.until IS NULL OR p.until > now()))
    WHERE (CAST(:status AS text) IS NULL OR i.status = :status) AND (CAST(:province AS text) IS NULL OR i.province = :province)
    GROUP BY i.id ORDER BY i.province NULLS LAST, i.name""")
_HAS_NAME = text("""
    SELECT i.name FROM institute_name n JOIN institute i ON i.id = n.institute_id WHERE n.key = :key AND n.kind <> 'short' LIMIT 1""")
_HAS_CURRENT = text("""
    SELECT name FROM institute_name WHERE key = :key AND kind = 'current' AND institute_id <> :id""")
_LOCK = text("""
    SELECT name, short_name, province, city, kind, status, membership_number, since, until, notes, fields FROM institute
    WHERE id = :id FOR UPDATE""")
_GIVE_UP = text("UPDATE institute_name SET kind = 'former', until = :on WHERE institute_id = :id AND kind = 'current'")
_CALL = text("""
    INSERT INTO institute_name (institute_id, name, key, kind, since) VALUES (:id, :name, :key, :kind, :since)
    ON CONFLICT (institute_id, key) DO UPDATE SET
        name = excluded.name, since = COALESCE(excluded.since, institute_name.since), until = NULL,
        kind = CASE WHEN institute_name.kind = 'current' THEN 'current' ELSE excluded.kind END""")
_MOVE_CONTACTS = text("""
    UPDATE subscriber SET institute_id = :kept, updated_at = now(),
                          rank = rank + COALESCE((SELECT max(rank) FROM subscriber WHERE institute_id = :kept), 0)
    WHERE institute_id = :gone RETURNING id""")
_FOLLOW = (
    text("""
        INSERT INTO institute_name (institute_id, name, key, kind, since, until)
        SELECT :kept, name, key, 'former', since, COALESCE(until, :on) FROM institute_name WHERE institute_id = :gone
        ON CONFLICT (institute_id, key) DO NOTHING"""),
    text("DELETE FROM institute_name WHERE institute_id = :gone"),
    text("UPDATE institute SET successor_id = :kept, updated_at = now() WHERE successor_id = :gone"),
    text("UPDATE institute SET status = 'former', until = :on, successor_id = :kept, updated_at = now() WHERE id = :gone"),
    text("UPDATE task SET institute_id = :kept WHERE institute_id = :gone"),
)
