"""What the pace has granted beyond what was needed at once."""

from __future__ import annotations

from collections.abc import Sequence

from mailer.pacing import Limit

_MOST = 4  # times what is needed now
_KEPT_SECONDS = 0.1  # Later than that it would no longer be the pace that was granted.


class Advance:
    """Asks for more than is needed, where the pace is no hindrance anyway, so that a batch need not ask for every few messages.

    Each grant in full doubles what is asked for next; one that was short means that every message counts, and then exactly what is
    needed is asked for. So it is where allowances or messages at once are counted: what is granted there and not used is lost to others.
    """

    def __init__(self) -> None:
        self._factor = 1
        self._left = 0
        self._until = 0.0

    def draw(self, wanted: int, now: float) -> int:
        """How many of `wanted` may go on what was granted before; `now` is by the monotonic clock."""
        count = min(wanted, self._left) if now < self._until else 0
        self._left -= count
        return count

    def asked(self, wanted: int, limits: Sequence[Limit]) -> int:
        """How many to ask for when `wanted` are needed."""
        if any(limit.bounds.at_once or limit.bounds.per_hour or limit.bounds.per_day for limit in limits):
            return wanted
        return wanted * self._factor

    def granted(self, count: int, *, asked: int, wanted: int, now: float) -> int:
        """Keep what was granted beyond `wanted`; how many may go now."""
        self._factor = min(self._factor * 2, _MOST) if count == asked else 1
        used = min(count, wanted)
        self._left, self._until = count - used, now + _KEPT_SECONDS
        return used
