"""What a benchmark is told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """How many recipients a run has, how many pairs are measured, and what else is to be measured against."""

    recipients: int
    pairs: int
    against: frozenset[str] = frozenset()
