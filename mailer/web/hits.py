"""Hits on their way into the stream: whoever comes while a write is under way goes with the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from mailer.events import Hit, append
from mailer.web.spool import Spool

_LOOK_SECONDS = 5.0

log = structlog.get_logger()


class HitWriter:
    """Writes hits in groups without making any wait for a clock: a hit alone goes at once, those of a rush share a round trip.

    What the broker does not take waits in the spool, if there is one, and is handed on when the broker is back.
    """

    def __init__(self, redis: Redis, spool: Spool | None = None) -> None:
        self._redis = redis
        self._spool = spool
        self._turn = asyncio.Lock()
        self._waiting: list[Hit] = []
        self._next_write: asyncio.Task[None] | None = None

    async def write(self, hit: Hit) -> None:
        """The hit is kept when this returns, in the stream or on disk. RedisError or OSError where it is not."""
        self._waiting.append(hit)
        if self._next_write is None:
            self._next_write = asyncio.create_task(self._write_those_waiting())
        # Shielded, because the write belongs to all who wait for it and one of them may hang up.
        await asyncio.shield(self._next_write)

    async def hand_on(self) -> int:
        """Put what waits in the spool into the stream; how many hits. RedisError where the broker is still away."""
        number = 0
        for path, hits in self._spool.groups() if self._spool else ():
            await append(self._redis, hits)
            path.unlink(missing_ok=True)
            number += len(hits)
        return number

    async def hand_on_for_ever(self) -> None:
        """Look every few seconds whether something waits and can go; until cancelled."""
        while True:
            with suppress(RedisError, OSError):
                if number := await self.hand_on():
                    log.info("hits_handed_on", hits=number)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _write_those_waiting(self) -> None:
        async with self._turn:
            hits, self._waiting, self._next_write = self._waiting, [], None
            try:
                await append(self._redis, hits)
            except RedisError as error:
                if self._spool is None:
                    raise
                self._keep(self._spool, hits, error)

    @staticmethod
    def _keep(spool: Spool, hits: Sequence[Hit], error: RedisError) -> None:
        spool.keep(hits)
        log.warning("hits_spooled", hits=len(hits), error=repr(error))
