"""Taking an import back: all of it, and nothing of what was changed since."""

from __future__ import annotations

import itertools
import json
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from mailer.returns import consequences
from mailer.returns.consequences import Ended
from subscribers import memberships, records
from subscribers.errors import InputError
from subscribers.importing import batches
from subscribers.institutes import find_institute
from subscribers.models import ImportMode, SuppressionReason
from tests.integration.conftest import Jianbao
from tests.integration.subscribers.importing import MEMBERS, everything, import_text, run, states, suppress, suppressed, undo


@pytest.mark.parametrize("mode", list(ImportMode))
def test_an_undo_leaves_everything_as_it_was(engine: Engine, tmp_path: Path, mode: ImportMode) -> None:
    import_text(engine, MEMBERS, tmp_path / "members.csv")
    before = everything(engine)
    content = (
        "单位,姓名,邮箱,状态\n新研究院,王芳芳,wang@a.example,active\n海洋研究所,新人,new@c.example,active\n,,gone@c.example,cleaned\n"
        "东江省农业科学院,李四,li@a.example,unsubscribed\n"
    )
    outcome = import_text(engine, content, tmp_path / "wrong.csv", mode)
    assert everything(engine) != before
    undone = undo(engine, outcome.id)
    after = everything(engine)
    if mode is not ImportMode.NEW:
        assert undone.restored == 1
        run(engine, "UPDATE subscriber SET updated_at = created_at")
        after = everything(engine)
    assert after == before
    assert undone.kept == ()
    with pytest.raises(InputError, match="was taken back already, by admin"):
        undo(engine, outcome.id)


def test_an_undo_names_and_leaves_what_was_changed_since(engine: Engine, tmp_path: Path) -> None:
    outcome = import_text(engine, MEMBERS, tmp_path / "members.csv")
    run(engine, "UPDATE subscriber SET phone = '1', updated_at = now() WHERE canonical = 'li@a.example'")
    run(
        engine,
        """WITH x AS (UPDATE subscription SET state = 'unsubscribed' WHERE subscriber_id = (
               SELECT id FROM subscriber WHERE canonical = 'chen@b.example') RETURNING *)
           INSERT INTO consent (list_id, subscriber_id, state, method, evidence)
           SELECT list_id, subscriber_id, state, 'link', 'mailing 1' FROM x""",
    )
    undone = undo(engine, outcome.id)
    assert (undone.subscriptions, undone.subscribers, undone.institutes) == (2, 1, 0)
    assert {(one.kind, one.what) for one in undone.kept} == {
        ("subscription", "chen@b.example"),
        ("subscriber", "li@a.example"),
        ("institute", "东江省农业科学院"),
        ("institute", "海洋研究所"),
    }
    assert states(engine) == {"chen@b.example": "unsubscribed"}


def test_an_undo_says_of_which_records_the_state_before_is_forgotten(jianbao: Jianbao, engine: Engine, tmp_path: Path) -> None:
    jianbao("list", "create", "members", "--name", "M")
    for name in ("王", "王芳"):
        (tmp_path / "a.csv").write_text(f"email,name\na@inst.example,{name}\nb@inst.example,{name}\n", encoding="utf-8")
        jianbao("subscriber", "import", str(tmp_path / "a.csv"), "--list", "members", "--update")
    with engine.begin() as connection:
        connection.execute(text("UPDATE import_change SET before = NULL, after = NULL WHERE row_id = 1"))
    undone = json.loads(jianbao("import", "undo", "2", "--json").stdout)
    assert undone["restored"] == 1
    assert [(one["what"], one["why"]) for one in undone["kept"]] == [
        ("a@inst.example", "what stood there before was forgotten after a time")
    ]


def test_what_a_file_said_and_then_happened_stays_when_the_import_is_undone(engine: Engine, tmp_path: Path) -> None:
    import_text(engine, MEMBERS, tmp_path / "members.csv")
    outcome = import_text(engine, "email,suppressed\nwang@a.example,complaint\n", tmp_path / "others.csv")
    with engine.begin() as connection:
        person = connection.execute(text("SELECT id FROM subscriber WHERE canonical = 'wang@a.example'")).scalar_one()
        now = connection.execute(text("SELECT now()")).scalar_one()
        consequences.suppress(connection, [Ended(person, SuppressionReason.COMPLAINT, "feedback 1")], now)
        assert not consequences.suppress(connection, [Ended(person, SuppressionReason.COMPLAINT, "feedback 1")], now)
    undo(engine, outcome.id)
    assert suppressed(engine) == [(None, "complaint", False)]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("stood", [None, "soft_bounce"])
def test_imports_that_forbade_ever_more_are_undone_in_any_order(
    engine: Engine, tmp_path: Path, order: tuple[int, ...], stood: str | None
) -> None:
    import_text(engine, MEMBERS, tmp_path / "members.csv")
    if stood:
        suppress(engine, "wang@a.example", stood)
    before = everything(engine)
    ids = [
        import_text(engine, f"email,suppressed\nwang@a.example,{reason}\n", tmp_path / f"{reason}.csv").id
        for reason in ("hard_bounce", "staff", "complaint")
    ]
    for number in order:
        undo(engine, ids[number])
    assert everything(engine) == before


@pytest.mark.parametrize("becomes", ["undone", "merged"])
def test_an_undo_gives_nobody_an_institute_that_has_gone(engine: Engine, tmp_path: Path, becomes: str) -> None:
    import_text(engine, MEMBERS, tmp_path / "members.csv")
    first = import_text(engine, "email,单位\np@c.example,甲研究院\n", tmp_path / "a.csv")
    second = import_text(engine, "email,单位\np@c.example,海洋研究所\n", tmp_path / "b.csv", ImportMode.UPDATE)
    with engine.begin() as connection:
        if becomes == "merged":
            one, other = find_institute(connection, "甲研究院"), find_institute(connection, "东江省农业科学院")
            memberships.merge(connection, one, other, date(2026, 11, 28), actor="admin")
        else:
            batches.undo(connection, first.id, "admin")
    undo(engine, second.id)
    with engine.begin() as connection:
        found = records.find_subscriber(connection, "p@c.example")
    assert found.institute == ("东江省农业科学院" if becomes == "merged" else None)
