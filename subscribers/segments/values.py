"""Values and spans of time read at a cursor, each of the kind that is wanted there."""

from __future__ import annotations

from datetime import date
from typing import assert_never

from subscribers.segments.cursor import Cursor, shown, some
from subscribers.segments.printing import RESERVED, quote
from subscribers.segments.tokens import Kind
from subscribers.segments.tree import Argument, Before, DaysAgo, LastDays, LastIssues, Since, Value
from subscribers.segments.vocabulary import Field, FieldKind, Span

LARGEST = 10**9
MOST_DAYS = 36_600
_DATE = "a date like 2026-01-31"


def read_value(cursor: Cursor, name: str, field: Field) -> Value:
    """The value of a field that comes next."""
    token = cursor.next
    if token.kind is Kind.WORD and token.text in RESERVED:
        raise cursor.fault(
            f"{token.text!r} is a word of the language; as a value it is {quote(token.text)}.", _values_of(field)
        )
    if token.kind not in (Kind.WORD, Kind.QUOTED):
        raise cursor.fault(f"{shown(token)} is no value.", _values_of(field))
    match field.kind:
        case FieldKind.TEXT:
            return cursor.advance().text
        case FieldKind.CHOICE:
            return _choice(cursor, name, field.choices)
        case FieldKind.FLAG:
            return _choice(cursor, name, ("yes", "no")) == "yes"
        case FieldKind.NUMBER:
            return read_number(cursor)
        case FieldKind.DATE:
            return _day_or_days_ago(cursor)
        case _:
            assert_never(field.kind)


def read_span(cursor: Cursor, spans: tuple[Span, ...]) -> Argument | None:
    """The span that comes next; None where none does."""
    if spans and cursor.sees("last"):
        last = cursor.advance()
        number = read_number(cursor)
        if Span.LAST_DAYS in spans and cursor.take("days"):
            return LastDays(min(number, MOST_DAYS))
        if Span.LAST_ISSUES in spans and number > 0:
            return LastIssues(number)
        raise cursor.fault(f"`last {number}` is not meant here.", some(span.value for span in spans), last)
    if Span.SINCE in spans and cursor.take("since"):
        return Since(read_day(cursor, _DATE))
    if Span.BEFORE in spans and cursor.take("before"):
        return Before(read_day(cursor, _DATE))
    return None


def read_number(cursor: Cursor) -> int:
    """A whole number."""
    text = cursor.next.text
    if not (cursor.next.kind is Kind.WORD and text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST))):
        raise cursor.fault(f"{shown(cursor.next)} is no whole number.", f"a whole number from 0 to {LARGEST}")
    if int(text) > LARGEST:
        raise cursor.fault(f"{text} is too large.", f"a whole number from 0 to {LARGEST}")
    return int(cursor.advance().text)


def read_day(cursor: Cursor, allowed: str) -> date:
    """A day of the calendar, in the one form that everybody reads: ISO 8601 has others, such as 2026-W05-6."""
    token = cursor.next
    try:
        day = date.fromisoformat(token.text)
    except ValueError:
        day = None
    if day is None or token.text != str(day):
        raise cursor.fault(f"{shown(token)} is no date.", allowed)
    cursor.advance()
    return day


def _day_or_days_ago(cursor: Cursor) -> date | DaysAgo:
    if not cursor.sees_after_next("days"):
        return read_day(cursor, f"{_DATE}, or 30 days ago")
    days = read_number(cursor)
    if not cursor.take("days", "ago"):
        raise cursor.fault(f"{shown(cursor.next)} cannot stand here.", "days ago")
    return DaysAgo(min(days, MOST_DAYS))


def _choice(cursor: Cursor, name: str, choices: tuple[str, ...]) -> str:
    if cursor.next.text not in choices:
        raise cursor.unknown(f"value of {name}", cursor.next, choices)
    return cursor.advance().text


def _values_of(field: Field) -> str:
    return some(field.choices) if field.choices else field.kind.holds
