"""Group commit of checkpoints: in order, all or nothing, and no failure of one that keeps the next from being written."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import Connection, Engine, ExceptionContext, event, text
from sqlalchemy.exc import DataError, OperationalError

from mailer import deliveries
from mailer.deliveries import Checkpoint, Claim, Settled, Standing
from mailer.models import DeliveryState
from mailer.sending.records import Records
from subscribers.db import make_engine, transaction
from subscribers.errors import ServiceError
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


@contextmanager
def read_only(engine: Engine) -> Iterator[Callable[[], None]]:
    """Whoever connects to the database may only read, until what is yielded is called; then others who connect may write again."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:

        def say(words: str) -> None:
            connection.execute(text(f"ALTER DATABASE {engine.url.database} {words}"))

        say("SET default_transaction_read_only = on")
        try:
            yield partial(say, "RESET default_transaction_read_only")
        finally:
            say("RESET default_transaction_read_only")


def test_what_came_back_is_kept_while_the_database_lets_itself_only_be_read(engine: Engine) -> None:
    first, second = claims(engine)
    settled = Checkpoint(first, [Settled(first.first_id, DeliveryState.ACCEPTED)], 0)

    def release(connection: Connection) -> None:
        deliveries.release(connection, second, now=datetime.now(UTC))

    async def ask() -> Standing:
        records, refused = Records(engine.url), set[str | None]()
        with read_only(engine) as let_write:

            def note(context: ExceptionContext) -> None:
                refused.add(context.statement)
                if len(refused) == 2:
                    let_write()

            event.listen(records._engine.sync_engine, "handle_error", note)
            standing, _ = await asyncio.gather(records.checkpoint(settled), records.in_transaction(release))
        await records.close()
        return standing

    assert asyncio.run(ask()) is Standing.GOES_ON
    assert sorted(factories.states(engine).values()) == ["accepted", "pending"]
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(lease) FROM batch")).scalar_one() == 1


def test_nobody_stays_connected_to_a_database_that_lets_itself_only_be_read(engine: Engine, database_url: str) -> None:
    theirs = make_engine(database_url)
    with read_only(engine), pytest.raises(OperationalError), transaction(theirs) as connection:
        connection.execute(text("UPDATE batch SET due_at = NULL"))
    with transaction(theirs) as connection:
        connection.execute(text("UPDATE batch SET due_at = NULL"))
    theirs.dispose()


def test_a_connection_that_could_not_be_made_is_closed_at_once() -> None:
    def hasten(dialect: object, record: object, arguments: object, parameters: dict[str, object]) -> None:
        parameters["connect_timeout"] = 2

    with socket.create_server(("127.0.0.1", 0)) as silent:
        theirs = make_engine(f"postgresql://jianbao@127.0.0.1:{silent.getsockname()[1]}/jianbao")
        event.listen(theirs, "do_connect", hasten)
        gc.disable()
        try:
            with pytest.raises(ServiceError), transaction(theirs):
                pass
            peer, _ = silent.accept()
            with peer:
                peer.settimeout(10)
                while peer.recv(1000):
                    pass
        finally:
            gc.enable()
