"""How long a mailing will take, before it is sent: its terms played through for a stream of mail that never stumbles.

First attempts only, and as if no other mailing ran: what a server puts off comes later, as `mailing watch` shows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from mailer.hours import Hours, IsWorkday
from mailer.pacing import Count, Tally, Window, windows
from mailer.rate import Bounds, Rate
from mailer.relay import Relay
from mailer.terms import Terms
from mailer.workdays import Unannounced

_A_CONNECTIONS_RATE = 10.0  # Messages a second that a relay takes on a connection where nothing else is known.
_LONGEST = timedelta(days=3650)
_NOTHING_LEFT = 1e-3
_SECOND, _INSTANT = timedelta(seconds=1), timedelta(microseconds=1)
FULL = 0.9  # as pace.lua has it: an allowance that was used so far was too small


@dataclass(frozen=True, slots=True)
class Course:
    """What becomes of the mail to one provider: `rate` is the pace that bounds it, `days` on how many of them some leaves.

    `finishes_at` is None where that cannot be told.
    """

    provider: str
    recipients: int
    rate: Rate | None
    days: int
    finishes_at: datetime | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """When the last first attempt is made. None where that is in a year whose working days are `unannounced`, or in ten years' time."""

    finishes_at: datetime | None
    days: int
    providers: tuple[Course, ...]
    unannounced: int | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """Where a mailing is sent from: relays, the zone whose midnight begins a day, the calendar, and what was sent today already."""

    relays: Sequence[Relay]
    zone: ZoneInfo
    is_workday: IsWorkday
    count: Count = lambda _tally, _since, _until: 0


def forecast(recipients: Mapping[str, int], terms: Terms, situation: Situation, start: datetime) -> Forecast:
    """The course of a mailing to so many recipients by provider that starts then."""
    run = _Run(terms, situation, start, sorted(recipients))
    try:
        _play(run, recipients, terms)
    except Unannounced as unannounced:
        return _told(run, recipients, terms, unannounced.year)
    return _told(run, recipients, terms, None)


def _play(run: _Run, recipients: Mapping[str, int], terms: Terms) -> None:
    if terms.canary is None:
        run.send(recipients)
        return
    share = terms.canary.share_of(sum(recipients.values()))
    first = {provider: math.ceil(number * share) for provider, number in recipients.items()}
    run.send(first)
    run.now += terms.canary.wait
    run.send({provider: number - first[provider] for provider, number in recipients.items()})


def _told(run: _Run, recipients: Mapping[str, int], terms: Terms, unannounced: int | None) -> Forecast:
    known = run.over and unannounced is None
    courses = tuple(
        Course(
            provider=provider,
            recipients=number,
            rate=terms.own_pace(provider) or terms.bounds(provider).rate,
            days=len(run.days[provider]),
            finishes_at=run.finished[provider] if run.sent[provider] >= number - _NOTHING_LEFT else None,
        )
        for provider, number in sorted(recipients.items())
    )
    days = len(frozenset[date]().union(*run.days.values()))
    return Forecast(max(run.finished.values(), default=run.now) if known else None, days, courses, unannounced)


@dataclass(slots=True)
class _Cap:
    """An allowance of the clock's hour or day, as it stands in the `window` that it was last looked at in."""

    count: int
    tallies: Sequence[Tally]
    of_day: bool
    window: Window | None = None
    used: float = 0.0
    before: float = 0.0

    def roll(self, window: Window, now: datetime, count: Count) -> None:
        """Go over to the present window; what was used before anything was looked at stands in the ledger."""
        if self.window is None:
            self.used = sum(count(tally, window.start, now) for tally in self.tallies)
            self.before = sum(count(tally, window.last, window.start) for tally in self.tallies)
        elif window.start != self.window.start:
            self.before = self.used if self.window.start == window.last else 0.0
            self.used = 0.0
        self.window = window

    def rate(self, now: datetime, closing: datetime) -> float:
        """Messages a second that it lets through: none when used up, and a spread of what is left when the last was used up."""
        assert self.window is not None
        left = self.count - self.used
        if left < _NOTHING_LEFT:
            return 0.0
        if self.before < FULL * self.count:
            return math.inf
        return left / max(1.0, (min(self.window.stop, closing) - now) / _SECOND)


@dataclass(slots=True)
class _Gate:
    """What mail goes through: a rate, and allowances."""

    rate: float = math.inf
    caps: list[_Cap] = field(default_factory=list)

    def rate_now(self, now: datetime, closing: datetime) -> float:
        return min([self.rate, *(cap.rate(now, closing) for cap in self.caps)])


class _Run:
    """The play: between two events every provider's mail flows at one rate."""

    def __init__(self, terms: Terms, situation: Situation, start: datetime, providers: Iterable[str]) -> None:
        self._hours = terms.hours or Hours(situation.zone)
        self._situation = situation
        self._total = _gate_of_all(terms, situation.relays)
        self._gates = {provider: _gate_of(terms, provider, situation.relays) for provider in providers}
        self._end = start + _LONGEST
        self.now = start
        self.days: dict[str, set[date]] = {provider: set() for provider in self._gates}
        self.finished = dict.fromkeys(self._gates, start)
        self.sent = dict.fromkeys(self._gates, 0.0)

    @property
    def over(self) -> bool:
        """Whether it was played to its end."""
        return self.now < self._end

    def send(self, recipients: Mapping[str, int]) -> None:
        """Play until all of these have left. Unannounced where a year's working days would have to be known."""
        left = {provider: float(number) for provider, number in recipients.items() if number > 0}
        while left and self.over:
            self.now = self._hours.next_opening(self.now, self._situation.is_workday)
            self._flow(left, self._hours.next_closing(self.now, self._situation.is_workday))

    def _flow(self, left: dict[str, float], closing: datetime) -> None:
        """Until the next event."""
        hour, day = windows(self.now, self._situation.zone)
        caps = [*self._total.caps, *(cap for provider in left for cap in self._gates[provider].caps)]
        for cap in caps:
            cap.roll(day if cap.of_day else hour, self.now, self._situation.count)
        rates = self._rates(left, closing)
        until = min([closing, day.stop, *([hour.stop] if not all(cap.of_day for cap in caps) else [])])
        seconds = min([(until - self.now) / _SECOND, *self._events(left, rates)])
        for provider, rate in rates.items():
            self._send(provider, left, rate * seconds, timedelta(seconds=seconds))
        self.now = min(until, self.now + timedelta(seconds=seconds) + _INSTANT)

    def _send(self, provider: str, left: dict[str, float], number: float, during: timedelta) -> None:
        for cap in (*self._total.caps, *self._gates[provider].caps):
            cap.used += number
        if number:
            self.days[provider].add(self.now.astimezone(self._situation.zone).date())
            self.finished[provider] = self.now + during
        self.sent[provider] += number
        left[provider] -= number
        if left[provider] < _NOTHING_LEFT:
            del left[provider]

    def _events(self, left: Mapping[str, float], rates: Mapping[str, float]) -> Iterator[float]:
        """After how many seconds somebody's mail is all gone, or an allowance used up."""
        yield from (left[provider] / rate for provider, rate in rates.items() if rate)
        flows = [(self._total, sum(rates.values())), *((self._gates[provider], rate) for provider, rate in rates.items())]
        yield from ((cap.count - cap.used) / rate for gate, rate in flows if rate for cap in gate.caps)

    def _rates(self, left: Iterable[str], closing: datetime) -> dict[str, float]:
        """Everybody's fair share of the whole: who can use less than that leaves the rest to the others."""
        wanted = {provider: self._gates[provider].rate_now(self.now, closing) for provider in left}
        room = self._total.rate_now(self.now, closing)
        rates = {}
        for number, (provider, rate) in enumerate(sorted(wanted.items(), key=lambda item: item[1])):
            rates[provider] = min(rate, room / (len(wanted) - number))
            room -= rates[provider]
        return rates


def _gate_of_all(terms: Terms, relays: Sequence[Relay]) -> _Gate:
    rates = [rate.per_second for rate in (terms.overall, terms.pace) if rate]
    if relays and all(relay.bounds.rate for relay in relays):
        rates.append(sum(relay.bounds.rate.per_second for relay in relays if relay.bounds.rate))
    assumed = _A_CONNECTIONS_RATE * max(1, sum(relay.connections for relay in relays))
    tallies = [Tally(relay.label) for relay in relays]
    return _Gate(min(rates, default=assumed), _caps([relay.bounds for relay in relays], tallies))


def _gate_of(terms: Terms, provider: str, relays: Sequence[Relay]) -> _Gate:
    bounds, own, number = terms.bounds(provider), terms.own_pace(provider), max(1, len(relays))
    rates = [own.per_second] if own else []
    rates += [bounds.rate.per_second * number / terms.retry_scale] if bounds.rate else []
    return _Gate(min(rates, default=math.inf), _caps([bounds] * number, [Tally(relay.label, provider) for relay in relays]))


def _caps(bounds: Sequence[Bounds], tallies: Sequence[Tally]) -> list[_Cap]:
    """The allowances of several relays together; none where one of them has none."""
    hours, days = [one.per_hour for one in bounds], [one.per_day for one in bounds]
    return [
        _Cap(sum(number for number in numbers if number), tallies, of_day)
        for of_day, numbers in ((False, hours), (True, days))
        if numbers and all(numbers)
    ]
