"""What to do after a reply: try again when, give up as what, and spare which provider.

Pure: the same verdict, history, clock and dice give the same reaction. Delays are tables, because people argue about them.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from zoneinfo import ZoneInfo

from mailer.reply import Meaning, Verdict


class State(StrEnum):
    """What the delivery becomes; BOUNCED is the recipient's side, FAILED is ours."""

    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    BOUNCED = "bounced"
    FAILED = "failed"


class Scope(StrEnum):
    """Who is spared: everything for this provider, or everything through this relay."""

    PROVIDER = "provider"
    RELAY = "relay"


@dataclass(frozen=True, slots=True)
class Cooldown:
    """Send nothing in `scope` for `pause`; then, where `slower`, begin at half the rate and half the connections."""

    scope: Scope
    pause: timedelta
    slower: bool


@dataclass(frozen=True, slots=True)
class Reaction:
    """`delay` is set where the state is DEFERRED, and only there."""

    state: State
    delay: timedelta | None
    cooldown: Cooldown | None


_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
# Beyond three days a bulletin has aged; RFC 5321 §4.5.4.1 would allow four to five.
GIVE_UP_AFTER = timedelta(hours=72)
# The day of Chinese providers' allowances begins at their midnight; ten minutes later the rush of others is over.
_DAY_ZONE = ZoneInfo("Asia/Shanghai")
_DAY_BEGINS = time(0, 10)
# Never sooner than the table says, for greylisting counts (RFC 6647 §4.5); spread, so that retries of a batch do not meet again.
_SPREAD = 0.2
_SPREAD_AFTER_MIDNIGHT = timedelta(minutes=20)


@dataclass(frozen=True, slots=True)
class Plan:
    """How one meaning is answered. After the last delay: again and again while `repeats`, or the day's turn, or the end."""

    delays: tuple[timedelta, ...] = ()
    repeats: bool = False
    then_tomorrow: bool = False
    ends_as: State = State.BOUNCED
    spares: Scope | None = None
    slower: bool = False


_GONE = Plan()
_RATE = Plan((10 * _MINUTE, _HOUR, 4 * _HOUR), then_tomorrow=True, ends_as=State.FAILED, spares=Scope.PROVIDER, slower=True)
_PASSING = (5 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE, _HOUR, 2 * _HOUR, 4 * _HOUR, 8 * _HOUR)

_PLANS: Mapping[Meaning, Plan] = MappingProxyType(
    {
        Meaning.UNKNOWN_USER: _GONE,
        Meaning.DOMAIN_DEAD: _GONE,
        Meaning.MAILBOX_DISABLED: _GONE,
        Meaning.MAILBOX_FULL: Plan((4 * _HOUR, 24 * _HOUR)),
        Meaning.TRANSIENT: Plan(_PASSING, repeats=True),
        Meaning.CONNECTION_RATE: _RATE,
        Meaning.SENDER_RATE: _RATE,
        Meaning.RECIPIENT_RATE: Plan((2 * _HOUR, 24 * _HOUR)),
        # A 5xx for the content comes again for the same content: people must look at it first.
        Meaning.CONTENT: Plan(ends_as=State.FAILED),
        Meaning.REFUSED_BY_RECIPIENT: _GONE,
        Meaning.REPUTATION: Plan(
            (2 * _HOUR, 4 * _HOUR, 8 * _HOUR, 16 * _HOUR, 24 * _HOUR),
            repeats=True,
            ends_as=State.FAILED,
            spares=Scope.PROVIDER,
            slower=True,
        ),
        Meaning.AUTHENTICATION: Plan((_HOUR, 4 * _HOUR, 24 * _HOUR), repeats=True, ends_as=State.FAILED, spares=Scope.PROVIDER),
        Meaning.ACCOUNT: Plan((10 * _MINUTE, _HOUR, 4 * _HOUR), repeats=True, ends_as=State.FAILED, spares=Scope.RELAY),
        Meaning.PROTOCOL: Plan(ends_as=State.FAILED),
        # Codes alone do not tell; one more try does, for a refusal that stays the same counts once.
        Meaning.AMBIGUOUS: Plan((4 * _HOUR,)),
    }
)
# With a code of class 4 the server asks to be tried again, where a 5xx of the same meaning is final.
_PLANS_IF_TEMPORARY: Mapping[Meaning, Plan] = MappingProxyType(
    {
        # NetEase asks to keep a message with 451 DT:SPM and to try it again after two minutes.
        Meaning.CONTENT: Plan((5 * _MINUTE, 30 * _MINUTE, 2 * _HOUR, 8 * _HOUR), ends_as=State.FAILED),
        Meaning.PROTOCOL: Plan((30 * _MINUTE, 2 * _HOUR, 8 * _HOUR), ends_as=State.FAILED),
        Meaning.REFUSED_BY_RECIPIENT: Plan((4 * _HOUR, 24 * _HOUR)),
    }
)


def react(
    verdict: Verdict,
    *,
    times_deferred: int,
    age: timedelta,
    now: datetime,
    rng: random.Random,
    give_up_after: timedelta = GIVE_UP_AFTER,
) -> Reaction:
    """What becomes of a delivery whose attempt got this verdict, after servers have put it off so many times.

    `age` is the time since it was put off first; `now` knows its time zone.

    Nothing of the sender's side – its rates, reputation, content, authentication, our account, our protocol – ever ends as a bounce.
    """
    if verdict.meaning is Meaning.ACCEPTED:
        return Reaction(State.ACCEPTED, None, None)
    plan = _plan(verdict)
    delay = _delay(plan, verdict, times_deferred, now, rng)
    cooldown = Cooldown(plan.spares, delay, plan.slower) if plan.spares and delay is not None else None
    if delay is None or age + delay > give_up_after:
        return Reaction(plan.ends_as, None, cooldown)
    return Reaction(State.DEFERRED, delay, cooldown)


def _plan(verdict: Verdict) -> Plan:
    if verdict.temporary and verdict.meaning in _PLANS_IF_TEMPORARY:
        return _PLANS_IF_TEMPORARY[verdict.meaning]
    return _PLANS[verdict.meaning]


def _delay(plan: Plan, verdict: Verdict, times_deferred: int, now: datetime, rng: random.Random) -> timedelta | None:
    if plan.delays and verdict.until_tomorrow:
        return _until_tomorrow(now, rng)
    if times_deferred < len(plan.delays) or plan.repeats:
        return plan.delays[min(times_deferred, len(plan.delays) - 1)] * rng.uniform(1, 1 + _SPREAD)
    return _until_tomorrow(now, rng) if plan.then_tomorrow else None


def _until_tomorrow(now: datetime, rng: random.Random) -> timedelta:
    local = now.astimezone(_DAY_ZONE)
    begins = datetime.combine(local.date() + timedelta(days=1), _DAY_BEGINS, tzinfo=_DAY_ZONE)
    return begins - local + _SPREAD_AFTER_MIDNIGHT * rng.random()
