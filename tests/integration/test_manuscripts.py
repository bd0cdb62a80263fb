"""An issue taken out, edited and compared from the command line."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import Engine, text

from mailer.bulletin_files import read_bulletin
from mailer.cli import main
from mailer.exporting import write_page
from mailer.importers.text import read_text_issue
from mailer.render import SHIPPED, find_theme
from tests.paths import PROJECT

BULLETIN = PROJECT / "examples" / "2026-11.txt"


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


Jianbao = Callable[..., Said]


@pytest.fixture
def jianbao(
    engine: Engine, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Jianbao:
    """The command line on this test's database, in this process: it is started often."""
    monkeypatch.setenv("JIANBAO_DATABASE_URL", engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("JIANBAO_REDIS_URL", redis_url)
    monkeypatch.setenv("JIANBAO_DATA_DIR", str(tmp_path / "data"))

    def run(*arguments: str | Path) -> Said:
        monkeypatch.setattr(sys, "argv", ["jianbao", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return Said(int(ended.value.code or 0), captured.out, captured.err)

    return run


def editor(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "editor"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(program))


def test_what_somebody_else_changed_meanwhile_is_not_taken_back_by_what_was_open_in_an_editor(
    jianbao: Jianbao, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jianbao("issue", "import", BULLETIN)
    mended = tmp_path / "mended.txt"
    mended.write_text(BULLETIN.read_text(encoding="utf-8").replace("。", "！", 1), encoding="utf-8")
    other = f"{sys.executable} -m mailer.cli issue import {mended}"
    editor(tmp_path, f"{other} && printf '\\n增补一段。\\n' >> \"$1\"", monkeypatch)
    refused = jianbao("issue", "edit", "2026-11")
    assert refused.code == 2
    assert "while you wrote, in revision 2, which would be lost" in refused.err
    assert "增补一段。" in (tmp_path / "data" / "2026-11-edited.md").read_text(encoding="utf-8")
    assert json.loads(jianbao("issue", "show", "2026-11", "--json").out)["revision"] == 2
    editor(tmp_path, "printf '\\n增补一段。\\n' >> \"$1\"", monkeypatch)
    assert jianbao("issue", "edit", "2026-11@1").code == 0  # An old one that is meant to be the next.


@pytest.mark.parametrize(("field", "value"), [("number", 10**12), ("year", 0), ("total_number", -1), ("year", 10**30)])
def test_numbers_that_no_bulletin_has_are_refused(field: str, value: int, jianbao: Jianbao, tmp_path: Path) -> None:
    jianbao("issue", "import", BULLETIN)
    said = json.loads(jianbao("issue", "export", "2026-11", "--to", "json").out)
    file = tmp_path / "a.json"
    file.write_text(json.dumps(said | {field: value}))
    refused = jianbao("issue", "import", file)
    assert (refused.code, "no issue is called so" in refused.err) == (2, True)


def illustrated(folder: Path) -> Path:
    """The bulletin with a picture in its last article."""
    made = folder / "2026-11"
    made.mkdir()
    Image.effect_mandelbrot((40, 30), (-2, -1.5, 1, 1.5), 50).convert("RGB").save(made / "hall.jpg")
    picture = '<p><img src="hall.jpg" alt="会场"></p>'
    read = read_text_issue(BULLETIN.read_bytes(), BULLETIN.name).issue
    page = write_page(read, {}, find_theme("official", (SHIPPED,)))
    last = page.rindex("</article>")
    (made / "a.html").write_text(page[:last] + picture + page[last:])
    return made


@pytest.mark.parametrize("form", ["md", "json", "html", "docx"])
def test_what_is_exported_imports_back_to_the_same_issue_with_its_pictures(
    form: str, jianbao: Jianbao, engine: Engine, tmp_path: Path
) -> None:
    imported = json.loads(jianbao("issue", "import", illustrated(tmp_path), "--json").out)
    file = tmp_path / f"issue.{form}"
    assert jianbao("issue", "export", "2026-11", "--to", form, "--out", file).code == 0
    with engine.begin() as connection:
        kept = connection.execute(text("DELETE FROM picture RETURNING sha256")).scalars().all()
    again = json.loads(jianbao("issue", "import", file, "--json").out)
    assert (again["articles"], again["new_revision"]) == (imported["articles"], False)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT sha256 FROM picture")).scalars().all() == kept != []


@pytest.mark.parametrize("program", [pytest.param(name, marks=pytest.mark.debian(name)) for name in ("chromium", "soffice")])
def test_on_paper_every_word_is_there_under_its_headline(
    program: str, jianbao: Jianbao, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue = json.loads(jianbao("issue", "import", BULLETIN, "--json").out)
    file = tmp_path / "issue.pdf"
    only((program,), tmp_path, monkeypatch)
    said = jianbao("issue", "export", "2026-11", "--to", "pdf", "--out", file)
    assert said.code == 0, said.err
    monkeypatch.undo()
    read = read_bulletin(file)
    printed = read.reading.issue
    assert (printed.ref, printed.total_number, printed.title) == ("2026-11", issue["total_number"], issue["title"])
    assert [letters(article.title) for article in printed.articles] == [letters(a["title"]) for a in issue["articles"]]
    for article, original in zip(printed.articles, issue["articles"], strict=True):
        assert (article.source, article.authors) == (original["source"], tuple(original["authors"]))
        assert letters("".join(block.text for block in article.blocks)) == letters(
            "".join(block["text"] for block in original["paragraphs"])
        )


def test_without_a_program_that_prints_there_is_an_error_with_the_cure(
    jianbao: Jianbao, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jianbao("issue", "import", BULLETIN)
    only((), tmp_path, monkeypatch)
    said = jianbao("issue", "export", "2026-11", "--to", "pdf", "--out", tmp_path / "issue.pdf")
    assert (said.code, "apt install chromium" in said.err) == (3, True)


def only(programs: tuple[str, ...], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the programs that print, these alone are found."""
    beside = folder / "bin"
    beside.mkdir()
    for program in (*programs, "sh", "bash", "dirname", "uname", "basename", "sed", "ls", "expr", "grep", "readlink", "cat"):
        found = shutil.which(program)
        if found is not None:
            (beside / program).symlink_to(found)
    monkeypatch.setenv("PATH", str(beside))


def letters(said: str) -> str:
    """Letters and digits, since a page breaks lines and sets spaces of its own."""
    return "".join(character for character in said if character.isalnum())


def test_what_is_saved_in_the_editor_is_the_next_revision_and_can_be_compared(
    jianbao: Jianbao, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jianbao("issue", "import", BULLETIN)
    editor(tmp_path, "printf '\\n增补一段。\\n' >> \"$1\"", monkeypatch)
    edited = jianbao("issue", "edit", "2026-11", "--json")
    assert json.loads(edited.out)["revision"] == 2
    assert "+增补一段。" in jianbao("issue", "diff", "2026-11").out
    assert "-增补一段。" in jianbao("issue", "diff", "2026-11@2", "2026-11@1").out
    assert "增补一段" not in jianbao("issue", "export", "2026-11@1").out


@pytest.mark.parametrize(
    "script", ["echo '---' > \"$1\"", "sed -i '/^# /,$d' \"$1\"", "sed -i 's/^number: 11/number: 12/' \"$1\""]
)
def test_what_is_no_whole_issue_any_more_is_kept_and_refused(
    script: str, jianbao: Jianbao, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jianbao("issue", "import", BULLETIN)
    editor(tmp_path, script, monkeypatch)
    edited = jianbao("issue", "edit", "2026-11")
    assert edited.code == 2
    assert (tmp_path / "data" / "2026-11-edited.md").read_text().startswith("---\n")
    assert "2026-11-edited.md" in edited.err


def test_what_was_kept_before_is_not_written_over(jianbao: Jianbao, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jianbao("issue", "import", BULLETIN)
    for number in (12, 13):
        editor(tmp_path, f"sed -i 's/^number: 11/number: {number}/' \"$1\"", monkeypatch)
        jianbao("issue", "edit", "2026-11")
    kept = [(tmp_path / "data" / name).read_text(encoding="utf-8") for name in ("2026-11-edited.md", "2026-11-edited-2.md")]
    assert ["number: 12" in kept[0], "number: 13" in kept[1]] == [True, True]


def test_a_page_stands_by_itself(jianbao: Jianbao) -> None:
    jianbao("issue", "import", BULLETIN)
    page = jianbao("issue", "export", "2026-11", "--to", "html").out
    assert page.startswith("<!DOCTYPE html>")
    assert "cid:" not in page


def test_a_revision_that_is_not_there_is_named_with_the_last(jianbao: Jianbao) -> None:
    jianbao("issue", "import", BULLETIN)
    said = jianbao("issue", "export", "2026-11@7")
    assert said.code == 2
    assert "the last is 1" in said.err


def test_a_file_of_any_format_becomes_an_issue_with_its_doubts(jianbao: Jianbao, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"  # the name says nothing
    file.write_text(
        "---\ntitle: 信息集锦\ndate: 2026-11-20\n---\n\n# 甲\n\n**注意：**请于周五前报名。\n\n![平面图](plan.png)\n"
    )
    imported = json.loads(jianbao("issue", "import", file, "--json").out)
    assert (imported["ref"], imported["articles"][0]["paragraphs"][0]["inlines"][0]) == (
        "2026-01",
        {"text": "注意：", "strong": True},
    )
    assert "plan.png" in " ".join(imported["warnings"])
    assert jianbao("issue", "show", "2026-01", "--doubts").err == "issue 2026-01: nothing is doubtful.\n"
