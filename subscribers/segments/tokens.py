"""The words and signs of an expression, each with its place. Signs may be full-width, as a Chinese keyboard gives them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum, auto

from subscribers.errors import InputError

LONGEST = 100_000
_SHOWN = 72
_SIGNS = str.maketrans("（），、；＝！＜＞“”＂‘’＇　", "(),,,=!<>\"\"\"''' ")
_PATTERN = re.compile(
    r"""(?P<space>\s+)
      | (?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<sign>[(),]|<=|>=|!=|=|<|>)
      | (?P<word>[^\s()<>=!,"']+)""",
    re.VERBOSE,
)


class Kind(Enum):
    """What a piece of an expression is."""

    WORD = auto()
    QUOTED = auto()
    SIGN = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """One piece: what it says, without quotes, and where it stands."""

    kind: Kind
    text: str
    start: int
    end: int

    def says(self, *words: str) -> bool:
        """Whether it is one of these words or signs; what stands in quotes is none."""
        return self.kind in (Kind.WORD, Kind.SIGN) and self.text in words


class SegmentError(InputError):
    """What is wrong with an expression, with a line under the place, and what would be allowed there."""

    def __init__(self, expression: str, start: int, end: int, why: str, allowed: str) -> None:
        self.column = start + 1
        super().__init__(f"column {self.column} of the segment: {why}\n{_pointed(expression, start, end)}\n{allowed}")


def tokens_of(expression: str) -> list[Token]:
    """The tokens of an expression, the last of them END. SegmentError at what is none."""
    if len(expression) > LONGEST:
        raise InputError(f"the segment has {len(expression)} characters, and {LONGEST} are the most. Save parts of it by name.")
    text = expression.translate(_SIGNS)
    found, place = [], 0
    while place < len(text):
        matched = _PATTERN.match(text, place)
        if matched is None:
            raise _no_token(expression, place)
        if matched.lastgroup != "space":
            found.append(_token(expression, matched))
        place = matched.end()
    return [*found, Token(Kind.END, "", len(text), len(text))]


def _token(expression: str, matched: re.Match[str]) -> Token:
    assert matched.lastgroup
    start, end = matched.span()
    for place in range(start, end):
        if unicodedata.category(expression[place]) in ("Cc", "Cs"):
            raise SegmentError(expression, place, place + 1, "here is a control character.", "Take it out.")
    kind = Kind[matched.lastgroup.upper()]
    if kind is Kind.QUOTED:
        # What stands in quotes is meant as it was written, full-width signs and all.
        return Token(kind, re.sub(r"\\(.)", r"\1", expression[start + 1 : end - 1]), start, end)
    return Token(kind, matched.group(), start, end)


def _no_token(expression: str, place: int) -> SegmentError:
    if expression[place].translate(_SIGNS) in "\"'":
        return SegmentError(expression, place, len(expression), "this quotation mark is not closed.", 'Close it: "like this".')
    return SegmentError(expression, place, place + 1, f"{expression[place]!r} is no sign of the language.", "Allowed here: !=")


def _pointed(expression: str, start: int, end: int) -> str:
    """The expression, or the part of it around the place, with carets under the place, also where characters are two wide."""
    first = max(0, min(start - _SHOWN // 3, len(expression) - _SHOWN // 2))
    shown = "".join(" " if unicodedata.category(sign)[0] == "C" else sign for sign in expression[first : first + _SHOWN])
    before, under = shown[: start - first], shown[start - first : max(end, start + 1) - first]
    lead = "…" if first else ""
    return f"  {lead}{shown}\n  {' ' * (len(lead) + _width(before))}{'^' * max(1, _width(under))}"


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else not unicodedata.combining(sign) for sign in text)
