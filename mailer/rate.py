"""How fast, as people write it, and all the bounds that a relay, a provider or a mailing can have."""

from __future__ import annotations

import re
from dataclasses import dataclass

from subscribers.errors import InputError

_UNITS = {"s": 1, "min": 60, "h": 3600, "day": 86400}
_RATE = re.compile(r"(?P<count>\d+)/(?P<times>\d*)(?P<unit>s|min|h|day)")


@dataclass(frozen=True, slots=True)
class Rate:
    """So many messages in so many seconds."""

    count: int
    seconds: int

    @classmethod
    def parse(cls, text: str) -> Rate:
        """A rate as people write it: `20/s`, `300/min`, `500/10min`, `1000/h`, `5000/day`."""
        match = _RATE.fullmatch(text.strip())
        if match is None or int(match["count"]) == 0 or (match["times"] and int(match["times"]) == 0):
            raise InputError(f"{text!r} is not a rate. Give one like 20/s, 300/min, 500/10min, 1000/h or 5000/day.")
        return cls(int(match["count"]), int(match["times"] or 1) * _UNITS[match["unit"]])

    def __str__(self) -> str:
        unit, seconds = next((u, s) for u, s in reversed(_UNITS.items()) if self.seconds % s == 0)
        times = self.seconds // seconds
        return f"{self.count}/{times if times > 1 else ''}{unit}"

    @property
    def interval(self) -> float:
        """Seconds from one message to the next."""
        return self.seconds / self.count

    @property
    def per_second(self) -> float:
        """Messages a second."""
        return self.count / self.seconds


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a server bears: a rate, messages on their way at once, and allowances by the clock's hour and day. None is no bound."""

    rate: Rate | None = None
    at_once: int | None = None
    per_hour: int | None = None
    per_day: int | None = None
