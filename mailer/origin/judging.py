"""One pure rule: from a mailing's hits in their raw form to who made each, a person or a machine, and why that is thought."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailer.models import EventKind, Origin
from mailer.origin.table import OriginTable


@dataclass(frozen=True, slots=True)
class RawHit:
    """One open or click. `visitor` stands for the reader, `network` for where it came from, `after_seconds` counts from our 250.

    `speaks` is whether the request named a language.
    """

    id: int
    kind: EventKind
    link: int | None
    at: datetime
    visitor: int
    agent: str
    network: str | None
    speaks: bool
    after_seconds: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """Who made a hit, and the words of the table that say so."""

    id: int
    origin: Origin
    reasons: tuple[str, ...]


def judge(hits: Sequence[RawHit], table: OriginTable, *, scale: float = 1.0) -> list[Judgement]:
    """Judge the hits of one mailing, by their time; `scale` shortens what is soon, where a mailing's hours were pressed together."""
    ordered = sorted(hits, key=lambda hit: (hit.at, hit.id))
    limits = table.limits
    clicks = [hit for hit in ordered if hit.kind is EventKind.CLICK]
    many_links = _crowds(clicks, "visitor", "link", limits["links"], limits["links_seconds"])
    # Behind a relay of Apple's are many people at once, and behind a proxy of Gmail's.
    placed = [
        hit for hit in ordered if hit.network is not None and not table.relays.has(hit.network) and not _shared(hit, table)
    ]
    many_readers = _crowds(placed, "network", "visitor", limits["readers"], limits["readers_seconds"])
    seen: set[int] = set()
    opened: set[int] = set()
    judgements = []
    for hit in ordered:
        signals = list(_signals(hit, table, scale, first=hit.visitor not in seen, opened=hit.visitor in opened))
        signals += ["many_links"] if hit.id in many_links else []
        signals += ["many_readers"] if hit.id in many_readers else []
        seen.add(hit.visitor)
        if hit.kind is EventKind.OPEN:
            opened.add(hit.visitor)
        judgements.append(_judgement(hit, signals, table))
    return judgements


def _signals(hit: RawHit, table: OriginTable, scale: float, *, first: bool, opened: bool) -> Iterator[str]:
    soon = hit.after_seconds < int(table.limits["soon_seconds"] * scale)
    if not hit.agent:
        yield "no_agent"
    if hit.network is not None and table.is_known(hit.network):
        yield "known_network"
    if hit.kind is EventKind.OPEN:
        if soon:
            yield "soon_open"
        if hit.network is not None and table.relays.has(hit.network):
            yield "relay_open"
        return
    if not hit.speaks:
        yield "no_language"
    if soon:
        yield "soon_click"
    elif first and hit.after_seconds < int(table.limits["early_seconds"] * scale):
        yield "early_click"
    if not opened:
        yield "without_picture"


def _shared(hit: RawHit, table: OriginTable) -> bool:
    row = table.agent(hit.agent, hit.kind)
    return row is not None and row.shared


def _judgement(hit: RawHit, signals: list[str], table: OriginTable) -> Judgement:
    row = table.agent(hit.agent, hit.kind) if hit.agent else None
    score = sum(table.signals[signal] for signal in signals) + (row.score if row else 0)
    reasons = (*((row.name,) if row else ()), *signals)
    if score >= table.machine:
        return Judgement(hit.id, Origin.MACHINE, reasons)
    if row is None or score >= table.person_below:
        return Judgement(hit.id, Origin.UNKNOWN, reasons)
    return Judgement(hit.id, Origin.PERSON, reasons)


def _crowds(hits: Sequence[RawHit], group: str, member: str, number: int, seconds: int) -> set[int]:
    """The hits of a group, by time, that lie in some stretch of `seconds` in which it had so many different members."""
    lots: dict[Hashable, list[RawHit]] = defaultdict(list)
    for hit in hits:
        lots[getattr(hit, group)].append(hit)
    found: set[int] = set()
    for lot in lots.values():
        if len(lot) >= number:
            found |= _crowded(lot, member, number, timedelta(seconds=seconds))
    return found


def _crowded(lot: Sequence[RawHit], member: str, number: int, stretch: timedelta) -> set[int]:
    inside: dict[Hashable, int] = defaultdict(int)
    start, marked = 0, 0
    found: set[int] = set()
    for end, hit in enumerate(lot):
        inside[getattr(hit, member)] += 1
        while hit.at - lot[start].at > stretch:
            leaving = getattr(lot[start], member)
            inside[leaving] -= 1
            if not inside[leaving]:
                del inside[leaving]
            start += 1
        if len(inside) >= number:
            found.update(one.id for one in lot[max(start, marked) : end + 1])
            marked = end + 1
    return found
