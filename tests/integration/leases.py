"""Batches held, recorded and given back, as a worker does it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, text

from mailer import deliveries
from mailer.deliveries import Checkpoint, Claim, Settled, Standing


def claim(engine: Engine, batch_id: int, worker: str = "w1", at: datetime | None = None) -> Claim | None:
    with engine.begin() as connection:
        return deliveries.claim(connection, batch_id, worker, at or datetime.now(UTC) + timedelta(seconds=1))


def held(engine: Engine, batch_id: int, worker: str = "w1", at: datetime | None = None) -> Claim:
    found = claim(engine, batch_id, worker, at)
    assert found is not None
    return found


def due_ids(engine: Engine, claimed: Claim) -> list[int]:
    with engine.begin() as connection:
        return [row.id for row in deliveries.read_due(connection, claimed)]


def record(engine: Engine, claimed: Claim, settled: list[Settled], horizon: int = 0) -> Standing:
    with engine.begin() as connection:
        (standing,) = deliveries.checkpoint(connection, [Checkpoint(claimed, settled, horizon)])
    return standing


def release(engine: Engine, claimed: Claim) -> None:
    with engine.begin() as connection:
        deliveries.release(connection, claimed, now=datetime.now(UTC))


def due_at(engine: Engine, batch_id: int) -> datetime | None:
    with engine.connect() as connection:
        return connection.execute(text("SELECT due_at FROM batch WHERE id = :id"), {"id": batch_id}).scalar_one()
