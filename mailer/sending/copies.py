"""A few messages that are no deliveries, handed over at once: the answers come back, and nobody keeps a record of them here."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence

from mailer.deliveries import DueDelivery
from mailer.message import Message
from mailer.provider import OTHER, ProviderTable
from mailer.relay import Relay
from mailer.sending.direct import way_of
from mailer.sending.routes import Routes, system_routes
from mailer.smtp import Outcome, RelayDown


def hand_over(
    relay: Relay, messages: Sequence[Message], routes: Callable[[random.Random], Routes] = system_routes
) -> Mapping[int, Outcome]:
    """What became of each message, by its key. RelayDown when the relay cannot be used."""
    return asyncio.run(_hand_over(relay, messages, routes)) if messages else {}


async def _hand_over(
    relay: Relay, messages: Sequence[Message], routes: Callable[[random.Random], Routes]
) -> Mapping[int, Outcome]:
    copies = _Copies(messages)
    way = way_of(relay, ProviderTable.load(), routes, random.SystemRandom())
    way.offer(copies, copies.due())
    await copies.ended.wait()
    await way.close()
    if copies.down is not None:
        raise copies.down
    return copies.outcomes


class _Copies:
    """A batch of a few messages."""

    provider = OTHER

    def __init__(self, messages: Sequence[Message]) -> None:
        self._messages = {message.key: message for message in messages}
        self.outcomes: dict[int, Outcome] = {}
        self.down: RelayDown | None = None
        self.ended = asyncio.Event()

    def due(self) -> list[DueDelivery]:
        """Each of them as a delivery that is due."""
        return [DueDelivery(key, message.recipient, None, None, 0, None) for key, message in self._messages.items()]

    def compose(self, due: DueDelivery) -> Message:
        return self._messages[due.id]

    def settled(self, due: DueDelivery, outcome: Outcome, relay: str) -> None:
        self.outcomes[due.id] = outcome
        self._look_whether_all_have_ended()

    def refused(self, dues: Sequence[DueDelivery], down: RelayDown) -> None:
        self.down = down
        self.outcomes |= {due.id: down.for_message() for due in dues}
        self._look_whether_all_have_ended()

    def _look_whether_all_have_ended(self) -> None:
        if len(self.outcomes) == len(self._messages):
            self.ended.set()
