"""A worker that stands still: stopped, swapped out, or on a machine that has lost its network, in the middle of what it was doing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from mailer import planning
from subscribers.db import make_engine
from tests import factories


@pytest.fixture
def impatient(engine: Engine) -> Iterator[Connection]:
    """A connection on which whatever has to wait for another's lock fails."""
    with engine.connect() as connection, connection.begin():
        connection.execute(text("SET LOCAL lock_timeout = '1s'"))
        yield connection


def test_a_worker_that_stands_still_in_a_transaction_does_not_hold_up_the_scheduler(
    engine: Engine, impatient: Connection
) -> None:
    factories.schedule(engine, [f"reader{n}@{domain}.example" for n in range(3) for domain in ("qq", "163")])
    factories.start(engine)
    standing, free = factories.batch_ids(engine)
    later = datetime.now(UTC) + timedelta(minutes=1)
    with engine.connect() as frozen, frozen.begin():
        frozen.execute(text("UPDATE batch SET horizon = horizon WHERE id = :id"), {"id": standing})
        frozen.execute(text("UPDATE mailing SET reason = 'the relay does not answer'"))
        assert planning.start_due(impatient, later, {}) == []
        assert planning.finish_done(impatient, later) == []
        assert planning.queue_due(impatient, later, 16) == [free]


def test_the_locks_of_who_stands_still_in_a_transaction_are_given_up(engine: Engine, database_url: str) -> None:
    factories.schedule(engine, ["reader@qq.example"])
    factories.start(engine)
    (batch_id,) = factories.batch_ids(engine)
    standing_still = make_engine(database_url, idle_seconds=1)
    with standing_still.connect() as frozen:
        frozen.execute(text("SELECT FROM batch FOR UPDATE"))
        with engine.begin() as connection:
            connection.execute(text("SET LOCAL lock_timeout = '20s'"))
            assert connection.execute(text("SELECT id FROM batch FOR UPDATE")).scalars().all() == [batch_id]
        with pytest.raises(DBAPIError, match="idle-in-transaction"):
            frozen.execute(text("SELECT 1"))
    standing_still.dispose()
