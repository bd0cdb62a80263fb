"""Files into the database: what goes in, what is left alone, what is refused."""

from __future__ import annotations

from pathlib import Path

import xlsxwriter
from sqlalchemy import Engine, text

from subscribers import store
from subscribers.importing.run import Order, run_import
from subscribers.importing.source import look_at
from subscribers.models import ImportMode
from tests.integration.subscribers.importing import MEMBERS, everything, import_text, run, states


def test_a_file_becomes_subscribers_of_institutes_with_a_line_each_in_the_ledger(engine: Engine, tmp_path: Path) -> None:
    outcome = import_text(engine, MEMBERS, tmp_path / "members.csv")
    assert (outcome.rows, outcome.created, outcome.new_subscribers, outcome.new_institutes) == (3, 3, 3, 2)
    with engine.begin() as connection:
        rows = connection.execute(
            text("""SELECT s.canonical, s.name, s.role, i.name AS institute, i.province, c.state, c.method, c.actor, c.source, c.line
                    FROM subscriber s JOIN institute i ON i.id = s.institute_id JOIN consent c ON c.subscriber_id = s.id
                    WHERE c.import_id = :id ORDER BY c.line"""),
            {"id": outcome.id},
        ).all()
    assert rows[0] == (
        "wang@a.example", "王芳", "director", "东江省农业科学院", "东江", "confirmed", "import", "admin", "members.csv", 2,
    )  # fmt: skip
    assert [row.role for row in rows] == ["director", "office", "research"]


def test_the_same_file_again_changes_nothing(engine: Engine, tmp_path: Path) -> None:
    import_text(engine, MEMBERS, tmp_path / "members.csv")
    before = everything(engine)
    for mode in ImportMode:
        outcome = import_text(engine, MEMBERS, tmp_path / "members.csv", mode)
        assert (outcome.created, outcome.updated, outcome.unchanged, outcome.unsubscribed) == (0, 0, 3, 0)
    assert everything(engine) == before


def test_known_addresses_change_only_when_asked_and_never_lose_what_the_file_does_not_say(
    engine: Engine, tmp_path: Path
) -> None:
    import_text(engine, MEMBERS, tmp_path / "members.csv")
    changed = "姓名,邮箱,手机\n王芳芳,WANG@a.example,13800000001\n,li@a.example,\n"
    assert import_text(engine, changed, tmp_path / "changed.csv").updated == 0
    outcome = import_text(engine, changed, tmp_path / "changed.csv", ImportMode.UPDATE)
    assert (outcome.updated, outcome.unchanged) == (1, 1)
    with engine.begin() as connection:
        rows = connection.execute(text("SELECT name, phone, role, institute_id IS NOT NULL FROM subscriber ORDER BY id")).all()
    assert ("王芳芳", "13800000001", "director", True) in rows
    assert ("李四", None, "office", True) in rows


def test_what_no_database_can_hold_is_rejected_or_left_out(engine: Engine, tmp_path: Path) -> None:
    content = (
        '{"email": "a\\u0000@a.example"}\n{"email": "b\\ud800@a.example"}\n'
        '{"email": "c@a.example", "name": "\\u0000王\\ud800芳\\u202e", "fields": {"备注": "\\u0000\\ud800好"}}\n'
    )
    outcome = import_text(engine, content, tmp_path / "strange.jsonl")
    assert outcome.created == 1
    assert [(one.line, one.address) for one in outcome.rejects] == [(1, "a␀@a.example"), (2, "b?@a.example")]
    with engine.begin() as connection:
        assert connection.execute(text("SELECT name, fields FROM subscriber")).one() == ("王芳", {"备注": "好"})


def test_sync_unsubscribes_whoever_is_not_in_the_file(engine: Engine, tmp_path: Path) -> None:
    import_text(engine, MEMBERS, tmp_path / "members.csv")
    outcome = import_text(engine, "email\nli@a.example\nnew@c.example\n", tmp_path / "new.csv", ImportMode.SYNC)
    assert (outcome.unsubscribed, outcome.created) == (2, 1)
    assert states(engine) == {
        "wang@a.example": "unsubscribed",
        "chen@b.example": "unsubscribed",
        "li@a.example": "confirmed",
        "new@c.example": "confirmed",
    }


def test_sync_removes_nobody_while_a_row_cannot_be_read_that_may_be_theirs(engine: Engine, tmp_path: Path) -> None:
    import_text(engine, MEMBERS, tmp_path / "members.csv")
    spoiled = "email,name\nli#a.example,李四\nchen@b.example,\n"
    outcome = import_text(engine, spoiled, tmp_path / "spoiled.csv", ImportMode.SYNC)
    assert (outcome.unsubscribed, set(states(engine).values())) == (0, {"confirmed"})
    assert any(line.startswith("nobody was unsubscribed") for line in outcome.notes)
    outcome = import_text(engine, "email,name\n,没有邮箱\nchen@b.example,\n", tmp_path / "mended.csv", ImportMode.SYNC)
    assert (outcome.unsubscribed, outcome.rejected) == (2, 1)


def test_a_sheet_that_is_hidden_is_named(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "通讯录.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("在册").write_column(0, 0, ["邮箱", "wang@a.example"])
        hidden = book.add_worksheet("补充")
        hidden.write_column(0, 0, ["邮箱", "li@a.example"])
        hidden.hide()
    with engine.begin() as connection:
        list_id = store.create_list(connection, "members", "会员")
        outcome = run_import(connection, Order(look_at(path), list_id, ImportMode.NEW, "admin"))
    assert (outcome.rows, [line.partition(":")[0] for line in outcome.notes]) == (1, ["补充"])


def test_an_institute_is_known_by_a_former_name_and_by_its_number(engine: Engine, tmp_path: Path) -> None:
    import_text(engine, "单位,会员编号,邮箱\n东江省农业科学院,M001,wang@a.example\n", tmp_path / "a.csv")
    run(
        engine,
        "INSERT INTO institute_name (institute_id, name, key, kind) SELECT id, '东江农科所', '东江农科所', 'former' FROM institute",
    )
    outcome = import_text(
        engine, "单位,会员编号,邮箱\n东江农科所,,li@a.example\n东江农科院,M001,xu@a.example\n", tmp_path / "b.csv"
    )
    assert outcome.new_institutes == 0
    with engine.begin() as connection:
        assert connection.execute(text("SELECT count(DISTINCT institute_id), count(*) FROM subscriber")).one() == (1, 3)


def test_the_address_of_a_merged_record_leads_to_the_person_and_makes_nobody_anew(engine: Engine, tmp_path: Path) -> None:
    import_text(engine, MEMBERS, tmp_path / "members.csv")
    run(engine, "DELETE FROM subscription WHERE subscriber_id = (SELECT id FROM subscriber WHERE canonical = 'li@a.example')")
    run(
        engine,
        """UPDATE subscriber SET state = 'merged', merged_into_id = (SELECT id FROM subscriber WHERE canonical = 'wang@a.example')
           WHERE canonical = 'li@a.example'""",
    )
    outcome = import_text(engine, "email,name\nli@a.example,新名\nchen@b.example,\n", tmp_path / "old.csv", ImportMode.SYNC)
    assert (outcome.created, outcome.updated, outcome.unchanged, outcome.unsubscribed) == (0, 0, 2, 0)
    assert states(engine) == {"wang@a.example": "confirmed", "chen@b.example": "confirmed"}


def test_without_the_right_to_leave_references_unchecked_the_same_goes_in(engine: Engine, tmp_path: Path) -> None:
    run(engine, "CREATE ROLE plain_role")
    for kind in ("TABLES", "SEQUENCES"):
        run(engine, f"GRANT ALL ON ALL {kind} IN SCHEMA public TO plain_role")
    path = tmp_path / "members.csv"
    path.write_text(MEMBERS, encoding="utf-8")
    with engine.begin() as connection:
        list_id = store.create_list(connection, "members", "会员")
        connection.execute(text("SET LOCAL ROLE plain_role"))
        assert run_import(connection, Order(look_at(path), list_id, ImportMode.NEW, "admin")).created == 3
    assert len(states(engine)) == 3
    run(engine, "DROP OWNED BY plain_role; DROP ROLE plain_role")
