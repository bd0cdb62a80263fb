"""How fast: one truth in Redis, by its clock, shared by every worker on every machine.

Each limit is a generic cell rate algorithm (ITU-T I.371, annex A): Redis keeps the time at which the limit will be free again.
A grant asks all the limits of a batch in one script and takes the least of what they allow. After idleness, and after Redis has lost
its memory, no more than BURST_SECONDS' worth may leave at once, so that nothing ever opens a burst.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import redis

from subscribers.errors import InputError

BURST_SECONDS = 0.25
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
        if match is None or int(match["count"]) == 0 or match["times"] == "0":
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


@dataclass(frozen=True, slots=True)
class Limit:
    """A rate with the name under which everybody shares it, such as `mailing:7` or `mailing:7:netease`."""

    name: str
    rate: Rate


@dataclass(frozen=True, slots=True)
class Grant:
    """How many messages may leave now, and after how long to ask again when that was less than was wanted."""

    count: int
    wait: timedelta


_SCRIPT = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local granted, wait, free = tonumber(ARGV[1]), 0, {}
for i, key in ipairs(KEYS) do
  local interval, burst = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  free[i] = math.max(tonumber(redis.call('GET', key) or '0'), now)
  granted = math.min(granted, math.floor((now + burst - free[i]) / interval))
end
granted = math.max(granted, 0)
for i, key in ipairs(KEYS) do
  local interval, burst = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  free[i] = free[i] + granted * interval
  if granted > 0 then
    redis.call('SET', key, string.format('%.0f', free[i]), 'PX', math.ceil((free[i] - now) / 1000) + 60000)
  end
  wait = math.max(wait, free[i] + math.max(interval, burst / 2) - burst - now)
end
return {granted, string.format('%.0f', wait)}
"""


class Pacer:
    """Asks Redis. What Redis raises, the caller sees: where it cannot be asked, sending waits."""

    def __init__(self, client: redis.Redis) -> None:
        self._script = client.register_script(_SCRIPT)

    def take(self, limits: Sequence[Limit], wanted: int) -> Grant:
        """Up to `wanted` messages, as many as every one of `limits` allows now."""
        if not limits or wanted <= 0:
            return Grant(max(wanted, 0), timedelta())
        arguments: list[float] = [wanted]
        for limit in limits:
            interval = limit.rate.interval * 1e6
            arguments += [interval, max(interval, BURST_SECONDS * 1e6)]
        count, wait = self._script(keys=[f"jianbao:pace:{limit.name}" for limit in limits], args=arguments)
        return Grant(int(count), timedelta(microseconds=max(0, int(wait))))
