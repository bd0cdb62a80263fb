"""One relay as all batches of a process share it: one client, its connections kept between batches."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from itertools import chain
from typing import Protocol

import structlog

from mailer.deliveries import DueDelivery
from mailer.message import Message
from mailer.relay import Relay
from mailer.sending.shares import Shares
from mailer.smtp import Client, Deadlines, Failures, InDoubt, NotSent, Outcome, Reason, RelayDown, Replied

PAUSE = 15.0  # Seconds that a relay which could not be reached is left alone.
# Twice as long each time that it refuses our login for good, up to this: providers lock out who goes on trying.
_LONGEST_PAUSE = 960.0

log = structlog.get_logger()


class Sending(Protocol):
    """A batch, as an outlet knows it."""

    @property
    def provider(self) -> str:
        """For whose mailboxes it is: what is slow for one of them is for the others."""
        ...

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
    """One relay, and the Feed of its client, which is made when there is something to send, and made again after a failure.

    Providers take turns at its connections, and share them: one whose mail is answered late leaves some to the others. `one_host`:
    it is a provider's own, and keeps none back for others' mail.
    """

    def __init__(self, relay: Relay, deadlines: Deadlines | None = None, *, one_host: bool = False) -> None:
        self.relay = relay
        self.overdue = False  # whether mail has waited in it for too long, and nothing was answered since
        self._down: RelayDown | None = None  # why it was down when it was down last
        self._down_until = 0.0  # by the event loop's clock
        self._pause = PAUSE
        self._deadlines = deadlines
        self._failures = Failures()
        self._ready: dict[str, deque[tuple[Sending, DueDelivery]]] = {}  # by provider; whose turn it is comes first
        self._connections = Shares(relay.connections, kept_back=not one_host)
        self._holding: dict[int, str] = {}  # the messages that hold a connection, and for which provider
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
        return not self._under_way and not any(self._ready.values())

    def offer(self, batch: Sending, dues: Sequence[DueDelivery]) -> None:
        """Send these as soon as a connection is free."""
        if self._down is not None and not self.usable:  # Else each batch would try it anew.
            batch.refused(dues, self._down)
            return
        self._connections.ask(batch.provider, asyncio.get_running_loop().time())
        self._ready.setdefault(batch.provider, deque()).extend((batch, due) for due in dues)
        if self._client is None:
            self._client = Client(
                self.relay,
                self,
                connections=self.relay.connections,
                messages_per_connection=self.relay.messages,
                deadlines=self._deadlines,
                failures=self._failures,
            )
            self._serving = asyncio.create_task(self._serve(self._client))
        self._client.wake()

    def withdraw(self, batch: Sending) -> int:
        """Forget what `batch` offered and no connection has begun. Returns how many deliveries that is."""
        before = self._ready.get(batch.provider, deque())
        left = deque(entry for entry in before if entry[0] is not batch)
        self._ready[batch.provider] = left
        return len(before) - len(left)

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
        down = None
        try:
            await client.run()
        except RelayDown as error:
            log.warning("relay_down", relay=self.relay.label, reason=error.reason.value)
            down = error
        except Exception as error:  # Ours, and no reason for a batch to wait for ever.
            log.exception("client_failed", relay=self.relay.label)
            down = RelayDown(self.relay.label, Reason.CONNECT, f"we failed: {error!r}")
        finally:
            self._client = None
            self._settle_what_was_lost()
        if down is not None:
            again = self._down is not None and _refuses_our_login(self._down) and _refuses_our_login(down)
            self._pause = min(2 * self._pause, _LONGEST_PAUSE) if again else PAUSE
            self._down, self._down_until = down, asyncio.get_running_loop().time() + self._pause
            self._hand_back(down)

    def _settle_what_was_lost(self) -> None:
        """A client that ended has settled all, unless something failed: then nobody knows what has left."""
        for key in tuple(self._under_way):
            self.settle(key, InDoubt(Reason.STOPPED, "we failed"))

    def _hand_back(self, down: RelayDown) -> None:
        stranded: dict[Sending, list[DueDelivery]] = {}
        for batch, due in chain.from_iterable(self._ready.values()):
            stranded.setdefault(batch, []).append(due)
        self._ready.clear()
        for batch, dues in stranded.items():
            batch.refused(dues, down)

    # -- The Feed: called by the client --

    @property
    def exhausted(self) -> bool:
        return self._closing and not any(self._ready.values())

    def take(self, behind: int | None = None) -> Message | None:
        if behind is not None:
            return self._take_behind(behind)
        if self._client is not None:
            self._connections.size = self._client.connections
        for provider in tuple(self._ready):
            if self._connections.has_room(provider) and (message := self._begin(provider)):
                self._connections.take(provider)
                self._holding[message.key] = provider
                self._ready[provider] = self._ready.pop(provider)
                return message
        return None

    def settle(self, key: int, outcome: Outcome) -> None:
        batch, due = self._under_way[key]
        had_room = self._connections.has_room(batch.provider)
        if self._holding.pop(key, None) is not None:
            self._connections.give_back(batch.provider)
        self._connections.answered(batch.provider)
        if self._client is not None and not had_room and self._connections.has_room(batch.provider):
            self._client.wake()  # A connection that rests, or is not open, may be taken now.
        if isinstance(outcome, NotSent) and outcome.kept_out:
            # The client's end, which follows, hands it back with the others.
            self._ready.setdefault(batch.provider, deque()).appendleft((batch, due))
        else:
            if isinstance(outcome, Replied):
                self._down = None  # It has had us: a failure that comes now is the first again.
            batch.settled(due, outcome, self.relay.label)
        del self._under_way[key]

    def _take_behind(self, before: int) -> Message | None:
        """Mail for the same provider, which takes over the connection: another's would share the wait for an answer that is late."""
        provider = self._under_way[before][0].provider
        if not self._connections.may_go_on(provider) or self._others_have_none(provider):
            return None
        message = self._begin(provider)
        if message is not None:
            if self._holding.pop(before, None) is None:
                self._connections.take(provider)
            self._holding[message.key] = provider
        return message

    def _others_have_none(self, provider: str) -> bool:
        """Whether there is mail for another provider, and no connection busy with it."""
        return any(ready and other != provider and not self._connections.holds(other) for other, ready in self._ready.items())

    def _begin(self, provider: str) -> Message | None:
        ready = self._ready.get(provider, deque())
        for _ in range(len(ready)):
            batch, due = ready.popleft()
            if due.id in self._under_way:  # for an earlier run of its batch: this one's turn comes when that one has ended
                ready.append((batch, due))
                continue
            try:
                message = batch.compose(due)
            except Exception as error:  # Ours, and it costs only this one.
                log.exception("not_composed", delivery=due.id)
                batch.settled(due, NotSent(Reason.MALFORMED, f"it cannot be composed: {error!r}"), self.relay.label)
                continue
            if message is not None:
                self._under_way[due.id] = (batch, due)
                return message
        return None


def _refuses_our_login(down: RelayDown) -> bool:
    return down.reason is Reason.AUTH and down.reply is not None and down.reply.code >= 500
