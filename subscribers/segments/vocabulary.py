"""The closed set of what a segment may speak of: fields, questions, and the names that they take. Who knows more, adds to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement

from subscribers.segments.tree import Argument, Operator


@dataclass(frozen=True, slots=True)
class Moment:
    """When a segment is asked for, and whose days count."""

    now: datetime
    zone: ZoneInfo


_EXACT = (Operator.EQUAL, Operator.UNEQUAL, Operator.IN, Operator.EMPTY)
_ORDERED = (Operator.LESS, Operator.AT_MOST, Operator.MORE, Operator.AT_LEAST)


class FieldKind(Enum):
    """What a field holds, in words for people, and what may be asked of it."""

    TEXT = "a text", (*_EXACT, Operator.CONTAINS, Operator.STARTS)
    CHOICE = "one of a few words", _EXACT
    NUMBER = "a whole number", (*_EXACT, *_ORDERED)
    DATE = "a date", (*_EXACT, *_ORDERED)
    FLAG = "yes or no", (Operator.EQUAL, Operator.UNEQUAL)

    def __init__(self, holds: str, operators: tuple[Operator, ...]) -> None:
        self.holds = holds
        self.operators = operators


@dataclass(frozen=True, slots=True)
class Field:
    """A word like `institute.province`: what it holds, and the column. `choices` closes a CHOICE."""

    kind: FieldKind
    column: Callable[[Moment], ColumnElement[Any]]
    about: str
    choices: tuple[str, ...] = ()


class Span(Enum):
    """The ways to say which time or which issues are meant, each with an example."""

    LAST_ISSUES = "last 3"
    LAST_DAYS = "last 90 days"
    SINCE = "since 2026-01-31"
    BEFORE = "before 2026-01-31"


@dataclass(frozen=True, slots=True)
class Parameter:
    """What may stand between the brackets: a name out of `choices`, or of `also`, which are not told, or a span. All but the first may
    always be left out."""

    about: str
    choices: tuple[str, ...] = ()
    spans: tuple[Span, ...] = ()
    required: bool = False
    also: frozenset[str] = frozenset()


Question: TypeAlias = Callable[[Sequence[Argument], Moment], ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Predicate:
    """A question like `list(members)`: its parameters in order, and the condition on a subscriber, which is never NULL.

    `negation` is the opposite, where the database finds that sooner by other words than `not`.
    """

    parameters: tuple[Parameter, ...]
    condition: Question
    about: str
    negation: Question | None = None


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """`own` are the prefixes of an association's own fields, each a text. `saved` are expressions by name, for `segment(NAME)`."""

    fields: Mapping[str, Field]
    predicates: Mapping[str, Predicate]
    own: Mapping[str, Callable[[str], Field]] = field(default_factory=dict)
    saved: Mapping[str, str] = field(default_factory=dict)

    def __or__(self, other: Vocabulary) -> Vocabulary:
        """Both together."""
        return Vocabulary(
            {**self.fields, **other.fields},
            {**self.predicates, **other.predicates},
            {**self.own, **other.own},
            {**self.saved, **other.saved},
        )

    def field(self, name: str) -> Field | None:
        """The field of that name, an own one included; None where there is none."""
        if name in self.fields:
            return self.fields[name]
        for prefix, make in self.own.items():
            if name.startswith(prefix) and len(name) > len(prefix):
                return make(name.removeprefix(prefix))
        return None
