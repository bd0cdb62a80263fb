"""Files that cannot be imported: each is refused with what is wrong, where, and what to do. Nobody sees a traceback."""

from __future__ import annotations

import os
from itertools import chain
from pathlib import Path

import pytest

from subscribers.errors import InputError
from subscribers.importing.reading import parts_of
from subscribers.importing.source import look_at, text_of
from tests.bad_lists import BAD


def read(path: Path) -> tuple[int, list[str]]:
    """How many addresses a file has, and what is said of the others."""
    checked = [one for part in parts_of(look_at(path), {}) for one in part.chunks]
    return sum(one.entries for one in checked), [reject.reason for one in checked for reject in one.rejects]


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_with_what_is_wrong_with_it(name: str, tmp_path: Path) -> None:
    make, words = BAD[name]
    make(tmp_path / name)
    try:
        entries, reasons = read(tmp_path / name)
    except InputError as error:
        entries, reasons = 0, [str(error)]
        assert name in reasons[0]
    assert entries == 0
    assert words in reasons[0]
    assert reasons[0].endswith((".", "…")) or ". " in reasons[0], "it says what to do"


def test_there_are_at_least_forty_of_them() -> None:
    assert len(BAD) >= 40


def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "closed.csv"
    path.write_text("email\na@a.example\n")
    path.chmod(0)
    us = os.geteuid()
    try:
        if us == 0:  # Root may read everything.
            os.seteuid(65534)
        with pytest.raises(InputError, match="may not be read"):
            look_at(path)
    finally:
        os.seteuid(us)


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "growing.csv"
    path.write_text("email\n" + "a@a.example\n" * 1000)
    source = look_at(path)
    with path.open("a") as file:
        file.write("b@b.example\n")
    with (
        pytest.raises(InputError, match=r"growing\.csv: the file was written to while it was read"),
        text_of(source, source.guess()) as text,
    ):
        list(text)


def test_a_workbook_that_is_read_leaves_no_process_behind(tmp_path: Path) -> None:
    make, _ = BAD["dates.xlsx"]
    make(tmp_path / "a.xlsx")
    part = next(parts_of(look_at(tmp_path / "a.xlsx"), {}))
    assert next(iter(chain(part.chunks, ()))).rejects
    part.chunks.close()  # type: ignore[attr-defined]
