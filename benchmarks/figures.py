"""What is measured, in pairs, and what is reported of it."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

LEAST_PAIRS = 5

Ours = TypeVar("Ours")
Reference = TypeVar("Reference")


class CannotMeasure(Exception):
    """What the benchmark needs is not here, or what was run did not do its work. Its text says what, and the cure."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Our side and the reference, measured one right after the other, in the same unit."""

    ours: float
    reference: float

    @property
    def ratio(self) -> float:
        return self.ours / self.reference


@dataclass(frozen=True, slots=True)
class Figure:
    """One ratio and what it must reach: at least `least`, or at most `most`. `choose` says what stands for its pairs."""

    name: str
    about: str
    unit: str
    pairs: tuple[Pair, ...]
    least: float | None = None
    most: float | None = None
    choose: Callable[[Iterable[float]], float] = statistics.median

    @property
    def ratio(self) -> float:
        return self.choose(pair.ratio for pair in self.pairs)

    @property
    def ours(self) -> float:
        return self.choose(pair.ours for pair in self.pairs)

    @property
    def reference(self) -> float:
        return self.choose(pair.reference for pair in self.pairs)

    @property
    def reached(self) -> bool:
        return (self.least is None or self.ratio >= self.least) and (self.most is None or self.ratio <= self.most)


@dataclass(frozen=True, slots=True)
class Report:
    """What a benchmark found: its first figure is the one that it stands for.

    `more` is what else is worth keeping of the run, `points` is each measurement of one that makes many, and `remarks` say what was left
    out, and why.
    """

    name: str
    figures: tuple[Figure, ...]
    more: Mapping[str, object] = field(default_factory=dict)
    points: tuple[Mapping[str, object], ...] = ()
    remarks: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """The document of the command line's contract; further figures are `ratio_NAME`, `ours_NAME`, `reference_NAME`."""
        first, *others = self.figures
        document: dict[str, object] = {
            "name": self.name,
            "ratio": rounded(first.ratio),
            "ours": rounded(first.ours),
            "reference": rounded(first.reference),
            "unit": first.unit,
            "runs": len(first.pairs),
            "pairs": [[rounded(pair.ours), rounded(pair.reference)] for pair in first.pairs],
        }
        for other in others:
            document |= {
                f"ratio_{other.name}": rounded(other.ratio),
                f"ours_{other.name}": rounded(other.ours),
                f"reference_{other.name}": rounded(other.reference),
                f"unit_{other.name}": other.unit,
            }
        remarks = {"remarks": list(self.remarks)} if self.remarks else {}
        return document | dict(self.more) | remarks


def in_turns(
    pairs: int, ours: Callable[[], Ours], reference: Callable[[], Reference], tell: Callable[[Ours, Reference], str]
) -> list[tuple[Ours, Reference]]:
    """Measure both sides `pairs` times, one right after the other; who is first changes, so that a drift favours neither."""
    measured = []
    for number in range(pairs):
        if number % 2 == 0:
            mine = ours()
            theirs = reference()
        else:
            theirs = reference()
            mine = ours()
        measured.append((mine, theirs))
        progress(f"  pair {number + 1} of {pairs}: {tell(mine, theirs)}")
    return measured


def rounded(value: float) -> float:
    """Four significant digits: more would claim what was not measured."""
    return float(f"{value:.4g}")


def spread(pairs: Sequence[Pair]) -> str:
    """The least and the greatest ratio."""
    ratios = [pair.ratio for pair in pairs]
    return f"{min(ratios):.2f}–{max(ratios):.2f}"


def progress(line: str) -> None:
    """Say on stderr how far it is."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
