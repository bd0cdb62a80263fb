"""Messages out of files, as mail programs keep them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from mailer.returns.files import messages_at, messages_in
from subscribers.errors import InputError

ONE = b"Subject: one\n\nFrom here on it is text.\n"
MBOX = (
    b"From MAILER-DAEMON Thu Nov 26 08:00:00 2026\n"
    + ONE
    + b"\nFrom a@b.example  Thu Nov 26 08:00:01 2026\nSubject: two\n\nx\n"
)


def test_an_mbox_has_its_messages_one_by_one() -> None:
    found = list(messages_in(io.BytesIO(MBOX), "box"))
    assert [name for name, _ in found] == ["box:1", "box:2"]
    assert found[1][1].endswith(b"Subject: two\n\nx\n")


def test_a_file_of_one_message_keeps_its_name() -> None:
    assert list(messages_in(io.BytesIO(ONE), "returned")) == [("returned", ONE)]


def test_a_message_file_is_one_message_whatever_it_quotes(tmp_path: Path) -> None:
    path = tmp_path / "returned.eml"
    path.write_bytes(MBOX)
    assert list(messages_at(path)) == [(str(path), MBOX)]


def test_a_maildir_gives_new_and_current_messages_and_no_half_written_ones(tmp_path: Path) -> None:
    for folder in ("tmp", "new", "cur"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1.host").write_bytes(ONE)
    assert [name for name, _ in messages_at(tmp_path)] == [str(tmp_path / "new/1.host"), str(tmp_path / "cur/1.host")]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nobody"):
        list(messages_at(tmp_path / "nobody"))
