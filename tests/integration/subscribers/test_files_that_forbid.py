"""What a file says of people who are not to be written to, beside what is known of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from subscribers.models import ImportMode
from tests.integration.subscribers.importing import MEMBERS, everything, import_text, run, states, suppress, suppressed, undo

SOON, PAST = "now() + interval '30 days'", "now() - interval '1 day'"


def test_whoever_left_or_is_suppressed_stays_away_and_is_named(engine: Engine, tmp_path: Path) -> None:
    import_text(engine, MEMBERS, tmp_path / "members.csv")
    run(
        engine,
        "UPDATE subscription SET state = 'unsubscribed' WHERE subscriber_id = (SELECT id FROM subscriber WHERE name = '王芳')",
    )
    run(
        engine,
        "INSERT INTO suppression (address_hash, reason, evidence) VALUES (sha256('erased@c.example'), 'erased', 'asked')",
    )
    again = MEMBERS + "海洋研究所,某人,erased@c.example,,\n"
    for mode in ImportMode:
        outcome = import_text(engine, again, tmp_path / "again.csv", mode)
        assert [(one.line, one.address, one.reason) for one in outcome.left_alone] == [
            (2, "wang@a.example", "unsubscribed"),
            (5, "erased@c.example", "erased"),
        ]
        assert outcome.suppressed == 2
    assert states(engine) == {"wang@a.example": "unsubscribed", "li@a.example": "confirmed", "chen@b.example": "confirmed"}


def test_of_two_rows_with_one_address_the_one_that_forbids_more_counts(engine: Engine, tmp_path: Path) -> None:
    content = "email,status\na@a.example,active\nA@a.example,unsubscribed\nb@a.example,active\nb@a.example,cleaned\n"
    outcome = import_text(engine, content, tmp_path / "members.csv")
    assert (outcome.rows, outcome.created, outcome.unchanged, outcome.duplicates) == (4, 2, 2, 2)
    assert states(engine) == {"a@a.example": "unsubscribed", "b@a.example": "confirmed"}
    with engine.begin() as connection:
        assert connection.execute(text("SELECT address, reason FROM suppression")).all() == [("b@a.example", "hard_bounce")]


@pytest.mark.parametrize(
    ("stands", "until"), [("soft_bounce", PAST), ("staff", SOON), ("hard_bounce", "NULL"), ("complaint", PAST)]
)
def test_a_file_that_forbids_more_is_heard_where_less_stands_and_its_undo_leaves_that(
    engine: Engine, tmp_path: Path, stands: str, until: str
) -> None:
    import_text(engine, MEMBERS, tmp_path / "members.csv")
    suppress(engine, "wang@a.example", stands, until)
    before = everything(engine)
    outcome = import_text(engine, "email,suppressed\nwang@a.example,complaint\n", tmp_path / "others.csv")
    assert suppressed(engine) == [(None, "complaint", False)]
    undo(engine, outcome.id)
    assert everything(engine) == before


def test_what_a_file_says_of_all_lists_is_heard_where_something_stands_for_one(engine: Engine, tmp_path: Path) -> None:
    import_text(engine, MEMBERS, tmp_path / "members.csv")
    suppress(engine, "wang@a.example", "unsubscribed", lists="1")
    import_text(engine, "email,suppressed\nwang@a.example,complaint\n", tmp_path / "others.csv")
    assert suppressed(engine) == [(1, "unsubscribed", False), (None, "complaint", False)]


@pytest.mark.parametrize("known", ["wang@a.example", "new@c.example"])
def test_who_left_by_a_file_has_left_when_the_mailbox_works_again(engine: Engine, tmp_path: Path, known: str) -> None:
    import_text(engine, MEMBERS, tmp_path / "members.csv")
    suppress(engine, known, "hard_bounce")
    import_text(engine, f"email,state\n{known},unsubscribed\nli@a.example,unsubscribed\n", tmp_path / "left.csv")
    run(engine, "DELETE FROM suppression")
    import_text(engine, f"email\n{known}\n", tmp_path / "again.csv")
    assert states(engine)[known] == "unsubscribed"


def test_nothing_is_entered_of_who_was_erased_though_a_file_says_that_they_left_and_complained(
    engine: Engine, tmp_path: Path
) -> None:
    import_text(engine, MEMBERS, tmp_path / "members.csv")
    suppress(engine, "gone@c.example", "erased")
    before = everything(engine)
    import_text(engine, "email,suppressed\ngone@c.example,list:complaint\n", tmp_path / "a.csv")
    import_text(engine, "email,state\ngone@c.example,unsubscribed\nli@a.example,active\n", tmp_path / "b.csv")
    assert everything(engine) == before


def test_of_two_rows_with_one_address_nothing_that_either_forbids_is_lost(engine: Engine, tmp_path: Path) -> None:
    content = (
        "email,status,suppressed\na@a.example,unsubscribed,\na@a.example,,hard_bounce\n"
        "b@a.example,,hard_bounce\nb@a.example,,complaint\n"
    )
    import_text(engine, content, tmp_path / "members.csv")
    assert states(engine) == {"a@a.example": "unsubscribed", "b@a.example": "confirmed"}
    with engine.begin() as connection:
        found = connection.execute(text("SELECT address, reason FROM suppression ORDER BY 1")).all()
    assert found == [("a@a.example", "hard_bounce"), ("b@a.example", "complaint")]
