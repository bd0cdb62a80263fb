"""`jianbao bounce classify`: from files, mboxes, maildirs and standard input to a line for each message."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mailer.cli import cli

GONE = (
    b"From: MAILER-DAEMON@mx.example\nSubject: failure notice\n\n<li@institute.example>:\n"
    b"Sorry, no mailbox here by that name. (#5.1.1)\n"
)
FULL = GONE.replace(b"Sorry, no mailbox here by that name. (#5.1.1)", b"552 5.2.2 mailbox full")
LETTER = "From: wang@institute.example\nSubject: 谢谢\n\n收到。\n".encode()


def _classify(*words: str, stdin: bytes = b"", **settings: str) -> Result:
    env = {f"JIANBAO_{name}": value for name, value in settings.items()}
    return CliRunner().invoke(cli, ["bounce", "classify", *words], input=stdin, env=env)


def _lines(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    """A folder with one message of each kind."""
    for name, content in (("gone.eml", GONE), ("full.eml", FULL), ("letter.eml", LETTER)):
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_each_message_is_a_line_with_its_recipients(letters: Path) -> None:
    lines = _lines(_classify(str(letters), "--json"))
    assert [(Path(line["file"]).name, line["kind"]) for line in lines] == [
        ("full.eml", "notice"),
        ("gone.eml", "notice"),
        ("letter.eml", "other"),
    ]
    assert [[(one["address"], one["class"], one["reason"]) for one in line["recipients"]] for line in lines] == [
        [("li@institute.example", "soft", "mailbox_full")],
        [("li@institute.example", "hard", "unknown_user")],
        [],
    ]


def test_an_mbox_and_standard_input_are_read_too(tmp_path: Path) -> None:
    mbox = tmp_path / "box"
    mbox.write_bytes(b"".join(b"From MAILER-DAEMON Thu Nov 26 08:00:00 2026\n" + message + b"\n" for message in (GONE, FULL)))
    assert [line["recipients"][0]["class"] for line in _lines(_classify(str(mbox), "--json"))] == ["hard", "soft"]
    assert [line["file"] for line in _lines(_classify("--json", stdin=GONE))] == ["-"]


def test_people_get_a_sentence_for_every_recipient(letters: Path) -> None:
    result = _classify(str(letters / "gone.eml"), str(letters / "letter.eml"))
    assert result.stdout.splitlines() == [
        f"{letters}/gone.eml: li@institute.example: hard, unknown_user",
        f"{letters}/letter.eml: nothing that came back (other)",
    ]


def test_a_rule_of_one_s_own_is_believed(tmp_path: Path) -> None:
    message = tmp_path / "blue.eml"
    message.write_bytes(GONE.replace(b"Sorry, no mailbox here by that name. (#5.1.1)", b"550 Blaues Licht"))
    rules = tmp_path / "replies.toml"
    rules.write_text(
        '[[reply]]\nid = "ours"\nmatch = ["blaues licht"]\nmeaning = "unknown_user"\nsource = "staff"\nsamples = ["550 Blaues Licht"]\n'
    )
    (before,), (after,) = (
        _lines(_classify(str(message), "--json")),
        _lines(_classify(str(message), "--json", REPLIES_FILE=str(rules))),
    )
    assert (before["recipients"][0]["class"], before["recipients"][0]["known"]) == ("soft", False)
    assert (after["recipients"][0]["class"], after["recipients"][0]["rule"]) == ("hard", "ours")


def test_wrong_use_is_told_and_changes_nothing(tmp_path: Path) -> None:
    assert _classify(str(tmp_path / "nobody.eml")).exit_code == 2
    assert _classify(str(tmp_path), "--reply", "550 no").exit_code == 2
