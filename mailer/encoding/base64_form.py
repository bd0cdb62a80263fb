"""A form in base64: what is the same for everybody is encoded once, and only its slots are encoded for each recipient.

Base64 turns three octets into four characters, so a slot seldom begins where a character begins. The octets before it that
do not fill a group of three (the carry) are encoded with its value, and so are the octets after it that fill the value's
last group (the head). How many those are depends on the value's width. Where the width is known, everything is decided when
the form is made; where it is not, all that follows is kept in three encodings, one for each size of the head. Base64 lines
may be short (RFC 2045 §6.8), so every piece begins a line of its own and none ever moves another.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter

CRLF = b"\r\n"
_GROUP, _GROUP_CHARACTERS = 3, 4
_LINE_OCTETS, _LINE_CHARACTERS = 57, 76  # RFC 2045 §6.8


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of the value with this index; `width` is its number of octets, or None where that differs."""

    index: int
    width: int | None = None


Run = tuple[bytes | Slot, ...]


def encoded_lines(octets: bytes) -> bytes:
    """`octets` in base64: lines of at most 76 characters, joined by CRLF, the last one not ended."""
    if len(octets) <= _LINE_OCTETS:
        return b2a_base64(octets, newline=False)
    starts = range(0, len(octets), _LINE_OCTETS)
    return CRLF.join([b2a_base64(octets[start : start + _LINE_OCTETS], newline=False) for start in starts])


class Base64Form:
    """A text of literal octets and slots, in base64.

    `fill` gives the lines for one recipient's values, as pieces to be joined by CRLF: at most 76 characters a line, and
    what they decode to is exactly the text with its slots filled.
    """

    def __init__(self, pieces: Iterable[bytes | Slot]) -> None:
        stretches: tuple[_Stretch, ...] = ()
        for span in reversed(_spans(*_alternate(pieces))):
            stretches = tuple(_stretch(span, head, stretches) for head in range(_GROUP))
        self._first = stretches[0]

    @property
    def opening(self) -> bytes:
        """The lines that come before the first slot, the same for every recipient."""
        return self._first.lines[0] if self._first.lines else b""

    def fill(self, values: Sequence[bytes]) -> list[bytes]:
        """The encoded text; the value of a slot is `values[slot.index]`. A width that was promised must be kept."""
        stretch = self._first
        lines = stretch.fill(values)
        while stretch.last is not None:
            octets = stretch.last.fill(values)
            stretch = stretch.after[-len(octets) % _GROUP]
            if octets:
                lines.append(encoded_lines(octets + stretch.head))
            lines += stretch.fill(values)
        return lines


@dataclass(frozen=True, slots=True)
class _Octets:
    """Octets with values among them."""

    template: bytes
    select: Callable[[Sequence[bytes]], bytes | tuple[bytes, ...]]

    @classmethod
    def of(cls, pieces: Sequence[bytes | Slot]) -> _Octets:
        template = b"".join([b"%b" if isinstance(piece, Slot) else piece.replace(b"%", b"%%") for piece in pieces])
        indexes = [piece.index for piece in pieces if isinstance(piece, Slot)]
        # With one index itemgetter gives the value itself, with several a tuple: either is what the % operator takes.
        return cls(template, itemgetter(*indexes))

    def fill(self, values: Sequence[bytes]) -> bytes:
        return self.template % self.select(values)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """From behind one run of unknown width to the next: `lines` with gaps, what fills the gaps, and the next run.

    All that goes into the gaps is whole groups, so that it is encoded in one call and then cut. `head` are the octets that
    complete the run before; `after` are the stretches that may follow the next run, by the size of their head.
    """

    head: bytes
    lines: tuple[bytes, ...]
    gaps: tuple[tuple[int, slice], ...]
    filling: _Octets | None
    last: _Octets | None
    after: tuple[_Stretch, ...]

    def fill(self, values: Sequence[bytes]) -> list[bytes]:
        lines = list(self.lines)
        if self.filling:
            encoded = b2a_base64(self.filling.fill(values), newline=False)
            for place, part in self.gaps:
                lines[place] = encoded[part]
        return lines


@dataclass(frozen=True, slots=True)
class _Span:
    """Literals with runs of known width between them, and the run of unknown width that ends them (none at the end)."""

    literals: tuple[bytes, ...]
    runs: tuple[Run, ...]
    last: Run | None


def _alternate(pieces: Iterable[bytes | Slot]) -> tuple[list[bytes], list[Run]]:
    """The literals and the runs between them. A literal that could not give a whole head becomes part of the run."""
    literals: list[bytes] = [b""]
    runs: list[Run] = []
    for piece in pieces:
        match piece:
            case bytes():
                literals[-1] += piece
            case Slot() if runs and len(literals[-1]) < _GROUP - 1:
                runs[-1] = (*runs[-1], literals[-1], piece)
                literals[-1] = b""
            case Slot():
                runs.append((piece,))
                literals.append(b"")
    return literals, runs


def _spans(literals: list[bytes], runs: list[Run]) -> list[_Span]:
    spans, start = [], 0
    for number, run in enumerate(runs):
        if _width(run) is None:
            spans.append(_Span(tuple(literals[start : number + 1]), tuple(runs[start:number]), run))
            start = number + 1
    spans.append(_Span(tuple(literals[start:]), tuple(runs[start:]), None))
    return spans


def _stretch(span: _Span, head: int, after: tuple[_Stretch, ...]) -> _Stretch:
    parts, carry = _aligned(span, head)
    runs = list(dict.fromkeys(part for part in parts if isinstance(part, tuple)))  # Equal ones are encoded once.
    cuts = _cuts(runs)
    lines: list[bytes] = []
    gaps: list[tuple[int, slice]] = []
    for part in parts:
        if isinstance(part, bytes):
            lines.append(encoded_lines(part))
        else:
            gaps += enumerate(cuts[part], start=len(lines))
            lines += [b""] * len(cuts[part])
    return _Stretch(
        head=span.literals[0][:head],
        lines=tuple(lines),
        gaps=tuple(gaps),
        filling=_Octets.of([piece for run in runs for piece in run]) if runs else None,
        last=_Octets.of((carry, *span.last)) if span.last else None,
        after=after,
    )


def _aligned(span: _Span, head: int) -> tuple[list[bytes | Run], bytes]:
    """The literals and the runs, each of whole groups but for the end of the text, and the carry of the span's last run."""
    parts: list[bytes | Run] = []
    rest = span.literals[0][head:]
    for run, following in zip(span.runs, span.literals[1:], strict=True):
        whole = len(rest) - len(rest) % _GROUP
        carry = rest[whole:]
        missing = -(len(carry) + (_width(run) or 0)) % _GROUP
        parts += [rest[:whole], (carry, *run, following[:missing])]
        rest = following[missing:]
    whole = len(rest) - len(rest) % _GROUP if span.last else len(rest)
    return [part for part in [*parts, rest[:whole]] if part], rest[whole:]


def _cuts(runs: Sequence[Run]) -> dict[Run, list[slice]]:
    """The lines of each run in the encoding of all of them, one after the other."""
    cuts, start = {}, 0
    for run in runs:
        groups = ((_width(run) or 0) + _GROUP - 1) // _GROUP
        end = start + groups * _GROUP_CHARACTERS
        cuts[run] = [slice(at, min(at + _LINE_CHARACTERS, end)) for at in range(start, end, _LINE_CHARACTERS)]
        start = end
    return cuts


def _width(run: Run) -> int | None:
    widths = [piece.width if isinstance(piece, Slot) else len(piece) for piece in run]
    known = [width for width in widths if width is not None]
    return sum(known) if len(known) == len(widths) else None
