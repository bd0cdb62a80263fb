"""Who leaves while staff merge, correct, erase or take back an import has left, whichever of the two is committed first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text

from subscribers import merging, records
from subscribers.address import parse_address
from subscribers.erasing import erase
from subscribers.importing import batches
from subscribers.importing.run import Order, run_import
from subscribers.importing.source import look_at
from subscribers.models import ImportMode
from subscribers.subscriptions import Wish, unsubscribe
from tests import factories

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
LEAVING, OTHER = "wang@inst.example", "wang@new.example"
Step = Callable[[Connection], object]


@pytest.fixture
def order(engine: Engine, tmp_path: Path) -> Order:
    """Two people on a list, who came by a file, and a mailing to it that is due."""
    scheduled = factories.schedule(engine, ["a@qq.example"])
    path = tmp_path / "members.csv"
    path.write_text(f"email\n{LEAVING}\n{OTHER}\n", encoding="utf-8")
    with engine.begin() as connection:
        order = Order(look_at(path), scheduled.list_id, ImportMode.NEW, "admin", consent="paper forms")
        assert run_import(connection, order).id == 1
    return order


def leave(order: Order) -> Step:
    def step(connection: Connection) -> None:
        found = connection.execute(
            text("SELECT id FROM subscriber WHERE address = :address"), {"address": LEAVING}
        ).scalar_one()
        unsubscribe(connection, Wish(found, LEAVING, [order.list_id], "one-click", "delivery 1", NOW))

    return step


def merge(connection: Connection) -> None:
    gone, kept = (records.find_subscriber(connection, address) for address in (LEAVING, OTHER))
    merging.merge(connection, gone, kept, actor="admin", now=NOW)


def merge_after_another(connection: Connection) -> None:
    """The other way: who leaves had been merged into the record that goes now."""
    gone, kept = (records.find_subscriber(connection, address) for address in (LEAVING, "a@qq.example"))
    merging.merge(connection, gone, kept, actor="admin", now=NOW)


def correct(connection: Connection) -> None:
    found = records.find_subscriber(connection, LEAVING)
    merging.readdress(connection, found.id, parse_address("wang@third.example"), actor="admin", reason=None)


def take_back(connection: Connection) -> None:
    batches.undo(connection, 1, "admin")


def erase_them(connection: Connection) -> None:
    erase(connection, parse_address(LEAVING), actor="admin", reason="asked", now=NOW)


def together(engine: Engine, first: Step, second: Step) -> None:
    def work() -> None:
        with engine.begin() as connection:
            second(connection)

    with factories.meanwhile(engine, work, waits=False) as connection:
        first(connection)


def written_to(engine: Engine, order: Order) -> set[str]:
    """To whom the mailing goes, once everybody of the file was imported again."""
    with engine.begin() as connection:
        run_import(connection, order)
    factories.start(engine)
    return {address for address, state in factories.states(engine).items() if state == "pending"}


@pytest.mark.parametrize("leaving_first", [True, False])
@pytest.mark.parametrize("change", [merge, correct, take_back, erase_them])
def test_who_leaves_meanwhile_has_left(engine: Engine, order: Order, change: Step, leaving_first: bool) -> None:
    first, second = (leave(order), change) if leaving_first else (change, leave(order))
    together(engine, first, second)
    stays = {"a@qq.example"} if change is merge else {"a@qq.example", OTHER}
    assert written_to(engine, order) == stays


@pytest.mark.parametrize("leaving_first", [True, False])
def test_who_was_merged_before_has_left_whoever_stands_for_them(engine: Engine, order: Order, leaving_first: bool) -> None:
    with engine.begin() as connection:
        merge(connection)
    first, second = (leave(order), merge_after_another) if leaving_first else (merge_after_another, leave(order))
    together(engine, first, second)
    assert written_to(engine, order) == set()
