"""A test copy of an issue to named addresses: the same composer, the same client, outside all statistics."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import assert_never

from mailer.issues import StoredIssue
from mailer.message import Composer, Recipient
from mailer.publishing import edition_of, letterhead_of
from mailer.relay import parse_relays
from mailer.sending.copies import hand_over
from mailer.sending.routes import Routes, system_routes
from mailer.settings import Settings
from mailer.signing import signers_for
from mailer.smtp import InDoubt, NotSent, Outcome, Replied
from mailer.tokens import TRIAL_IDS, Tokens
from subscribers.address import Address


@dataclass(frozen=True, slots=True)
class Copy:
    """What became of one copy; `answer` is the server's word, or why there is none."""

    address: str
    accepted: bool
    answer: str


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
        pictures=stored.pictures,
    )
    # Other ones each time: a mailbox may drop a second message of the same Message-ID.
    keys = {secrets.choice(TRIAL_IDS): address for address in addresses}
    messages = [composer.compose(Recipient(key, address.written, None, None)) for key, address in keys.items()]
    outcomes = dict(hand_over(parse_relays(settings["SMTP_URL"])[0], messages, routes))
    return [_copy(address.written, outcomes[key]) for key, address in keys.items()]


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
