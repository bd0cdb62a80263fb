"""Signs set above or below the line as those that stand so by themselves: m², 10⁻³, CO₂. Without it 10⁹ would read 109."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Shift(StrEnum):
    """Where letters stand; the words are Word's."""

    NONE = "baseline"
    RAISED = "superscript"
    LOWERED = "subscript"


_DIGITS = "0123456789+-−=()"
_SIGNS: Mapping[Shift, dict[int, int]] = {
    Shift.NONE: {},
    Shift.RAISED: str.maketrans(_DIGITS + "n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ"),
    Shift.LOWERED: str.maketrans(_DIGITS, "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎"),
}


def is_shiftable(text: str, shift: Shift) -> bool:
    """Whether every sign of a text has one of its own there."""
    return all(ord(sign) in _SIGNS[shift] for sign in text)


def shifted(text: str, shift: Shift) -> str:
    """The text in signs that stand there; as it is where one of them has none: 1st, [1]."""
    return text.translate(_SIGNS[shift]) if is_shiftable(text.strip(), shift) else text
