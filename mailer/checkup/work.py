"""Whether the work goes on: the installation's lease and key, the scheduler, mailings that are stuck."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import redis
from sqlalchemy import Engine

from mailer import installation, mailings, standstill
from mailer.checkup.finding import Finding, fault, ok, skipped
from mailer.settings import Settings
from subscribers.db import database_time, transaction


def lease(engine: Engine, client: redis.Redis, data_dir: Path, machine: str | None) -> Iterator[Finding]:
    """Whether a scheduler runs, or why one would start nothing."""
    with transaction(engine) as connection:
        now = database_time(connection)
        record, doubt = installation.look(connection, client, data_dir, machine)
        alive = record is not None and installation.at_work(connection, now)
        waiting = mailings.any_open(connection)
    if doubt in (installation.Doubt.OTHER, installation.Doubt.BEHIND) or (doubt and not alive):
        cure = f"Let it be, if the original still runs. If this one is to send: {installation.TAKEOVER}."
        yield fault("installation", str(doubt), cure)
    elif alive:
        yield ok("scheduler", "it runs")
    elif waiting:
        since = f" since {record.beat.at:%Y-%m-%d %H:%M} UTC" if record else ""
        yield fault("scheduler", f"none has run{since}, and mailings wait", "Start it: `jianbao up`, or `jianbao scheduler`.")
    else:
        yield skipped("scheduler", "it does not run; `jianbao up` starts it with all else")


def key(engine: Engine, settings: Settings) -> Iterator[Finding]:
    """Whether this machine's key is the one that signs the installation's links; said only where it is not."""
    made = settings["SECRET_KEY"] or (settings.data_dir / "secret_key").exists()
    with transaction(engine) as connection:
        if installation.has_other_key(connection, settings.secret_key() if made else b""):
            yield fault("installation's key", installation.OTHER_KEY, installation.OTHER_KEY_CURE)


def stuck(engine: Engine) -> Iterator[Finding]:
    """Mailings in which nothing moves, with the last that was heard."""
    with transaction(engine) as connection:
        found = standstill.stuck(connection).values()
    for one in found:
        cure = f"Mend that; `jianbao mailing show {one.mailing_id}` tells when it goes on."
        yield fault(f"mailing {one.mailing_id}", f"nothing moves since {one.since:%Y-%m-%d %H:%M} UTC: {one.last_word}", cure)
    if not found:
        yield ok("mailings", "none is stuck")
