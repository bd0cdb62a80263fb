"""The command line as a process: what it makes of a reader who has gone, a full disk, and a terminal without Chinese."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest


def run(*words: str, stdout: int | IO[bytes] = subprocess.PIPE, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """`jianbao` as it is called by a shell."""
    command = [sys.executable, "-m", "mailer.cli", *words]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, env=os.environ | variables, check=False)


@pytest.mark.parametrize("words", [("config", "show"), ("config", "show", "--json"), ("--help",)])
def test_a_reader_who_has_seen_enough_is_no_failure(words: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = run(*words, stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_full_disk_behind_the_output_is_said_in_a_sentence() -> None:
    with open("/dev/full", "wb") as full:
        done = run("config", "show", stdout=full)
    assert done.returncode == 2
    assert done.stderr.startswith(b"jianbao: the output: No space left on device.")


def test_a_place_that_cannot_be_written_to_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run("list", "list", JIANBAO_DATA_DIR=str(tmp_path / "file"))
    assert done.returncode == 2
    assert done.stderr.startswith(f"jianbao: {tmp_path}/file/run: Not a directory.".encode())


def test_a_terminal_that_has_no_chinese_shows_what_it_can() -> None:
    done = run("--help", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert b"\\u7b80\\u62a5" in done.stdout
