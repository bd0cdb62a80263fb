"""Which processes make up a whole system."""

from __future__ import annotations

from pathlib import Path

from mailer.processes import system_commands
from mailer.settings import read_settings


def names(tmp_path: Path, **settings: str) -> list[str]:
    read = read_settings({f"JIANBAO_{name}": text for name, text in settings.items()}, tmp_path / ".env")
    return [name for name, _ in system_commands(read)]


def test_what_comes_back_is_read_by_processes_of_its_own_where_that_is_configured(tmp_path: Path) -> None:
    assert names(tmp_path, WORKER_PROCESSES="1") == ["web", "scheduler", "worker 1"]
    both = {"BOUNCE_MAILBOX": "imaps://a:b@imap.example.org/INBOX", "BOUNCE_LISTEN": "lmtp://127.0.0.1:2424"}
    assert names(tmp_path, WORKER_PROCESSES="1", **both) == ["web", "scheduler", "mailbox", "listener", "worker 1"]
