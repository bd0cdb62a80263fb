"""Keeps connections to one relay and feeds them until the messages are used up."""

from __future__ import annotations

import asyncio
import ssl

from mailer.relay import Encryption, Relay
from mailer.smtp import tls
from mailer.smtp.deadlines import Deadlines
from mailer.smtp.feed import Feed
from mailer.smtp.opening import Failures, Session, open_session
from mailer.smtp.outcomes import NotSent, Reason, RelayDown
from mailer.smtp.pipeline import Pipeline
from mailer.smtp.supply import Supply

# One session that broke before anything was answered is a mishap, perhaps the message's fault; the second is the relay's.
_FRUITLESS_SESSIONS = 2
_REST = 60.0  # Seconds after which a connection that could not be had is asked for again, while others go on.
_STOPPED = NotSent(Reason.STOPPED, "the client was stopped before its turn came")


class Client:
    """Sends what a feed gives to one relay.

    It keeps up to `connections` connections, opened as messages need them, the first one alone: a wrong password is tried
    once and not on every connection. Each carries up to `messages_per_connection` messages, fewer where the server says so
    (LIMITS MAILMAX). A connection that breaks is opened again while others go on; one that cannot be opened is done
    without for a minute, and the client ends when that is so of all.

    `ssl_context` replaces the one that `mailer.smtp.tls` makes for the relay. A client runs once; `failures` are what those before
    it have learnt of the relay's addresses.
    """

    def __init__(
        self,
        relay: Relay,
        feed: Feed,
        *,
        connections: int,
        messages_per_connection: int,
        deadlines: Deadlines | None = None,
        ssl_context: ssl.SSLContext | None = None,
        failures: Failures | None = None,
    ) -> None:
        self._relay = relay
        self._supply = Supply(feed)
        self._connections = connections
        self._messages = messages_per_connection
        self._deadlines = deadlines or Deadlines()
        self._context = ssl_context
        self._failures = failures or Failures()
        self._opening: set[asyncio.Task[None]] = set()
        self._pipelines: set[Pipeline] = set()
        self._failure: RelayDown | None = None
        self._ringing = False
        self._bell = asyncio.Event()
        self._reachable = asyncio.Event()
        self._finished = asyncio.Event()
        self._finished.set()

    async def run(self) -> None:
        """Send until the feed is exhausted and all that was taken is settled.

        Raises RelayDown, after settling all that was taken, when no connection can be had; raises what the feed raises.
        When cancelled, it settles what was under way and ends the connections.
        """
        self._finished.clear()
        if self._context is None and self._relay.encryption is not Encryption.NONE:
            self._context = tls.context_for(self._relay)
        slots = [asyncio.create_task(self._slot(first=number == 0)) for number in range(self._connections)]
        down = None
        try:
            await asyncio.gather(*slots)
            down = None if self._supply.exhausted else self._failure
        finally:
            await self._stop(slots, down)
        if down is not None:
            raise down

    def wake(self) -> None:
        """Say that the feed may have messages again, or is exhausted. To be called in the event loop's thread."""
        if not self._ringing:
            self._ringing = True
            asyncio.get_running_loop().call_soon(self._ring)

    @property
    def connections(self) -> int:
        """How many connections it keeps, or may open now: fewer than at first where the server gives no more."""
        return self._connections

    async def drain(self) -> None:
        """Take nothing more, finish what is in flight, say QUIT; returns when `run` has settled everything."""
        self._supply.stop()
        self._ring()
        await self._finished.wait()

    async def _slot(self, *, first: bool) -> None:
        try:
            if not first:
                await self._reachable.wait()
            await self._keep_connection(proven=False)
            while await self._rested():
                await self._keep_connection(proven=True)
        except asyncio.CancelledError:
            if not self._supply.exhausted:
                raise
        finally:
            self._reachable.set()

    async def _rested(self) -> bool:
        """Do without the connection for a while; False when none will be needed, or no other is left to go on meanwhile."""
        self._connections -= 1
        self._reachable.set()
        self._ring()
        try:
            async with asyncio.timeout(_REST):
                while self._connections and not self._supply.exhausted:
                    await self._bell.wait()
            return False
        except TimeoutError:
            self._connections += 1
            return True

    async def _keep_connection(self, *, proven: bool) -> None:
        fruitless = 0
        while await self._needed(proven):
            session = await self._open()
            if session is None:
                return
            proven = True
            down, answered = await self._send(session)
            fruitless = fruitless + 1 if down is not None and not answered else 0
            if fruitless == _FRUITLESS_SESSIONS:
                self._failure = down
                return

    async def _needed(self, proven: bool) -> bool:
        """Wait until a message needs a connection more; False when none ever will.

        After a failure only those go on that have had a connection, or have rested: the relay gives no more, or none at all.
        """
        while not self._supply.exhausted and (proven or self._failure is None):
            if self._supply.needs_more_than(len(self._opening)):
                return True
            await self._bell.wait()
        return False

    async def _open(self) -> Session | None:
        task = asyncio.current_task()
        assert task is not None
        self._opening.add(task)
        try:
            session = await open_session(self._relay, self._deadlines, self._context, self._failures)
            self._reachable.set()
            return session
        except RelayDown as down:
            self._failure = down
            return None
        finally:
            self._opening.discard(task)
            self._ring()

    async def _send(self, session: Session) -> tuple[RelayDown | None, int]:
        pipeline = Pipeline(session, self._supply, self._deadlines, self._messages)
        self._pipelines.add(pipeline)
        try:
            return await pipeline.run(), pipeline.answered
        finally:
            self._pipelines.discard(pipeline)
            self._ring()

    def _ring(self) -> None:
        """Let all look again: first the connections that are open, then those that would have to be opened, or need not be."""
        self._ringing = False
        for pipeline in tuple(self._pipelines):
            pipeline.wake()
        while self._opening and self._supply.exhausted:
            self._opening.pop().cancel()
        self._bell.set()
        self._bell = asyncio.Event()

    async def _stop(self, slots: list[asyncio.Task[None]], down: RelayDown | None) -> None:
        for slot in slots:
            slot.cancel()
        try:
            await asyncio.gather(*slots, return_exceptions=True)
        finally:
            self._supply.give_up(down.for_message() if down is not None else _STOPPED)
            self._finished.set()
