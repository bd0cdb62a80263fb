"""One batch sent: claimed, composed, paced, handed to a relay, and every outcome recorded. The only place where these meet.

All batches of a process run on one event loop, in a thread of its own. The database and the broker are spoken to in other threads,
never while a socket of ours waits, and no transaction is open while one does. Together the batches of a process have at most
WINDOW deliveries begun and not recorded: so many can be in doubt when the process is killed, and no more.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TypeVar

import redis
import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from mailer import deliveries, issues, mailings
from mailer.deliveries import Claim, DueDelivery, LeaseLost, Settled
from mailer.message import Composer, Message, Recipient
from mailer.models import DeliveryState
from mailer.pacing import Pacer
from mailer.relay import Relay
from mailer.reply import ReplyTable
from mailer.settling import Circumstances, settle
from mailer.smtp import Client, Outcome, RelayDown
from mailer.tokens import Tokens
from subscribers.db import database_time, transaction
from subscribers.errors import InputError, ServiceError

WINDOW = 64
_RECORD_AT = 16  # Outcomes that are worth a transaction of their own.
_HEARTBEAT = 1.0  # Seconds after which a quiet batch extends its lease and sees whether it is to go on.
_PATIENCE = timedelta(seconds=2)  # A longer wait for the pace gives the batch back.
_RELAY_PAUSE = timedelta(seconds=15)

log = structlog.get_logger()
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Equipment:
    """What every batch of a process is sent with."""

    engine: Engine
    pacer: Pacer
    relays: Sequence[Relay]
    tokens: Tokens
    table: ReplyTable
    worker: str
    rng: random.Random


class Window:
    """The deliveries of this process that may be begun and not recorded. Runs that found it full are woken when it empties."""

    def __init__(self, size: int) -> None:
        self.free = size
        self.waiting: set[asyncio.Event] = set()

    def take(self, count: int) -> None:
        self.free -= count

    def give_back(self, count: int) -> None:
        self.free += count
        for event in self.waiting:
            event.set()
        self.waiting.clear()


class Sender:
    """Sends batches, many at once. `send` blocks its caller until the batch is given back; `drain` makes every batch end early."""

    def __init__(self, equipment: Equipment) -> None:
        self.equipment = equipment
        self.window = Window(WINDOW)
        self.draining = False
        self.threads = ThreadPoolExecutor(8, thread_name_prefix="records")
        self.composer = lru_cache(maxsize=16)(self._make_composer)
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="sending", daemon=True).start()

    def send(self, batch_id: int) -> None:
        """Send what is due in the batch, unless somebody else does or its mailing does not go on."""
        with transaction(self.equipment.engine) as connection:
            held = deliveries.claim(connection, batch_id, self.equipment.worker, database_time(connection))
        if held is not None:
            asyncio.run_coroutine_threadsafe(_Run(self, held).run(), self._loop).result()

    def drain(self) -> None:
        """Begin nothing more; what is under way is finished and recorded."""
        self.draining = True

    def _make_composer(self, mailing_id: int) -> Composer:
        with transaction(self.equipment.engine) as connection:
            record = mailings.find_mailing(connection, mailing_id)
            edition = issues.load_edition(connection, record.edition_id)
        date = record.started_at or record.at
        return Composer(edition, record.terms.letterhead, self.equipment.tokens, mailing_id=mailing_id, date=date)


class _Run:
    """One batch under way; the Feed of the SMTP client."""

    def __init__(self, sender: Sender, held: Claim) -> None:
        self.sender = sender
        self.equipment = sender.equipment
        self.held = held
        self.limits = held.terms.limits(held.mailing_id, held.provider)
        self.changed = asyncio.Event()
        self.due: list[DueDelivery] = []
        self.begun = 0  # How many of `due` the horizon has passed.
        self.ready: deque[DueDelivery] = deque()
        self.under_way: dict[int, DueDelivery] = {}
        self.outcomes: list[Settled] = []
        self.unrecorded = 0  # Begun, and the outcome not committed: our share of the window.
        self.stopping = False
        self.ask_at = datetime.min.replace(tzinfo=UTC)
        self.not_before: datetime | None = None
        self.trouble: str | None = None
        self.relay = ""
        self._claimed = time.monotonic()
        self._recorded = 0.0

    def now(self) -> datetime:
        """The database's clock, carried on from the claim: this machine's may jump."""
        return self.held.leased_at + timedelta(seconds=time.monotonic() - self._claimed)

    # -- The Feed: called by the client, on the loop --

    @property
    def exhausted(self) -> bool:
        return not self.ready and (self.stopping or self.begun == len(self.due))

    def take(self) -> Message | None:
        while self.ready:
            due = self.ready.popleft()
            if len(self.ready) < _RECORD_AT and self.begun < len(self.due):
                self.changed.set()
            try:
                message = self.composer.compose(Recipient(due.id, due.address, due.name, due.institute))
            except InputError as error:  # An address that no envelope can hold costs only itself.
                self.outcomes.append(Settled(due.id, DeliveryState.FAILED, "malformed", str(error)))
                continue
            self.under_way[due.id] = due
            return message
        return None

    def settle(self, key: int, outcome: Outcome) -> None:
        due = self.under_way.pop(key)
        held = self.held
        seen = Circumstances(held.terms, held.started_at, held.provider, self.relay, self.now())
        settled = settle(due, outcome, seen, self.equipment.table, self.equipment.rng)
        if settled is None:
            self._give_back(1)
            return
        self.outcomes.append(settled)
        if len(self.outcomes) >= _RECORD_AT or not self.under_way:
            self.changed.set()

    # -- The run --

    async def run(self) -> None:
        """Until nothing is due, the pace says later, or the mailing stops; then the batch is given back."""
        try:
            self.composer = await self._in_thread(lambda: self.sender.composer(self.held.mailing_id))
            self._sort_out(await self._in_transaction(lambda connection: deliveries.read_due(connection, self.held)))
            await self._through_relays()
            await self._record(horizon=None)
            await self._in_transaction(self._release)
        except LeaseLost:
            log.warning("lease_lost", batch=self.held.batch_id, mailing=self.held.mailing_id)
        finally:
            self.sender.window.give_back(self.unrecorded)

    def _sort_out(self, rows: Sequence[DueDelivery]) -> None:
        for row in rows:
            if row.skip_reason is None:
                self.due.append(row)
            else:
                self.outcomes.append(Settled(row.id, DeliveryState.SKIPPED, row.skip_reason, attempted=False))

    def _release(self, connection: Connection) -> None:
        deliveries.release(connection, self.held, now=self.now(), not_before=self.not_before)
        mailings.note_trouble(connection, self.held.mailing_id, self.trouble)

    async def _through_relays(self) -> None:
        """Hand the batch to one relay by weight, and to the next one if that cannot be reached."""
        relays = list(self.equipment.relays)
        while relays and self.due and not self.exhausted:
            relay = self.equipment.rng.choices(relays, [relay.weight for relay in relays])[0]
            relays.remove(relay)
            try:
                await self._through(relay)
                return
            except RelayDown as down:
                self.trouble = f"relay {relay.label} cannot be used: {down}"
                log.warning("relay_down", relay=relay.label, reason=down.reason.value, mailing=self.held.mailing_id)
        if self.due and not self.exhausted:
            self.not_before = self.now() + _RELAY_PAUSE * self.held.terms.retry_scale

    async def _through(self, relay: Relay) -> None:
        self.relay = relay.label
        client = Client(relay, self, connections=relay.connections, messages_per_connection=relay.messages)
        sending = asyncio.ensure_future(client.run())
        sending.add_done_callback(lambda _: self.changed.set())
        try:
            while not sending.done():
                await self._advance()
                if self.ready or self.exhausted:
                    client.wake()
                await self._until_changed()
            await sending
            self.trouble = None
        finally:
            sending.cancel()

    async def _advance(self) -> None:
        """Ask the pace for the next few, commit the horizon that covers them together with what came back, and let them begin."""
        count = await self._granted()
        chosen = self.due[self.begun : self.begun + count]
        if not chosen and not self.outcomes and time.monotonic() - self._recorded < _HEARTBEAT:
            return
        # A heartbeat writes nothing but the lease, and sees whether staff have stopped the mailing.
        if await self._record(horizon=chosen[-1].id if chosen else None):
            self.ready.extend(chosen)
            self.begun += count
            self.unrecorded += count
        else:
            self.sender.window.give_back(count)
            self._stop()

    async def _granted(self) -> int:
        """How many may begin now; they are taken from the window."""
        now = self.now()
        wanted = min(len(self.due) - self.begun, self.sender.window.free, WINDOW // 2)
        if self.stopping or wanted <= 0 or now < self.ask_at:
            return 0
        self.sender.window.take(wanted)
        try:
            grant = await self._in_thread(lambda: self.equipment.pacer.take(self.limits, wanted))
        except redis.RedisError as error:
            self.sender.window.give_back(wanted)
            self.trouble = f"Redis cannot be asked for the pace: {error}"
            self.ask_at = now + timedelta(seconds=1)
            return 0
        self.sender.window.give_back(wanted - grant.count)
        if grant.count < wanted:
            self.ask_at = now + grant.wait
            if not grant.count and grant.wait > _PATIENCE and not self.under_way and not self.ready:
                self.not_before = self.ask_at
                self._stop()
        return grant.count

    def _stop(self) -> None:
        """Begin nothing more. What is ready and was not taken stays as it was: the batch is given back in order."""
        self.stopping = True
        self._give_back(len(self.ready))
        self.ready.clear()

    def _give_back(self, count: int) -> None:
        self.unrecorded -= count
        self.sender.window.give_back(count)

    async def _record(self, *, horizon: int | None) -> bool:
        """Commit outcomes and horizon, as often as it takes the database to be there. Returns whether the mailing may go on."""
        settled, self.outcomes = self.outcomes, []
        reached = horizon if horizon is not None else self.held.first_id - 1

        def write(connection: Connection) -> bool:
            return deliveries.checkpoint(connection, self.held, settled, horizon=reached, now=self.now())

        may_go_on = await self._in_transaction(write)
        self._recorded = time.monotonic()
        self._give_back(sum(row.attempted or row.state is not DeliveryState.SKIPPED for row in settled))
        return may_go_on and not self.sender.draining

    async def _until_changed(self) -> None:
        """Wait until there is something to write, room to begin more, or a heartbeat has passed."""
        now = self.now()
        if self.sender.window.free <= 0:
            self.sender.window.waiting.add(self.changed)
        more = self.begun < len(self.due) and not self.stopping
        pause = min(_HEARTBEAT, max((self.ask_at - now).total_seconds(), 0.001)) if more and now < self.ask_at else _HEARTBEAT
        try:
            async with asyncio.timeout(pause):
                await self.changed.wait()
        except TimeoutError:
            pass
        self.changed.clear()

    async def _in_transaction(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction, again and again while the database cannot be had."""

        def attempt() -> T:
            with transaction(self.equipment.engine) as connection:
                return work(connection)

        while True:
            try:
                return await self._in_thread(attempt)
            except (DBAPIError, ServiceError) as error:
                log.warning("database_unavailable", batch=self.held.batch_id, error=str(error).splitlines()[0])
                await asyncio.sleep(_HEARTBEAT)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.sender.threads, work)
