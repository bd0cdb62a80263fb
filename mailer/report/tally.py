"""Counts that add up: every table of a report is a different sum over the same cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby

from mailer.models import DeliveryState

_ARRIVED = frozenset({DeliveryState.ACCEPTED, DeliveryState.COMPLAINED})
_LOST = frozenset({DeliveryState.BOUNCED, DeliveryState.FAILED, DeliveryState.SKIPPED})


class Reach(StrEnum):
    """Whether the issue came to somebody. A complaint is proof that it did; 250 says that it came to a server."""

    REACHED = "reached"
    OPEN = "open"  # not sent yet, to be tried again, or its reply was lost
    NOT_REACHED = "not_reached"

    @classmethod
    def of(cls, state: DeliveryState) -> Reach:
        """What a delivery's state says of its recipient."""
        if state in _ARRIVED:
            return cls.REACHED
        return cls.NOT_REACHED if state in _LOST else cls.OPEN


@dataclass(frozen=True, slots=True)
class Cell:
    """The deliveries that have institute, province, provider, state and reason in common.

    `openers` and `clickers` are recipients behind whom a person was seen, `agreed_…` those of them who let themselves be counted by
    name.
    """

    institute: str | None
    province: str | None
    provider: str
    state: DeliveryState
    reason: str | None
    recipients: int
    unsubscribed: int
    receipts: int
    openers: int
    clickers: int
    agreed_openers: int
    agreed_clickers: int


@dataclass(frozen=True, slots=True)
class Tally:
    """Recipients by reach, which add up to `recipients`, and how many of them did something."""

    recipients: int
    reached: int
    open: int
    not_reached: int
    complained: int
    unsubscribed: int
    receipts: int

    @classmethod
    def of(cls, cells: Iterable[Cell]) -> Tally:
        """The sum over some cells."""
        chosen = list(cells)
        by_reach = {reach: sum(cell.recipients for cell in chosen if Reach.of(cell.state) is reach) for reach in Reach}
        return cls(
            recipients=sum(cell.recipients for cell in chosen),
            reached=by_reach[Reach.REACHED],
            open=by_reach[Reach.OPEN],
            not_reached=by_reach[Reach.NOT_REACHED],
            complained=sum(cell.recipients for cell in chosen if cell.state is DeliveryState.COMPLAINED),
            unsubscribed=sum(cell.unsubscribed for cell in chosen),
            receipts=sum(cell.receipts for cell in chosen),
        )


# In a smaller group a number would tell of single readers.
_FEWEST_TO_COUNT = 5


@dataclass(frozen=True, slots=True)
class Seen:
    """How many recipients' mail loaded pictures, and how many led to a page, where a person was behind it."""

    openers: int
    clickers: int


@dataclass(frozen=True, slots=True)
class Group:
    """One line of a table; `name` is None for those of whom it is not known, `seen` where that is, or the group too small to be told."""

    name: str | None
    tally: Tally
    seen: Seen | None


def grouped(cells: Iterable[Cell], key: Callable[[Cell], str | None], *, seen: bool) -> tuple[Group, ...]:
    """The cells summed by a key: the largest first, those of whom it is not known last; `seen`: it is known who was."""
    lots = groupby(sorted(cells, key=lambda cell: key(cell) or ""), key)
    groups = _of_enough([_group(name, list(lot), seen=seen) for name, lot in lots])
    return tuple(sorted(groups, key=lambda group: (group.name is None, -group.tally.recipients, group.name or "")))


def _group(name: str | None, cells: list[Cell], *, seen: bool) -> Group:
    readers = Seen(sum(cell.openers for cell in cells), sum(cell.clickers for cell in cells))
    return Group(name, Tally.of(cells), readers if seen else None)


def _of_enough(groups: Iterable[Group]) -> Iterator[Group]:
    """The groups without the readers of the small ones; nor of the next, where what the others lack of the total would tell of them."""
    untold = 0
    for group in sorted(groups, key=lambda group: group.tally.recipients):
        if group.tally.recipients < _FEWEST_TO_COUNT or 0 < untold < _FEWEST_TO_COUNT:
            untold += group.tally.recipients
            yield replace(group, seen=None)
        else:
            yield group


@dataclass(frozen=True, slots=True)
class Cause:
    """Why some recipients were not reached, or are not yet known to be: the state and the reason as the rows have them."""

    state: DeliveryState
    reason: str | None
    recipients: int


def causes(cells: Iterable[Cell]) -> tuple[Cause, ...]:
    """The causes of what was not reached and of what is open, the most frequent first; they add up to both."""
    numbers: dict[tuple[DeliveryState, str | None], int] = {}
    for cell in cells:
        if Reach.of(cell.state) is not Reach.REACHED:
            numbers[cell.state, cell.reason] = numbers.get((cell.state, cell.reason), 0) + cell.recipients
    found = [Cause(state, reason, number) for (state, reason), number in numbers.items()]
    return tuple(sorted(found, key=lambda cause: (-cause.recipients, cause.state, cause.reason or "")))


@dataclass(frozen=True, slots=True)
class InstituteOutcome:
    """A member institute in this mailing: reached when one of its addresses was. Causes are given where it was not.

    `agreed` counts those alone who let themselves be counted by name.
    """

    name: str
    province: str | None
    reach: Reach
    tally: Tally
    agreed: Seen
    causes: tuple[Cause, ...]


def institutes(cells: Iterable[Cell]) -> tuple[InstituteOutcome, ...]:
    """Every institute of the mailing, by province and name."""
    named = [cell for cell in cells if cell.institute]
    lots: dict[str, list[Cell]] = {}
    for cell in named:
        lots.setdefault(cell.institute or "", []).append(cell)
    found = [_institute(name, lot) for name, lot in lots.items()]
    return tuple(sorted(found, key=lambda one: (one.province is None, one.province or "", one.name)))


def _institute(name: str, cells: list[Cell]) -> InstituteOutcome:
    tally = Tally.of(cells)
    reach = Reach.REACHED if tally.reached else Reach.OPEN if tally.open else Reach.NOT_REACHED
    province = next((cell.province for cell in cells if cell.province), None)
    agreed = Seen(sum(cell.agreed_openers for cell in cells), sum(cell.agreed_clickers for cell in cells))
    return InstituteOutcome(name, province, reach, tally, agreed, () if reach is Reach.REACHED else causes(cells))
