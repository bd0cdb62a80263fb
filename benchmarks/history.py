"""What was measured when: one line a benchmark in history.jsonl, of ratios, which may be compared, and of no machine's name."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import datetime
from pathlib import Path

from benchmarks.accounting import cpu_model
from benchmarks.figures import Report, rounded

HISTORY = Path(__file__).with_name("history.jsonl")


def record(report: Report, now: datetime, file: Path = HISTORY) -> None:
    """Append the report's ratios."""
    line = {
        "name": report.name,
        "date": f"{now:%Y-%m-%d}",
        "revision": _revision(),
        "cpu": cpu_model(),
        "runs": len(report.figures[0].pairs),
        "ratio": rounded(report.figures[0].ratio),
        **{f"ratio_{figure.name}": rounded(figure.ratio) for figure in report.figures[1:]},
    }
    with file.open("a", encoding="utf-8") as history:
        history.write(json.dumps(line, ensure_ascii=False) + "\n")


def _revision() -> str:
    """The commit, with a + where files differ from it."""
    git = shutil.which("git")
    if git is None:
        return "unknown"
    command = [git, "-C", str(HISTORY.parent), "describe", "--always", "--dirty=+"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
