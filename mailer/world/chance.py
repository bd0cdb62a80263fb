"""Chance that can be asked again: the same seed and the same words give the same draw, in every process and on every machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import TypeVar

Option = TypeVar("Option")


def fraction(seed: int, *words: object) -> float:
    """A number in [0, 1) that depends on `seed` and `words` alone."""
    text = "\x1f".join(map(str, (seed, *words)))
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogateescape"), digest_size=6).digest()) / 2**48


def pick(options: Sequence[Option], seed: int, *words: object) -> Option:
    """One of `options`, each as likely as the next."""
    return options[int(fraction(seed, *words) * len(options))]


def weighted(options: Mapping[Option, int], seed: int, *words: object) -> Option:
    """One of `options`, as likely as its weight."""
    left = fraction(seed, *words) * sum(options.values())
    for option, weight in options.items():
        left -= weight
        if left < 0:
            return option
    raise ValueError("there is nothing to choose from: every weight is 0")
