"""Contacts of two institutes, and a mailing to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, text

from mailer import deliveries
from mailer.deliveries import Checkpoint, Settled
from mailer.models import DeliveryState
from subscribers import store
from subscribers.address import parse_address
from subscribers.models import Role
from subscribers.store import NewSubscriber
from tests import factories

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
A, B = "甲省农业科学院", "乙省农业科学院"


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact as a test writes one."""

    address: str
    institute: str | None
    rank: int | None = None
    role: Role | None = None


CONTACTS = (
    Contact("a2@qq.example", A, 2, Role.OFFICE),
    Contact("a1@163.example", A, 1, Role.DIRECTOR),
    Contact("a9@inst.example", A, None, Role.OFFICE),
    Contact("b@inst.example", B, 1),
    Contact("alone@inst.example", None),
)


def schedule(engine: Engine, policy: str, contacts: tuple[Contact, ...] = CONTACTS) -> int:
    """A mailing to those contacts on a list with that policy, due now."""
    scheduled = factories.schedule(engine, [])
    with engine.begin() as connection:
        store.change_list(connection, "members", {"succession": policy}, actor="li")
        people = [NewSubscriber(parse_address(c.address), role=c.role, rank=c.rank, institute=c.institute) for c in contacts]
        store.add_subscribers(connection, people, scheduled.list_id, method="test", evidence="a test")
    return scheduled.mailing_id


def settle(connection: Connection, address: str, state: str, reason: str | None = None) -> None:
    """Work at everything that is due, as a worker does: that address comes to `state`, the others are accepted."""
    for batch_id in connection.execute(text("SELECT id FROM batch WHERE due_at IS NOT NULL ORDER BY id")).scalars().all():
        held = deliveries.claim(connection, batch_id, "w", datetime.now(UTC))
        assert held is not None
        settled = []
        for due in deliveries.read_due(connection, held):
            if due.skip_reason:
                settled.append(Settled(due.id, DeliveryState.SKIPPED, due.skip_reason))
            elif due.address == address:
                settled.append(Settled(due.id, DeliveryState(state), reason))
            else:
                settled.append(Settled(due.id, DeliveryState.ACCEPTED))
        deliveries.checkpoint(connection, [Checkpoint(held, settled, held.last_id)])
        deliveries.release(connection, held, now=datetime.now(UTC))
