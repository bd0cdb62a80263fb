"""A place in an expression, moved on token by token, and the faults that are found there."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from subscribers.segments.tokens import Kind, SegmentError, Token, tokens_of

_LISTED = 12  # More names than that are not read by anybody who looks for one.


class Cursor:
    """What comes next in an expression."""

    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._tokens = tokens_of(expression)
        self._place = 0

    @property
    def next(self) -> Token:
        """The token that comes next; END for ever when there is none."""
        return self._tokens[self._place]

    def advance(self) -> Token:
        """The token that comes next, passed."""
        token = self.next
        self._place = min(self._place + 1, len(self._tokens) - 1)
        return token

    def sees(self, *said: str) -> bool:
        """Whether these words and signs come next."""
        coming = self._tokens[self._place : self._place + len(said)]
        return len(coming) == len(said) and all(map(Token.says, coming, said))

    def sees_after_next(self, said: str) -> bool:
        """Whether that word or sign stands behind the token that comes next."""
        return any(token.says(said) for token in self._tokens[self._place + 1 : self._place + 2])

    def take(self, *said: str) -> bool:
        """Whether these words and signs come next; they are passed then."""
        if not self.sees(*said):
            return False
        self._place += len(said)
        return True

    def expect(self, sign: str, allowed: str) -> None:
        """Pass a sign that has to come next."""
        if not self.take(sign):
            raise self.fault(f"{shown(self.next)} cannot stand here.", allowed)

    def fault(self, why: str, allowed: str, at: Token | None = None) -> SegmentError:
        """What is wrong at the token that comes next, or at another."""
        token = at or self.next
        return SegmentError(self._expression, token.start, token.end, why, f"Allowed here: {allowed}.")

    def unknown(self, what: str, token: Token, known: Iterable[str]) -> SegmentError:
        """What is wrong with a name that is none of the known, with the nearest of them."""
        known = list(known)
        near = get_close_matches(token.text, known, n=1)
        meant = f" {near[0].rstrip('(')!r} may be meant." if near else ""
        return self.fault(f"{token.text!r} is no {what}.{meant}", some(known), token)


def shown(token: Token) -> str:
    """A token in a message."""
    return "the end" if token.kind is Kind.END else repr(token.text)


def some(names: Iterable[str]) -> str:
    """The first of the names, and how many more there are."""
    names = list(names)
    return ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "") or "nothing yet"
