"""Hits on their way into the stream: whoever comes while a write is under way goes with the next one.

Who asks to leave while the database is away goes the same way, to those who wait to in the broker (mailer/leaving.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from mailer.events import Hit, append
from mailer.leaving import LEAVING_LATER, for_later
from mailer.models import EventKind
from mailer.web.spool import Spool

_LOOK_SECONDS = 5.0
_GROUPS_AT_ONCE = 20  # A hit that came alone while the broker was away is a group of one, and there may be a million of them.

log = structlog.get_logger()


class HitWriter:
    """Writes hits in groups without making any wait for a clock: a hit alone goes at once, those of a rush share a round trip.

    What the broker does not take waits in the spool, if there is one, and is handed on when the broker is back.
    """

    def __init__(self, redis: Redis, spool: Spool | None = None) -> None:
        self._redis = redis
        self._spool = spool
        self._waiting: list[tuple[Hit, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        # How the broker failed, until the spool could be handed on: nobody waits for an answer that the one before did not get.
        self._away: RedisError | None = None

    async def write(self, hit: Hit) -> None:
        """The hit is kept when this returns, in the stream or on disk. RedisError or OSError where it is not."""
        kept = asyncio.get_running_loop().create_future()  # One's own: who hangs up takes nobody else's write along.
        self._waiting.append((hit, kept))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_those_waiting())
        await kept

    async def hand_on(self) -> int:
        """Put what waits in the spool into the stream; how many hits. RedisError where the broker is still away."""
        number, groups = 0, self._spool.groups() if self._spool else iter(())
        try:
            while some := list(islice(groups, _GROUPS_AT_ONCE)):
                hits = [hit for _, group in some for hit in group]
                await self._pass_on(hits)
                for path, _ in some:
                    path.unlink(missing_ok=True)
                number += len(hits)
        except OSError:
            self._away = None  # It is the disk that fails, and not the broker.
            raise
        self._away = None
        return number

    async def hand_on_for_ever(self) -> None:
        """Look every few seconds whether something waits and can go; until cancelled."""
        while True:
            with suppress(RedisError, OSError):
                if number := await self.hand_on():
                    log.info("hits_handed_on", hits=number)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _write_those_waiting(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting, []
                failure = await self._failure_of([hit for hit, _ in group])
                for kept in (kept for _, kept in group if not kept.done()):
                    if failure is None:
                        kept.set_result(None)
                    else:
                        kept.set_exception(failure)
        finally:
            self._writing = None

    async def _failure_of(self, hits: Sequence[Hit]) -> Exception | None:
        """Write the hits; what went wrong, where they are kept nowhere."""
        if self._away is None or self._spool is None:
            try:
                await self._pass_on(hits)
            except RedisError as error:
                if self._spool is None:
                    return error
                self._away = error
            except Exception as error:
                return error  # It is those who wait that must hear of it.
            else:
                return None
        try:
            self._keep(self._spool, hits, self._away)
        except OSError as full:
            return full
        return None

    async def _pass_on(self, hits: Sequence[Hit]) -> None:
        leaving = [for_later(hit.delivery_id, hit.at) for hit in hits if hit.kind is EventKind.UNSUBSCRIBE]
        if leaving:
            await self._redis.rpush(LEAVING_LATER, *leaving)
        await append(self._redis, [hit for hit in hits if hit.kind is not EventKind.UNSUBSCRIBE])

    @staticmethod
    def _keep(spool: Spool, hits: Sequence[Hit], error: RedisError) -> None:
        spool.keep(hits)
        log.warning("hits_spooled", hits=len(hits), error=repr(error))
