"""A test copy of an issue to named addresses: the same composer, the same client, outside all statistics."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import assert_never

from mailer.issues import StoredIssue
from mailer.message import Composer, Message, Recipient
from mailer.publishing import edition_of, letterhead_of
from mailer.relay import Relay, parse_relays
from mailer.settings import Settings
from mailer.smtp import Client, InDoubt, NotSent, Outcome, Replied
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
    """A Feed of a few messages."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self._waiting = deque(messages)
        self.outcomes: dict[int, Outcome] = {}

    @property
    def exhausted(self) -> bool:
        return not self._waiting

    def take(self) -> Message | None:
        return self._waiting.popleft() if self._waiting else None

    def settle(self, key: int, outcome: Outcome) -> None:
        self.outcomes[key] = outcome


def send_copies(stored: StoredIssue, addresses: Sequence[Address], settings: Settings) -> list[Copy]:
    """Send one copy to each address through the first relay. RelayDown when it cannot be used."""
    composer = Composer(
        edition_of(stored),
        letterhead_of(stored.publication, settings),
        Tokens(settings.secret_key()),
        mailing_id=0,
        date=datetime.now(UTC),
        test=True,
    )
    # Ids that no delivery will ever have, other ones each time: a mailbox may drop a second message of the same Message-ID.
    keys = {_HIGHEST_ID - secrets.randbelow(_TRIAL_IDS): address for address in addresses}
    copies = _Copies([composer.compose(Recipient(key, address.written, None, None)) for key, address in keys.items()])
    asyncio.run(_hand_over(parse_relays(settings["SMTP_URL"])[0], copies))
    return [_copy(address.written, copies.outcomes[key]) for key, address in keys.items()]


async def _hand_over(relay: Relay, copies: _Copies) -> None:
    await Client(relay, copies, connections=1, messages_per_connection=relay.messages).run()


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
