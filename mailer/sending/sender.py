"""The sending part of one worker process."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from mailer import deliveries, installation, issues, mailings, pictures
from mailer.deliveries import Claim, DueDelivery
from mailer.dkim import Signer
from mailer.message import Composer
from mailer.pacing import LoopPacer
from mailer.provider import ProviderTable
from mailer.relay import Relay
from mailer.reply import ReplyTable
from mailer.sending.balance import Balance
from mailer.sending.batch import Batch, Surroundings
from mailer.sending.direct import way_of
from mailer.sending.records import Records
from mailer.sending.routes import Routes, system_routes
from mailer.sending.window import Window
from mailer.tokens import Tokens
from subscribers.db import database_time, transaction
from subscribers.errors import InputError, ServiceError, first_line

try:
    from uvloop import new_event_loop
except ImportError:  # It is an extra, and there is none for Windows.
    from asyncio import SelectorEventLoop as new_event_loop  # type: ignore[assignment]  # psycopg knows no other.

log = structlog.get_logger()

# Threads that call `send`: enough for a few mailings' batches of slow providers and, beside them, everybody else's. Where more are sent
# at once, the batches take turns.
BATCHES_AT_ONCE = 64
_COMPOSERS = 16
_DRAIN_PATIENCE = 20.0  # Ten seconds less than service managers and `up` have, for what is to be recorded then.
# Reading a batch holds up the mail for milliseconds, and gets a third of the time; a database that was away is no reason to wait longer.
_PAUSE_PER_CLAIM, _LONGEST_PAUSE = 2.0, 0.1
_MEND = timedelta(seconds=15)  # Until a mailing that cannot be composed here is tried again.


def unsigned(domain: str) -> Sequence[Signer]:
    """No signers for any domain: the relay signs, or nobody."""
    return ()


@dataclass(frozen=True, slots=True)
class Equipment:
    """What every batch of a process is sent with. `signers` are asked for by the sender's domain.

    `providers` and `routes` serve those relays that are direct: whose host it is, and where a domain's hosts are.
    """

    engine: Engine
    pacer: LoopPacer
    relays: Sequence[Relay]
    tokens: Tokens
    table: ReplyTable
    worker: str
    rng: random.Random
    signers: Callable[[str], Sequence[Signer]] = unsigned
    providers: ProviderTable = field(default_factory=ProviderTable.load)
    routes: Callable[[random.Random], Routes] = system_routes


class Sender:
    """Sends batches, many at once, from BATCHES_AT_ONCE threads that call `send`, which blocks until its batch is given back."""

    def __init__(self, equipment: Equipment) -> None:
        self._equipment = equipment
        self.given_up = threading.Event()  # Set when, at the end, no server is waited for any longer.
        self._loop: asyncio.AbstractEventLoop = new_event_loop()
        self._under_way: set[Batch] = set()
        self._draining = False
        self._composers: dict[int, tuple[datetime, asyncio.Task[Composer]]] = {}  # by mailing, with its hour
        self._may_claim = asyncio.Lock()
        outlets = [way_of(relay, equipment.providers, equipment.routes, equipment.rng) for relay in equipment.relays]
        self._around = Surroundings(
            records=Records(equipment.engine.url),
            window=Window(),
            pacer=equipment.pacer,
            outlets=outlets,
            balance=Balance(outlets, equipment.rng),
            table=equipment.table,
            rng=equipment.rng,
            crowded=lambda: len(self._under_way) > BATCHES_AT_ONCE // 2,  # Notices take threads, too.
        )
        threading.Thread(target=self._loop.run_forever, name="sending", daemon=True).start()

    @property
    def window(self) -> Window:
        """How much the process may still begin."""
        return self._around.window

    def send(self, batch_id: int) -> None:
        """Send what is due in the batch, unless somebody else does or its mailing does not go on."""
        if not self._draining:
            asyncio.run_coroutine_threadsafe(self._send(batch_id), self._loop).result()
            return
        with suppress(DBAPIError, ServiceError), transaction(self._equipment.engine) as connection:
            deliveries.decline(connection, batch_id)

    def drain(self, patience: float = _DRAIN_PATIENCE) -> None:
        """Make every batch end early: what is under way is finished and recorded, and nothing more begun.

        A server that has not answered after `patience` seconds is not waited for: what it was told then is in doubt.
        """
        self._draining = True
        self._loop.call_soon_threadsafe(self._stop_batches)
        self._loop.call_soon_threadsafe(self._loop.call_later, patience, self._abandon)

    def close(self) -> None:
        """Say goodbye to every relay; to be called when no `send` is under way any more."""
        asyncio.run_coroutine_threadsafe(self._close_outlets(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _stop_batches(self) -> None:
        for batch in self._under_way:
            batch.stop()

    def _abandon(self) -> None:
        self.given_up.set()
        for outlet in self._around.outlets:  # Also for a batch whose lease was lost, and which is under way no more.
            outlet.abandon()

    async def _close_outlets(self) -> None:
        await asyncio.gather(*(outlet.close() for outlet in self._around.outlets))
        await asyncio.gather(self._around.records.close(), self._around.pacer.close())

    async def _send(self, batch_id: int) -> None:
        if any(batch.held.batch_id == batch_id for batch in self._under_way):
            return  # Its lease ran out while the database was out of reach, and only here is known what servers answered meanwhile.
        records = self._around.records
        claimed = await self._in_turn(batch_id)
        if claimed is None:
            return
        held, due = claimed
        try:
            composer = await self._composer(held)
        except Exception as error:
            # Of whatever kind: kept, the batch would be taken over again and again, and nobody told why.
            if not isinstance(error, InputError):
                log.exception("no_composer", mailing=held.mailing_id)
            trouble = f"{self._equipment.worker} cannot send it: {first_line(error)}"
            await records.in_transaction(partial(self._give_back, held, trouble))
            return
        batch = Batch(held, due, composer, self._around)
        self._under_way.add(batch)
        try:
            if self._draining:
                batch.stop()
            await batch.run()
        finally:
            self._under_way.discard(batch)

    async def _in_turn(self, batch_id: int) -> tuple[Claim, list[DueDelivery]] | None:
        """Claim one batch after the other: of many that come at once, the first is on its way before the next is read."""
        await self._may_claim.acquire()
        began, pause = self._loop.time(), 0.0
        try:
            claimed = await self._around.records.in_transaction(partial(self._claim, batch_id))
            if claimed is not None:
                pause = min(_PAUSE_PER_CLAIM * (self._loop.time() - began), _LONGEST_PAUSE)
            return claimed
        finally:
            self._loop.call_later(pause, self._may_claim.release)

    def _claim(self, batch_id: int, connection: Connection) -> tuple[Claim, list[DueDelivery]] | None:
        now = database_time(connection)
        if self._draining or not installation.at_work(connection, now):
            deliveries.decline(connection, batch_id)
            return None
        held = deliveries.claim(connection, batch_id, self._equipment.worker, now)
        return None if held is None else (held, deliveries.read_due(connection, held))

    def _give_back(self, held: Claim, trouble: str, connection: Connection) -> None:
        now = database_time(connection)
        mailings.note_trouble(connection, held.mailing_id, trouble)
        deliveries.release(connection, held, now=now, not_before=now + _MEND)

    async def _composer(self, held: Claim) -> Composer:
        """The composer of a mailing, made once for all of its batches that begin in an hour; one that could not be made is tried anew."""
        # A mailing may go on for weeks, and filters take mail for spam whose date lies three hours back, or days.
        mailing_id, hour = held.mailing_id, held.leased_at.replace(minute=0, second=0, microsecond=0)
        kept = self._composers.get(mailing_id)
        if kept is None or kept[0] != hour:
            self._composers.pop(mailing_id, None)
            if len(self._composers) == _COMPOSERS:
                del self._composers[next(iter(self._composers))]
            kept = hour, asyncio.create_task(asyncio.to_thread(self._make_composer, mailing_id, hour))
            self._composers[mailing_id] = kept
        try:
            return await kept[1]
        except Exception:
            if self._composers.get(mailing_id) is kept:
                del self._composers[mailing_id]
            raise

    def _make_composer(self, mailing_id: int, since: datetime) -> Composer:
        with transaction(self._equipment.engine) as connection:
            record = mailings.find_mailing(connection, mailing_id)
            edition = issues.load_edition(connection, record.edition_id)
            attached = pictures.find_pictures(connection, edition.attached)
        letterhead, date = record.terms.letterhead, max(record.started_at or record.at, since)
        signers = self._equipment.signers(letterhead.domain)
        if record.terms.signed and not signers:
            raise InputError(
                f"there is no DKIM key for {letterhead.domain} here, as there was when the mailing was scheduled. "
                "Copy JIANBAO_DATA_DIR/dkim to this machine."
            )
        return Composer(
            edition, letterhead, self._equipment.tokens, mailing_id=mailing_id, date=date, signers=signers, pictures=attached
        )
