"""Group commit of checkpoints: in order, all or nothing, and no failure of one that keeps the next from being written."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DataError

from mailer import deliveries
from mailer.deliveries import Checkpoint, Claim, Settled, Standing
from mailer.models import DeliveryState
from mailer.sending.records import Records
from tests import factories


def claims(engine: Engine) -> list[Claim]:
    factories.schedule(engine, ["a@qq.example", "b@163.example"])
    factories.start(engine)
    found = []
    for batch_id in factories.batch_ids(engine):
        with engine.begin() as connection:
            found.append(deliveries.claim(connection, batch_id, "w", datetime.now(UTC) + timedelta(seconds=1)))
    assert None not in found
    return [claim for claim in found if claim is not None]


def test_checkpoints_of_several_batches_are_answered_each(engine: Engine) -> None:
    first, second = claims(engine)
    stranger = Claim(**{name: getattr(second, name) for name in second.__slots__} | {"lease": first.lease})

    async def ask() -> list[Standing]:
        records = Records(engine.url)
        wanted = [Checkpoint(first, [Settled(first.first_id, DeliveryState.ACCEPTED)], 0)]
        wanted.append(Checkpoint(stranger, [Settled(second.first_id, DeliveryState.ACCEPTED)], 0))
        standings = list(await asyncio.gather(*map(records.checkpoint, wanted)))
        await records.close()
        return standings

    assert asyncio.run(ask()) == [Standing.GOES_ON, Standing.LOST]
    assert sorted(factories.states(engine).values()) == ["accepted", "pending"]


def test_what_cannot_be_written_fails_for_who_asked_and_for_nobody_else(engine: Engine) -> None:
    first, _ = claims(engine)

    async def ask() -> Standing:
        records = Records(engine.url)
        with pytest.raises(DataError):
            await records.checkpoint(Checkpoint(first, [], 2**70))
        standing = await records.checkpoint(Checkpoint(first, [], 0))
        await records.close()
        return standing

    assert asyncio.run(ask()) is Standing.GOES_ON
