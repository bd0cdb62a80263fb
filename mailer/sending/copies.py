"""A few messages that are no deliveries, handed over at once: the answers come back, and nobody keeps a record of them here."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from mailer.deliveries import DueDelivery
from mailer.message import Message
from mailer.provider import OTHER, ProviderTable
from mailer.relay import Relay
from mailer.sending.direct import way_of
from mailer.sending.outlet import Way
from mailer.sending.routes import Routes, system_routes
from mailer.smtp import NotSent, Outcome, Reason, RelayDown

_LOOK_EVERY = 0.5  # seconds, whether to give up
_STOPPED = NotSent(Reason.STOPPED, "we were stopped before its turn came")


def hand_over(
    relay: Relay,
    messages: Sequence[Message],
    routes: Callable[[random.Random], Routes] = system_routes,
    give_up: threading.Event | None = None,
) -> Iterator[tuple[int, Outcome]]:
    """What became of each message, by its key, as soon as it is known. RelayDown when the relay can be used for none of them.

    When `give_up` is set no server is waited for any longer: what was under way is not sent, or in doubt.
    """
    if not messages:
        return
    copies = _Copies(messages)
    with asyncio.Runner() as runner:
        way = runner.run(_begin(copies, relay, routes))
        for number in range(len(messages)):
            key, ended = runner.run(_next(copies, way, give_up))
            if not isinstance(ended, RelayDown):
                yield key, ended
            elif number:
                yield key, ended.for_message()
            else:
                raise ended
        runner.run(way.close())


async def _begin(copies: _Copies, relay: Relay, routes: Callable[[random.Random], Routes]) -> Way:
    way = way_of(relay, ProviderTable.load(), routes, random.SystemRandom())
    way.offer(copies, copies.due())
    return way


async def _next(copies: _Copies, way: Way, give_up: threading.Event | None) -> tuple[int, Outcome | RelayDown]:
    while give_up is None or not give_up.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_EVERY):
                return await copies.ended.get()
    way.withdraw(copies)
    way.abandon()
    await way.close()
    copies.stop()
    return await copies.ended.get()


class _Copies:
    """A batch of a few messages. What was refused comes last in `ended`: it waited for those that were under way."""

    provider = OTHER

    def __init__(self, messages: Sequence[Message]) -> None:
        self._messages = {message.key: message for message in messages}
        self._waiting = set(self._messages)
        self.ended: asyncio.Queue[tuple[int, Outcome | RelayDown]] = asyncio.Queue()

    def due(self) -> list[DueDelivery]:
        """Each of them as a delivery that is due."""
        return [DueDelivery(key, message.recipient, None, None, 0, None) for key, message in self._messages.items()]

    def stop(self) -> None:
        """What has not ended by now has been begun nowhere, or by a host before that would not have it."""
        while self._waiting:
            self.ended.put_nowait((self._waiting.pop(), _STOPPED))

    def compose(self, due: DueDelivery) -> Message:
        return self._messages[due.id]

    def settled(self, due: DueDelivery, outcome: Outcome, relay: str) -> None:
        self._waiting.discard(due.id)
        self.ended.put_nowait((due.id, outcome))

    def refused(self, dues: Sequence[DueDelivery], down: RelayDown) -> None:
        for due in dues:
            self._waiting.discard(due.id)
            self.ended.put_nowait((due.id, down))
