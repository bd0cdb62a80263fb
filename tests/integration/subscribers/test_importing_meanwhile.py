"""Imports while other things happen: other imports, a send, people who leave, an interruption, a lost connection."""

from __future__ import annotations

import os
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text

from mailer import deliveries, people, planning
from mailer.cli.imports import explained
from mailer.provider import ProviderTable
from subscribers import erasing, merging, records, store, subscriptions, suppression
from subscribers.address import parse_address
from subscribers.errors import ServiceError
from subscribers.importing import batches
from subscribers.importing.run import Order, Outcome, run_import
from subscribers.importing.source import look_at
from subscribers.models import ImportMode, SuppressionReason
from subscribers.subscriptions import Wish
from subscribers.suppression import NewSuppression
from tests import factories
from tests.integration.conftest import Jianbao

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
_WAITING = text("""
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%INSERT INTO subscriber %'""")
# Rows whose person, or whose institute, is not there; and people on a list whose record is another's by now.
_LEADING_NOWHERE = text("""
    SELECT 'consent', x.id FROM consent x LEFT JOIN subscriber s ON s.id = x.subscriber_id WHERE s.id IS NULL
    UNION ALL SELECT 'institute', s.id FROM subscriber s LEFT JOIN institute i ON i.id = s.institute_id
    WHERE s.institute_id IS NOT NULL AND i.id IS NULL
    UNION ALL SELECT 'subscription', x.subscriber_id FROM subscription x LEFT JOIN subscriber s ON s.id = x.subscriber_id
    WHERE s.id IS NULL OR s.merged_into_id IS NOT NULL""")
_CUT = text("""
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY staged%'""")
_TABLES = ("subscriber", "subscription", "consent", "institute", "import_batch", "import_change", "suppression", "audit")


@pytest.fixture
def order(engine: Engine, tmp_path: Path) -> Order:
    """A list of six thousand to be imported, which is more than one chunk; `a@qq.example` is on the list already."""
    factories.schedule(engine, ["a@qq.example", "b@163.example"])
    path = tmp_path / "members.csv"
    rows = "".join(f"reader{number}@inst.example,第{number % 50}研究院\n" for number in range(6_000))
    path.write_text(f"email,单位\na@qq.example,第一研究院\n{rows}", encoding="utf-8")
    with engine.begin() as connection:
        list_id = connection.execute(text("SELECT min(id) FROM mailing_list")).scalar_one()
    return Order(look_at(path), list_id, ImportMode.UPDATE, "admin")


def counts(engine: Engine) -> dict[str, int]:
    with engine.begin() as connection:
        return {name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in _TABLES}


def take_in(engine: Engine, order: Order) -> Outcome:
    with engine.begin() as connection:
        return run_import(connection, order)


@contextmanager
def impatient(engine: Engine) -> Iterator[Connection]:
    """A transaction that fails where it would have to wait."""
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL lock_timeout = '2s'"))
        yield connection


def test_two_imports_of_one_file_at_once_bring_each_address_once(engine: Engine, order: Order) -> None:
    with ThreadPoolExecutor(2) as threads:
        outcomes = list(threads.map(lambda _: take_in(engine, order), range(2)))
    assert sorted(outcome.created for outcome in outcomes) == [0, 6_000]
    assert counts(engine)["subscriber"] == 6_002


def test_a_send_begins_and_people_leave_while_an_import_is_not_yet_committed(engine: Engine, order: Order) -> None:
    with engine.begin() as importing:
        assert run_import(importing, order).created == 6_000
        with impatient(engine) as connection:
            assert planning.start_due(connection, datetime.now(UTC), ProviderTable.load().provider_of_domain)
        with impatient(engine) as connection:
            person = connection.execute(text("SELECT id FROM subscriber WHERE canonical = 'b@163.example'")).scalar_one()
            wish = Wish(person, "b@163.example", [order.list_id], "link", "mailing 1", NOW)
            assert subscriptions.unsubscribe(connection, wish)
        with impatient(engine) as connection:
            bounced = NewSuppression(parse_address("a@qq.example").hash, SuppressionReason.HARD_BOUNCE, "550", NOW)
            assert suppression.suppress(connection, [bounced])
    with engine.begin() as connection:
        deliveries = connection.execute(text("SELECT address FROM delivery ORDER BY 1")).scalars().all()
    assert deliveries == ["a@qq.example", "b@163.example"]


def test_who_came_by_an_import_that_is_undone_is_skipped_by_a_mailing_under_way(engine: Engine, order: Order) -> None:
    imported = take_in(engine, order)
    with engine.begin() as connection:
        planning.start_due(connection, datetime.now(UTC), {"inst.example": "other"})
    with engine.begin() as connection:
        assert batches.undo(connection, imported.id, "admin").subscribers == 6_000
    looked_at = []
    for batch_id in factories.batch_ids(engine):
        with engine.begin() as connection:
            held = deliveries.claim(connection, batch_id, "worker", datetime.now(UTC))
            assert held is not None
            looked_at += deliveries.read_due(connection, held)
    assert Counter(due.skip_reason for due in looked_at) == {None: 2, "unsubscribed": 6_000}


def test_somebody_who_signs_up_meanwhile_with_an_address_of_the_file_is_found(engine: Engine, order: Order) -> None:
    newcomer = store.NewSubscriber(parse_address("reader7@inst.example"))
    with ThreadPoolExecutor(1) as threads:
        with engine.begin() as other:
            store.add_subscribers(other, [newcomer], order.list_id, method="form", evidence="x")
            importing = threads.submit(take_in, engine, order)
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as observer:
                while not observer.execute(_WAITING).scalar_one():
                    assert not importing.done()
        outcome = importing.result()
    assert (outcome.created, outcome.updated) == (5_999, 2)
    assert counts(engine)["subscriber"] == 6_002


def erase_one(connection: Connection, _import_id: int) -> None:
    erasing.erase(connection, parse_address("reader7@inst.example"), actor="li", reason="letter", now=NOW)


def merge_two(connection: Connection, _import_id: int) -> None:
    gone, kept = (records.find_subscriber(connection, f"reader{number}@inst.example") for number in (7, 8))
    merging.merge(connection, gone, kept, actor="li", now=NOW)


def take_back(connection: Connection, import_id: int) -> None:
    batches.undo(connection, import_id, "li")


@pytest.mark.parametrize(("change", "created"), [(erase_one, 6_000), (merge_two, 6_000), (take_back, 6_001)])
def test_an_import_leads_to_nobody_who_is_removed_or_merged_meanwhile(
    engine: Engine, order: Order, change: Callable[[Connection, int], None], created: int
) -> None:
    first = take_in(engine, order)
    other_list = factories.subscribe(engine, [], "others")
    with ThreadPoolExecutor(1) as threads:
        with engine.begin() as other:
            change(other, first.id)
            importing = threads.submit(take_in, engine, replace(order, list_id=other_list, mode=ImportMode.NEW))
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as observer:
                while not observer.execute(factories.WAITING_FOR_LOCKS).scalar_one():
                    assert not importing.done()
        assert importing.result().created == created
    with engine.begin() as connection:
        assert connection.execute(_LEADING_NOWHERE).all() == []


def test_who_is_erased_during_an_import_that_brings_them_is_erased_with_what_it_brings(engine: Engine, order: Order) -> None:
    with ThreadPoolExecutor(1) as threads:
        with engine.begin() as importing:
            run_import(importing, order)
            erased = threads.submit(lambda: _erased(engine))
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as observer:
                while not observer.execute(factories.WAITING_FOR_LOCKS).scalar_one():
                    assert not erased.done()
        assert erased.result() == 1


def test_who_is_erased_while_a_mailing_begins_is_erased_from_its_deliveries_too(engine: Engine) -> None:
    factories.schedule(engine, ["reader7@inst.example", "b@163.example"])
    with ThreadPoolExecutor(1) as threads:
        with engine.begin() as planned:
            assert planning.start_due(planned, datetime.now(UTC), {})
            erased = threads.submit(lambda: _erased(engine))
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as observer:
                while not observer.execute(factories.WAITING_FOR_LOCKS).scalar_one():
                    assert not erased.done()
        assert erased.result() == 1
    assert factories.states(engine).keys().isdisjoint({"reader7@inst.example"})


def _erased(engine: Engine) -> int:
    address = parse_address("reader7@inst.example")
    with engine.begin() as connection:
        erased = erasing.erase(connection, address, actor="li", reason="letter", now=NOW)
        people.erase(connection, erased, NOW)
        return len(erased.subscriber_ids)


def test_an_interruption_leaves_nothing_half_done(engine: Engine, order: Order) -> None:
    before = counts(engine)

    def interrupt(_rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), engine.begin() as connection:
        run_import(connection, order, interrupt)
    assert counts(engine) == before
    assert take_in(engine, order).created == 6_000


def test_a_lost_connection_leaves_nothing_half_done_and_is_said_in_a_sentence(engine: Engine, order: Order) -> None:
    before = counts(engine)

    def cut(_rows: int) -> None:
        with engine.begin() as other:
            other.execute(_CUT)

    refused = pytest.raises(ServiceError, match=r"^members\.csv: the database could not take the import: .*Nothing was changed")
    with refused, explained("members.csv"), engine.begin() as connection:
        run_import(connection, order, cut)
    assert counts(engine) == before


@contextmanager
def small_disk(engine: Engine, folder: Path) -> Iterator[None]:
    """A tablespace on a disk of its own of two megabytes, called like the database, that can be filled without harm to others."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a disk, and is not here")
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={2 << 20},mode=0700", "tmpfs", str(folder)], check=True)
    free = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    try:
        server = Path(free.execute(text("SHOW data_directory")).scalar_one()).stat()
        os.chown(folder, server.st_uid, server.st_gid)
        free.execute(text(f"CREATE TABLESPACE {engine.url.database} LOCATION '{folder}'"))
        yield
        free.execute(text(f"DROP TABLESPACE {engine.url.database}"))
    finally:
        free.close()
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize(
    "moved",
    [
        ("ALTER TABLE subscriber SET TABLESPACE {0}", "ALTER TABLE subscriber SET TABLESPACE pg_default"),
        ("ALTER TABLE consent SET TABLESPACE {0}", "ALTER TABLE consent SET TABLESPACE pg_default"),
        ("ALTER DATABASE {0} SET temp_tablespaces = {0}", "ALTER DATABASE {0} RESET temp_tablespaces"),
    ],
    ids=["at the people", "at the ledger", "while it is read"],
)
def test_a_full_disk_leaves_nothing_half_done_and_is_said_with_its_cure(
    engine: Engine, order: Order, jianbao: Jianbao, tmp_path: Path, moved: tuple[str, str]
) -> None:
    rows = "".join(f"reader{number}@inst.example,第{number % 50}研究院,{'字' * 100}\n" for number in range(40_000))
    (tmp_path / "many.csv").write_text(f"email,单位,姓名\n{rows}", encoding="utf-8")
    with small_disk(engine, tmp_path / "small"):
        with engine.begin() as connection:
            connection.execute(text(moved[0].format(engine.url.database)))
        before = counts(engine)
        refused = jianbao("subscriber", "import", str(tmp_path / "many.csv"), "--list", "members")
        after = counts(engine)
        with engine.begin() as connection:
            connection.execute(text(moved[1].format(engine.url.database)))
    assert isinstance(refused.exception, ServiceError)
    assert re.fullmatch(
        r"many\.csv: the database could not take the import: could not \w+ .*No space left on device\. "
        r"Nothing was changed; make room on its disk, and import it again\.",
        str(refused.exception),
    )
    assert after == before
    assert take_in(engine, order).created == 6_000
