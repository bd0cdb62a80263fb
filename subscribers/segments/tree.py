"""A segment as it was understood: checked words and typed values, and nothing of how it was written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TypeAlias, assert_never


class Operator(StrEnum):
    """What is asked of a field. The negations of these are a `Not` around them, but for UNEQUAL, which everybody writes."""

    EQUAL = "="
    UNEQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="
    IN = "in"
    CONTAINS = "contains"
    STARTS = "starts with"
    EMPTY = "is empty"


@dataclass(frozen=True, slots=True)
class DaysAgo:
    """The day that lies so many days before the one on which the segment is asked for."""

    days: int


Value: TypeAlias = str | bool | int | date | DaysAgo


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field beside a value, several (IN), or none (EMPTY). All but UNEQUAL and EMPTY are false of a field that is empty."""

    field: str
    operator: Operator
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class LastIssues:
    """One of the last so many issues that were sent."""

    number: int


@dataclass(frozen=True, slots=True)
class LastDays:
    """In the last so many days."""

    number: int


@dataclass(frozen=True, slots=True)
class Since:
    """On that day or later."""

    day: date


@dataclass(frozen=True, slots=True)
class Before:
    """Earlier than that day."""

    day: date


@dataclass(frozen=True, slots=True)
class Named:
    """One of a closed set of names: a list's, an issue's, a reason's."""

    name: str


Argument: TypeAlias = Named | LastIssues | LastDays | Since | Before


@dataclass(frozen=True, slots=True)
class Call:
    """A question with a name, like `list(members)`: true or false, never unknown."""

    predicate: str
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True where `part` is not."""

    part: Expression


@dataclass(frozen=True, slots=True)
class And:
    """True where each of two or more parts is."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """True where at least one of two or more parts is."""

    parts: tuple[Expression, ...]


Expression: TypeAlias = Comparison | Call | Not | And | Or


def conditions(tree: Expression) -> Iterator[Comparison | Call]:
    """The leaves of a tree, from left to right."""
    match tree:
        case Comparison() | Call():
            yield tree
        case Not(part):
            yield from conditions(part)
        case And(parts) | Or(parts):
            for part in parts:
                yield from conditions(part)
        case _:
            assert_never(tree)
