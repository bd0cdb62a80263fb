"""Deliveries of mailings that ended long ago, out of the table that is sent from: nothing that is asked or done can tell."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, text

from mailer import deliveries, mailings, past, planning, retention
from mailer.deliveries import Checkpoint, Settled
from mailer.events import Hit, record
from mailer.models import DeliveryState, EventKind
from mailer.receipts import acknowledge
from mailer.settings import read_settings
from subscribers import memberships, store
from subscribers.address import parse_address
from subscribers.store import NewSubscriber
from tests import factories
from tests.integration.conftest import Jianbao

NOW = datetime.now(UTC)
LATER = NOW + timedelta(days=200)
Fate = tuple[DeliveryState, str | None, str]
A, B = "甲省农业科学院", "乙省农业科学院"
WANG, LI, ZHAO, SUN = "wang@a.example", "li@a.example", "zhao@b.example", "sun@qq.example"
FATES: dict[str, Fate] = {
    WANG: (DeliveryState.ACCEPTED, None, "250 2.0.0 Ok: queued as 4cVf1S"),
    LI: (DeliveryState.BOUNCED, "unknown_user", "550 5.1.1 no such user"),
    ZHAO: (DeliveryState.ACCEPTED, None, "250 ok"),
    SUN: (DeliveryState.FAILED, "rate", "450 too fast"),
}
ASKED = (
    ("mailing", "show", "1", "--json"),
    ("mailing", "list", "--json"),
    ("mailing", "deliveries", "1"),
    ("mailing", "report", "1", "--json"),
    ("institute", "coverage", "2026-11", "--json"),
    ("subscriber", "show", WANG, "--json"),
    ("subscriber", "history", WANG, "--json"),
    ("segment", "test", "received(last 3)", "--json"),
    ("segment", "test", "clicked(last 3) or bounced(last 3)", "--json"),
)


def carry_out(engine: Engine, fates: dict[str, Fate] = FATES) -> None:
    """What claims, sends and settles every batch that is due, without a server."""
    with engine.begin() as connection:
        for batch_id in connection.execute(text("SELECT id FROM batch WHERE due_at IS NOT NULL ORDER BY id")).scalars().all():
            held = deliveries.claim(connection, batch_id, "w", datetime.now(UTC) + timedelta(seconds=1))
            assert held is not None
            for due in deliveries.read_due(connection, held):
                settled = Settled(due.id, *fates[due.address], "relay.example")
                deliveries.checkpoint(connection, [Checkpoint(held, [settled], due.id)])
            deliveries.release(connection, held, now=datetime.now(UTC))
        planning.finish_done(connection, datetime.now(UTC))


@pytest.fixture
def ended(engine: Engine) -> Engine:
    """A mailing to four people of two institutes that has ended, and what readers did with it."""
    scheduled = factories.schedule(engine, [])
    with engine.begin() as connection:
        for name in (A, B):
            memberships.create(connection, name, {}, actor="li")
        of = {WANG: A, LI: A, ZHAO: B, SUN: None}
        contacts = [NewSubscriber(parse_address(address), institute=institute) for address, institute in of.items()]
        store.add_subscribers(connection, contacts, scheduled.list_id, method="test", evidence="a test")
    factories.start(engine)
    carry_out(engine)
    with engine.begin() as connection:
        ids = ids_by_address(connection)
        hits = [Hit(ids[WANG], EventKind.OPEN, NOW, None), Hit(ids[ZHAO], EventKind.UNSUBSCRIBE, NOW, None)]
        record(connection, hits)
        acknowledge(connection, ids[WANG], now=NOW)
        assert mailings.find_mailing(connection, 1).status == "finished"
    return engine


def ids_by_address(connection: Connection) -> dict[str, int]:
    return {row.address: row.id for row in connection.execute(text("SELECT address, id FROM delivery"))}


def move(engine: Engine) -> int:
    """Let time pass until they are of the past."""
    with engine.begin() as connection:
        return past.move_long_past(connection, LATER)


def at_hand(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM ONLY delivery")).scalar_one())


def test_every_answer_is_the_same_when_deliveries_are_of_the_past(ended: Engine, jianbao: Jianbao) -> None:
    def answers() -> list[str]:
        return [re.sub(r'"read_at": "[^"]+"', "", jianbao(*words).stdout) for words in ASKED]

    before = answers()
    assert all(before)
    assert move(ended) == 4
    assert at_hand(ended) == 0
    assert answers() == before


@pytest.mark.usefixtures("ended")
def test_the_table_of_mailings_is_shown_without_counting_any_delivery(jianbao: Jianbao) -> None:
    statements: list[str] = []

    def note(*arguments: Any) -> None:
        statements.append(arguments[2])

    event.listen(Engine, "before_cursor_execute", note)
    try:
        shown = jianbao("mailing", "list").stdout
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert "finished" in shown
    assert not [each for each in statements if re.search(r"count\(.*FROM delivery", each, re.DOTALL)]


def test_readers_are_heard_about_issues_of_the_past(ended: Engine) -> None:
    move(ended)
    with ended.begin() as connection:
        ids = ids_by_address(connection)
        record(connection, [Hit(ids[LI], EventKind.OPEN, LATER, None)])
        acknowledge(connection, ids[LI], now=LATER)
        assert mailings.counts(connection, 1).opened == 2


def test_what_failed_in_a_mailing_of_the_past_can_be_tried_again(ended: Engine) -> None:
    move(ended)
    with ended.begin() as connection:
        assert mailings.retry(connection, 1, datetime.now(UTC)) == 1
    carry_out(ended, FATES | {SUN: (DeliveryState.ACCEPTED, None, "250 ok")})
    assert factories.states(ended)[SUN] == "accepted"
    with ended.connect() as connection:
        assert mailings.find_mailing(connection, 1).status == "finished"


def test_who_is_erased_is_erased_from_the_past_as_well(ended: Engine, jianbao: Jianbao) -> None:
    move(ended)
    assert jianbao("subscriber", "erase", WANG, "--yes").exit_code == 0
    assert WANG not in factories.states(ended)


def test_a_mailing_under_way_and_one_that_ended_lately_stay_at_hand(ended: Engine, tmp_path: Path) -> None:
    settings = read_settings({"JIANBAO_KEEP_AT_HAND": "180"}, tmp_path / ".env")
    with ended.begin() as connection:
        assert past.count_long_past(connection, NOW) == 0
    assert {one.name: one.rows for one in retention.forget(ended, settings, NOW)}["deliveries at hand"] == 0
    with ended.begin() as connection:
        mailings.retry(connection, 1, NOW)
    assert {one.name: one.rows for one in retention.would_forget(ended, settings, LATER)}["deliveries at hand"] == 0
    assert at_hand(ended) == 4


def test_they_move_by_portions_until_none_is_left(ended: Engine, tmp_path: Path) -> None:
    settings = read_settings({}, tmp_path / ".env")
    with ended.begin() as connection:
        assert past.move_long_past(connection, LATER, most=3) == 3
    assert at_hand(ended) == 1
    assert {one.name: one.rows for one in retention.forget(ended, settings, LATER)}["deliveries at hand"] == 1
    assert at_hand(ended) == 0


@pytest.mark.parametrize("work", ["UPDATE delivery SET reply = reply", "SELECT FROM delivery FOR UPDATE"])
def test_moving_waits_for_another_time_where_somebody_is_at_work_for_long(ended: Engine, work: str) -> None:
    with ended.connect() as writer, writer.begin():
        writer.execute(text(work))
        assert move(ended) == 0
    assert move(ended) == 4


_KEPT_OUT = text("""
    SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND relation = 'delivery'::regclass AND mode = 'ExclusiveLock'""")
_READ_THROUGH = text("SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = 'delivery'")
_UNDER_WAY = text("""
    INSERT INTO mailing (issue_id, edition_id, list_ids, excluded_list_ids, terms, status, at, created_by)
    SELECT issue_id, edition_id, list_ids, excluded_list_ids, terms, 'sending', at, created_by FROM mailing""")
_AT_HAND = text("""
    INSERT INTO delivery (mailing_id, subscriber_id, address, provider, state)
    SELECT 2, number, 'reader@qq.example', 'qq', 'accepted' FROM generate_series(1, 5000) number""")


def test_nobody_is_kept_out_where_nothing_is_long_past(ended: Engine) -> None:
    with ended.begin() as connection:
        assert past.move_long_past(connection, NOW) == 0
        assert connection.execute(_KEPT_OUT).scalar_one() == 0
        assert past.move_long_past(connection, LATER) == 4
        assert connection.execute(_KEPT_OUT).scalar_one() == 1


def test_what_is_long_past_is_found_without_reading_what_is_not(ended: Engine) -> None:
    with ended.begin() as connection:
        connection.execute(_UNDER_WAY)
        connection.execute(_AT_HAND)
        connection.execute(text("ANALYZE mailing, delivery"))
    with ended.begin() as connection:
        before = connection.execute(_READ_THROUGH).scalar_one()
        assert past.move_long_past(connection, LATER) == 4
        assert connection.execute(_READ_THROUGH).scalar_one() == before
    assert at_hand(ended) == 5_000


_LOCK_ROW = text("SELECT id FROM delivery WHERE address = :one FOR UPDATE")
_REFUSE = text("UPDATE delivery SET state = 'bounced' WHERE address = :one")


@pytest.mark.parametrize("locks_first", [False, True])
def test_a_change_that_comes_while_its_delivery_moves_is_not_lost(ended: Engine, locks_first: bool) -> None:
    def refuse() -> int:
        with ended.begin() as writer:
            if locks_first and writer.execute(_LOCK_ROW, {"one": WANG}).first() is None:
                return 0
            return writer.execute(_REFUSE, {"one": WANG}).rowcount

    with ThreadPoolExecutor(1) as threads:
        with ended.begin() as mover:
            assert past.move_long_past(mover, LATER) == 4
            writing = threads.submit(refuse)
            with ended.connect().execution_options(isolation_level="AUTOCOMMIT") as observer:
                while not observer.execute(factories.WAITING_FOR_LOCKS).scalar_one():
                    assert not writing.done()
        assert writing.result() == 1
    assert factories.states(ended)[WANG] == "bounced"
