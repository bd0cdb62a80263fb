"""The database's account of each recipient, held against what the servers themselves wrote down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mailer.deliveries import DeliveryRecord
from mailer.models import DeliveryState
from mailer.world.ledger import Ledger, Recipient


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
