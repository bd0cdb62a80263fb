"""The audit and the consent ledger against a real PostgreSQL: added to by anybody, changed by nobody, forgetful of the erased."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import ProgrammingError

from subscribers import audit
from subscribers.address import parse_address
from subscribers.audit import Change, Subject, difference
from subscribers.erasing import erase
from subscribers.models import Audit
from tests import factories
from tests.paths import PROJECT

MOVED = Change("wang", "move", Subject.SUBSCRIBER, 7, {"institute": "甲所"}, {"institute": "乙所"}, "调动")
MENTIONED = Change(
    "wang", "suppress", Subject.SUPPRESSION, 1, None, {"address": "Li.Na@inst.example", "reason": "staff"}, "li.na@inst.example"
)


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit", "TRUNCATE audit"])
def test_the_database_refuses_to_change_what_was_recorded(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        audit.record(connection, MOVED)
    with pytest.raises(ProgrammingError, match="only ever added to"), engine.begin() as connection:
        connection.execute(text(statement))


@pytest.mark.parametrize(
    "statement",
    ["UPDATE consent SET state = 'confirmed'", "DELETE FROM consent WHERE id = 1", "TRUNCATE consent, subscriber CASCADE"],
)
@pytest.mark.parametrize("role", ["origin", "replica"])
def test_the_database_refuses_to_change_the_ledger_of_whoever_is_there(engine: Engine, statement: str, role: str) -> None:
    factories.subscribe(engine, ["wang@inst.example"])
    with engine.connect() as connection:
        connection.execute(text(f"SET LOCAL session_replication_role = {role}"))  # as an import of many rows has it
        with pytest.raises(ProgrammingError, match="consent ledger is only ever added to"):
            connection.execute(text(statement))


def test_the_ledger_of_a_person_goes_with_the_person_alone(engine: Engine) -> None:
    factories.subscribe(engine, ["wang@inst.example", "li@inst.example"])
    with engine.begin() as connection:
        erase(connection, parse_address("wang@inst.example"), actor="admin", reason="letter", now=datetime.now(UTC))
        left = connection.execute(
            text("SELECT s.address, c.state FROM consent c JOIN subscriber s ON s.id = subscriber_id")
        ).all()
    assert [tuple(row) for row in left] == [("li@inst.example", "confirmed")]


def test_an_erased_person_is_in_no_row_and_who_did_what_stays(engine: Engine) -> None:
    with engine.begin() as connection:
        audit.record(connection, MOVED, MENTIONED)
        assert audit.erase(connection, [7], ["li.na@inst.example"], "sha256:00ff") == 2
        rows = connection.execute(select(Audit).order_by(Audit.id)).all()
    assert [(row.actor, row.action) for row in rows] == [("wang", "move"), ("wang", "suppress")]
    assert (rows[0].before, rows[0].after, rows[0].reason) == ({"erased": "sha256:00ff"}, {"erased": "sha256:00ff"}, None)
    assert (rows[1].after, rows[1].reason) == ({"address": "sha256:00ff", "reason": "staff"}, "sha256:00ff")


def test_an_address_is_taken_out_whole_and_its_neighbours_are_left(engine: Engine) -> None:
    others = {"a": "liXna@inst.example", "b": "li.na@inst.example.cn", "c": "王"}
    with engine.begin() as connection:
        audit.record(connection, Change("wang", "update", Subject.LIST, 1, None, others))
        audit.erase(connection, [], ["li.na@inst.example"], "sha256:00ff")
        assert connection.execute(select(Audit.after)).scalar_one() == others


def test_after_an_erasure_the_table_is_closed_again(engine: Engine) -> None:
    with engine.connect() as connection:
        audit.record(connection, MOVED)
        audit.erase(connection, [7], [], "sha256:00ff")
        with pytest.raises(ProgrammingError, match="only ever added to"):
            connection.execute(text("UPDATE audit SET actor = 'x'"))


def test_a_difference_names_only_what_differs() -> None:
    assert difference({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 5}) == ({"b": 2}, {"b": 5})


def test_the_recipe_in_the_handbook_leaves_the_programs_role_nothing_but_to_add_and_to_erase(engine: Engine) -> None:
    chapter = (PROJECT / "docs" / "operators.md").read_text(encoding="utf-8").partition("## The audit")[2]
    recipe = chapter.split("```")[1]
    factories.subscribe(engine, ["wang@inst.example"])
    with engine.connect() as connection:
        connection.execute(text(recipe))
        connection.execute(text("SET LOCAL ROLE jianbao_program"))
        audit.record(connection, MOVED, MENTIONED)
        for refused in ("SET LOCAL jianbao.erasing = 'on'; UPDATE audit SET actor = 'x'", "DELETE FROM consent"):
            with pytest.raises(ProgrammingError, match="permission denied"), connection.begin_nested():
                connection.execute(text(refused))
        assert audit.erase(connection, [7], ["li.na@inst.example"], "sha256:00ff") == 2
        erase(connection, parse_address("wang@inst.example"), actor="admin", reason="letter", now=datetime.now(UTC))
        assert connection.execute(text("SELECT count(*) FROM consent")).scalar_one() == 0
        # What a backup reads, and what a takeover writes.
        assert connection.execute(text("SELECT last_value + setval('delivery_id_seq', 5) FROM delivery_id_seq")).scalar_one()
        connection.rollback()
