"""Rules that staff add in a file of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailer.reply import Meaning, ReplyTable
from subscribers.errors import InputError


def _file(folder: Path, text: str) -> Path:
    path = folder / "our-replies.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_rule_of_staff_comes_before_the_shipped_ones(tmp_path: Path) -> None:
    extra = _file(
        tmp_path, '[[reply]]\nid = "ours"\nmatch = ["user  UNKNOWN"]\nmeaning = "transient"\nsource = "their migration"\n'
    )
    verdict = ReplyTable.load(extra).verdict_of_text("550 5.1.1 User unknown")
    assert (verdict.meaning, verdict.rule) == (Meaning.TRANSIENT, "ours")


def test_plain_words_are_no_regular_expression(tmp_path: Path) -> None:
    extra = _file(tmp_path, '[[reply]]\nid = "ours"\nmatch = ["(x.y)"]\nmeaning = "transient"\nsource = "them"\n')
    assert ReplyTable.load(extra).verdict_of_text("550 xzy").rule != "ours"
    assert ReplyTable.load(extra).verdict_of_text("550 (X.Y)").rule == "ours"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[reply]", "no TOML"),
        ("reply = 1", "no list of tables"),
        (
            '[[reply]]\nid = "a"\nmatch = ["x"]\nmeaning = "gone"\nsource = "s"',
            "unknown meaning 'gone'. Use one of: accepted, unknown_user",
        ),
        ('[[reply]]\nid = "a"\nmatch = ["x"]\nmeaning = "transient"', "source is missing"),
        (
            '[[reply]]\nid = "a"\nmeaning = "transient"\nsource = "s"',
            "nothing to look for. Give match, regex, link or enhanced.",
        ),
        ('[[reply]]\nid = "a"\nmatch = "x"\nmeaning = "transient"\nsource = "s"', "match is no list of texts"),
        ('[[reply]]\nid = "a"\nregex = ["("]\nmeaning = "transient"\nsource = "s"', "no regular expression"),
        (
            '[[reply]]\nid = "a"\nmach = ["x"]\nmeaning = "transient"\nsource = "s"',
            "unknown key 'mach'. Use one of: after_content",
        ),
        (
            '[[reply]]\nid = "a"\nmatch = ["x"]\nmeaning = "transient"\nsource = "s"\nconfidence = "sure"',
            "unknown confidence 'sure'",
        ),
        (
            '[[reply]]\nid = "a"\nmatch = ["x"]\nmeaning = "transient"\nsource = "s"\nuntil_tomorrow = "yes"',
            "until_tomorrow is neither",
        ),
    ],
)
def test_a_mistake_is_told_with_file_row_and_cure(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(InputError) as raised:
        ReplyTable.load(_file(tmp_path, text))
    assert str(raised.value).startswith("our-replies.toml: ")
    assert complaint in str(raised.value)
    if "id =" in text:
        assert "[[reply]] 1 'a'" in str(raised.value)


def test_a_file_that_is_not_there_is_told_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"our-replies\.toml: cannot be read"):
        ReplyTable.load(tmp_path / "our-replies.toml")
