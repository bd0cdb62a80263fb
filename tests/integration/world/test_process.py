"""The world as a process: says where it listens, keeps its ledger on disk, ends when it is told to or left alone."""

from __future__ import annotations

import json
import signal
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mailer.world.ledger import Ledger


@contextmanager
def started(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    command = [sys.executable, "-m", "mailer.world", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        hello = json.loads(process.stdout.readline())
        assert hello["smtp_url"] == f"smtp://127.0.0.1:{hello['port']}"
        assert hello["pid"] == process.pid
        try:
            yield process, hello["port"]
        finally:
            process.kill()


def test_it_tells_its_port_and_writes_its_ledger_and_ends_on_sigterm(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    with started("--shares", "unknown_user=1", "--ledger", str(file)) as (process, port):
        with smtplib.SMTP("127.0.0.1", port) as client, pytest.raises(smtplib.SMTPRecipientsRefused):
            client.sendmail("b@b.example", ["a@163.example"], "text")
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=20)
        assert process.returncode == 0
    assert json.loads(rest)["refused"] == 1
    assert Ledger.load(file).recipient("a@163.example").last_reply == "550 User not found: a@163.example"


def test_it_ends_when_its_input_is_closed() -> None:
    with started() as (process, _):
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=20) == 0


def test_it_ends_when_its_parent_dies() -> None:
    parent = (
        "import subprocess, sys\n"
        "command = [sys.executable, '-m', 'mailer.world']\n"
        "world = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)\n"
        "world.stdout.readline()\n"
    )
    # The error stream, which the world has inherited, is at its end only when the world is.
    subprocess.run([sys.executable, "-c", parent], stderr=subprocess.PIPE, timeout=20, check=True)


@pytest.mark.parametrize("arguments", [["--shares", "lost=1"], ["--base-url", "http://bulletin.example"]])
def test_wrong_use_is_told_and_nothing_listens(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "mailer.world", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Give " in done.stderr
