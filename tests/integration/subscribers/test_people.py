"""One person's record against a real PostgreSQL: changed, accounted for, and given to the person."""

from __future__ import annotations

import json
from pathlib import Path

from sqlalchemy import Engine, text

from mailer import people
from mailer.held_page import TITLES
from subscribers import holdings, institutes, records, store, subscriptions
from subscribers.address import parse_address
from subscribers.institutes import NewInstitute
from subscribers.models import Role
from subscribers.records import Amendment
from subscribers.store import NewSubscriber
from tests import factories
from tests.integration.conftest import Jianbao
from tests.integration.subscribers.person import NEW, OLD, every_text, read, wish


def test_every_change_is_in_the_audit_with_before_and_after(engine: Engine) -> None:
    factories.subscribe(engine, [OLD])
    with engine.begin() as connection:
        made = institutes.ensure_institutes(connection, [NewInstitute("云南省农业科学院")])
        amendment = Amendment({"role": Role.OFFICE, "institute_id": made["云南省农业科学院"]}, {"职称": "研究员"})
        subscriber_id = read(connection, OLD).id
        assert records.amend(connection, subscriber_id, amendment, actor="li", reason="card")
        assert not records.amend(connection, subscriber_id, amendment, actor="li")
        row = connection.execute(text("SELECT actor, before, after, reason FROM audit")).one()
    assert tuple(row) == (
        "li",
        {"role": None, "fields": {}, "institute": None},
        {"role": "office", "fields": {"职称": "研究员"}, "institute": "云南省农业科学院"},
        "card",
    )


def test_a_person_is_given_all_that_is_held(jianbao: Jianbao, engine: Engine, tmp_path: Path) -> None:
    factories.schedule(engine, [OLD])
    factories.start(engine)
    written = tmp_path / "access.json"
    assert jianbao("subscriber", "access", OLD, str(written)).exit_code == 0
    found = json.loads(written.read_text(encoding="utf-8"))
    assert [len(found[what]) for what in ("subscribers", "subscriptions", "consent", "deliveries")] == [1, 1, 1, 1]
    assert found["consent"][0]["evidence"] == "a test"
    page = tmp_path / "access.html"
    jianbao("subscriber", "update", OLD, "--name", "<王芳>")
    assert jianbao("subscriber", "access", OLD, str(page)).exit_code == 0
    read = page.read_text(encoding="utf-8")
    assert all(one in read for one in (OLD, "&lt;王芳&gt;", "同意与退订的记录", "a test", "寄出的邮件"))
    nowhere = str(tmp_path / "no folder" / "a.html")
    refused = jianbao("subscriber", "access", OLD, nowhere)
    assert isinstance(refused.exception, OSError)
    assert refused.exception.filename == nowhere


def test_whatever_may_be_held_has_a_title_on_the_page_that_a_person_reads() -> None:
    assert list(TITLES) == [*holdings.TABLES, *people.HELD]


def test_a_dry_run_says_what_would_change_and_changes_nothing(jianbao: Jianbao, engine: Engine) -> None:
    factories.subscribe(engine, [OLD, NEW])
    with engine.connect() as connection:
        before = every_text(connection)
    for words in (
        ("subscriber", "merge", OLD, NEW),
        ("subscriber", "erase", OLD, NEW),
        ("subscriber", "unsubscribe", OLD, NEW, "--all"),
        ("subscriber", "add", "x@y.example", "z@y.example", "--list", "members", "--institute", "新院"),
        ("suppression", "add", OLD, NEW),
    ):
        result = jianbao(*words, "--dry-run")
        assert result.exit_code == 0, result.exception
        assert "dry run: nothing was changed" in result.stderr
    with engine.connect() as connection:
        assert every_text(connection) == before


def test_nothing_is_wider_than_the_terminal(jianbao: Jianbao, engine: Engine) -> None:
    with engine.begin() as connection:
        list_id = store.create_list(connection, "members", "会员单位")
        person = NewSubscriber(parse_address(NEW), name="欧阳静姝", institute="中国热带农业科学院橡胶研究所云南分所筹备办公室")
        store.add_subscribers(connection, [person], list_id, method="test", evidence="a test " * 20, actor="li")
        subscriptions.unsubscribe(connection, wish(connection, NEW, list_id))
    for words in (
        ("subscriber", "show", NEW),
        ("subscriber", "history", NEW),
        ("subscriber", "find", "欧阳"),
        ("audit",),
        ("list", "list"),
    ):
        shown = jianbao(*words)
        assert shown.exit_code == 0, shown.exception
        assert max(sum(2 if "\u2e80" <= c <= "\uffef" else 1 for c in line) for line in shown.stdout.splitlines()) <= 80
