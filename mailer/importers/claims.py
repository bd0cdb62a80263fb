"""Numbers that a file claims in its markup: where a list begins to count, over how many columns a cell stretches."""

from __future__ import annotations

import re

_WHOLE = re.compile(r"[+-]?\d{1,9}")


def claimed_number(written: str | None) -> int | None:
    """The whole number that is written there; None where there is none, or one of more than nine digits, to which nobody counts."""
    written = (written or "").strip()
    return int(written) if _WHOLE.fullmatch(written) else None
