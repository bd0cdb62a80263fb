"""What the trials of single faults stand on: the parts of a system as processes, on this test's empty database, and a world that rings."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from sqlalchemy import Engine

from mailer.processes import Processes
from tests.chaos.supervisor import environment

Start = Callable[[str], Processes]


class Alarm:
    """The world's clock, which it looks at once for each recipient's outcome, before it tells it. At the `count`-th it acts."""

    def __init__(self, count: int, act: Callable[[], object] = lambda: None) -> None:
        self.rung = threading.Event()
        self._left = count
        self._act = act

    def __call__(self) -> float:
        self._left -= 1
        if self._left == 0:
            self._act()
            self.rung.set()
        return time.time()

    def wait(self) -> None:
        """Until it has rung."""
        assert self.rung.wait(60), "the servers have not seen so many recipients"


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
