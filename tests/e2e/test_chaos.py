"""A short form of the trial that `python -m tests.chaos` makes: five faults while a mailing is sent, and everybody accounted for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.paths import PROJECT

KINDS = ("worker_killed", "postgres_restarted", "broker_wiped", "relay_silent", "tasks_twice")


def test_whatever_breaks_meanwhile_everybody_is_accounted_for(tmp_path: Path) -> None:
    options = ["--recipients", "2000", "--faults", str(len(KINDS)), "--seed", "1", "--kinds", ",".join(KINDS)]
    command = [sys.executable, "-m", "tests.chaos", "--short", "--json", "--folder", str(tmp_path), *options]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout, done.stderr
    (run,) = json.loads(done.stdout)["runs"]
    for offence in ("lost", "contradicted", "unexplained", "foreign_doubles", "notes"):
        assert run[offence] == [], run
    assert run["finished"]
    assert run["doubles"] - run["doubles_by_servers"] <= run["doubles_allowed"]
    assert done.returncode == 0, done.stderr
