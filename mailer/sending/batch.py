"""One batch under way: its deliveries go out as the pace and the window allow, and come back as outcomes."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import redis
import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from mailer import deliveries, mailings
from mailer.deliveries import Checkpoint, Claim, DueDelivery, Settled, Standing
from mailer.message import Composer, Message
from mailer.models import DeliveryState
from mailer.pacing import Grant, Limit, LoopPacer
from mailer.provider import OTHER
from mailer.reaction import Cooldown, Scope
from mailer.relay import Relay
from mailer.reply import ReplyTable
from mailer.sending.advance import Advance
from mailer.sending.balance import Balance
from mailer.sending.composing import Composing
from mailer.sending.outlet import PAUSE, Way
from mailer.sending.records import Records
from mailer.sending.window import GRAIN, WINDOW, Kind, Window
from mailer.settling import Circumstances, settle
from mailer.smtp import Outcome, RelayDown, Replied
from mailer.terms import provider_limit, relay_limit
from subscribers.errors import InputError, ServiceError, first_line

_HEARTBEAT = 1.0  # Seconds after which a quiet batch extends its lease and sees whether it is to go on.
_FRESH = 60.0  # Seconds for which all that is due is taken to want the mail still.
_LONGEST_TURN = 60.0  # Seconds after which a batch makes room for others, where they may wait for a worker's thread.
_LONGEST_STAY = 1800.0  # Seconds after which it does so anyway: its mail bears the date of its claim, and retries wait.
_PATIENCE = timedelta(
    seconds=10
)  # A longer wait for the pace gives the batch back; the slowest providers' next turn is sooner.
_LONGEST_TROUBLE = 1000

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the batches of a process share. `crowded` says whether so many are at work that others may wait for a thread."""

    records: Records
    window: Window
    pacer: LoopPacer
    outlets: Sequence[Way]
    balance: Balance
    table: ReplyTable
    rng: random.Random
    crowded: Callable[[], bool]


class LeaseLost(Exception):
    """Somebody else holds the batch: what this run still wanted to write is theirs to find out."""


class Batch:
    """A claimed batch; `run` sends what is `due` in it and gives it back, after a while with some of it left. `stop` makes it end early."""

    def __init__(self, held: Claim, due: Sequence[DueDelivery], composer: Composer, around: Surroundings) -> None:
        self.held = held
        self.around = around
        self._composing = Composing(composer)
        self._due = [row for row in due if row.skip_reason is None]
        self._skipped = _skipped(due)
        self._looked = time.monotonic()  # when who is due was asked for last
        self._begun = 0  # How many of `_due` the horizon has passed.
        self._out = 0  # Begun, and with an outlet.
        self._outcomes: list[Settled] = []
        self._unrecorded = 0  # Begun, and no outcome committed.
        self._unused: Counter[Way] = Counter()  # Granted, and not attempted: no allowance of that way counts them.
        self._slots = 0  # Our share of the window: never less than `_unrecorded`.
        self._stopping = False
        self._ask_at: float | None = None  # when the pace is to be asked again, by the monotonic clock
        self._in_advance = Advance()
        self._not_before: datetime | None = None
        self._trouble: str | None = None  # why no relay can be used, since one answered last
        self._no_pace: str | None = None  # why the pace could not be asked for last
        self._closing: list[asyncio.Task[None]] = []
        self._refused: list[tuple[Sequence[DueDelivery], RelayDown]] = []
        self._refused_by: set[Way] = set()
        self._kind = Kind(held.mailing_id, held.provider)
        self._outlet = self._chosen = around.balance.choose(len(self._due))
        self._changed = asyncio.Event()
        self._claimed = self._recorded = time.monotonic()
        self._spread = around.rng.uniform(0.5, 1)  # so that not all turns end at once

    @property
    def provider(self) -> str:
        """For whose mailboxes all of it is."""
        return self.held.provider

    def stop(self) -> None:
        """Begin nothing more; what is under way is finished and recorded."""
        self._halt()
        self._changed.set()

    async def run(self) -> None:
        """Until nothing is due, its turn is over, the pace says later, or the mailing stops; then the batch is given back."""
        records = self.around.records
        try:
            while self._out or (self._begun < len(self._due) and not self._stopping):
                await self._advance()
                await self._until_changed()
                self._take_back()
                if time.monotonic() >= self._looked + _FRESH and not self._stopping:
                    await self._look_again()
                if self._turn_is_over() and not self._stopping:
                    self.stop()
            await self._record(())
            await self._say_goodbye()
            await records.in_transaction(self._release)
        except LeaseLost:
            log.warning("lease_lost", batch=self.held.batch_id, mailing=self.held.mailing_id)
        finally:
            self._halt()  # What a relay hands back from now on is offered to no other: the batch is not ours.
            self.around.balance.take_back(self._chosen, len(self._due) - self._begun)
            self.around.window.leave(self._changed)
            self.around.window.give_back(self._slots, self._kind)

    def _turn_is_over(self) -> bool:
        longest = _LONGEST_TURN if self.around.crowded() else _LONGEST_STAY
        return time.monotonic() >= self._claimed + longest * self._spread

    async def _look_again(self) -> None:
        """Leave those alone who have left since the batch was read, were erased, or are not to be written to any more."""
        read = partial(deliveries.read_due, held=self.held)
        fresh = {row.id: row for row in await self.around.records.in_transaction(read)}
        self._looked = time.monotonic()
        left = [fresh[row.id] for row in self._due[self._begun :] if row.id in fresh]
        self._due[self._begun :] = [row for row in left if row.skip_reason is None]
        self._skipped += _skipped(left)

    async def _say_goodbye(self) -> None:
        """Let the pace know what is closed, and that nothing of ours is on its way, before anybody takes the batch again."""
        await asyncio.gather(*self._closing)
        await self._leave(self._outlet.relay)

    async def _leave(self, relay: Relay) -> None:
        """Let the pace know that nothing of ours is on its way to that relay."""
        if any(limit.bounds.at_once for limit in self._limits(relay)):
            await self._take(0, relay, out=0)

    def _now(self) -> datetime:
        """The database's clock, carried on from the claim: this machine's may jump."""
        return self.held.leased_at + timedelta(seconds=time.monotonic() - self._claimed)

    def _release(self, connection: Connection) -> None:
        # The mailing before its batch, as what staff do locks them.
        mailings.note_trouble(connection, self.held.mailing_id, self._no_pace or self._trouble)
        deliveries.release(connection, self.held, now=self._now(), not_before=self._not_before)

    # -- Going forward --

    async def _advance(self) -> None:
        """Ask the pace for the next few, commit the horizon that covers them together with what came back, and let them begin."""
        count = await self._granted()
        if not (count or self._outcomes or self._skipped) and time.monotonic() - self._recorded < _HEARTBEAT:
            self._give_back_surplus()  # What the pace did not grant is room for others.
            return
        chosen = self._due[self._begun : self._begun + count]
        if not await self._record(chosen):
            self._halt()
        if self._stopping:
            self._unused[self._outlet] += count
        elif chosen:
            self._begun += count
            self._out += count
            self._unrecorded += count
            self._composing.begin(chosen)
            self._outlet.offer(self, chosen)
        self._give_back_surplus()

    async def _granted(self) -> int:
        """How many may begin now. Slots of what came back are used again at once: one transaction ends these and begins those."""
        left = len(self._due) - self._begun
        if self._stopping or not left or self._it_is_too_early():
            return 0
        self._ask_at = None
        window = self.around.window
        back = 0 if window.others_wait(self._kind) else len(self._outcomes)
        wanted = min(left, window.room(self._kind, time.monotonic()) + back, WINDOW // 2)
        if wanted < min(left, window.least(self._kind)):
            window.wait(self._changed, self._kind)
            return 0
        fresh = max(0, wanted - back)
        window.take(fresh, self._kind)
        self._slots += fresh
        grant = await self._grant(wanted)
        label = self._outlet.relay.label
        if grant.limit in (relay_limit(label), provider_limit(label, self.held.provider)) and self._has_to_wait(grant):
            grant = await self._ask_elsewhere(wanted, grant)
        if grant.count < wanted:
            if grant.wait or not grant.count:  # Else it is what is on its way that must come back first.
                self._ask_at = time.monotonic() + grant.wait.total_seconds()
            if self._has_to_wait(grant):
                self._not_before = self._now() + grant.wait
                self._halt()
        return grant.count

    def _it_is_too_early(self) -> bool:
        """Whether the pace need not be asked yet. With nothing left on its way a long wait is no reason: its answer may end the run."""
        if self._ask_at is None:
            return False
        pause = self._ask_at - time.monotonic()
        return pause > 0 and (self._out > 0 or pause <= _PATIENCE.total_seconds())

    def _has_to_wait(self, grant: Grant) -> bool:
        return not grant.count and not self._out and grant.wait > _PATIENCE

    async def _grant(self, wanted: int) -> Grant:
        """A grant from what is in hand, or from the pace."""
        if count := self._in_advance.draw(wanted, time.monotonic()):
            return Grant(count, timedelta())
        asked = self._in_advance.asked(wanted, self._limits(self._outlet.relay))
        grant = await self._ask(asked)
        count = self._in_advance.granted(grant.count, asked=asked, wanted=wanted, now=time.monotonic())
        return replace(grant, count=count)

    async def _ask(self, wanted: int) -> Grant:
        return await self._take(wanted, self._outlet.relay, out=self._out)

    async def _take(self, wanted: int, relay: Relay, *, out: int) -> Grant:
        held = self.held
        stretch = held.terms.hours.stretch(self._now()) if held.terms.hours else None
        try:
            grant = await self.around.pacer.take(self._limits(relay), wanted, holder=held.lease, out=out, stretch=stretch)
        except (
            redis.RedisError,
            ServiceError,
            DBAPIError,
        ) as error:  # The database knows how much of an allowance has been used.
            self._no_pace = f"the pace cannot be asked for: {first_line(error)}"
            return Grant(0, timedelta(seconds=1))
        self._no_pace = None
        return grant

    def _limits(self, relay: Relay) -> Sequence[Limit]:
        return self.held.terms.limits(self.held.mailing_id, self.held.provider, relay)

    async def _ask_elsewhere(self, wanted: int, grant: Grant) -> Grant:
        """Go over to another relay where the one that was asked is closed or has used up its allowance, for all or for this provider.

        Where all of them are, the grant of the one that opens first says how long to wait.
        """
        first = self._outlet
        for outlet in self.around.outlets:
            if outlet is not first and outlet.usable:
                self._outlet, self._in_advance = outlet, Advance()
                other = await self._ask(wanted)
                if not self._has_to_wait(other):
                    return other
                grant = min(grant, other, key=lambda one: one.wait)
        self._outlet = first
        return grant

    async def _record(self, chosen: Sequence[DueDelivery]) -> bool:
        """Commit what came back, and a horizon that covers `chosen`. Returns whether the mailing may go on."""
        settled, back = [*self._skipped, *self._outcomes], len(self._outcomes)
        self._skipped, self._outcomes = [], []
        while self._unused:
            way, count = self._unused.popitem()
            self._use_none_of_the_allowance(way.relay, count)
        horizon = chosen[-1].id if chosen else self.held.first_id - 1
        standing = await self.around.records.checkpoint(Checkpoint(self.held, settled, horizon))
        self._recorded = time.monotonic()
        self._unrecorded -= back
        if back:
            self.around.window.answered(self._kind)
        if standing is Standing.LOST:
            raise LeaseLost
        return standing is Standing.GOES_ON

    def _give_back_surplus(self) -> None:
        surplus = self._slots - self._unrecorded
        self._slots -= surplus
        self.around.window.give_back(surplus, self._kind)

    def _halt(self) -> None:
        """Begin nothing more. What no connection has begun stays as it was: the batch is given back in order."""
        self._stopping = True
        self._forget(self._outlet.withdraw(self))
        self._composing.stop()

    def _forget(self, count: int) -> None:
        """So many that were to begin through this relay have not."""
        self._out -= count
        self._unrecorded -= count
        self._unused[self._outlet] += count

    def _use_none_of_the_allowance(self, relay: Relay, count: int) -> None:
        """So many that the pace granted have not gone through that relay."""
        limits = [limit for limit in self._limits(relay) if limit.bounds.per_hour or limit.bounds.per_day]
        if count and limits:
            self._closing.append(asyncio.create_task(self._give_back(limits, count)))

    async def _give_back(self, limits: Sequence[Limit], count: int) -> None:
        try:
            await self.around.pacer.give_back(limits, count, timedelta(seconds=time.monotonic() - self._claimed))
        except redis.RedisError as error:  # Then it stays used.
            log.warning("not_given_back", count=count, error=str(error))

    def _take_back(self) -> None:
        """Let what the relay has handed back begin anew through another one; where there is none, end early.

        Not at once: what has just been chosen is offered when its horizon is recorded, and must be the next until then.
        """
        for dues, down in self._refused:
            self._trouble = f"a relay cannot be used: {down}"[:_LONGEST_TROUBLE]
            self._forget(len(dues))
            self._due[self._begun : self._begun] = dues
            self._refused_by.add(self._outlet)
        if self._refused and (self._stopping or not self._change_outlet()):
            self._not_before = self._now() + timedelta(seconds=PAUSE) * self.held.terms.retry_scale
            self._halt()
        self._refused.clear()

    def _change_outlet(self) -> bool:
        """Go over to another outlet where there is one that can be used; what it may be given is a question to its own pace.

        But to none a second time: between two that keep silent for minutes the batch would go to and fro, and staff be told nothing.
        """
        self._chosen = self.around.balance.choose(len(self._due) - self._begun, self._refused_by)
        if not self._chosen.usable or self._chosen in self._refused_by:
            return False
        if self._chosen is not self._outlet:
            self._closing.append(asyncio.create_task(self._leave(self._outlet.relay)))
        self._outlet, self._in_advance, self._ask_at = self._chosen, Advance(), None
        return True

    async def _until_changed(self) -> None:
        """Wait until there is something to write, room to begin more, the pace may be asked again, or a heartbeat has passed."""
        pause = _HEARTBEAT
        if self._ask_at is not None and not self._stopping and self._begun < len(self._due):
            pause = min(pause, max(self._ask_at - time.monotonic(), 0.0))  # Perhaps it has passed while we were writing.
        try:
            async with asyncio.timeout(pause):
                await self._changed.wait()
        except TimeoutError:
            pass
        self._changed.clear()

    # -- What an outlet calls --

    def compose(self, due: DueDelivery) -> Message | None:
        try:
            return self._composing.message(due)
        except InputError as error:  # An address that no envelope can hold costs only itself.
            self._came_back(Settled(due.id, DeliveryState.FAILED, "malformed", str(error)))
            return None

    def settled(self, due: DueDelivery, outcome: Outcome, relay: str) -> None:
        self._composing.end(due)
        if isinstance(outcome, Replied):
            self._trouble = None
        held = self.held
        seen = Circumstances(held.terms, held.provider, relay, self._now)
        settlement = settle(due, outcome, seen, self.around.table, self.around.rng)
        if settlement.settled is None:
            self._forget(1)
            self._changed.set()
        else:
            if not settlement.settled.attempted:
                self._unused[self._outlet] += 1
            self._came_back(settlement.settled)
        if settlement.cooldown is not None:
            self._spare(settlement.cooldown)

    def _spare(self, cooldown: Cooldown) -> None:
        """Close the provider or the relay for a while, for all workers, and end early. Other domains' answers are their own."""
        label, provider, scale = self._outlet.relay.label, self.held.provider, self.held.terms.retry_scale
        if self._outlet.relay.direct if cooldown.scope is Scope.RELAY else provider == OTHER:
            return
        name = provider_limit(label, provider) if cooldown.scope is Scope.PROVIDER else relay_limit(label)
        close = self.around.pacer.cool(name, cooldown.pause * scale, slower=cooldown.slower, scale=scale)
        self._closing.append(asyncio.create_task(self._close(name, close)))
        self.stop()

    async def _close(self, name: str, close: Awaitable[timedelta]) -> None:
        try:
            closed_for = await close
            log.warning("closed", limit=name, seconds=round(closed_for.total_seconds(), 3), mailing=self.held.mailing_id)
        except redis.RedisError as error:  # Then the next answer closes it.
            log.warning("not_closed", limit=name, error=str(error))

    def refused(self, dues: Sequence[DueDelivery], down: RelayDown) -> None:
        self._refused.append((dues, down))
        self._changed.set()

    def _came_back(self, settled: Settled) -> None:
        self._out -= 1
        self._outcomes.append(settled)
        back = len(self._outcomes)
        if not self._out or back >= 2 * GRAIN or (back >= GRAIN and self.around.window.others_wait(self._kind)):
            self._changed.set()


def _skipped(due: Sequence[DueDelivery]) -> list[Settled]:
    """What becomes of those who are to be left alone."""
    return [
        Settled(row.id, DeliveryState.SKIPPED, row.skip_reason, attempted=False) for row in due if row.skip_reason is not None
    ]
