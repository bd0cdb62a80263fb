"""Everything that the batches of a process tell the database goes through here, in as few transactions as there can be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import structlog
from sqlalchemy import URL, Connection
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from mailer import deliveries
from mailer.deliveries import Checkpoint, Standing
from subscribers.db import IDLE_SECONDS, make_async_engine
from subscribers.errors import first_line

_AGAIN_AFTER = 0.5  # seconds
_TRANSACTIONS = 2  # at one time, so that the first of many batches is not held up by the others

log = structlog.get_logger()
T = TypeVar("T")


@dataclass(slots=True)
class _Request:
    checkpoint: Checkpoint
    answer: asyncio.Future[Standing] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Records:
    """Checkpoints that come while one transaction is under way share the next one: a group commit, in the order they came.

    What the database cannot take now is tried again until it can; nothing is ever given up.
    """

    def __init__(self, url: URL) -> None:
        self._engine = make_async_engine(url, pool_size=_TRANSACTIONS + 1, idle_seconds=IDLE_SECONDS)
        self._turn = asyncio.Semaphore(_TRANSACTIONS)
        self._line: AsyncConnection | None = (
            None  # kept for checkpoints alone: they come by the hundred a second, one at a time
        )
        self._waiting: list[_Request] = []
        self._writing: asyncio.Task[None] | None = None

    async def checkpoint(self, checkpoint: Checkpoint) -> Standing:
        """Commit a checkpoint, and say how its batch stands."""
        request = _Request(checkpoint)
        self._waiting.append(request)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        return await request.answer

    async def _write(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting, []
                wanted = [request.checkpoint for request in group]
                _answer(group, await self._answers(wanted))
        finally:
            self._writing = None

    async def _answers(self, wanted: list[Checkpoint]) -> list[Standing] | Exception:
        try:
            return await self._checkpoint(wanted)
        except Exception as error:
            return error  # It is those who asked that must fail, and not whoever asks next.

    async def _checkpoint(self, wanted: list[Checkpoint]) -> list[Standing]:
        while True:
            try:
                if self._line is None:
                    self._line = await self._engine.execution_options(isolation_level="AUTOCOMMIT").connect()
                return await self._line.run_sync(deliveries.checkpoint, wanted)
            except (OperationalError, InterfaceError) as error:
                await self._hang_up()
                await _pause(error)

    async def _hang_up(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            await line.invalidate()
            await line.close()

    async def close(self) -> None:
        """Close every connection."""
        await self._hang_up()
        await self._engine.dispose()

    async def in_transaction(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction, again and again while the database cannot be had or is full.

        In this thread: another one would fight with the event loop over the interpreter for as long as it works.
        """
        while True:
            try:
                async with self._turn, self._engine.begin() as connection:
                    return await connection.run_sync(work)
            except (OperationalError, InterfaceError) as error:
                await _pause(error)


async def _pause(error: Exception) -> None:
    log.warning("database_unavailable", error=first_line(error))
    await asyncio.sleep(_AGAIN_AFTER)


def _answer(group: list[_Request], answers: list[Standing] | Exception) -> None:
    """Tell each request how its batch stands, or what went wrong for all of them."""
    for place, request in enumerate(group):
        if request.answer.done():  # Nobody waits any more.
            continue
        if isinstance(answers, Exception):
            request.answer.set_exception(answers)
        else:
            request.answer.set_result(answers[place])
