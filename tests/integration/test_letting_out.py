"""Before an issue leaves: a second person's word on exactly what is sent, and the errors that somebody answers for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import redis
from click.testing import CliRunner, Result
from sqlalchemy import Engine, select

from mailer import issues
from mailer.block import Block, BlockKind
from mailer.cli import cli
from mailer.issue import Article, Issue
from subscribers.errors import InputError
from subscribers.models import Audit
from tests import factories

Run = Callable[..., Result]
AT = ("--at", "2030-12-02 10:00")


def keep(engine: Engine, issue: Issue) -> None:
    with engine.begin() as connection:
        issues.import_issue(
            connection, issue, slug=None, source_name="a", source_sha256="0" * 64, warnings=(), created_by="editor"
        )


@pytest.fixture
def settings_in_force(
    redis_client: redis.Redis, database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This process's database and emptied broker."""
    del redis_client
    settings = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "DATA_DIR": str(tmp_path)}
    for name, value in settings.items():
        monkeypatch.setenv(f"JIANBAO_{name}", value)


@pytest.fixture
def run(engine: Engine, settings_in_force: None) -> Run:
    """`jianbao` in this process, with an issue, a sender and a list of one."""
    del settings_in_force
    factories.subscribe(engine, ["r@example.org"])
    keep(engine, factories.ISSUE)

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(cli, words, catch_exceptions=False)

    invoke("publication", "update", "bulletin", "--from", "news@sender.example")
    return invoke


def schedule(run: Run, *words: str) -> dict[str, object]:
    document = json.loads(run("mailing", "schedule", "2026-11", "--list", "members", *AT, "--json", *words).stdout)
    assert isinstance(document, dict)
    return document


def audited(engine: Engine) -> list[tuple[str, str | None]]:
    with engine.connect() as connection:
        return [(row.action, row.reason) for row in connection.execute(select(Audit.action, Audit.reason).order_by(Audit.id))]


def test_what_was_approved_is_what_is_sent_and_nothing_else(run: Run, engine: Engine) -> None:
    run("publication", "update", "bulletin", "--needs-approval")
    with pytest.raises(InputError, match="has not been approved by a second person"):
        schedule(run)
    approved = json.loads(run("issue", "approve", "2026-11", "--by", "wang", "--note", "looked at it", "--json").stdout)
    mailing = schedule(run)
    with engine.connect() as connection:
        edition_id = connection.exec_driver_sql("SELECT edition_id FROM mailing WHERE id = %s", (mailing["id"],)).scalar_one()
        assert issues.load_edition(connection, edition_id).sha256 == approved["sha256"]
    assert ("approve", "looked at it") in audited(engine)


@pytest.mark.parametrize("change", ["text", "theme"])
def test_any_change_asks_for_the_word_again(run: Run, engine: Engine, change: str) -> None:
    run("publication", "update", "bulletin", "--needs-approval")
    run("issue", "approve", "2026-11", "--by", "wang")
    if change == "text":
        article = replace(factories.ISSUE.articles[0], blocks=(Block(BlockKind.PARAGRAPH, "换了一句。"),))
        keep(engine, replace(factories.ISSUE, articles=(article,)))
    else:
        run("publication", "update", "bulletin", "--theme", "modern")
    with pytest.raises(InputError, match="has not been approved"):
        schedule(run)


def test_nobody_is_their_own_second_person(run: Run) -> None:
    with pytest.raises(InputError, match="editor brought in revision 1"):
        run("issue", "approve", "2026-11", "--by", "editor")


def test_the_same_word_twice_is_one(run: Run, engine: Engine) -> None:
    first = run("issue", "approve", "2026-11", "--by", "wang", "--json").stdout
    assert run("issue", "approve", "2026-11", "--by", "wang", "--json").stdout == first
    assert [action for action, _ in audited(engine)].count("approve") == 1


def test_an_issue_with_errors_leaves_only_when_somebody_says_why(run: Run, engine: Engine) -> None:
    keep(engine, replace(factories.ISSUE, articles=(replace(factories.ISSUE.articles[0], title="{{ title }}"),)))
    with pytest.raises(InputError, match="issue check 2026-11"):
        schedule(run)
    mailing = schedule(run, "--override", "the braces are meant")
    assert mailing["status"] == "scheduled"
    assert ("override", "the braces are meant") in audited(engine)


def test_a_publication_chooses_its_theme_and_fills_its_fields(run: Run) -> None:
    with pytest.raises(InputError, match="theme gothic: there is no such theme"):
        run("publication", "update", "bulletin", "--theme", "gothic")
    with pytest.raises(InputError, match="motto"):
        run("publication", "update", "bulletin", "--theme", "bilingual", "--field", "motto=x")
    done = run("publication", "update", "bulletin", "--theme", "bilingual", "--field", "english_title=Digest", "--json")
    assert json.loads(done.stdout)["fields"] == {"english_title": "Digest"}
    done = run("publication", "update", "bulletin", "--field", "english_title=", "--json")
    assert json.loads(done.stdout)["fields"] == {}


@pytest.mark.parametrize(("written", "title"), [("《科研动态》", "科研动态"), ("《科学》文摘", "《科学》文摘")])
def test_a_title_is_kept_without_the_marks_that_are_put_around_it_wherever_it_is_named(
    run: Run, written: str, title: str
) -> None:
    words = ("--title", written, "--kind", "简报", "--publisher", "联谊会", "--from", "news@sender.example", "--json")
    assert json.loads(run("publication", "create", "news", *words).stdout)["title"] == title


def test_a_theme_of_ones_own_begins_as_what_it_inherits_and_checks_clean(run: Run, tmp_path: Path) -> None:
    folder = json.loads(run("theme", "new", "ours", "--from", "modern", "--json").stdout)["folder"]
    assert folder == str(tmp_path / "themes" / "ours")
    assert run("theme", "check", "ours").exit_code == 0
    assert "ours" in run("theme", "list").stdout
    (tmp_path / "themes" / "ours" / "issue.html").write_text("\n{{ issue.weather }}")
    with pytest.raises(InputError, match=r"ours/issue\.html:2: .*weather"):
        run("theme", "check", "ours")
    with pytest.raises(InputError, match="there is a theme 'ours' already"):
        run("theme", "new", "ours")
    with pytest.raises(InputError, match="names no theme"):
        run("theme", "new", "Ours!")
    assert not (tmp_path / "themes" / "Ours!").exists()


@pytest.mark.parametrize(
    ("size", "theme", "told"),
    [
        ((4, 12_000), "official", "articles are cut, and their ends in the browser alone"),
        ((4, 12_000), "digest", None),  # which cuts all of them
        ((90, 100), "official", r"\d\d of the 90 articles are in it, and the others in the browser alone"),
        ((90, 100), "digest", r"\d\d of the 90 articles are in it, and the others in the browser alone"),
        ((4, 100), "official", None),
    ],
)
def test_staff_are_told_where_a_mail_holds_less_than_its_theme_means_to_show(
    run: Run, engine: Engine, size: tuple[int, int], theme: str, told: str | None
) -> None:
    articles, characters = size
    blocks = (Block(BlockKind.PARAGRAPH, "开放共享没有捷径。" * (characters // 9)),)
    long = tuple(Article(number, f"第{number}篇", blocks) for number in range(1, articles + 1))
    keep(engine, replace(factories.ISSUE, number=12, articles=long))
    found = json.loads(run("issue", "check", "2026-12", "--theme", theme, "--json").stdout)
    messages = [finding["message"] for finding in found if finding["rule"] == "whole_issue"]
    assert len(messages) == (told is not None)
    assert told is None or re.fullmatch(told, messages[0])


@pytest.mark.parametrize("name", ["official", "modern", "digest", "bilingual"])
def test_every_shipped_theme_checks_clean(run: Run, name: str) -> None:
    assert run("theme", "check", name).stdout == f"theme {name}: nothing to mend.\n"
