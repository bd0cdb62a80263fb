"""What the outcome of one attempt makes of a delivery: pure, so that each case can be tried without a server."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple, assert_never

from mailer.deliveries import DueDelivery, Settled
from mailer.models import DeliveryState
from mailer.reaction import Cooldown, react
from mailer.reply import Meaning, Reply, ReplyTable
from mailer.smtp.outcomes import InDoubt, NotSent, Outcome, Reason, Replied
from mailer.terms import InDoubtPolicy, Terms

_LONGEST_REPLY = 1000
_OF_US = frozenset({Meaning.SENDER_RATE, Meaning.REPUTATION, Meaning.ACCOUNT})
_OUR_FAULT = frozenset({Reason.TOO_BIG, Reason.NEEDS_SMTPUTF8, Reason.NEEDS_8BITMIME, Reason.MALFORMED})


class Waits(NamedTuple):
    """How long to wait after an attempt that nobody answered: ever longer, a `part` of the time that it has been so."""

    first: timedelta
    part: float
    longest: timedelta

    def after(self, age: timedelta) -> timedelta:
        """The wait of what was put off first so long ago."""
        return min(max(self.first, age * self.part), self.longest)


_UNANSWERED = Waits(timedelta(seconds=30), 1 / 8, timedelta(hours=4))  # Some seventy times in three days.
_BUSY = _UNANSWERED._replace(longest=timedelta(minutes=10))  # Of many that wait for a slow host some get their turn each time.
# After 5, 15 and 60 minutes, 4 and 16 hours, then every 16: who takes a message and never says so may have delivered it each time.
_IN_DOUBT = Waits(timedelta(minutes=5), 3, timedelta(hours=16))


class Circumstances(NamedTuple):
    """What an outcome is judged by, besides itself."""

    terms: Terms
    provider: str
    relay: str
    clock: Callable[[], datetime]

    @property
    def now(self) -> datetime:
        """The time, which what was simply accepted does not ask for."""
        return self.clock()

    def age(self, due: DueDelivery) -> timedelta:
        """For how long the delivery has been put off, by the scale that the mailing was given."""
        return (self.now - due.deferred_at) / self.terms.retry_scale if due.deferred_at is not None else timedelta()

    @property
    def give_up_after(self) -> timedelta:
        """For how long there is patience, by the same scale."""
        return timedelta(hours=self.terms.give_up_hours)

    def later(self, delay: timedelta) -> datetime:
        """The time of the next attempt, by the scale that the mailing was given."""
        return self.now + delay * self.terms.retry_scale


class Settlement(NamedTuple):
    """A delivery's new state, None where it stays as it was because its turn had not come; and whom to spare for a while."""

    settled: Settled | None
    cooldown: Cooldown | None = None


def settle(due: DueDelivery, outcome: Outcome, seen: Circumstances, table: ReplyTable, rng: random.Random) -> Settlement:
    """What one attempt's outcome makes of the delivery, and of the provider or the relay."""
    match outcome:
        case Replied(reply):
            return _replied(due, reply, seen, table, rng)
        case NotSent(Reason.STOPPED):
            return Settlement(None)
        case NotSent(reply=Reply() as reply) if table.verdict(reply, seen.provider).meaning in _OF_US:
            # A session that was ended in the middle says little of a message, but something of us where its words do.
            return _replied(due, reply, seen, table, rng)
        case NotSent():
            return Settlement(_not_sent(due, outcome, seen))
        case InDoubt(reason, detail):
            return Settlement(_in_doubt(due, reason, detail[:_LONGEST_REPLY], seen))
        case _:
            assert_never(outcome)


def _replied(due: DueDelivery, reply: Reply, seen: Circumstances, table: ReplyTable, rng: random.Random) -> Settlement:
    said = str(reply)[:_LONGEST_REPLY]
    if 200 <= reply.code < 300:
        return Settlement(Settled(due.id, DeliveryState.ACCEPTED, None, said, seen.relay))
    verdict = table.verdict(reply, seen.provider)
    reaction = react(
        verdict,
        times_deferred=due.times_deferred,
        age=seen.age(due),
        now=seen.now,
        rng=rng,
        give_up_after=seen.give_up_after,
    )
    again = seen.later(reaction.delay) if reaction.delay is not None else None
    times = due.times_deferred + 1 if again is not None else None
    settled = Settled(
        due.id, DeliveryState(reaction.state), verdict.meaning.value, said, seen.relay, again, times_deferred=times
    )
    return Settlement(settled, reaction.cooldown)


def _not_sent(due: DueDelivery, outcome: NotSent, seen: Circumstances) -> Settled:
    reason, attempted = outcome.reason, not outcome.kept_out
    said = str(outcome.reply or outcome.detail)[:_LONGEST_REPLY]
    if reason in _OUR_FAULT:
        return Settled(due.id, DeliveryState.FAILED, reason.value, said, seen.relay)
    age = seen.age(due)
    if age > seen.give_up_after:
        return Settled(due.id, DeliveryState.FAILED, "unreachable", said, seen.relay, attempted=attempted)
    busy = reason is Reason.BUSY
    word = "unreachable" if outcome.kept_out and not busy else reason.value
    again = seen.later((_BUSY if busy else _UNANSWERED).after(age))
    return Settled(due.id, DeliveryState.DEFERRED, word, said, seen.relay, again, attempted=attempted)


def _in_doubt(due: DueDelivery, reason: Reason, said: str, seen: Circumstances) -> Settled:
    if seen.terms.in_doubt is InDoubtPolicy.HOLD:
        return Settled(due.id, DeliveryState.IN_DOUBT, reason.value, said, seen.relay)
    age = seen.age(due)
    if age >= seen.give_up_after:
        return Settled(due.id, DeliveryState.FAILED, reason.value, said, seen.relay)
    again = seen.later(min(_IN_DOUBT.after(age), seen.give_up_after - age))
    return Settled(due.id, DeliveryState.IN_DOUBT, reason.value, said, seen.relay, again)
