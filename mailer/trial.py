"""A test copy of an issue to named addresses: the same composer, the same client, outside all statistics."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import assert_never

from mailer.deliveries import DueDelivery
from mailer.issues import StoredIssue
from mailer.message import Composer, Message, Recipient
from mailer.provider import ProviderTable
from mailer.publishing import edition_of, letterhead_of
from mailer.relay import Relay, parse_relays
from mailer.sending.direct import way_of
from mailer.sending.routes import Routes, system_routes
from mailer.settings import Settings
from mailer.signing import signers_for
from mailer.smtp import InDoubt, NotSent, Outcome, RelayDown, Replied
from mailer.tokens import Tokens
from subscribers.address import Address

_HIGHEST_ID = 2**40 - 1  # what a token can hold
_TRIAL_IDS = 2**38


@dataclass(frozen=True, slots=True)
class Copy:
    """What became of one copy; `answer` is the server's word, or why there is none."""

    address: str
    accepted: bool
    answer: str


class _Copies:
    """A batch of a few messages that nobody keeps a record of."""

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


def send_copies(
    stored: StoredIssue,
    addresses: Sequence[Address],
    settings: Settings,
    routes: Callable[[random.Random], Routes] = system_routes,
) -> list[Copy]:
    """Send one copy to each address as the first relay says. RelayDown when it cannot be used."""
    letterhead = letterhead_of(stored.publication, settings)
    composer = Composer(
        edition_of(stored, settings),
        letterhead,
        Tokens(settings.secret_key()),
        mailing_id=0,
        date=datetime.now(UTC),
        signers=signers_for(letterhead.domain, settings),
        test=True,
    )
    # Ids that no delivery will ever have, other ones each time: a mailbox may drop a second message of the same Message-ID.
    keys = {_HIGHEST_ID - secrets.randbelow(_TRIAL_IDS): address for address in addresses}
    copies = _Copies([composer.compose(Recipient(key, address.written, None, None)) for key, address in keys.items()])
    asyncio.run(_hand_over(parse_relays(settings["SMTP_URL"])[0], copies, routes))
    return [_copy(address.written, copies.outcomes[key]) for key, address in keys.items()]


async def _hand_over(relay: Relay, copies: _Copies, routes: Callable[[random.Random], Routes]) -> None:
    way = way_of(relay, ProviderTable.load(), routes, random.SystemRandom())
    way.offer(copies, copies.due())
    await copies.ended.wait()
    await way.close()
    if copies.down is not None:
        raise copies.down


def _copy(address: str, outcome: Outcome) -> Copy:
    match outcome:
        case Replied(reply):
            return Copy(address, 200 <= reply.code < 300, str(reply))
        case NotSent(_, detail, reply):
            return Copy(address, False, str(reply) if reply else detail)
        case InDoubt(_, detail):
            return Copy(address, False, f"no answer came after the message had left: {detail}")
        case _:
            assert_never(outcome)
