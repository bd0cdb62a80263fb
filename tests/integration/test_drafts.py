"""An issue collected over the month: begun, filled file by file, brought into order, and sent like any other."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import Engine, text

from mailer import drafts, issues
from mailer.article_files import ArticleFile, read_article_files
from subscribers.db import transaction
from tests import factories
from tests.integration.conftest import Jianbao
from tests.integration.test_manuscripts import BULLETIN

TEXTS = {
    "visit.md": "# 三地联合开放仪器\n\n（来源：科技日报　作者：张伟）\n\n## 背景\n\n开放共享**没有捷径**。\n",
    "meeting.txt": "秘书长会议召开\n\n会议于本月召开，三十家院所参加。会议强调了数据治理，并部署了下一步的工作。\n",
    "notes.html": "<html><body><h1>近期活动</h1><p>十二月在昆明举行。</p><ul><li>开放日</li><li>讲座</li></ul></body></html>",
}


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Three articles, each of another format."""
    for name, said in TEXTS.items():
        (tmp_path / name).write_text(said, encoding="utf-8")
    return [tmp_path / name for name in TEXTS]


def titles(document: dict[str, Any]) -> list[str]:
    assert [article["position"] for article in document["articles"]] == list(range(1, len(document["articles"]) + 1))
    return [article["title"] for article in document["articles"]]


def ask(jianbao: Jianbao, *words: str) -> Any:
    result = jianbao(*words, "--json")
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def test_the_next_issue_is_begun_once_with_what_comes_next(jianbao: Jianbao) -> None:
    jianbao("issue", "import", str(BULLETIN))
    begun = ask(jianbao, "issue", "draft", "--date", "2026-12-20")
    assert (begun["ref"], begun["total_number"], begun["date"], begun["begun"]) == ("2026-12", 229, "2026-12-20", True)
    again = ask(jianbao, "issue", "draft")
    assert (again["ref"], again["revision"], again["begun"]) == ("2026-12", 1, False)


def test_a_draft_gets_another_number_unless_it_is_taken(jianbao: Jianbao) -> None:
    jianbao("issue", "import", str(BULLETIN))
    jianbao("issue", "draft", "--date", "2026-12-20")
    assert ask(jianbao, "issue", "draft", "--number", "13")["ref"] == "2026-13"
    assert ask(jianbao, "issue", "draft", "--date", "2027-01-20")["ref"] == "2027-01"
    refused = jianbao("issue", "draft", "--date", "2026-12-25", "--number", "11")
    assert str(refused.exception) == "issue 2026-11 is there already. `jianbao issue list` shows which numbers are taken."
    assert ask(jianbao, "issue", "show", "2027-01")["revision"] == 3


def test_what_comes_after_a_double_number_comes_after_its_last(jianbao: Jianbao, tmp_path: Path) -> None:
    file = tmp_path / "double.txt"
    file.write_text(
        BULLETIN.read_text(encoding="utf-8").replace("第 11 期（总第 228 期）", "第11-12期（总第228-229期）"), encoding="utf-8"
    )
    imported = ask(jianbao, "issue", "import", str(file))
    assert (imported["ref"], imported["last_number"], imported["last_total_number"]) == ("2026-11", 12, 229)
    assert {"2026-11", "11-12", "228-229"} <= set(jianbao("issue", "list").stdout.split())
    (listed,) = ask(jianbao, "issue", "list")
    assert (listed["ref"], listed["last_number"], listed["last_total_number"]) == ("2026-11", 12, 229)
    begun = ask(jianbao, "issue", "draft", "--date", "2026-12-20")
    assert (begun["ref"], begun["total_number"]) == ("2026-13", 230)
    refused = jianbao("issue", "draft", "--number", "12")
    assert "issue 2026-12 is there already" in str(refused.exception)


def test_what_has_gone_or_is_to_go_to_somebody_is_no_draft_any_more(
    jianbao: Jianbao, engine: Engine, files: list[Path]
) -> None:
    jianbao("issue", "import", str(BULLETIN))
    jianbao("publication", "update", "bulletin", "--from", "news@example.org")
    factories.subscribe(engine, ["a@one.example"])
    jianbao("issue", "draft", "--date", "2026-12-20")
    jianbao("article", "add", str(files[1]))
    ask(jianbao, "mailing", "schedule", "2026-12", "--list", "members", "--at", "now", "--override", "a test")
    assert "has no draft" in str(jianbao("article", "list").exception)
    jianbao("mailing", "cancel", "1")
    assert titles(ask(jianbao, "article", "list")) == ["秘书长会议召开"]
    ask(jianbao, "mailing", "schedule", "2026-12", "--list", "members", "--at", "now", "--override", "a test")
    assert factories.start(engine) == [2]
    jianbao("mailing", "cancel", "2")
    assert ask(jianbao, "issue", "draft", "--date", "2027-01-20")["ref"] == "2027-01"


def test_articles_of_any_format_are_collected_ordered_and_taken_out_each_step_a_revision(
    jianbao: Jianbao, files: list[Path]
) -> None:
    jianbao("issue", "import", str(BULLETIN))
    jianbao("issue", "draft", "--date", "2026-12-20")
    for file in files:
        ask(jianbao, "article", "add", str(file))
    assert titles(ask(jianbao, "article", "list")) == ["三地联合开放仪器", "秘书长会议召开", "近期活动"]
    assert titles(ask(jianbao, "article", "move", "3", "1")) == ["近期活动", "三地联合开放仪器", "秘书长会议召开"]
    after = ask(jianbao, "article", "remove", "2")
    assert (titles(after), after["revision"]) == (["近期活动", "秘书长会议召开"], 6)
    steps = ask(jianbao, "issue", "revisions", "2026-12")
    assert [step["source"] for step in steps] == ["begun", *TEXTS, "article 3 moved to 1", "article 2 removed"]
    assert all(step["created_by"] and step["kind"] == "draft" for step in steps)
    earlier = ask(jianbao, "issue", "show", "2026-12@5")
    assert (earlier["articles"][1]["source"], earlier["articles"][1]["authors"]) == ("科技日报", ["张伟"])
    assert {"text": "没有捷径", "strong": True} in earlier["articles"][1]["paragraphs"][1]["inlines"]


def test_headline_and_source_may_be_said_and_what_gives_way_is_named(jianbao: Jianbao, files: list[Path]) -> None:
    jianbao("issue", "import", str(BULLETIN))
    jianbao("issue", "draft", "--date", "2026-12-20")
    added = jianbao("article", "add", str(files[0]), "--title", "仪器开放", "--source", "院报")
    assert "the headline '三地联合开放仪器' gave way to '仪器开放'" in added.stderr
    assert "gave way to the source '院报'" in added.stderr
    article = ask(jianbao, "article", "list")["articles"][0]
    assert (article["title"], article["source"]) == ("仪器开放", "院报")


def test_the_contents_follow_the_headlines(jianbao: Jianbao, files: list[Path], tmp_path: Path) -> None:
    jianbao("issue", "import", str(BULLETIN))
    jianbao("publication", "update", "bulletin", "--from", "news@example.org")
    printed = ask(jianbao, "article", "add", str(files[1]), "--issue", "2026-11")
    assert titles(printed)[-1] == "秘书长会议召开"
    jianbao("article", "move", "5", "1", "--issue", "2026-11")
    jianbao("issue", "render", "2026-11", "--out", str(tmp_path / "mail"))
    text = (tmp_path / "mail" / "issue.txt").read_text(encoding="utf-8")
    second = printed["articles"][1]["title"]
    assert text.index("秘书长会议召开") < text.index(second) < text.index("1. 秘书长会议召开")


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (["article", "list"], "has no draft: `jianbao issue draft --publication bulletin` begins one"),
        (["article", "remove", "9", "--issue", "2026-11"], "its articles are 1 to 4. `jianbao article list` shows them."),
        (["article", "move", "1", "0", "--issue", "2026-11"], "has no article 0"),
        (["article", "list", "--publication", "no"], "there is no publication 'no'; there are: bulletin."),
    ],
)
def test_what_is_not_there_is_named_with_a_cure(jianbao: Jianbao, words: list[str], cause: str) -> None:
    jianbao("issue", "import", str(BULLETIN))
    assert cause in str(jianbao(*words).exception)


def test_two_who_add_at_once_lose_nothing(jianbao: Jianbao, engine: Engine, files: list[Path]) -> None:
    jianbao("issue", "import", str(BULLETIN))
    jianbao("issue", "draft", "--date", "2026-12-20")
    articles = [read_article_files(file)[0] for file in files]

    def add(read: ArticleFile) -> None:
        with transaction(engine) as connection:
            drafts.add_article(connection, issues.find_issue(connection, "2026-12"), read, "test")

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(add, articles))
    after = ask(jianbao, "article", "list")
    assert (sorted(titles(after)), after["revision"]) == (sorted(read.article.title for read in articles), 4)


def test_an_empty_draft_is_not_ready_to_be_sent(jianbao: Jianbao) -> None:
    jianbao("issue", "import", str(BULLETIN))
    jianbao("publication", "update", "bulletin", "--from", "news@example.org")
    jianbao("issue", "draft", "--date", "2026-12-20")
    checked = jianbao("issue", "check", "2026-12")
    assert checked.exit_code == 1
    assert "it has no article" in checked.stdout


def test_a_whole_issue_is_no_article(jianbao: Jianbao, tmp_path: Path) -> None:
    jianbao("issue", "import", str(BULLETIN))
    jianbao("issue", "export", "2026-11", "--out", str(tmp_path / "whole.md"))
    refused = jianbao("article", "add", str(tmp_path / "whole.md"), "--issue", "2026-11")
    assert "this is a whole issue, and not an article" in str(refused.exception)


@pytest.fixture
def collected(tmp_path: Path) -> Path:
    """A folder of articles with a picture that one of them shows; the first speaks of a number, as a masthead would."""
    folder = tmp_path / "month"
    folder.mkdir()
    texts = {
        "1-visit.md": TEXTS["visit.md"] + "\n![会场](hall.png)\n",
        "2-meeting.txt": TEXTS["meeting.txt"],
        "10-notes.html": TEXTS["notes.html"],
    }
    for name, said in texts.items():
        (folder / name).write_text(said.replace("# 三地联合", "---\nsource: 新华社\n---\n\n# 第3期三地联合"), encoding="utf-8")
    Image.effect_mandelbrot((40, 30), (-2, -1.5, 1, 1.5), 50).convert("RGB").save(folder / "hall.png")
    return folder


@pytest.mark.parametrize("packed", [False, True])
def test_a_folder_or_a_zip_file_of_texts_is_an_article_for_each(jianbao: Jianbao, collected: Path, packed: bool) -> None:
    ask(jianbao, "issue", "import", str(BULLETIN))
    ask(jianbao, "issue", "draft", "--date", "2026-12-20")
    file = Path(shutil.make_archive(str(collected), "zip", collected)) if packed else collected
    document = ask(jianbao, "article", "add", str(file))
    assert titles(document) == ["第3期三地联合开放仪器", "秘书长会议召开", "近期活动"]
    assert [article["source"] for article in document["articles"]] == ["新华社", None, None]
    (picture,) = (block["picture"] for block in document["articles"][0]["paragraphs"] if block["kind"] == "image")
    assert picture["sha256"] is not None
    assert "--title names one" in str(jianbao("article", "add", str(file), "--title", "一").exception)


def test_several_files_go_in_together_or_not_at_all(jianbao: Jianbao, files: list[Path], tmp_path: Path) -> None:
    ask(jianbao, "issue", "import", str(BULLETIN))
    ask(jianbao, "issue", "draft", "--date", "2026-12-20")
    empty = tmp_path / "empty.txt"
    empty.write_text("")
    assert jianbao("article", "add", *map(str, files), str(empty)).exception is not None
    assert titles(ask(jianbao, "article", "list")) == []
    assert titles(ask(jianbao, "article", "add", *map(str, files))) == ["三地联合开放仪器", "秘书长会议召开", "近期活动"]


def test_a_draft_is_deleted_with_all_that_is_its_own(jianbao: Jianbao, engine: Engine, collected: Path) -> None:
    ask(jianbao, "issue", "import", str(BULLETIN))
    ask(jianbao, "issue", "draft", "--date", "2026-12-20")
    ask(jianbao, "article", "add", str(collected))
    assert jianbao("issue", "delete", "2026-12").exit_code == 0
    assert "there is no issue" in str(jianbao("issue", "show", "2026-12").exception)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM picture")).scalar_one() == 0
        assert connection.execute(text("SELECT count(*) FROM revision")).scalar_one() == 1
        audited = connection.execute(text("SELECT action, before ->> 'ref' FROM audit WHERE action = 'delete'")).one()
    assert tuple(audited) == ("delete", "2026-12")
    assert ask(jianbao, "issue", "draft", "--date", "2026-12-20")["begun"] is True


def test_what_is_sent_or_to_be_sent_is_not_deleted(jianbao: Jianbao, engine: Engine) -> None:
    ask(jianbao, "issue", "import", str(BULLETIN))
    ask(jianbao, "publication", "update", "bulletin", "--from", "news@example.org")
    factories.subscribe(engine, ["a@one.example"])
    ask(jianbao, "mailing", "schedule", "2026-11", "--list", "members", "--at", "now", "--override", "a test")
    assert "`jianbao mailing cancel 1` first" in str(jianbao("issue", "delete", "2026-11").exception)
    factories.start(engine)
    assert "what was sent stays" in str(jianbao("issue", "delete", "2026-11").exception)


def test_a_mailing_that_never_began_goes_with_its_issue(jianbao: Jianbao, engine: Engine) -> None:
    ask(jianbao, "issue", "import", str(BULLETIN))
    ask(jianbao, "publication", "update", "bulletin", "--from", "news@example.org")
    factories.subscribe(engine, ["a@one.example"])
    ask(jianbao, "mailing", "schedule", "2026-11", "--list", "members", "--at", "2030-01-01 09:00", "--override", "a test")
    jianbao("mailing", "cancel", "1", "--yes")
    assert jianbao("issue", "delete", "2026-11").exit_code == 0
    assert ask(jianbao, "mailing", "list") == []
