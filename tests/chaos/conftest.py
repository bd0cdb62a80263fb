"""What the trials of single faults stand on: the parts of a system as processes, on this test's empty database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from sqlalchemy import Engine

from mailer.processes import Processes
from tests.chaos.supervisor import environment


@pytest.fixture
def settings(engine: Engine, redis_client: redis.Redis, database_url: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    """The settings of the parts, but for the relay."""
    del engine, redis_client  # They have emptied what the parts will use.
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "DATA_DIR": str(tmp_path / "data"),
        "SECRET_KEY": "a key of tests, long enough",
    }


@pytest.fixture
def processes(settings: dict[str, str], tmp_path: Path) -> Iterator[Processes]:
    """Schedulers and workers of one installation; they log into `log` and end with the test."""
    with open(tmp_path / "log", "wb") as log, Processes(environment(settings, {}), log) as group:
        yield group
