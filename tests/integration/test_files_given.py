"""Every command that writes a file puts a whole one in the place of what was there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests import factories
from tests.integration.conftest import Jianbao


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("suppression export --out FILE", "停发.csv"),
        ("suppression export --out FILE", "停发.jsonl"),
        ("subscriber export --out FILE", "会员.csv"),
        ("subscriber import LIST --list members --rejects FILE", "待改.csv"),
        ("subscriber access a@qq.example FILE", "a.json"),
        ("subscriber access a@qq.example FILE", "a.html"),
        ("institute coverage 2026-11 --csv FILE", "coverage.csv"),
        ("mailing report 1 --csv FILE", "report.csv"),
        ("mailing report 1 --html FILE", "report.html"),
        ("audit --csv FILE", "audit.csv"),
        ("issue export 2026-11 --out FILE", "issue.md"),
        ("issue render 2026-11 --out FOLDER", "issue.eml"),
    ],
)
def test_whoever_has_the_old_file_open_keeps_it_whole(
    jianbao: Jianbao, engine: Engine, tmp_path: Path, words: str, name: str
) -> None:
    factories.schedule(engine, ["a@qq.example"])
    factories.start(engine)
    folder, listed = tmp_path / "given", tmp_path / "list.csv"
    folder.mkdir()
    place, same = folder / name, folder / "same"
    place.write_text("before", encoding="utf-8")
    os.link(place, same)
    listed.write_text("email\nb@qq.example\nnobody\n", encoding="utf-8")
    names = {"FILE": str(place), "FOLDER": str(folder), "LIST": str(listed)}
    result = jianbao(*(names.get(word, word) for word in words.split()))
    assert result.exit_code in (0, 1), result.output
    assert same.read_text(encoding="utf-8") == "before"
    assert place.read_text(encoding="utf-8", errors="replace") != "before"
