"""The command line as scripts use it: a process, its exit code, its two streams."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from sqlalchemy import Engine

from mailer.demo import EXAMPLE_BULLETIN

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def jianbao(engine: Engine, redis_client: redis.Redis, database_url: str, redis_url: str, tmp_path: Path) -> Run:
    """`jianbao` on this process's empty database."""
    del engine, redis_client  # They have emptied what the command will use.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("JIANBAO_")}
    ours = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "DATA_DIR": str(tmp_path / "data")}
    environment = clean | {f"JIANBAO_{name}": value for name, value in ours.items()} | {"COLUMNS": "80"}

    def run(*arguments: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "mailer.cli", *map(str, arguments)]
        more = {f"JIANBAO_{name}": value for name, value in settings.items()}
        return subprocess.run(
            command, env=environment | more, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )

    return run


def ok(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_from_a_file_to_a_scheduled_mailing(jianbao: Run, tmp_path: Path) -> None:
    imported = json.loads(ok(jianbao("issue", "import", EXAMPLE_BULLETIN, "--json")))
    assert (imported["ref"], imported["total_number"], imported["date"]) == ("2026-11", 228, "2026-11-20")
    assert [article["title"] for article in imported["articles"]][2] == "把仪器开放当作一件日常的事"
    ok(jianbao("publication", "update", "bulletin", "--from", "news@sender.example"))
    ok(jianbao("list", "create", "members", "--name", "会员单位"))
    ok(jianbao("subscriber", "add", "a@inst.example", "b@inst.example", "--list", "members"))
    scheduled = json.loads(
        ok(jianbao("mailing", "schedule", "2026-11", "--list", "members", "--at", "2030-01-02 09:00", "--json"))
    )
    told = scheduled.pop("forecast")
    assert told["providers"] == [
        {"provider": "other", "recipients": 2, "rate": None, "days": 1, "finishes_at": told["finishes_at"]}
    ]
    assert scheduled == {"id": 1, "issue": "2026-11", "status": "scheduled", "at": "2030-01-02T01:00:00+00:00", "recipients": 2}
    shown = json.loads(ok(jianbao("mailing", "show", "1", "--json")))
    assert shown["status"] == "scheduled"
    assert set(shown["counts"].values()) == {0}
    ok(jianbao("mailing", "cancel", "1"))
    assert jianbao("mailing", "watch", "1").returncode == 1


def test_the_same_file_again_says_that_nothing_changed(jianbao: Run) -> None:
    ok(jianbao("issue", "import", EXAMPLE_BULLETIN))
    assert "nothing was changed" in jianbao("issue", "import", EXAMPLE_BULLETIN).stderr


def test_a_rendered_issue_has_every_headline_in_both_parts(jianbao: Run, tmp_path: Path) -> None:
    titles = [
        article["title"] for article in json.loads(ok(jianbao("issue", "import", EXAMPLE_BULLETIN, "--json")))["articles"]
    ]
    paths = json.loads(ok(jianbao("issue", "render", "2026-11", "--out", tmp_path / "out", "--json")))
    for name in ("html", "text"):
        content = "".join(Path(paths[name]).read_text(encoding="utf-8").split())
        assert all("".join(title.split()) in content for title in titles)
    assert ok(jianbao("issue", "check", "2026-11")).strip().endswith("nothing to mend.")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"%PDF-1.7 \x00\x01", "PDF"),
        ("没有报头的一段话。".encode(), "masthead"),
    ],
)
def test_a_file_that_is_no_bulletin_is_exit_2_with_the_reason(jianbao: Run, tmp_path: Path, content: bytes, why: str) -> None:
    file = tmp_path / "给编辑.txt"
    file.write_bytes(content)
    done = jianbao("issue", "import", file)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "给编辑.txt" in done.stderr
    assert why in done.stderr
    assert "Traceback" not in done.stderr
    assert json.loads(ok(jianbao("issue", "list", "--json"))) == []


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16", "utf-8-sig"])
def test_a_bulletin_in_another_encoding_is_simply_read(jianbao: Run, tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "bulletin.txt"
    file.write_bytes(EXAMPLE_BULLETIN.read_text(encoding="utf-8").encode(encoding))
    assert json.loads(ok(jianbao("issue", "import", file, "--json")))["total_number"] == 228


@pytest.mark.parametrize(
    ("arguments", "settings", "code", "said"),
    [
        (("issue", "show", "2023-09"), {}, 2, "there is no issue '2023-09'"),
        (("issue", "import", "absent.txt"), {}, 2, "absent.txt: cannot be read"),
        (("mailing", "schedule", "1", "--list", "x"), {}, 2, "--at"),
        (("config", "show"), {"TIME_ZONE": "Mars"}, 2, "IANA name"),
        (("worker",), {"SMTP_URL": "ftp://x"}, 2, "begins with neither smtp:// nor smtps://"),
        (("list", "list"), {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"}, 3, "cannot be reached"),
    ],
)
def test_every_failure_says_what_to_do(
    jianbao: Run, arguments: tuple[str, ...], settings: dict[str, str], code: int, said: str
) -> None:
    done = jianbao(*arguments, **settings)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_no_secret_is_shown(jianbao: Run) -> None:
    shown = ok(jianbao("config", "show", SMTP_URL="smtp://user:hunter2@relay.example:587"))
    assert "hunter2" not in shown
    assert "********" in shown
