"""`jianbao subscriber import` and `jianbao import`: what they say, ask, refuse and take back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import xlsxwriter
from sqlalchemy import Engine, text

from subscribers.errors import InputError
from tests.integration.conftest import Jianbao
from tests.integration.subscribers.importing import MEMBERS, states


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
