"""A copy of an installation with everything started: it sends nothing until an operator hands it over."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from sqlalchemy import Engine, text

from mailer import mailings
from mailer.cli.progress import follow
from mailer.models import MailingStatus
from mailer.processes import Processes, system_commands
from mailer.settings import read_settings
from mailer.world.shares import Shares
from mailer.world.world import World, running
from tests import factories

# As a dump of the original has it that was taken an hour ago, in the middle of a mailing.
_THE_ORIGINAL_S = """
    INSERT INTO installation (id, beat, beat_at, machine, stopped)
    VALUES ('0b5e2f0c-6f1c-4d0e-9a43-2f3f5d1c8f11', 4711, now() - interval '1 hour', NULL, false)"""


def test_a_restored_copy_sends_nothing_until_it_is_handed_over(
    engine: Engine, database_url: str, redis_url: str, redis_client: object, tmp_path: Path
) -> None:
    mailing_id = factories.schedule(engine, [f"reader{n}@163.example" for n in range(20)]).mailing_id
    factories.start(engine)
    with engine.begin() as connection:
        connection.execute(text(_THE_ORIGINAL_S))
    world = World(shares=Shares.parse("none"))
    with running(world), open(tmp_path / "log", "wb") as log:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("JIANBAO_")} | {
            "JIANBAO_DATABASE_URL": database_url,
            "JIANBAO_REDIS_URL": redis_url,
            "JIANBAO_SMTP_URL": f"{world.smtp_url}?starttls=none",
            "JIANBAO_DATA_DIR": str(tmp_path),
        }
        with Processes(environment, log) as processes:
            for name, command in system_commands(read_settings(environment, tmp_path / ".env")):
                if name != "web":
                    processes.start(name, command)
            record = _until_paused(engine, mailing_id, processes)
            assert "neither the broker nor this machine knows this database" in (record.reason or "")
            assert world.ledger.summary().reached == 0
            assert json.loads(_jianbao(environment, "installation", "takeover", "--yes", "--json"))["paused"] == [mailing_id]
            _jianbao(environment, "mailing", "resume", str(mailing_id))
            record, counts = follow(engine, mailing_id, check=processes.check)
    assert (record.status, counts.accepted) == (MailingStatus.FINISHED, 20)
    assert world.ledger.summary().reached == 20


def _until_paused(engine: Engine, mailing_id: int, processes: Processes) -> mailings.MailingRecord:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with engine.connect() as connection:
            record = mailings.find_mailing(connection, mailing_id)
        if record.status is MailingStatus.PAUSED:
            return record
        processes.check()
        time.sleep(0.05)
    raise AssertionError("the copy was not held")


def _jianbao(environment: dict[str, str], *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "mailer.cli", *words], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
