"""A worker is killed in the middle of a send: nobody is lost, and no more doubles than may have been in its pipelines."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, text

from mailer import mailings
from mailer.cli.progress import follow
from mailer.deliveries import of_mailing
from mailer.demo.comparison import compare
from mailer.models import MailingStatus
from mailer.processes import Processes, system_commands
from mailer.sending import WINDOW
from mailer.settings import read_settings
from mailer.world.shares import Shares
from mailer.world.world import World, running
from tests import factories

RECIPIENTS = 3000


class Clock:
    """The world's clock, which it looks at once for each message; says when it has done so often enough."""

    def __init__(self, count: int) -> None:
        self.left = count
        self.reached = threading.Event()

    def __call__(self) -> float:
        self.left -= 1
        if self.left <= 0:
            self.reached.set()
        return time.time()


@contextmanager
def system(database_url: str, redis_url: str, smtp_url: str, data_dir: Path) -> Iterator[Processes]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JIANBAO_")} | {
        "JIANBAO_DATABASE_URL": database_url,
        "JIANBAO_REDIS_URL": redis_url,
        "JIANBAO_SMTP_URL": f"{smtp_url}?starttls=none",
        "JIANBAO_DATA_DIR": str(data_dir),
        "JIANBAO_SECRET_KEY": "a key of tests, long enough",
    }
    settings = read_settings(environment, data_dir / ".env")
    with open(data_dir / "log", "wb") as log, Processes(environment, log) as processes:
        for name, command in system_commands(settings):
            if name != "web":
                processes.start(name, command)
        yield processes


def test_after_kill_9_everybody_is_accounted_for(
    engine: Engine, database_url: str, redis_url: str, redis_client: object, tmp_path: Path
) -> None:
    scheduled = factories.schedule(engine, [f"reader{n}@163.example" for n in range(RECIPIENTS)], factories.impatient())
    clock = Clock(RECIPIENTS // 10)
    world = World(shares=Shares.parse("none"), clock=clock)
    with running(world), system(database_url, redis_url, world.smtp_url, tmp_path) as processes:
        assert clock.reached.wait(60), (tmp_path / "log").read_text()
        victim = processes.children.pop("worker 1")
        os.kill(victim.pid, signal.SIGKILL)
        victim.wait()
        with engine.begin() as connection:  # Its lease runs out, without the test waiting for that.
            connection.execute(
                text("UPDATE batch SET lease_until = now() WHERE leased_by LIKE :pid"), {"pid": f"%:{victim.pid}"}
            )
            connection.execute(text("UPDATE batch SET queued_at = NULL WHERE lease_until <= now()"))
        record, counts = follow(engine, scheduled.mailing_id, check=processes.check)
    assert record.status is MailingStatus.FINISHED
    assert (counts.accepted, counts.recipients) == (RECIPIENTS, RECIPIENTS)
    accounts = world.ledger.recipients().values()
    assert sum(account.kept > 0 for account in accounts) == RECIPIENTS
    assert sum(account.kept - 1 for account in accounts) <= WINDOW
    with engine.connect() as connection:
        assert list(compare(of_mailing(connection, scheduled.mailing_id, None), world.ledger)) == []
        assert mailings.counts(connection, scheduled.mailing_id).in_doubt == 0
