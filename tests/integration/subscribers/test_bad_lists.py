"""Every bad file at the command line: exit code 2, a sentence, and nothing changed."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, text

from tests.bad_lists import BAD
from tests.integration.conftest import Jianbao


def test_a_bad_file_changes_nothing_and_is_refused_in_a_sentence(jianbao: Jianbao, engine: Engine, tmp_path: Path) -> None:
    jianbao("list", "create", "members", "--name", "会员")
    folder = tmp_path / "bad"
    folder.mkdir()
    for name, (make, words) in BAD.items():
        make(folder / name)
        done = jianbao(
            "subscriber", "import", str(folder / name), "--list", "members", "--rejects", str(tmp_path / "rejects.csv")
        )
        said = done.stderr + str(done.exception or "")
        assert words in said, name
        assert "Traceback" not in said, name
        assert done.exit_code in {1, 2}, name  # The runner makes 1 of what `main` makes 2.
    with engine.begin() as connection:
        for table in ("subscriber", "subscription", "consent", "institute", "import_batch", "suppression"):
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 0
