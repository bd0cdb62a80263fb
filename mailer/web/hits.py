"""Hits on their way into the stream: whoever comes while a write is under way goes with the next one."""

from __future__ import annotations

import asyncio

from redis.asyncio import Redis

from mailer.events import Hit, append


class HitWriter:
    """Writes hits in groups without making any wait for a clock: a hit alone goes at once, those of a rush share a round trip."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._turn = asyncio.Lock()
        self._waiting: list[Hit] = []
        self._next_write: asyncio.Task[None] | None = None

    async def write(self, hit: Hit) -> None:
        """The hit is in the stream when this returns. RedisError where the broker does not take it."""
        self._waiting.append(hit)
        if self._next_write is None:
            self._next_write = asyncio.create_task(self._write_those_waiting())
        # Shielded, because the write belongs to all who wait for it and one of them may hang up.
        await asyncio.shield(self._next_write)

    async def _write_those_waiting(self) -> None:
        async with self._turn:
            hits, self._waiting, self._next_write = self._waiting, [], None
            await append(self._redis, hits)
