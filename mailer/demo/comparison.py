"""The database's account of each recipient, held against what the servers themselves wrote down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mailer.deliveries import DeliveryRecord
from mailer.models import DeliveryState
from mailer.world.ledger import Deed, Ledger, Recipient


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A recipient of whom the servers say something else than the database."""

    address: str
    state: str
    servers: str


def compare(deliveries: Iterable[DeliveryRecord], ledger: Ledger) -> Iterator[Disagreement]:
    """Every recipient on whom the two do not agree."""
    for delivery in deliveries:
        account = ledger.recipient(delivery.address)
        if not _agree(delivery.state, account):
            kept = f"{account.kept} kept, last reply {account.last_reply or 'none'}"
            yield Disagreement(delivery.address, delivery.state, kept)


@dataclass(frozen=True, slots=True)
class Visitors:
    """How many recipients' links were fetched, by a reader or by a machine in front of one: we cannot tell them apart here."""

    opened: int
    clicked: int
    unsubscribed: int


def visitors(ledger: Ledger, *, has_links: bool) -> Visitors:
    """The readers' own count. A scanner follows every link of a mail, the pixel too, and clicks where there is one to click."""
    visits = [account.visits for account in ledger.recipients().values()]
    scanned = [{Deed.OPEN, Deed.SCAN}, {Deed.CLICK, *({Deed.SCAN} if has_links else ())}, {Deed.UNSUBSCRIBE}]
    return Visitors(*(sum(any(made.get(deed) for deed in deeds) for made in visits) for deeds in scanned))


def _agree(state: str, account: Recipient) -> bool:
    match DeliveryState(state):
        case DeliveryState.ACCEPTED | DeliveryState.COMPLAINED:
            return account.kept > 0
        case DeliveryState.BOUNCED | DeliveryState.FAILED | DeliveryState.DEFERRED | DeliveryState.PENDING:
            return account.kept == 0
        case DeliveryState.SKIPPED:
            return account.attempts == 0
        case DeliveryState.IN_DOUBT:
            return True  # That is what the word says.
