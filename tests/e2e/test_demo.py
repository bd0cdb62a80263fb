"""The demo with a bulletin of each format that people have: read, mailed by real workers, accounted for."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from mailer.cli import cli
from mailer.demo import EXAMPLE_BULLETIN
from mailer.demo.stage import alone
from subscribers.errors import InputError

WORD = EXAMPLE_BULLETIN.with_suffix(".docx")
HEADLINES = (
    "召开2026年秘书长会议",
    "三十家院所共建中试平台共享目录",
    "把仪器开放当作一件日常的事",
    "院所数据治理十二条建议发布",
)
DEBIAN = {"md": "pandoc", "html": "pandoc", "pdf": "soffice"}
FORMATS = [
    pytest.param(kind, marks=[pytest.mark.debian(DEBIAN[kind])] if kind in DEBIAN else [])
    for kind in ("txt", "docx", "md", "html", "pdf", "zip", "folder")
]


def bulletin(kind: str, folder: Path) -> Path:
    """The example as a file of that format, as programs that people use write it."""
    if kind in ("txt", "docx"):
        return EXAMPLE_BULLETIN.with_suffix(f".{kind}")
    file = folder / f"2026-11.{kind}"
    if kind in ("md", "html"):
        subprocess.run(["pandoc", "--standalone", WORD, "--output", file], check=True)
    elif kind == "pdf":
        profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
        command = ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", str(folder), str(WORD)]
        subprocess.run(command, check=True, capture_output=True)
    else:
        inside = folder / "november"
        inside.mkdir()
        shutil.copy(WORD, inside)
        return inside if kind == "folder" else Path(shutil.make_archive(str(folder / "2026-11"), "zip", inside))
    return file


@pytest.mark.parametrize("kind", FORMATS)
def test_a_bulletin_of_any_format_is_mailed_and_every_recipient_accounted_for(kind: str, tmp_path: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("JIANBAO_")}
    command = [
        sys.executable,
        "-m",
        "mailer.cli",
        "demo",
        "--bulletin",
        str(bulletin(kind, tmp_path)),
        "--subscribers",
        "20",
        "--json",
    ]
    environment = clean | {"JIANBAO_DATA_DIR": str(tmp_path / "data")}
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    counts = result["counts"]
    assert (result["issue"], counts["recipients"], result["disagreements"]) == ("2026-11", 20, [])
    said = "".join(Path(result["text"]).read_text(encoding="utf-8").split())
    assert [headline for headline in HEADLINES if said.count(headline) < 2] == []  # in the contents and above its article
    assert "★★" not in said


def test_a_second_demo_takes_nothing_from_under_one_that_runs(tmp_path: Path) -> None:
    ledger = tmp_path / "demo" / "servers.jsonl"
    with alone(ledger.parent):
        ledger.parent.mkdir()
        ledger.touch()
        refused = CliRunner().invoke(cli, ["demo", "--subscribers", "1"], env={"JIANBAO_DATA_DIR": str(tmp_path)})
    assert isinstance(refused.exception, InputError)
    assert "already" in str(refused.exception)
    assert ledger.exists()
