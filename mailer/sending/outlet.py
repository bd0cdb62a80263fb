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
from mailer.settling import UNREACHABLE
from mailer.smtp import Client, Deadlines, NotSent, Outcome, RelayDown

PAUSE = 15.0  # Seconds that a relay which could not be reached is left alone.

log = structlog.get_logger()


class Sending(Protocol):
    """A batch, as an outlet knows it."""

    def compose(self, due: DueDelivery) -> Message | None:
        """The message for a delivery, or None where there can be none and the batch has settled it."""
        ...

    def settled(self, due: DueDelivery, outcome: Outcome, relay: str) -> None:
        """What became of a delivery, and the label of the relay that it was for."""
        ...

    def refused(self, dues: Sequence[DueDelivery], down: RelayDown) -> None:
        """These deliveries were not begun: the relay cannot be used."""
        ...


class Way(Protocol):
    """How a batch's mail leaves: through a relay, or to the recipients' own hosts. All batches of a process share it."""

    @property
    def relay(self) -> Relay:
        """What it is called, how much of the mail it takes, what bounds it."""
        ...

    @property
    def usable(self) -> bool:
        """Whether it may be tried now."""
        ...

    def offer(self, batch: Sending, dues: Sequence[DueDelivery]) -> None:
        """Send these as soon as it can be. Each ends with one call of the batch's: composed and settled, settled, or refused."""
        ...

    def withdraw(self, batch: Sending) -> int:
        """Forget what `batch` offered and no connection has begun. Returns how many deliveries that is."""
        ...

    def abandon(self) -> None:
        """Wait for no server any longer: what is under way is settled now, sent, not sent or in doubt."""
        ...

    async def close(self) -> None:
        """Say QUIT on every connection once what is under way has ended."""
        ...


class Outlet:
    """One relay, and the Feed of its client, which is made when there is something to send, and made again after a failure."""

    def __init__(self, relay: Relay, deadlines: Deadlines | None = None) -> None:
        self.relay = relay
        self.last_failure: NotSent | None = None  # why it was down when it was down last
        self._down_until = 0.0  # by the event loop's clock
        self._deadlines = deadlines
        self._ready: deque[tuple[Sending, DueDelivery]] = deque()
        self._under_way: dict[int, tuple[Sending, DueDelivery]] = {}
        self._client: Client | None = None
        self._serving: asyncio.Task[None] | None = None
        self._closing = False

    @property
    def usable(self) -> bool:
        """Whether it was not down a moment ago."""
        return asyncio.get_running_loop().time() >= self._down_until

    @property
    def idle(self) -> bool:
        """Whether nothing waits in it and nothing is under way."""
        return not self._ready and not self._under_way

    def offer(self, batch: Sending, dues: Sequence[DueDelivery]) -> None:
        """Send these as soon as a connection is free."""
        self._ready.extend((batch, due) for due in dues)
        if self._client is None:
            self._client = Client(
                self.relay,
                self,
                connections=self.relay.connections,
                messages_per_connection=self.relay.messages,
                deadlines=self._deadlines,
            )
            self._serving = asyncio.create_task(self._serve(self._client))
        self._client.wake()

    def withdraw(self, batch: Sending) -> int:
        """Forget what `batch` offered and no connection has begun. Returns how many deliveries that is."""
        before = len(self._ready)
        self._ready = deque(entry for entry in self._ready if entry[0] is not batch)
        return before - len(self._ready)

    def abandon(self) -> None:
        """Wait for the relay no longer: what is under way is settled now, sent, not sent or in doubt."""
        if self._serving is not None:
            self._serving.cancel()

    async def close(self) -> None:
        """Say QUIT on every connection once what is under way has ended."""
        self._closing = True
        if self._client is not None and self._serving is not None:
            self._client.wake()
            await asyncio.wait([self._serving])

    async def _serve(self, client: Client) -> None:
        try:
            await client.run()
        except RelayDown as down:
            log.warning("relay_down", relay=self.relay.label, reason=down.reason.value)
            self._down_until = asyncio.get_running_loop().time() + PAUSE
            self.last_failure = down.for_message()
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
        if isinstance(outcome, NotSent) and outcome.reason in UNREACHABLE:
            # No connection has begun with it. The client's end, which follows, hands it back with the others.
            self._ready.appendleft((batch, due))
        else:
            batch.settled(due, outcome, self.relay.label)
