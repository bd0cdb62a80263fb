"""A mailing that has just begun, and what becomes of it without a server."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, text

from mailer import deliveries, holds, mailings, planning
from mailer.deliveries import Checkpoint, Claim, Standing
from tests import factories


def addresses(count: int, provider: str = "qq") -> list[str]:
    return [f"reader{n}@{provider}.example" for n in range(count)]


def begun(engine: Engine, people: list[str], **terms: object) -> int:
    """A mailing that has just begun, under those terms."""
    scheduled = factories.schedule(engine, people, replace(factories.TERMS, **terms))  # type: ignore[arg-type]
    factories.start(engine, datetime.now(UTC))
    return scheduled.mailing_id


def queued(engine: Engine, at: datetime | None = None) -> list[int]:
    with engine.begin() as connection:
        connection.execute(text("UPDATE batch SET queued_at = NULL"))
        return sorted(planning.queue_due(connection, at or datetime.now(UTC), 16))


def claim(engine: Engine, batch_id: int, at: datetime | None = None) -> Claim | None:
    with engine.begin() as connection:
        return deliveries.claim(connection, batch_id, "w", at or datetime.now(UTC))


def standing(engine: Engine, held: Claim) -> Standing:
    with engine.begin() as connection:
        return deliveries.checkpoint(connection, [Checkpoint(held, [], 0)])[0]


def settle(
    engine: Engine, where: str, *, state: str = "accepted", reason: str | None = None, ago: timedelta = timedelta()
) -> None:
    """Say what became of some deliveries, without a server, and give all batches back."""
    values = {"state": state, "reason": reason, "at": datetime.now(UTC) - ago, "reply": f"550 {reason}" if reason else None}
    with engine.begin() as connection:
        connection.execute(
            text(
                f"UPDATE delivery SET state = :state, reason = :reason, reply = :reply, settled_at = :at, attempts = 1 WHERE {where}"
            ),
            values,
        )
        connection.execute(
            text(
                "UPDATE batch b SET lease = NULL, due_at = (SELECT now() FROM delivery d WHERE d.id BETWEEN b.first_id AND b.last_id"
                " AND d.state = 'pending' LIMIT 1)"
            )
        )


def record(engine: Engine, mailing_id: int) -> mailings.MailingRecord:
    with engine.connect() as connection:
        return mailings.find_mailing(connection, mailing_id)


def open_breakers(engine: Engine) -> list[holds.OpenBreaker]:
    with engine.begin() as connection:
        return holds.open_breakers(connection, datetime.now(UTC))
