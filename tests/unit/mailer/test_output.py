"""Who is said to have given a command."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from mailer.cli.output import actor


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
