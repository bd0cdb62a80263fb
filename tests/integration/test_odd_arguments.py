"""Arguments that are legal and odd: too large, doubled, empty, or in another encoding. Each gets a sentence, or what was meant."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from subscribers.errors import InputError
from tests import factories
from tests.integration.conftest import Jianbao

_GBK = os.fsdecode("王芳".encode("gb18030"))  # as the system hands it on


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("import show 3000000000", "larger than any"),
        ("import undo 99999999999999999999", "larger than any"),
        ("mailing show 3000000000", "larger than any"),
        ("issue show #3000000000", "larger than any"),
        (f"subscriber find {_GBK}", "not in UTF-8"),
        (f"subscriber add wang@inst.example --list members --name {_GBK}", "not in UTF-8"),
        ("audit --since 0001-01-01", "is not a day"),
    ],
)
def test_what_no_database_can_hold_is_said_in_a_sentence(jianbao: Jianbao, engine: Engine, words: str, said: str) -> None:
    factories.subscribe(engine, ["li@inst.example"])
    result = jianbao(*words.split())
    assert isinstance(result.exception, InputError)
    assert said in str(result.exception)


@pytest.mark.parametrize("words", [["add", ""], ["add", " "], ["rename", "甲研究院", ""]])
def test_an_institute_has_a_name(jianbao: Jianbao, words: list[str]) -> None:
    jianbao("institute", "add", "甲研究院")
    assert "the name is empty" in str(jianbao("institute", *words).exception)


@pytest.mark.parametrize("words", [["create", "press", "--name", " "], ["update", "members", "--name", ""]])
def test_a_list_has_a_name_for_its_readers(jianbao: Jianbao, engine: Engine, words: list[str]) -> None:
    factories.subscribe(engine, ["li@inst.example"])
    assert "the name is empty" in str(jianbao("list", *words).exception)


def test_a_file_whose_name_comes_from_a_chinese_windows_is_known_by_it(
    jianbao: Jianbao, engine: Engine, tmp_path: Path
) -> None:
    factories.subscribe(engine, ["li@inst.example"])
    path = tmp_path / os.fsdecode("会员名单.csv".encode("gb18030"))
    path.write_text("email\nwang@inst.example\n", encoding="ascii")
    assert jianbao("subscriber", "import", str(path), "--list", "members").exit_code == 0
    assert jianbao("suppression", "import", str(path)).exit_code == 0
    with engine.begin() as connection:
        assert connection.execute(text("SELECT file_name FROM import_batch")).scalar() == "会员名单.csv"
        assert connection.execute(text("SELECT evidence FROM suppression")).scalar() == "会员名单.csv"


def test_an_address_that_is_given_twice_is_done_once_and_said_to_be(jianbao: Jianbao, engine: Engine) -> None:
    factories.subscribe(engine, ["wang@inst.example"])
    twice = ("wang@inst.example", "Wang@inst.example")
    result = jianbao("subscriber", "unsubscribe", *twice, "--list", "members", "--json")
    assert json.loads(result.stdout) == [{"address": "wang@inst.example", "changed": True}]
    jianbao("suppression", "add", *twice)
    result = jianbao("suppression", "remove", *twice, "--why", "they telephoned", "--json")
    assert (result.exit_code, [one["removed"] for one in json.loads(result.stdout)]) == (0, [["staff"]])
