"""Bulletins that differ in everything, written by hand, each beside the outline of what reading it must give."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailer.importers.text import read_text_issue
from tests.unit.importers.outlines import outline
from tests.unit.importers.test_reading_any_bulletin import assert_holds_the_whole_file

SAMPLES = sorted((Path(__file__).parent / "samples").glob("*.txt"))


def test_there_are_samples() -> None:
    assert len(SAMPLES) >= 12


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_the_bulletin_reads_as_its_outline(sample: Path) -> None:
    reading = read_text_issue(sample.read_bytes(), sample.name)
    assert outline(reading.issue) + "\n" == sample.with_suffix(".outline").read_text(encoding="utf-8")
    assert_holds_the_whole_file(reading, sample.read_bytes().decode())


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gb18030"])
def test_the_encoding_changes_nothing(sample: Path, encoding: str) -> None:
    text = sample.read_bytes().decode()
    assert read_text_issue(text.encode(encoding), sample.name) == read_text_issue(text.encode(), sample.name)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_line_ends_of_windows_change_nothing(sample: Path) -> None:
    text = sample.read_bytes().decode()
    assert read_text_issue(text.replace("\n", "\r\n").encode(), sample.name) == read_text_issue(text.encode(), sample.name)
