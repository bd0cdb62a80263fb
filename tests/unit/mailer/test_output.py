"""Who is said to have given a command, and what tables show."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from mailer.cli.output import actor, print_table


@pytest.fixture
def as_12345(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process, as a container started with `--user 12345` has it: a number that no table of users knows, and no name around."""
    if os.getresuid() != (0, 0, 0):
        pytest.skip("only root may be another user")
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    os.setresuid(12345, 0, 0)
    yield
    os.setresuid(0, 0, 0)


def test_a_user_without_a_name_is_known_by_the_number(as_12345: None) -> None:
    assert actor() == "uid-12345"


def test_a_user_with_a_name_is_known_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "zhang")
    assert actor() == "zhang"


@pytest.mark.parametrize("rows", [1, 1_000])
def test_a_table_shows_what_stands_in_its_cells_and_no_pictures_for_it(rows: int, capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("from", "reply"), [("2001:100:5::1", "550 :x: 张")] * rows)
    _, _, *lines = capsys.readouterr().out.splitlines()
    assert [line.rstrip() for line in lines] == ["2001:100:5::1   550 :x: 张"] * rows


def test_a_long_table_is_printed_while_its_rows_still_come(capsys: pytest.CaptureFixture[str]) -> None:
    printed = ""

    def rows() -> Iterator[tuple[int]]:
        nonlocal printed
        for number in range(2500):
            yield (number,)
            if number == 1500:
                printed = capsys.readouterr().out
                assert printed.split()[-1] == "999"

    print_table(("number",), rows())
    printed += capsys.readouterr().out
    assert [int(word) for word in printed.split() if word.isdigit()] == list(range(2500))
    assert printed.count("number") == 3
