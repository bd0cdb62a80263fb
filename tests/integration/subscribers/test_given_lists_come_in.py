"""What each list of the corpus gives, against a real PostgreSQL, as the table in docs/admins.md says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.conftest import Jianbao
from tests.paths import CORPORA, PROJECT

pytestmark = pytest.mark.skipif(CORPORA is None, reason="the corpora lie beside the project and are not here")
_HEADING = "| file | rows | new | rejected | left alone | twice in it | left or suppressed | what was said |"


def row_of(jianbao: Jianbao, path: Path, number: int) -> str:
    """A line of the table: what the command says of one file, imported into a list of its own."""
    slug = f"list{number}"
    jianbao("list", "create", slug, "--name", slug)
    came = jianbao("subscriber", "import", str(path), "--list", slug, "--json")
    outcome = json.loads(came.stdout)
    counts = [outcome[name] for name in ("rows", "created", "rejected", "suppressed", "duplicates")]
    kept = [json.loads(line) for line in jianbao("suppression", "list", "--json").stdout.splitlines()]
    summary = next(one for one in json.loads(jianbao("list", "list", "--json").stdout) if one["slug"] == slug)
    away = sum(one["evidence"].startswith(path.name) for one in kept) + summary["unsubscribed"]
    said = "; ".join(line.partition(". `--map")[0].rstrip(".") for line in came.stderr.splitlines()).replace("|", "\\|")
    return f"| `{path.name}` | {' | '.join(map(str, [*counts, away]))} | {said} |"


def test_each_list_gives_what_the_handbook_says(jianbao: Jianbao) -> None:
    assert CORPORA is not None
    files = sorted(path for path in (CORPORA / "lists").iterdir() if path.name != "expected.json")
    made = [row_of(jianbao, path, number) for number, path in enumerate(files)]
    handbook = (PROJECT / "docs" / "admins.md").read_text(encoding="utf-8")
    written = handbook.partition(f"{_HEADING}\n")[2].partition("\n\n")[0].splitlines()[1:]
    assert written == made, "\n".join(["the table would have to be:", _HEADING, *made])
