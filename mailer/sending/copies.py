"""A few messages that are no deliveries, handed over at once: the answers come back, and nobody keeps a record of them here."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence

from mailer.deliveries import DueDelivery
from mailer.message import Message
from mailer.provider import OTHER, ProviderTable
from mailer.relay import Relay
from mailer.sending.direct import way_of
from mailer.sending.outlet import Way
from mailer.sending.routes import Routes, system_routes
from mailer.smtp import Outcome, RelayDown


def hand_over(
    relay: Relay, messages: Sequence[Message], routes: Callable[[random.Random], Routes] = system_routes
) -> Iterator[tuple[int, Outcome]]:
    """What became of each message, by its key, as soon as it is known. RelayDown when the relay can be used for none of them."""
    if not messages:
        return
    copies = _Copies(messages)
    with asyncio.Runner() as runner:
        way = runner.run(_begin(copies, relay, routes))
        for number in range(len(messages)):
            key, ended = runner.run(copies.ended.get())
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


class _Copies:
    """A batch of a few messages. What was refused comes last in `ended`: it waited for those that were under way."""

    provider = OTHER

    def __init__(self, messages: Sequence[Message]) -> None:
        self._messages = {message.key: message for message in messages}
        self.ended: asyncio.Queue[tuple[int, Outcome | RelayDown]] = asyncio.Queue()

    def due(self) -> list[DueDelivery]:
        """Each of them as a delivery that is due."""
        return [DueDelivery(key, message.recipient, None, None, 0, None) for key, message in self._messages.items()]

    def compose(self, due: DueDelivery) -> Message:
        return self._messages[due.id]

    def settled(self, due: DueDelivery, outcome: Outcome, relay: str) -> None:
        self.ended.put_nowait((due.id, outcome))

    def refused(self, dues: Sequence[DueDelivery], down: RelayDown) -> None:
        for due in dues:
            self.ended.put_nowait((due.id, down))
