"""A tree as text: the one way of writing it, which is read back as the same tree."""

from __future__ import annotations

import re
from datetime import date
from typing import assert_never

from subscribers.segments.tree import (
    And,
    Argument,
    Before,
    Call,
    Comparison,
    DaysAgo,
    Expression,
    LastDays,
    LastIssues,
    Named,
    Not,
    Operator,
    Or,
    Since,
    Value,
)

RESERVED = frozenset(
    {"and", "or", "not", "in", "is", "empty", "contains", "starts", "with", "last", "since", "before", "days", "ago"}
)
OWN = ".fields."
# Words of letters, digits and a few signs; what else there is, such as a full-width comma, is put in quotes.
_PLAIN = re.compile(r"[\w.@+/:-]+")


def print_expression(tree: Expression) -> str:
    """The tree as text."""
    match tree:
        case Comparison(field, operator, values):
            return _comparison(field, operator, values)
        case Call(predicate, arguments):
            return f"{predicate}({', '.join(map(_argument, arguments))})"
        case Not(part):
            return f"not {_bracketed(part)}"
        case And(parts):
            return " and ".join(map(_bracketed, parts))
        case Or(parts):
            return " or ".join(print_expression(part) if isinstance(part, And) else _bracketed(part) for part in parts)
        case _:
            assert_never(tree)


def _bracketed(part: Expression) -> str:
    text = print_expression(part)
    return f"({text})" if isinstance(part, And | Or) else text


def _comparison(field: str, operator: Operator, values: tuple[Value, ...]) -> str:
    match operator:
        case Operator.EMPTY:
            return f"{_field(field)} {operator}"
        case Operator.IN:
            return f"{_field(field)} {operator} ({', '.join(map(_value, values))})"
        case _:
            return f"{_field(field)} {operator} {_value(values[0])}"


def _field(name: str) -> str:
    prefix, own, rest = name.partition(OWN)
    return name if not own or is_plain(rest) else f"{prefix}{own}{quote(rest)}"


def _value(value: Value) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case int() | date():
            return str(value)
        case DaysAgo(days):
            return f"{days} days ago"
        case str():
            return word(value)
        case _:
            assert_never(value)


def _argument(argument: Argument) -> str:
    match argument:
        case Named(name):
            return word(name)
        case LastIssues(number):
            return f"last {number}"
        case LastDays(number):
            return f"last {number} days"
        case Since(day):
            return f"since {day}"
        case Before(day):
            return f"before {day}"
        case _:
            assert_never(argument)


def word(text: str) -> str:
    """A text as a value, in quotes where it needs them."""
    return text if is_plain(text) and text not in RESERVED else quote(text)


def is_plain(text: str) -> bool:
    """Whether a text is read as one word without quotes."""
    return _PLAIN.fullmatch(text) is not None


def quote(text: str) -> str:
    """A text in quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
