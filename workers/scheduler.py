"""The scheduler: a plain loop that asks the database what is due and puts ids into the queue (docs/adr/0002).

It keeps nothing. Two of them at once share the work by row locks; none at all for a while only delays.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress

import redis
import structlog
from celery import Celery
from kombu.exceptions import OperationalError
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from mailer import events, planning, standstill
from mailer.bootstrap import open_services
from mailer.exchanges import Lookout
from mailer.installation import Lease, machine_id
from mailer.logs import configure_logs
from mailer.provider import ProviderTable
from mailer.settings import read_settings
from subscribers.db import database_time, transaction
from subscribers.errors import JianbaoError
from workers.app import make_app
from workers.queues import SEND_BATCH

TICK_SECONDS = 0.5
BATCHES_EACH = 16
STANDSTILL_SECONDS = 60.0

log = structlog.get_logger()


def tick(engine: Engine, app: Celery, providers: Mapping[str, str]) -> int:
    """Start, finish and queue what is due. Returns how many batches were queued."""
    with transaction(engine) as connection:
        now = database_time(connection)
        for mailing_id in planning.start_due(connection, now, providers):
            log.info("mailing_started", mailing=mailing_id)
        for mailing_id in planning.finish_done(connection, now):
            log.info("mailing_finished", mailing=mailing_id)
        queued = planning.queue_due(connection, now, BATCHES_EACH)
    # After the commit: a worker that were quicker would not see what it is to claim.
    for batch_id in queued:
        app.send_task(SEND_BATCH, (batch_id,))
    return len(queued)


def look_for_standstill(engine: Engine) -> None:
    """Mark the mailings that are stuck, and say so of each that was not before."""
    with transaction(engine) as connection:
        for mailing_id in standstill.mark(connection, database_time(connection)):
            log.error("mailing_stuck", mailing=mailing_id)


def main() -> None:
    """Tick until told to stop, so long as the installation is ours (docs/adr/0005)."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with open_services(read_settings(os.environ)) as services:
        app = make_app(services.redis_url)
        providers = ProviderTable.load()
        client = services.redis()
        lease = Lease(services.engine, client, services.settings.data_dir, machine_id())
        lookout = Lookout(services.engine, providers)
        looked = time.monotonic()
        log.info("scheduler_started")
        while not stop.wait(TICK_SECONDS):
            try:
                if lease.holds():
                    lookout.look()
                    tick(services.engine, app, providers.provider_of_domain)
                if time.monotonic() - looked >= STANDSTILL_SECONDS:
                    looked = time.monotonic()
                    look_for_standstill(services.engine)
                events.flush(services.engine, client)
            except (DBAPIError, JianbaoError, OperationalError, redis.RedisError) as error:
                log.warning("tick_failed", error=str(error).splitlines()[0])
        with suppress(DBAPIError, JianbaoError):  # Then it was no orderly farewell.
            lease.release()


if __name__ == "__main__":
    configure_logs()
    try:
        main()
    except JianbaoError as error:
        sys.exit(f"jianbao scheduler: {error}")
