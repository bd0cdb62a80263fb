"""What the Tab key offers of a database, asked as a shell asks for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.integration.conftest import Jianbao

_JIANBAO = Path(sys.executable).parent / "jianbao"


def offered(environment: dict[str, str], *words: str) -> set[str]:
    asked = {"_JIANBAO_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(("jianbao", *words)), "COMP_CWORD": str(len(words))}
    answer = subprocess.run([_JIANBAO], env=os.environ | environment | asked, capture_output=True, text=True, check=True)
    assert not answer.stderr
    return {line.partition(",")[2] for line in answer.stdout.splitlines() if line}


def test_lists_segments_and_institutes_are_completed_by_how_they_begin(
    jianbao: Jianbao, database_url: str, tmp_path: Path
) -> None:
    jianbao("list", "create", "members", "--name", "会员单位")
    jianbao("list", "create", "press", "--name", "媒体")
    jianbao("segment", "save", "西部", "institute.province in (云南, 四川)")
    jianbao("institute", "add", "云南省农业科学院", "--short", "云南农科院")
    ours = {"JIANBAO_DATABASE_URL": database_url, "JIANBAO_DATA_DIR": str(tmp_path)}
    assert offered(ours, "subscriber", "import", "a.csv", "--list", "") == {"members", "press"}
    assert offered(ours, "list", "show", "me") == {"members"}
    assert offered(ours, "segment", "show", "西") == {"西部"}
    assert offered(ours, "institute", "merge", "云南") == {"云南省农业科学院", "云南农科院"}


def test_a_database_that_does_not_run_is_not_started_for_a_key(tmp_path: Path) -> None:
    assert offered({"JIANBAO_DATA_DIR": str(tmp_path / "data")}, "list", "show", "") == set()
    assert not (tmp_path / "data" / "postgres").exists()
