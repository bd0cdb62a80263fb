"""Files into the database: what goes in, what is left alone, what is refused, and taking it all back."""

from __future__ import annotations

import itertools
import json
from datetime import date
from pathlib import Path

import pytest
import xlsxwriter
from sqlalchemy import Engine, text

from mailer.returns import consequences
from mailer.returns.consequences import Ended
from subscribers import memberships, records, store
from subscribers.errors import InputError
from subscribers.importing import batches
from subscribers.importing.run import Order, Outcome, run_import
from subscribers.importing.source import look_at
from subscribers.institutes import find_institute
from subscribers.models import ImportMode, SuppressionReason
from tests.integration.conftest import Jianbao

MEMBERS = """\
单位名称,联系人,电子邮箱,职务,省份
东江省农业科学院,王芳,wang@a.example,院长,东江
东江省农业科学院,李四,li@a.example,办公室主任,东江
海洋研究所,陈小明,chen@b.example,研究员,南海
"""


def import_text(engine: Engine, content: str, path: Path, mode: ImportMode = ImportMode.NEW, *, keep: bool = True) -> Outcome:
    path.write_text(content, encoding="utf-8")
    with engine.connect() as connection, connection.begin() as attempt:
        names = [one.slug for one in store.summaries(connection)]
        list_id = store.find_list(connection, "members") if names else store.create_list(connection, "members", "会员")
        outcome = run_import(connection, Order(look_at(path), list_id, mode, "admin"))
        if not keep:
            attempt.rollback()
    return outcome


def undo(engine: Engine, import_id: int) -> batches.Undone:
    with engine.begin() as connection:
        return batches.undo(connection, import_id, "admin")


def everything(engine: Engine) -> dict[str, list[str]]:
    """All that an import may touch, but for what is only added to."""
    tables = ("institute", "institute_name", "subscriber", "subscription", "suppression")
    with engine.begin() as connection:
        return {name: sorted(connection.execute(text(f"SELECT to_jsonb(t)::text FROM {name} t")).scalars()) for name in tables}


def states(engine: Engine) -> dict[str, str]:
    with engine.begin() as connection:
        rows = connection.execute(
            text("SELECT canonical, x.state FROM subscription x JOIN subscriber s ON s.id = subscriber_id")
        )
        return {row.canonical: row.state for row in rows}


def run(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


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


def test_of_two_rows_with_one_address_the_one_that_forbids_more_counts(engine: Engine, tmp_path: Path) -> None:
    content = "email,status\na@a.example,active\nA@a.example,unsubscribed\nb@a.example,active\nb@a.example,cleaned\n"
    outcome = import_text(engine, content, tmp_path / "members.csv")
    assert (outcome.rows, outcome.created, outcome.unchanged, outcome.duplicates) == (4, 2, 2, 2)
    assert states(engine) == {"a@a.example": "unsubscribed", "b@a.example": "confirmed"}
    with engine.begin() as connection:
        assert connection.execute(text("SELECT address, reason FROM suppression")).all() == [("b@a.example", "hard_bounce")]


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


# --- the command -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def members(jianbao: Jianbao, tmp_path: Path) -> Path:
    jianbao("list", "create", "members", "--name", "会员")
    path = tmp_path / "通讯录.csv"
    path.write_bytes(MEMBERS.encode("gb18030"))
    return path


def test_the_command_prints_the_document_of_the_contract(jianbao: Jianbao, members: Path) -> None:
    members.write_bytes((MEMBERS + "坏单位,坏人,坏@,,\n").encode("gb18030"))
    done = jianbao("subscriber", "import", str(members), "--list", "members", "--json")
    document = json.loads(done.stdout)
    assert done.exit_code == 1
    expected = {"rows": 4, "created": 3, "updated": 0, "unchanged": 0, "rejected": 1, "suppressed": 0}
    assert {name: document[name] for name in expected} == expected
    assert document["rejects"][0].items() >= {"line": 5, "address": "坏@"}.items()
    assert "Give an address like name@host" in document["rejects"][0]["reason"]


def test_strict_takes_all_or_nothing(jianbao: Jianbao, members: Path, engine: Engine) -> None:
    members.write_bytes((MEMBERS + "坏单位,坏人,坏@,,\n").encode("gb18030"))
    done = jianbao("subscriber", "import", str(members), "--list", "members", "--strict")
    assert done.exit_code == 2
    assert "nothing was changed: 1 of 4 rows cannot go in." in done.stderr
    assert states(engine) == {}


def test_a_dry_run_says_it_all_and_changes_nothing(jianbao: Jianbao, members: Path, engine: Engine) -> None:
    done = jianbao("subscriber", "import", str(members), "--list", "members", "--dry-run", "--json")
    assert json.loads(done.stdout)["created"] == 3
    assert states(engine) == {}
    assert json.loads(jianbao("import", "list", "--json").stdout) == []


def test_rejects_are_mended_and_imported_again(jianbao: Jianbao, members: Path, tmp_path: Path, engine: Engine) -> None:
    members.write_bytes((MEMBERS + "=坏单位,坏人,坏人(at)c.example,所长,\n").encode("gb18030"))
    rejects = tmp_path / "待改.csv"
    assert jianbao("subscriber", "import", str(members), "--list", "members", "--rejects", str(rejects)).exit_code == 1
    content = rejects.read_text(encoding="utf-8-sig")
    assert "'=坏单位" in content
    rejects.write_text(content.replace("坏人(at)c.example", "good@c.example"), encoding="utf-8-sig")
    done = jianbao("subscriber", "import", str(rejects), "--list", "members", "--json")
    assert (done.exit_code, json.loads(done.stdout)["notes"]) == (0, [])
    with engine.begin() as connection:
        row = connection.execute(
            text(
                "SELECT s.name, s.role, i.name FROM subscriber s JOIN institute i ON i.id = institute_id WHERE s.canonical LIKE 'good%'"
            )
        ).one()
    assert row == ("坏人", "director", "=坏单位")


def test_the_rejects_are_never_written_over_the_list(jianbao: Jianbao, members: Path) -> None:
    before = members.read_bytes()
    for also in ((), ("--dry-run",), ("--strict",)):
        refused = jianbao("subscriber", "import", str(members), "--list", "members", "--rejects", str(members), *also)
        assert isinstance(refused.exception, InputError)
        assert "Name another file" in str(refused.exception)
    assert members.read_bytes() == before


def test_sync_asks_and_without_a_terminal_wants_yes(jianbao: Jianbao, members: Path, tmp_path: Path, engine: Engine) -> None:
    jianbao("subscriber", "import", str(members), "--list", "members")
    fewer = tmp_path / "fewer.csv"
    fewer.write_text("email\nli@a.example\n")
    done = jianbao("subscriber", "import", str(fewer), "--list", "members", "--sync")
    assert done.exit_code != 0
    assert "2 are on list members and not in the file" in str(done.exception)
    assert set(states(engine).values()) == {"confirmed"}
    assert jianbao("subscriber", "import", str(fewer), "--list", "members", "--sync", "--yes").exit_code == 0
    assert sorted(states(engine).values()) == ["confirmed", "unsubscribed", "unsubscribed"]


def test_sync_names_a_hidden_sheet_before_it_asks(jianbao: Jianbao, members: Path, tmp_path: Path) -> None:
    jianbao("subscriber", "import", str(members), "--list", "members")
    with xlsxwriter.Workbook(tmp_path / "fewer.xlsx") as book:
        book.add_worksheet("成员").write_column(0, 0, ["邮箱", "li@a.example"])
        book.add_worksheet("补充").hide()
    asked = jianbao("subscriber", "import", str(tmp_path / "fewer.xlsx"), "--list", "members", "--sync")
    assert "2 are on list members" in str(asked.exception)
    assert "the sheet is hidden" in asked.stderr


def test_imports_are_listed_shown_and_undone(jianbao: Jianbao, members: Path, engine: Engine) -> None:
    jianbao("subscriber", "import", str(members), "--list", "members")
    assert "通讯录.csv" in jianbao("import", "list").stdout
    shown = json.loads(jianbao("import", "show", "1", "--json").stdout)
    assert (shown["file"], shown["list"], shown["counts"]["created"]) == ("通讯录.csv", "members", 3)
    assert json.loads(jianbao("import", "undo", "1", "--dry-run", "--json").stdout)["subscribers"] == 3
    assert len(states(engine)) == 3
    assert json.loads(jianbao("import", "undo", "1", "--json").stdout)["institutes"] == 2
    assert states(engine) == {}


def test_on_a_list_with_double_opt_in_nobody_is_written_to_whose_consent_nobody_has_named(
    jianbao: Jianbao, engine: Engine, tmp_path: Path
) -> None:
    jianbao("list", "create", "bulletin", "--name", "信息集锦", "--double-opt-in")
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text(f"email,state\n{name}1@inst.example,\n{name}2@inst.example,unsubscribed\n")
    silent = jianbao("subscriber", "import", str(tmp_path / "a.csv"), "--list", "bulletin")
    assert "the list has double opt-in" in silent.stderr
    paper = ("--consent", "paper forms of May")
    assert "double opt-in" not in jianbao("subscriber", "import", str(tmp_path / "b.csv"), "--list", "bulletin", *paper).stderr
    with engine.begin() as connection:
        entered = connection.execute(
            text("SELECT s.address, c.state, c.evidence FROM consent c JOIN subscriber s ON s.id = subscriber_id ORDER BY 1")
        ).all()
    assert [tuple(row) for row in entered] == [
        ("a1@inst.example", "unconfirmed", "import 1"),
        ("a2@inst.example", "unsubscribed", "import 1"),
        ("b1@inst.example", "confirmed", "import 2: paper forms of May"),
        ("b2@inst.example", "unsubscribed", "import 2: paper forms of May"),
    ]


def test_domains_that_take_no_mail_are_doubted_and_come_in(jianbao: Jianbao, engine: Engine, tmp_path: Path) -> None:
    with engine.begin() as connection:
        known = "INSERT INTO mail_domain (domain, provider, mx) VALUES ('gone.example', 'other', NULL), ('inst.example', 'other', 'mx')"
        connection.execute(text(known))
    jianbao("list", "create", "members", "--name", "M")
    (tmp_path / "a.csv").write_text("email\na@gone.example\nb@inst.example\n")
    came = jianbao("subscriber", "import", str(tmp_path / "a.csv"), "--list", "members", "--online")
    assert came.exit_code == 0
    assert "gone.example: the DNS knows no server" in came.stderr
    assert "inst.example:" not in came.stderr
    assert "2 newly on list members" in came.stderr


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


SOON, PAST = "now() + interval '30 days'", "now() - interval '1 day'"


def suppress(engine: Engine, canonical: str, reason: str, until: str = "NULL", lists: str = "NULL") -> None:
    run(
        engine,
        f"""INSERT INTO suppression (address_hash, list_id, reason, evidence, since, until)
            VALUES (sha256('{canonical}'), {lists}, '{reason}', 'a test', now() - interval '60 days', {until})""",
    )


def suppressed(engine: Engine) -> list[tuple[object, ...]]:
    with engine.begin() as connection:
        rows = connection.execute(
            text("SELECT list_id, reason, until IS NOT NULL AND until < now() FROM suppression ORDER BY id")
        )
        return [tuple(row) for row in rows]


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
