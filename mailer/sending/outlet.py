"""One relay as all batches of a process share it: one client, its connections kept between batches."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Protocol

import structlog

from mailer.deliveries import DueDelivery
from mailer.message import Message
from mailer.relay import Relay
from mailer.smtp import Client, Outcome, RelayDown

PAUSE = 15.0  # Seconds that a relay which could not be reached is left alone.

log = structlog.get_logger()


class Sending(Protocol):
    """A batch, as an outlet knows it."""

    def compose(self, due: DueDelivery) -> Message | None:
        """The message for a delivery, or None where there can be none and the batch has settled it."""
        ...

    def settled(self, due: DueDelivery, outcome: Outcome) -> None:
        """What became of a message that was composed."""
        ...

    def refused(self, dues: Sequence[DueDelivery], down: RelayDown) -> None:
        """These deliveries were not begun: the relay cannot be used."""
        ...


class Outlet:
    """The Feed of one relay's client. The client is made when there is something to send, and made again after a failure."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.down_until = 0.0  # by the event loop's clock
        self._ready: deque[tuple[Sending, DueDelivery]] = deque()
        self._under_way: dict[int, tuple[Sending, DueDelivery]] = {}
        self._client: Client | None = None
        self._serving: asyncio.Task[None] | None = None
        self._closing = False

    @property
    def usable(self) -> bool:
        """Whether it may be tried now."""
        return asyncio.get_running_loop().time() >= self.down_until

    def offer(self, batch: Sending, dues: Sequence[DueDelivery]) -> None:
        """Send these as soon as a connection is free."""
        self._ready.extend((batch, due) for due in dues)
        if self._client is None:
            self._client = Client(
                self.relay, self, connections=self.relay.connections, messages_per_connection=self.relay.messages
            )
            self._serving = asyncio.create_task(self._serve(self._client))
        self._client.wake()

    def withdraw(self, batch: Sending) -> int:
        """Forget what `batch` offered and no connection has begun. Returns how many deliveries that is."""
        before = len(self._ready)
        self._ready = deque(entry for entry in self._ready if entry[0] is not batch)
        return before - len(self._ready)

    async def close(self) -> None:
        """Say QUIT on every connection once what is under way has ended."""
        self._closing = True
        if self._client is not None and self._serving is not None:
            self._client.wake()
            await self._serving

    async def _serve(self, client: Client) -> None:
        try:
            await client.run()
        except RelayDown as down:
            log.warning("relay_down", relay=self.relay.label, reason=down.reason.value)
            self.down_until = asyncio.get_running_loop().time() + PAUSE
            self._client = None
            self._hand_back(down)
        finally:
            self._client = None

    def _hand_back(self, down: RelayDown) -> None:
        stranded: dict[Sending, list[DueDelivery]] = {}
        for batch, due in self._ready:
            stranded.setdefault(batch, []).append(due)
        self._ready.clear()
        for batch, dues in stranded.items():
            batch.refused(dues, down)

    # -- The Feed: called by the client --

    @property
    def exhausted(self) -> bool:
        return self._closing and not self._ready

    def take(self) -> Message | None:
        while self._ready:
            batch, due = self._ready.popleft()
            message = batch.compose(due)
            if message is not None:
                self._under_way[due.id] = (batch, due)
                return message
        return None

    def settle(self, key: int, outcome: Outcome) -> None:
        batch, due = self._under_way.pop(key)
        batch.settled(due, outcome)
