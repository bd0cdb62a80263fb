"""Institutes by any name that they have or had, and those that are new."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select, text
from sqlalchemy.dialects.postgresql import insert

from subscribers.db import Turn, take_turn
from subscribers.errors import InputError
from subscribers.models import Institute, InstituteName, NameKind

_NOT_COMPARED = frozenset("ZPSC")  # Separators, punctuation, symbols and control characters (Unicode general categories).


@dataclass(frozen=True, slots=True)
class NewInstitute:
    """What is known of an institute that may be new."""

    name: str
    short_name: str | None = None
    province: str | None = None
    city: str | None = None
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """What names led to: an institute's id by each name that is one institute's, and whose each of the others may be."""

    ids: Mapping[str, int]
    ambiguous: Mapping[str, tuple[str, ...]]


def key_of(name: str) -> str:
    """A name as names are compared: widths and cases folded, without spaces and punctuation."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(c for c in folded if unicodedata.category(c)[0] not in _NOT_COMPARED) or folded.strip()


def kept_name(name: str) -> str:
    """A name as it is kept, without the blanks that come along from another program. InputError where nothing is left of it."""
    kept = " ".join(name.split())
    if not kept:
        raise InputError("the name is empty. Give the institute's name.")
    return kept


def by_names(connection: Connection, names: Collection[str]) -> Named:
    """The institutes that names belong to: current names first, then short and former ones where they are one institute's only."""
    keys = {name: key_of(name) for name in names}
    found: dict[str, list[tuple[str, int, str]]] = {}
    for row in connection.execute(_BY_KEYS, {"keys": list(set(keys.values()))}):
        found.setdefault(row.key, []).append((row.kind, row.institute_id, row.name))
    ids: dict[str, int] = {}
    ambiguous: dict[str, tuple[str, ...]] = {}
    for name, key in keys.items():
        candidates = found.get(key, [])
        current = [one for one in candidates if one[0] == NameKind.CURRENT.value] or candidates
        if len(current) == 1:
            ids[name] = current[0][1]
        elif current:
            ambiguous[name] = tuple(sorted(one[2] for one in current))
    return Named(ids, ambiguous)


def find_institute(connection: Connection, name: str) -> int:
    """The id of the institute with that name, of today or of the past. InputError says what else there is."""
    named = by_names(connection, [name])
    if name in named.ids:
        return named.ids[name]
    if name in named.ambiguous:
        raise InputError(f"{may_be(name, named.ambiguous[name])}. Write the whole name.")
    raise InputError(f"there is no institute {name!r}. `jianbao institute list` shows those that there are.")


def ensure_institutes(connection: Connection, wanted: Iterable[NewInstitute]) -> dict[str, int]:
    """The id of each institute by its name as given; those that no name leads to are made. What is known of others stays."""
    by_name = {one.name: one for one in wanted}
    if not by_name:
        return {}
    named = by_names(connection, by_name)
    if len(named.ids) < len(by_name):
        take_turn(connection, Turn.NEW_INSTITUTES)  # Two that bring the same new institute wait for each other.
        named = by_names(connection, by_name)
    for name, candidates in named.ambiguous.items():
        raise InputError(f"{may_be(name, candidates)}. Write the whole name.")
    new = {key_of(name): one for name, one in by_name.items() if name not in named.ids}
    if not new:
        return dict(named.ids)
    _make(connection, new.values())
    return dict(by_names(connection, by_name).ids)


def _make(connection: Connection, new: Collection[NewInstitute]) -> None:
    rows = [
        {"name": one.name, "short_name": one.short_name, "province": one.province, "city": one.city, "kind": one.kind}
        for one in new
    ]
    connection.execute(insert(Institute).on_conflict_do_nothing(), rows)
    names = [one.name for one in new]
    made = {
        row.name: row.id for row in connection.execute(select(Institute.name, Institute.id).where(Institute.name.in_(names)))
    }
    called = [
        {"institute_id": made[one.name], "name": name, "key": key_of(name), "kind": kind.value}
        for one in new
        for name, kind in ((one.name, NameKind.CURRENT), (one.short_name, NameKind.SHORT))
        if name
    ]
    connection.execute(insert(InstituteName).on_conflict_do_nothing(), called)


def may_be(name: str, candidates: Iterable[str]) -> str:
    """What is to be said of a name that several institutes have or had."""
    return f"{name!r} may be {' or '.join(candidates)}"


# Which institute a name that stands in a record of the past leads to, whatever it is called today; short names may be several ones'.
INSTITUTE_OF_NAME = """
    SELECT DISTINCT ON (name) name, institute_id FROM institute_name WHERE kind <> 'short' ORDER BY name, kind = 'current' DESC, id"""

_BY_KEYS = text("""
    SELECT n.key, n.kind, n.institute_id, i.name FROM institute_name n JOIN institute i ON i.id = n.institute_id
    WHERE n.key = ANY(:keys)""")
