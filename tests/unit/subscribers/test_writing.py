"""Files that people are given."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from subscribers.writing import whole_file, write_secret, write_whole


def test_what_ends_in_the_middle_leaves_the_file_that_was_there_and_nothing_beside_it(tmp_path: Path) -> None:
    place = tmp_path / "停发.csv"
    place.write_text("before", encoding="utf-8")

    def interrupted() -> None:
        with whole_file(place, encoding="utf-8") as file:
            file.write("half of it")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (place.read_text(encoding="utf-8"), list(tmp_path.iterdir())) == ("before", [place])


def test_a_file_that_was_there_keeps_who_may_read_it_and_a_new_one_is_its_owners_where_it_is_private(tmp_path: Path) -> None:
    shared, own, new = tmp_path / "shared", tmp_path / "own", tmp_path / "new"
    shared.touch()
    shared.chmod(0o664)
    mask = os.umask(0o022)
    try:
        for place, private in ((shared, True), (own, True), (new, False)):
            with whole_file(place, private=private) as file:
                file.write(b"x")
    finally:
        os.umask(mask)
    assert [stat.S_IMODE(one.stat().st_mode) for one in (shared, own, new)] == [0o664, 0o600, 0o644]


def test_a_link_goes_on_leading_to_the_file(tmp_path: Path) -> None:
    place, link = tmp_path / "report.html", tmp_path / "latest.html"
    place.touch()
    link.symlink_to(place)
    write_whole(link, "新")
    assert (link.is_symlink(), place.read_text(encoding="utf-8")) == (True, "新")


@pytest.mark.parametrize("ours", [True, False], ids=["mounted alone", "in a folder that is not ours"])
def test_a_file_that_cannot_be_replaced_is_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, ours: bool) -> None:
    place = tmp_path / "停发.csv"
    place.write_text("before", encoding="utf-8")
    place.chmod(0o640)

    def busy(*_places: object) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(os, "replace", busy)
    monkeypatch.setattr(os, "access", lambda *_asked: ours)
    write_whole(place, "新")
    assert (place.read_text(encoding="utf-8"), stat.S_IMODE(place.stat().st_mode), list(tmp_path.iterdir())) == (
        "新",
        0o640,
        [place],
    )
    with pytest.raises(OSError, match="busy"):
        write_whole(tmp_path / "new.csv", "新")


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDWR)
    try:
        write_whole(pipe, "新")
        assert (os.read(reader, 100).decode(), stat.S_ISFIFO(pipe.stat().st_mode)) == ("新", True)
    finally:
        os.close(reader)


@pytest.mark.parametrize("place", ["/dev/full", "nowhere/停发.csv"])
def test_what_cannot_be_written_is_told_by_the_name_that_was_given(place: str, tmp_path: Path) -> None:
    with pytest.raises(OSError) as told:  # noqa: PT011 - the name is looked at
        write_whole(tmp_path / place, "x" * 100_000)
    assert told.value.filename == str(tmp_path / place)


def test_a_secret_is_its_owners_alone_and_the_first_one_stays(tmp_path: Path) -> None:
    place = tmp_path / "secret_key"
    write_secret(place, b"the first")
    with pytest.raises(FileExistsError):
        write_secret(place, b"the second")
    assert (place.read_bytes(), stat.S_IMODE(place.stat().st_mode)) == (b"the first", 0o600)
    assert list(tmp_path.iterdir()) == [place]
