"""How fast: one truth in Redis, by its clock, shared by every worker on every machine.

A grant asks all the limits of a batch in one script (`pace.lua`) and takes the least of what they allow. After idleness, and after
Redis has lost its memory, no more than a quarter of a second's worth may leave at once, so that nothing ever opens a burst. What is
left of an hour's or a day's allowance after such a loss is counted from the ledger.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, TypeAlias, TypeVar
from zoneinfo import ZoneInfo

import redis
import redis.asyncio

from mailer.rate import Bounds

_SCRIPT = Path(__file__).with_name("pace.lua").read_text(encoding="utf-8")
_KEY = "jianbao:pace:{}"
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_LONGEST_CLOSURE = timedelta(hours=24)
_NO_BOUNDS = Bounds()
_DEFAULT_ZONE = ZoneInfo("Asia/Shanghai")
T = TypeVar("T")

Stretch: TypeAlias = tuple[datetime, datetime]
"""From when until when mail leaves today."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What the ledger counts against an allowance: all that was handed to a relay, or only what was for one provider."""

    relay: str
    provider: str | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """Bounds with the name under which everybody shares them, such as `mailing:7` or `relay:smtp.example.org:587:netease`.

    `scale` stretches the rate: a mailing that runs on a scale of time other than ours takes its providers along. Allowances need `tally`.
    """

    name: str
    bounds: Bounds = _NO_BOUNDS
    scale: float = 1.0
    tally: Tally | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """How many messages may leave now; when that was less than was wanted, after how long to ask again, and for which limit's sake."""

    count: int
    wait: timedelta
    limit: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """For how long a limit is closed, and at what share of its rate it goes on."""

    closed_for: timedelta
    factor: float


@dataclass(frozen=True, slots=True)
class Window:
    """An hour or a day by the clock: when it begins and ends, and when the one before it began."""

    name: str
    start: datetime
    stop: datetime
    last: datetime


Count: TypeAlias = Callable[[Tally, datetime, datetime], int]
"""How many messages the ledger counts for a tally, from one moment until before another."""


def _nothing(_tally: Tally, _since: datetime, _until: datetime) -> int:
    return 0


@dataclass(frozen=True, slots=True)
class _Ask:
    """A question to Redis, as JSON."""

    document: str


@dataclass(frozen=True, slots=True)
class _CountUsed:
    """A question to the ledger: what was used of a limit's allowances."""

    limit: Limit


_Known: TypeAlias = dict[tuple[str, str], tuple[int, int]]
_Questions: TypeAlias = Generator[_Ask | _CountUsed, Any, T]
"""A conversation: questions come out of it, answers go in, and in the end it returns what was to be found out."""


class _Conversations:
    """What is asked, and what is made of the answers, whoever carries them there and back."""

    def __init__(self, zone: ZoneInfo, count: Count, clock: Callable[[], int] | None) -> None:
        self._zone = zone
        self._count = count
        self._clock = clock
        self._windows = windows(datetime.now(UTC), zone)

    def taking(self, limits: Sequence[Limit], wanted: int, holder: str, out: int, stretch: Stretch | None) -> _Questions[Grant]:
        if not limits:
            return Grant(max(wanted, 0), timedelta())
        ledger: _Known = {}
        while True:
            asked = [self._document(limit, stretch, ledger) for limit in limits]
            match (yield self._ask(op="take", wanted=max(wanted, 0), holder=holder, out=out, limits=asked)):
                case [b"granted", int(count), wait, int(number)]:
                    return Grant(count, _microseconds(wait), limits[number - 1].name if number else None)
                case [b"window", now]:
                    self._windows = windows(_EPOCH + _microseconds(now), self._zone)
                case [b"unseeded", int(number)]:
                    ledger |= yield _CountUsed(limits[number - 1])
                case answer:
                    raise AssertionError(answer)

    def giving_back(self, limits: Sequence[Limit], count: int, age: timedelta) -> _Questions[None]:
        asked = [self._document(limit, None, {}) for limit in limits]
        yield self._ask(op="give_back", count=count, age=age // _MICROSECOND, limits=asked)

    def cooling(self, name: str, pause: timedelta, slower: bool, scale: float) -> _Questions[timedelta]:
        times = {"pause": pause, "hour": _HOUR * scale, "longest": _LONGEST_CLOSURE * scale}
        microseconds = {word: max(1, round(length / _MICROSECOND)) for word, length in times.items()}
        (closed_for,) = yield self._ask(op="cool", key=_KEY.format(name), slower=slower, **microseconds)
        return _microseconds(closed_for)

    def standing(self, name: str) -> _Questions[Standing]:
        closed_for, thousandths = yield self._ask(op="standing", key=_KEY.format(name))
        return Standing(_microseconds(closed_for), thousandths / 1000)

    def used(self, limit: Limit) -> _Known:
        """What the ledger counts of the limit's allowances in this window and in the one before it."""
        tally = limit.tally
        assert tally is not None, f"limit {limit.name} has an allowance and nothing to count it by"
        return {
            (limit.name, window.name): (
                self._count(tally, window.start, window.stop),
                self._count(tally, window.last, window.start),
            )
            for _, window in self._caps(limit)
        }

    def _ask(self, **question: object) -> _Ask:
        if self._clock is not None:
            question["now"] = self._clock()
        return _Ask(json.dumps(question))

    def _document(self, limit: Limit, stretch: Stretch | None, ledger: _Known) -> dict[str, object]:
        document: dict[str, object] = {"key": _KEY.format(limit.name), "caps": []}
        if limit.bounds.rate is not None:
            document["interval"] = limit.bounds.rate.interval * limit.scale * 1e6
        if limit.bounds.at_once is not None:
            document["at_once"] = limit.bounds.at_once
        document["caps"] = [
            _cap(count, window, stretch) | _seed(ledger.get((limit.name, window.name))) for count, window in self._caps(limit)
        ]
        return document

    def _caps(self, limit: Limit) -> Iterator[tuple[int, Window]]:
        for count, window in zip((limit.bounds.per_hour, limit.bounds.per_day), self._windows, strict=True):
            if count is not None:
                yield count, window


class Pacer:
    """Asks Redis. What Redis raises, the caller sees: where it cannot be asked, sending waits.

    `zone` says when a day begins. `count` asks the ledger. `clock` (microseconds) stands in for the server's clock.
    """

    def __init__(
        self,
        client: redis.Redis,
        *,
        zone: ZoneInfo = _DEFAULT_ZONE,
        count: Count = _nothing,
        clock: Callable[[], int] | None = None,
    ) -> None:
        self._script = client.register_script(_SCRIPT)
        self._about = _Conversations(zone, count, clock)

    def take(
        self, limits: Sequence[Limit], wanted: int, *, holder: str = "", out: int = 0, stretch: Stretch | None = None
    ) -> Grant:
        """Up to `wanted` messages, as many as every one of `limits` allows now.

        Where a limit bounds messages at once, `holder` is who asks and `out` how many of its messages are on their way; asking for
        none with none out says that it is done. An allowance that has to be spread is spread over `stretch`, by default the window.
        """
        return self._carry(self._about.taking(limits, wanted, holder, out, stretch))

    def give_back(self, limits: Sequence[Limit], count: int, age: timedelta = timedelta()) -> None:
        """So many that were granted, no longer than `age` ago, have not left and will not: they use up no allowance.

        An hour or a day that began since may not have counted them, and gets none of them back.
        """
        self._carry(self._about.giving_back(limits, count, age))

    def cool(self, name: str, pause: timedelta, *, slower: bool, scale: float = 1.0) -> timedelta:
        """Close a limit for `pause`, longer the more often it is closed in a row; `slower`: then go on at half the rate.

        What was on its way is refused too, and closes nothing again. Returns for how long it is closed. `pause` is on the mailing's
        scale already; recovery is by the hour on that scale.
        """
        return self._carry(self._about.cooling(name, pause, slower, scale))

    def standing(self, name: str) -> Standing:
        """Whether a limit is closed or slowed down."""
        return self._carry(self._about.standing(name))

    def _carry(self, questions: _Questions[T]) -> T:
        answer: object = None
        while True:
            try:
                question = questions.send(answer)
            except StopIteration as end:
                result: T = end.value
                return result
            match question:
                case _Ask(document):
                    answer = self._script(args=[document])
                case _CountUsed(limit):
                    answer = self._about.used(limit)


class LoopPacer:
    """A Pacer for an event loop: it asks without a thread, which at hundreds of questions a second would cost more than the question.

    The ledger, which is asked a few times an hour, is asked in a thread. To be used in one loop, and closed in it.
    """

    def __init__(self, redis_url: str, *, zone: ZoneInfo = _DEFAULT_ZONE, count: Count = _nothing) -> None:
        self._client = redis.asyncio.Redis.from_url(redis_url, socket_timeout=10, socket_connect_timeout=10)
        self._script = self._client.register_script(_SCRIPT)
        self._about = _Conversations(zone, count, None)

    async def take(self, limits: Sequence[Limit], wanted: int, *, holder: str, out: int, stretch: Stretch | None) -> Grant:
        """As Pacer.take."""
        return await self._carry(self._about.taking(limits, wanted, holder, out, stretch))

    async def give_back(self, limits: Sequence[Limit], count: int, age: timedelta) -> None:
        """As Pacer.give_back."""
        await self._carry(self._about.giving_back(limits, count, age))

    async def cool(self, name: str, pause: timedelta, *, slower: bool, scale: float) -> timedelta:
        """As Pacer.cool."""
        return await self._carry(self._about.cooling(name, pause, slower, scale))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _carry(self, questions: _Questions[T]) -> T:
        answer: object = None
        while True:
            try:
                question = questions.send(answer)
            except StopIteration as end:
                result: T = end.value
                return result
            match question:
                case _Ask(document):
                    answer = await self._script(args=[document])
                case _CountUsed(limit):
                    answer = await asyncio.to_thread(self._about.used, limit)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def _microseconds(answer: object) -> timedelta:
    assert isinstance(answer, bytes)
    return timedelta(microseconds=int(answer))


def _stamp(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _seed(known: tuple[int, int] | None) -> dict[str, object]:
    return {} if known is None else {"used": known[0], "before": known[1]}


def _cap(count: int, window: Window, stretch: Stretch | None) -> dict[str, object]:
    opens, closes = stretch or (window.start, window.stop)
    return {
        "name": window.name,
        "count": count,
        "start": _stamp(window.start),
        "stop": _stamp(window.stop),
        "last": _stamp(window.last),
        "from": _stamp(max(window.start, opens)),
        "till": _stamp(min(window.stop, closes)),
    }


def windows(now: datetime, zone: ZoneInfo) -> tuple[Window, Window]:
    """The hour and the day of `zone` that `now` is in."""
    local = now.astimezone(zone)
    hour = now - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)

    def midnight(days: int) -> datetime:
        return datetime.combine(local.date() + days * _DAY, time(), tzinfo=zone).astimezone(UTC)

    return Window("hour", hour, hour + _HOUR, hour - _HOUR), Window("day", midnight(0), midnight(1), midnight(-1))
