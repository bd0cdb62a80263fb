"""Mailings cancelled in the middle: who is skipped, who is in doubt, whose answer still counts."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from mailer import deliveries, mailings
from mailer.deliveries import Checkpoint, Settled, Standing
from mailer.models import DeliveryState
from mailer.terms import Canary
from tests import factories
from tests.integration.conftest import Jianbao
from tests.integration.leases import due_at, due_ids, held, record, release

NOW = datetime.now(UTC)


def test_a_cancelled_mailing_skips_who_was_not_written_to_and_keeps_what_was_on_its_way(engine: Engine) -> None:
    scheduled = factories.schedule(engine, ["a@qq.example", "b@qq.example"])
    factories.start(engine)
    (batch_id,) = factories.batch_ids(engine)
    claimed = held(engine, batch_id)
    ids = due_ids(engine, claimed)
    record(engine, claimed, [], horizon=ids[0])
    with engine.begin() as connection:
        mailings.cancel(connection, scheduled.mailing_id, datetime.now(UTC))
    assert record(engine, claimed, [Settled(ids[0], DeliveryState.ACCEPTED)]) is Standing.STOPPED
    assert sorted(factories.states(engine).values()) == ["accepted", "skipped"]


def fates(engine: Engine) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        asked = text("SELECT state, reason, reply, next_attempt_at, attempts FROM delivery ORDER BY id")
        return [tuple(row) for row in connection.execute(asked)]


def test_what_a_server_puts_off_after_a_mailing_was_cancelled_is_skipped_and_other_answers_stand(engine: Engine) -> None:
    scheduled = factories.schedule(engine, [f"reader{n}@qq.example" for n in range(5)])
    factories.start(engine)
    (batch_id,) = factories.batch_ids(engine)
    claimed = held(engine, batch_id)
    ids, later = due_ids(engine, claimed), datetime.now(UTC) + timedelta(hours=1)
    record(engine, claimed, [], horizon=ids[3])
    with engine.begin() as connection:
        mailings.cancel(connection, scheduled.mailing_id, datetime.now(UTC))
    answers = [
        Settled(ids[0], DeliveryState.DEFERRED, "transient", "451 later", "a", later),
        Settled(ids[1], DeliveryState.ACCEPTED, None, "250 ok", "a"),
        Settled(ids[2], DeliveryState.BOUNCED, "unknown_user", "550 who", "a"),
        Settled(ids[3], DeliveryState.IN_DOUBT, "timeout", "silence", "a", later),
    ]
    assert record(engine, claimed, answers) is Standing.STOPPED
    release(engine, claimed)
    assert fates(engine) == [
        ("skipped", "cancelled", "451 later", None, 1),
        ("accepted", None, "250 ok", None, 1),
        ("bounced", "unknown_user", "550 who", None, 1),
        ("in_doubt", "timeout", "silence", None, 1),
        ("skipped", "cancelled", None, None, 0),
    ]


def test_what_was_on_its_way_at_a_cancellation_is_in_doubt_until_its_worker_says_what_came_of_it(engine: Engine) -> None:
    scheduled = factories.schedule(engine, [f"reader{n}@qq.example" for n in range(6)])
    factories.start(engine)
    (batch_id,) = factories.batch_ids(engine)
    claimed = held(engine, batch_id)
    ids, later = due_ids(engine, claimed), datetime.now(UTC) + timedelta(hours=1)
    record(engine, claimed, [Settled(ids[0], DeliveryState.DEFERRED, "transient", "451 later", "a", later)], horizon=ids[4])
    with engine.begin() as connection:
        mailings.cancel(connection, scheduled.mailing_id, datetime.now(UTC))
    put_off, in_doubt = ("skipped", "cancelled", "451 later", None, 1), ("in_doubt", "under_way", None, None, 1)
    # So it stays should the worker die.
    assert fates(engine) == [put_off, *[in_doubt] * 4, ("skipped", "cancelled", None, None, 0)]

    came_back = [
        Settled(ids[1], DeliveryState.ACCEPTED, None, "250 ok", "a"),
        Settled(ids[2], DeliveryState.DEFERRED, "unreachable", "refused", "a", later, attempted=False),
    ]
    record(engine, claimed, came_back)
    assert fates(engine)[1:4] == [
        ("accepted", None, "250 ok", None, 1),
        ("skipped", "cancelled", "refused", None, 0),
        in_doubt,
    ]
    release(engine, claimed)  # The others no connection had begun.
    assert fates(engine)[3:] == [("skipped", "cancelled", None, None, 0)] * 3
    assert due_at(engine, batch_id) is None


@pytest.mark.parametrize("state", ["pending", "in_doubt"])
@pytest.mark.parametrize("cancelled_first", [True, False])
def test_what_is_put_off_while_a_mailing_is_being_cancelled_is_skipped(
    engine: Engine, state: str, cancelled_first: bool
) -> None:
    scheduled = factories.schedule(engine, ["a@qq.example"])
    factories.start(engine)
    (batch_id,) = factories.batch_ids(engine)
    claimed = held(engine, batch_id)
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET state = :state"), {"state": state})
    put_off = Settled(claimed.first_id, DeliveryState.DEFERRED, "transient", next_attempt_at=NOW + timedelta(hours=1))

    def cancel() -> None:
        with engine.begin() as connection:
            mailings.cancel(connection, scheduled.mailing_id, NOW)

    if cancelled_first:
        with factories.meanwhile(engine, lambda: record(engine, claimed, [put_off])) as connection:
            mailings.cancel(connection, scheduled.mailing_id, NOW)
    else:
        with factories.meanwhile(engine, cancel) as connection:
            deliveries.checkpoint(connection, [Checkpoint(claimed, [put_off], 0)])
    assert fates(engine) == [("skipped", "cancelled", None, None, 1)]


def test_a_mailing_is_cancelled_also_where_a_worker_that_records_several_batches_waits_for_it(
    engine: Engine, jianbao: Jianbao
) -> None:
    mailing_id = factories.schedule(engine, ["a@qq.example", "b@163.example"]).mailing_id
    factories.start(engine)
    first, second = factories.batch_ids(engine)
    lock = text("SELECT FROM batch WHERE id = :id FOR UPDATE")
    with ThreadPoolExecutor(1) as threads, engine.connect().execution_options(isolation_level="AUTOCOMMIT") as observer:
        with suppress(OperationalError), engine.begin() as worker:  # PostgreSQL ends either of the two.
            worker.execute(lock, {"id": second})
            cancelled = threads.submit(jianbao, "mailing", "cancel", str(mailing_id), "--yes")
            while not observer.execute(factories.WAITING_FOR_LOCKS).scalar_one():
                assert not cancelled.done()
            worker.execute(lock, {"id": first})
        assert cancelled.result().exit_code == 0
    assert set(factories.states(engine).values()) == {"skipped"}


def test_nobody_who_leaves_waits_until_a_mailing_is_cancelled(engine: Engine) -> None:
    scheduled = factories.schedule(engine, ["a@qq.example"])
    factories.start(engine)
    with engine.begin() as staff, engine.connect() as reader:
        mailings.cancel(staff, scheduled.mailing_id, NOW)
        reader.execute(text("SELECT FROM mailing FOR KEY SHARE NOWAIT"))  # as an event does that refers to it


def test_of_a_cancelled_mailing_nothing_is_said_to_wait_or_to_be_held(engine: Engine, jianbao: Jianbao) -> None:
    terms = replace(factories.TERMS, canary=Canary.parse("10%", "1h"))
    mailing_id = factories.schedule(engine, [f"reader{n}@qq.example" for n in range(20)], terms).mailing_id
    factories.start(engine)
    assert jianbao("mailing", "pause", str(mailing_id), "--provider", "tencent", "--why", "they called").exit_code == 0
    assert jianbao("mailing", "cancel", str(mailing_id), "--yes").exit_code == 0
    shown = jianbao("mailing", "show", str(mailing_id)).stdout
    assert "cancelled" in shown
    assert "they called" not in shown
    assert "the rest follows" not in shown
    document = json.loads(jianbao("mailing", "show", str(mailing_id), "--json").stdout)
    assert (document["rest_waits"], document["held"]) == (False, [])
