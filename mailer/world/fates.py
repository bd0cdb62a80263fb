"""What befalls a message on its way to one address: decided by the address and a seed, so that it is known beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from mailer.world.answers import Answer
from mailer.world.chance import fraction
from mailer.world.shares import FateKind, Shares
from mailer.world.wordings import worded


class Stage(StrEnum):
    """The command whose reply tells the fate: RCPT, or the dot that ends the content."""

    RCPT = "RCPT"
    DOT = "DOT"


@dataclass(frozen=True, slots=True)
class Fate:
    """It strikes at `stage`, `times` times (None: always); `answer` is the refusal, where there is one."""

    kind: FateKind
    stage: Stage
    times: int | None
    answer: Answer | None


_AT_THE_DOT = frozenset({FateKind.CONTENT, FateKind.DROPPED, FateKind.SLOW, FateKind.ACCEPT})
_ONCE = frozenset(
    {FateKind.GREYLISTED, FateKind.FULL_FOR_NOW, FateKind.FREQUENCY, FateKind.CLOSING, FateKind.DROPPED},
)


def fate(address: str, seed: int, shares: Shares) -> Fate:
    """The fate of `address`, drawn once and for all from `seed` in the proportions of `shares`."""
    left = fraction(seed, "fate", address)
    for kind, share in _steps(shares):
        left -= share
        if left < 0:
            return fate_of_kind(kind, address)
    return fate_of_kind(FateKind.ACCEPT, address)


def fate_of_kind(kind: FateKind, address: str) -> Fate:
    """The fate `kind` as it meets `address`."""
    stage = Stage.DOT if kind in _AT_THE_DOT else Stage.RCPT
    return Fate(kind, stage, 1 if kind in _ONCE else None, worded(kind, address))


@cache
def _steps(shares: Shares) -> tuple[tuple[FateKind, float], ...]:
    return tuple(shares.by_kind().items())
