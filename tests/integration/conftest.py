"""What several integration tests stand on: the command line on an empty database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from mailer.cli import cli

Jianbao = Callable[..., Result]


@pytest.fixture
def jianbao(engine: Engine, database_url: str, redis_url: str, tmp_path: Path) -> Jianbao:
    """`jianbao` on an empty database, 80 columns wide."""
    del engine
    ours = {"JIANBAO_DATABASE_URL": database_url, "JIANBAO_REDIS_URL": redis_url, "JIANBAO_DATA_DIR": str(tmp_path)}

    def run(*words: str) -> Result:
        return CliRunner().invoke(cli, words, env=ours | {"COLUMNS": "80"})

    return run
