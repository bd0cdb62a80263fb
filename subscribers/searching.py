"""Looking for people with what one remembers of them: a part of an address, a name, an institute's name of whatever time, with slips.

PostgreSQL is asked for rows in which some piece of what was typed stands unchanged; how near each is, is decided here. That needs no
extension of PostgreSQL's and no index, and Chinese in a database of locale C is found like everything else (docs/adr/0006).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from rapidfuzz.distance import OSA
from sqlalchemy import Connection, text

from subscribers.institutes import key_of

_MOST_CANDIDATES = 50_000
_WORD, _BEGINNING, _PART, _FAR = 0, 1, 2, 100


@dataclass(frozen=True, slots=True)
class Hit:
    """One subscriber that may be meant, and what of it resembles what was typed."""

    id: int
    address: str
    name: str | None
    institute: str | None
    state: str
    matched: str


def slips_allowed(query: str) -> int:
    """How many slips of a hand what was typed may have: none in two signs, one in three to five, two in more."""
    return min(2, (len(query)) // 3)


def pieces_of(query: str) -> list[str]:
    """Parts of the query of which at least one stands in whatever is as near as allowed: a slip spoils one part, a swap two."""
    count = min(2 * slips_allowed(query) + 1, len(query))
    cuts = [round(place * len(query) / count) for place in range(count + 1)] if count else []
    return [query[begin:end] for begin, end in pairwise(cuts)]


def distance(query: str, words: Iterable[str]) -> int:
    """How far what was typed is from the nearest of the words: 0 where it is one, then parts of one by their share, then slips."""
    allowed = slips_allowed(query)
    best = _FAR
    for word in words:
        if word == query:
            return _WORD
        if query in word:
            best = min(best, _BEGINNING if word.startswith(query) else _PART)
        else:
            slips = OSA.distance(query, word, score_cutoff=allowed)
            best = min(best, _PART + slips) if slips <= allowed else best
    return best


def abbreviates(short: str, long: str) -> bool:
    """Whether `short` has, in order, only signs of `long`, the first among them: 云南农科院 of 云南省农业科学院."""
    rest = iter(long)
    return len(short) > 2 and short[0] == long[:1] and all(sign in rest for sign in short)


def find(connection: Connection, query: str, limit: int) -> list[Hit]:
    """Those who may be meant, the nearest first."""
    typed = _folded(query)
    if not typed:
        return []
    institutes = institutes_like(connection, query)
    parameters = {
        "pieces": [_like(piece) for piece in pieces_of(typed)],
        "institutes": list(institutes),
        "most": _MOST_CANDIDATES,
    }
    ranked = []
    for row in connection.execute(_CANDIDATES, parameters):
        near, matched = _nearness(typed, row.canonical, row.name, institutes.get(row.institute_id))
        if near < _FAR:
            ranked.append((near, row.canonical, Hit(row.id, row.address, row.name, row.institute, row.state, matched)))
    ranked.sort(key=lambda one: one[:2])
    # Where what was typed is found as it is, nobody is looking for a slip of it.
    nearest = _PART if ranked and ranked[0][0] <= _PART else _FAR
    return [hit for near, _, hit in ranked[:limit] if near <= nearest]


def institutes_like(connection: Connection, query: str) -> dict[int, tuple[int, str]]:
    """How near each institute's nearest name is to what was typed, and that name: those that resemble it at all."""
    typed = key_of(query)
    found: dict[int, tuple[int, str]] = {}
    for row in connection.execute(_NAMES):
        near = distance(typed, [row.key])
        if near == _FAR and abbreviates(typed, row.key):
            near = _PART
        if near < found.get(row.institute_id, (_FAR, ""))[0]:
            found[row.institute_id] = (near, row.name)
    return found


def _nearness(typed: str, canonical: str, name: str | None, institute: tuple[int, str] | None) -> tuple[int, str]:
    local, _, domain = canonical.partition("@")
    found = [(distance(typed, (canonical, local, domain)), "address")]
    if name:
        found.append((distance(typed, [_folded(name)]), "name"))
    if institute:
        found.append((institute[0], institute[1]))
    return min(found, key=lambda one: one[0])


def _folded(text_: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text_).lower().split())


def _like(piece: str) -> str:
    escaped = piece.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{escaped}%"


# Names are compared without their spaces, as they are typed in either way: 欧阳 静姝.
_CANDIDATES = text("""
    SELECT s.id, s.address, s.canonical, s.name, s.institute_id, i.name AS institute, s.state
    FROM subscriber s LEFT JOIN institute i ON i.id = s.institute_id
    WHERE s.canonical LIKE ANY(:pieces) OR replace(lower(s.name), ' ', '') LIKE ANY(:pieces) OR s.institute_id = ANY(:institutes)
    LIMIT :most""")
_NAMES = text("SELECT institute_id, name, key FROM institute_name")
