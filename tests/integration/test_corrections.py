"""A correction of what was sent: a new revision that says so, a notice to those who got it, and nothing of what was sent touched."""

from __future__ import annotations

import json
import sys
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from tests import factories
from tests.integration.conftest import Jianbao
from tests.integration.test_manuscripts import BULLETIN, editor

WHY = "第一篇中“十家”应为“十一家”。"


@pytest.fixture
def sent(jianbao: Jianbao, engine: Engine) -> Jianbao:
    """The command line after the bulletin was mailed to three readers, of whom two got it."""
    jianbao("issue", "import", str(BULLETIN))
    jianbao("publication", "update", "bulletin", "--from", "news@example.org")
    factories.subscribe(engine, ["a@one.example", "b@two.example", "c@three.example"])
    jianbao("mailing", "schedule", "2026-11", "--list", "members", "--at", "now", "--override", "a test")
    assert factories.start(engine) == [1]
    got = "UPDATE delivery SET state = CASE WHEN address LIKE 'c%' THEN 'bounced' ELSE 'accepted' END"
    with engine.begin() as connection:
        connection.execute(text(got))
    return jianbao


def mended(folder: Path) -> Path:
    """The bulletin with a word changed."""
    file = folder / "mended.txt"
    file.write_text(BULLETIN.read_text(encoding="utf-8").replace("。", "！", 1), encoding="utf-8")
    return file


def editions(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        return [
            tuple(row) for row in connection.execute(text("SELECT id, revision_id, sha256, content FROM edition ORDER BY id"))
        ]


def test_a_correction_is_said_and_goes_to_those_who_got_the_issue(sent: Jianbao, engine: Engine, tmp_path: Path) -> None:
    before = editions(engine)
    result = sent("issue", "correct", "2026-11", str(mended(tmp_path)), "--why", WHY, "--json")
    made = json.loads(result.stdout)
    assert (made["revision"], made["revision_kind"], made["articles"][0]["title"]) == (2, "correction", "更正")
    assert "mailing 1 sends the text as it was; `jianbao mailing cancel 1` stops it" in result.stderr
    assert (made["mailing"], made["recipients"], made["notice"]) == (2, 2, "jianbao mailing confirm 2 --at now")
    shown = json.loads(sent("mailing", "show", "2", "--json").stdout)
    assert (shown["status"], shown["at"], shown["segment"]) == ("draft", None, "received(2026-11)")
    assert factories.start(engine) == []  # nothing leaves before somebody has confirmed it
    scheduled = json.loads(sent("mailing", "confirm", "2", "--at", "now", "--override", "a test", "--json").stdout)
    assert (scheduled["id"], scheduled["status"], scheduled["recipients"]) == (2, "scheduled", 2)
    assert factories.start(engine) == [2]
    after = editions(engine)
    assert after[: len(before)] == before
    sent("issue", "render", "2026-11", "--out", str(tmp_path / "mail"))
    message = message_from_bytes((tmp_path / "mail" / "issue.eml").read_bytes(), policy=policy.default)
    assert message["Subject"].endswith("（更正）")
    assert message["Subject"].startswith("【信息集锦】")
    assert WHY in (tmp_path / "mail" / "issue.txt").read_text(encoding="utf-8").replace("\n", "")


def test_another_publication_s_issue_of_that_number_is_not_what_is_corrected(
    sent: Jianbao, engine: Engine, tmp_path: Path
) -> None:
    other = tmp_path / "other.txt"
    other.write_text(BULLETIN.read_text(encoding="utf-8").replace("信息集锦", "科研动态"), encoding="utf-8")
    sent(
        "publication", "create", "news", "--title", "科研动态", "--kind", "简报", "--publisher", "p", "--from", "n@example.org"
    )
    sent("issue", "import", str(other), "--publication", "news")
    sent("mailing", "schedule", "#2", "--list", "members", "--at", "now", "--override", "a test")
    assert factories.start(engine) == [2]
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET state = 'accepted' WHERE mailing_id = 2"))
    made = json.loads(sent("issue", "correct", "#1", str(mended(tmp_path)), "--why", WHY, "--json").stdout)
    assert made["recipients"] == 2
    sent("mailing", "confirm", "3", "--at", "now", "--override", "a test")
    factories.start(engine)
    with engine.connect() as connection:
        told = connection.execute(text("SELECT address FROM delivery WHERE mailing_id = 3 ORDER BY address")).scalars()
        assert list(told) == ["a@one.example", "b@two.example"]


def test_who_wants_fewer_issues_gets_the_correction_of_one_that_they_got(sent: Jianbao, engine: Engine, tmp_path: Path) -> None:
    often = "INSERT INTO reader_frequency (subscriber_id, list_id, days) SELECT subscriber_id, list_id, 30 FROM subscription"
    with engine.begin() as connection:
        connection.execute(text(often))
    sent("issue", "correct", "2026-11", str(mended(tmp_path)), "--why", WHY)
    sent("mailing", "confirm", "2", "--at", "now", "--override", "a test")
    factories.start(engine)
    sent("mailing", "schedule", "2026-11@1", "--list", "members", "--at", "now", "--override", "a test")
    factories.start(engine)
    of_mailing = "SELECT DISTINCT mailing_id, state, reason FROM delivery WHERE mailing_id > 1 AND address LIKE 'a%' ORDER BY 1"
    with engine.connect() as connection:
        assert [tuple(row) for row in connection.execute(text(of_mailing))] == [
            (2, "pending", None),
            (3, "skipped", "wants fewer issues"),
        ]


def test_the_same_correction_twice_changes_nothing(sent: Jianbao, tmp_path: Path) -> None:
    words = ("issue", "correct", "2026-11", str(mended(tmp_path)), "--why", WHY)
    assert "a new revision, 2, a correction" in sent(*words).stderr
    assert "says this already, in revision 2" in sent(*words).stderr


def test_what_is_changed_before_it_is_confirmed_is_what_is_sent_by_one_mailing(
    sent: Jianbao, tmp_path: Path, engine: Engine
) -> None:
    sent("issue", "correct", "2026-11", str(mended(tmp_path)), "--why", WHY)
    again = tmp_path / "again.txt"
    again.write_text(mended(tmp_path).read_text(encoding="utf-8").replace("，", "、", 1), encoding="utf-8")
    made = json.loads(sent("issue", "correct", "2026-11", str(again), "--why", "一处逗号。", "--json").stdout)
    assert (made["mailing"], made["revision"]) == (2, 3)
    sent("mailing", "confirm", "2", "--at", "now", "--override", "a test")
    mailed = "SELECT r.number FROM mailing m JOIN edition e ON e.id = edition_id JOIN revision r ON r.id = revision_id WHERE m.id = 2"
    with engine.connect() as connection:
        assert connection.execute(text(mailed)).scalar_one() == 3


def test_a_prepared_mailing_can_be_dropped_and_only_once_confirmed(sent: Jianbao, tmp_path: Path) -> None:
    sent("issue", "correct", "2026-11", str(mended(tmp_path)), "--why", WHY)
    assert "mailing confirm 2" in str(sent("mailing", "pause", "2").exception)
    assert sent("mailing", "cancel", "2", "--yes").exit_code == 0
    refused = sent("mailing", "confirm", "2", "--at", "now", "--override", "a test")
    assert "mailing 2 is cancelled; only one that is draft can be confirmed" in str(refused.exception)


def test_what_was_dropped_is_prepared_anew_by_the_same_correction(sent: Jianbao, tmp_path: Path) -> None:
    words = ("issue", "correct", "2026-11", str(mended(tmp_path)), "--why", WHY)
    sent(*words)
    sent("mailing", "cancel", "2", "--yes")
    assert sent(*words).stdout == "jianbao mailing confirm 3 --at now\n"
    sent("mailing", "confirm", "3", "--at", "now", "--override", "a test")
    assert "says this already, in revision 2; nothing was changed" in sent(*words).stderr


@pytest.mark.parametrize("form", ["the file", "the correction"])
def test_what_was_imported_since_is_not_sent_without_being_called_a_correction(
    sent: Jianbao, engine: Engine, tmp_path: Path, form: str
) -> None:
    sent("issue", "correct", "2026-11", str(mended(tmp_path)), "--why", WHY)
    again = tmp_path / "again.md"
    sent("issue", "export", "2026-11@1" if form == "the file" else "2026-11", "--out", str(again))
    again.write_text(again.read_text(encoding="utf-8").replace("，", "、", 1), encoding="utf-8")
    sent("issue", "import", str(again))
    confirm = ("mailing", "confirm", "2", "--at", "now", "--override", "a test")
    refused = str(sent(*confirm).exception)
    assert "revision 3 of issue 2026-11 was imported, and does not say that it is a correction" in refused
    assert "`jianbao issue correct 2026-11 FILE --why TEXT`" in refused
    sent("issue", "correct", "2026-11", str(again), "--why", WHY)
    assert sent(*confirm).exit_code == 0
    mailed = "SELECT content ->> 'subject' FROM mailing m JOIN edition e ON e.id = edition_id WHERE m.id = 2"
    with engine.connect() as connection:
        assert connection.execute(text(mailed)).scalar_one().endswith("（更正）")


def test_whoever_got_the_issue_until_it_is_confirmed_gets_the_correction(sent: Jianbao, engine: Engine, tmp_path: Path) -> None:
    factories.subscribe(engine, ["d@four.example"], "others")
    sent("mailing", "schedule", "2026-11", "--list", "others", "--at", "now", "--override", "a test")
    sent("issue", "correct", "2026-11", str(mended(tmp_path)), "--why", WHY)
    assert factories.start(engine) == [2]
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET state = 'accepted' WHERE mailing_id = 2"))
    confirmed = sent("mailing", "confirm", "3", "--at", "now", "--override", "a test")
    assert "warning: mailing 2 sends the text as it was" in confirmed.stderr
    factories.start(engine)
    with engine.connect() as connection:
        told = connection.execute(text("SELECT address FROM delivery WHERE mailing_id = 3 ORDER BY address")).scalars()
        assert list(told) == ["a@one.example", "b@two.example", "d@four.example"]


def test_what_somebody_else_corrected_meanwhile_is_not_taken_back_by_what_was_open_in_an_editor(
    sent: Jianbao, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = f"{sys.executable} -m mailer.cli issue correct 2026-11 {mended(tmp_path)} --why another"
    editor(tmp_path, f"{other} && printf '\\n增补一段。\\n' >> \"$1\"", monkeypatch)
    refused = str(sent("issue", "correct", "2026-11", "--why", WHY).exception)
    assert "while you wrote, in revision 2, which would be lost" in refused
    assert "`jianbao issue diff 2026-11@1 2026-11@2`" in refused
    assert "增补一段。" in (tmp_path / "2026-11-edited.md").read_text(encoding="utf-8")
    put_together = sent("issue", "correct", "2026-11", str(tmp_path / "2026-11-edited.md"), "--why", WHY, "--json")
    notes = [paragraph["text"] for paragraph in json.loads(put_together.stdout)["articles"][0]["paragraphs"]]
    assert notes == ["another", WHY]


def test_a_correction_is_written_in_the_editor_and_stays_one_when_edited_again(
    sent: Jianbao, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(tmp_path, "printf '\\n增补一段。\\n' >> \"$1\"", monkeypatch)
    made = json.loads(sent("issue", "correct", "2026-11", "--why", WHY, "--json").stdout)
    assert made["articles"][-1]["paragraphs"][-1]["text"] == "增补一段。"
    sent("issue", "edit", "2026-11")
    shown = json.loads(sent("issue", "show", "2026-11", "--json").stdout)
    assert (shown["revision"], shown["revision_kind"]) == (3, "correction")


def test_what_was_sent_to_nobody_needs_no_correction(jianbao: Jianbao, tmp_path: Path) -> None:
    jianbao("issue", "import", str(BULLETIN))
    refused = jianbao("issue", "correct", "2026-11", str(mended(tmp_path)), "--why", WHY)
    assert "has been sent to nobody yet" in str(refused.exception)
    assert "`jianbao issue edit 2026-11` changes it" in str(refused.exception)


@pytest.mark.parametrize("change", ["import", "edit", "add", "move", "remove"])
def test_who_changes_an_issue_that_is_about_to_be_sent_hears_that_it_is_sent_as_it_was(
    sent: Jianbao, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    editor(tmp_path, "printf '\\n增补一段。\\n' >> \"$1\"", monkeypatch)
    words = {
        "import": ("issue", "import", str(mended(tmp_path))),
        "edit": ("issue", "edit", "2026-11"),
        "add": ("article", "add", str(mended(tmp_path)), "--issue", "2026-11"),
        "move": ("article", "move", "2", "1", "--issue", "2026-11"),
        "remove": ("article", "remove", "1", "--issue", "2026-11"),
    }
    assert (
        "warning: mailing 1 sends issue 2026-11 as it was. `jianbao mailing cancel 1` stops it" in sent(*words[change]).stderr
    )


def test_a_mailing_that_sends_what_an_issue_says_now_is_not_warned_of(sent: Jianbao, tmp_path: Path) -> None:
    file = str(mended(tmp_path))
    sent("issue", "import", file)
    sent("mailing", "schedule", "2026-11", "--list", "members", "--at", "2099-01-01 09:00", "--override", "a test")
    assert "mailing 2" not in sent("issue", "import", file).stderr


def test_another_issue_is_no_correction(sent: Jianbao, tmp_path: Path) -> None:
    file = tmp_path / "other.txt"
    file.write_text(BULLETIN.read_text(encoding="utf-8").replace("第 11 期", "第 10 期"), encoding="utf-8")
    refused = sent("issue", "correct", "2026-11", str(file), "--why", WHY)
    assert "other.txt: this is issue 2026-10, and not 2026-11" in str(refused.exception)
