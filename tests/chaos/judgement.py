"""What a run has come to: the database's account of each recipient, the servers' own, and what had to happen by the recipient's fate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from mailer.deliveries import DeliveryRecord
from mailer.models import DeliveryState
from mailer.world.fates import Fate
from mailer.world.ledger import Ledger, Recipient
from mailer.world.shares import FateKind

EXPECTED = dict.fromkeys(FateKind, DeliveryState.ACCEPTED) | {
    FateKind.UNKNOWN_USER: DeliveryState.BOUNCED,
    FateKind.FULL: DeliveryState.BOUNCED,
    FateKind.CONTENT: DeliveryState.FAILED,
}


@dataclass(slots=True)
class Account:
    """All recipients of a run. `doubles` are copies beyond the first; `by_servers` of them were made by servers that hung up."""

    recipients: int = 0
    states: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)  # Not settled, or said to be accepted and kept by no server.
    # Kept by a server, and said not to be; or written to without being on record.
    contradicted: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)  # In another state than the recipient's fate leads to.
    foreign: list[str] = field(default_factory=list)  # Doubled, and not under one Message-ID.
    doubles: int = 0
    by_servers: int = 0

    @property
    def ours(self) -> int:
        """The doubles that the servers did not make by themselves."""
        return self.doubles - self.by_servers

    @property
    def faults(self) -> list[str]:
        """Everything that may never be."""
        return [*self.lost, *self.contradicted, *self.unexplained, *self.foreign]


_KEPT = frozenset({DeliveryState.ACCEPTED, DeliveryState.COMPLAINED})
_NOT_KEPT = frozenset({DeliveryState.BOUNCED, DeliveryState.FAILED, DeliveryState.SKIPPED})


def judge(deliveries: Iterable[DeliveryRecord], ledger: Ledger, fate_of: Callable[[str], Fate]) -> Account:
    """Hold the two accounts against each other, recipient by recipient."""
    account = Account()
    strangers = ledger.recipients()
    for delivery in deliveries:
        strangers.pop(delivery.address, None)
        _judge_one(account, delivery, ledger.recipient(delivery.address), fate_of(delivery.address))
    account.contradicted += [f"{address}: not on record, and written to" for address in strangers]
    return account


def _judge_one(account: Account, delivery: DeliveryRecord, servers: Recipient, fate: Fate) -> None:
    state = DeliveryState(delivery.state)
    said = (
        f"{delivery.address}: {state}, {delivery.attempts} attempts, {delivery.reason}, {delivery.reply!r}; kept {servers.kept}"
    )
    said += f" of {servers.attempts}, fate {fate.kind}"
    account.recipients += 1
    account.states[state.value] += 1
    if state not in _KEPT | _NOT_KEPT or (state in _KEPT and not servers.kept):
        account.lost.append(said)
    elif state in _NOT_KEPT and servers.kept:
        account.contradicted.append(said)
    elif state is not EXPECTED[fate.kind]:
        account.unexplained.append(said)
    if servers.kept > 1:
        account.doubles += servers.kept - 1
        account.by_servers += fate.kind is FateKind.DROPPED
        if len(set(servers.message_ids)) > 1:
            account.foreign.append(said)
