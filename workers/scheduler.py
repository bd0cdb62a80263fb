"""The scheduler: a plain loop that asks the database what is due and puts ids into the queue (docs/adr/0002).

It keeps nothing but since when it has had the database without a break. Two of them at once share the work by row locks; none at all
for a while only delays.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial

import redis
import structlog
from celery import Celery
from kombu.exceptions import OperationalError
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from mailer import departures, events, holds, leaving, outbox, planning, reading, retention, standstill, succession
from mailer.bootstrap import open_services, provider_table, reply_table
from mailer.deliveries import LEASE
from mailer.exchanges import Lookout
from mailer.installation import Lease, machine_id
from mailer.logs import configure_logs
from mailer.origin import OriginTable
from mailer.returns import upkeep
from mailer.returns.equipment import check_ways_in, make_reader
from mailer.settings import Settings, read_settings
from subscribers.db import database_time, transaction
from subscribers.errors import JianbaoError, first_line
from workers.app import make_app
from workers.queues import QUEUE, SEND_BATCH, SEND_NOTICES

TICK_SECONDS = 0.5
BATCHES_EACH = 16
MOST_WAITING = 1000
ANSWERS_SECONDS = 5.0
STANDSTILL_SECONDS = 60.0
HEARING_SECONDS = 60.0
DEPARTURES_SECONDS = 15.0
NOTICES_SECONDS = 5.0
RETENTION_SECONDS = 3600.0
FORGETTING_SECONDS = 2.0
SUCCESSORS_SECONDS = 15.0
READERS_SECONDS = 10.0
PAUSE_PER_SECOND = 20  # After a look that took a second the next is so many seconds later.

log = structlog.get_logger()


class Takeovers:
    """Whether batches whose lease ran out may go to others: not at first, nor when the database has been away and has just come back.

    Their owners could not renew a lease meanwhile, but may well live, and know what servers answered to them.
    """

    # In less nobody who lives loses a lease; and so long, at most, an attempt to connect hangs before the owner makes another.
    BREAK = LEASE / 2

    def __init__(self) -> None:
        self._since = self._last = datetime.min.replace(tzinfo=UTC)

    def allowed(self, now: datetime) -> bool:
        """Asked at each tick, with the time of the database: should its clock be set, leases end as if it had been away."""
        if not timedelta() <= now - self._last < self.BREAK:
            self._since = now
        return now - self._since >= self.BREAK

    def ticked(self, now: datetime) -> None:
        """That tick was committed."""
        self._last = now


def nobody_takes(client: redis.Redis) -> bool:
    """Whether so much waits in the queue that no worker can be there: half a minute later all of it would be put there again.

    In a day or two that fills the broker, and then it keeps no opens and clicks either.
    """
    try:
        return client.llen(QUEUE) >= MOST_WAITING
    except redis.RedisError:
        return False  # What ails it shows where something is queued.


def tick(engine: Engine, app: Celery, client: redis.Redis, providers: Mapping[str, str], takeovers: Takeovers) -> int:
    """Start, finish and queue what is due. Returns how many batches were queued."""
    full = nobody_takes(client)
    with transaction(engine) as connection:
        now = database_time(connection)
        for mailing_id in planning.start_due(connection, now, providers):
            log.info("mailing_started", mailing=mailing_id)
        for mailing_id in planning.finish_done(connection, now):
            log.info("mailing_finished", mailing=mailing_id)
        for mailing_id in holds.keep_hours(connection, now):
            log.info("mailing_outside_its_hours", mailing=mailing_id)
        take_over = takeovers.allowed(now)
        queued = planning.queue_due(connection, now, BATCHES_EACH, take_over=take_over) if not full else []
    takeovers.ticked(now)
    # After the commit: a worker that were quicker would not see what it is to claim.
    for batch_id in queued:
        app.send_task(SEND_BATCH, (batch_id,))
    return len(queued)


def look_at_answers(engine: Engine) -> None:
    """Stop what has to wait for staff after what servers answered, and let the rest of a mailing follow its first part."""
    with transaction(engine) as connection:
        now = database_time(connection)
        for breaker in holds.open_breakers(connection, now):
            log.error("breaker_opened", mailing=breaker.mailing_id, provider=breaker.provider, cause=breaker.cause.value)
        for mailing_id in holds.end_canaries(connection, now):
            log.info("canary_over", mailing=mailing_id)


def look_for_standstill(engine: Engine) -> None:
    """Mark the mailings that are stuck, and say so of each that was not before."""
    with transaction(engine) as connection:
        for mailing_id in standstill.mark(connection, database_time(connection)):
            log.error("mailing_stuck", mailing=mailing_id)


def look_at_departures(engine: Engine) -> None:
    """Raise an alarm where all of an institute or a mail domain left within minutes."""
    with transaction(engine) as connection:
        for alarm in departures.raise_alarms(connection, database_time(connection)):
            log.error("departure_alarm", alarm=alarm.id, mailing=alarm.mailing_id, scope=alarm.scope.value, left=alarm.left)


def look_for_successors(engine: Engine) -> None:
    """Let an institute's next contact have what the one before could not be given."""
    with transaction(engine) as connection:
        for mailing_id in sorted(succession.take_over(connection, database_time(connection))):
            log.info("successor_takes_over", mailing=mailing_id)


def queue_notices(engine: Engine, app: Celery, client: redis.Redis) -> None:
    """Have a worker send the notices that are due. Two at once do no harm: each takes what the other has not."""
    if nobody_takes(client):
        return
    with transaction(engine) as connection:
        due = outbox.any_due(connection, database_time(connection))
    if due:
        app.send_task(SEND_NOTICES, expires=NOTICES_SECONDS)


def forget_the_old(engine: Engine, settings: Settings) -> None:
    """Forget what was kept long enough, in portions that hold up no mailing."""
    with transaction(engine) as connection:
        now = database_time(connection)
    for one in retention.forget(engine, settings, now, seconds=FORGETTING_SECONDS):
        if one.rows:
            log.info("forgotten", what=one.name, rows=one.rows)


def look_at_readers(engine: Engine, table: OriginTable) -> None:
    """Tell people and machines apart among the hits that are new, and once more when a while has passed."""
    with transaction(engine) as connection:
        reading.judge_due(connection, table, database_time(connection))


class Seldom:
    """Work that is done at a tick once in so many seconds; less often where it takes long, so that ticks are not held up."""

    def __init__(self, seconds: float, work: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._work = work
        self._clock = clock
        self._next = clock() + seconds

    def __call__(self) -> None:
        began = self._clock()
        if began >= self._next:
            self._next = began + self._seconds  # Also when the work raises.
            self._work()
            self._next += PAUSE_PER_SECOND * (self._clock() - began)


def main() -> None:
    """Tick until told to stop, so long as the installation is ours (docs/adr/0005)."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    settings = read_settings(os.environ)
    check_ways_in(settings)
    with open_services(settings, unattended=True) as services:
        app = make_app(services.redis_url)
        providers = provider_table(services.settings)
        client = services.redis()
        lease = Lease(services.engine, client, services.settings, machine_id())
        lookout = Lookout(services.engine, providers)
        origins = OriginTable.load()
        with transaction(services.engine) as connection:
            reading.judge_anew(connection, origins)
        seldom = [
            Seldom(ANSWERS_SECONDS, partial(look_at_answers, services.engine)),
            Seldom(STANDSTILL_SECONDS, partial(look_for_standstill, services.engine)),
            Seldom(SUCCESSORS_SECONDS, partial(look_for_successors, services.engine)),
            Seldom(RETENTION_SECONDS, partial(forget_the_old, services.engine, services.settings)),
            Seldom(DEPARTURES_SECONDS, partial(look_at_departures, services.engine)),
            Seldom(READERS_SECONDS, partial(look_at_readers, services.engine, origins)),
        ]
        reader, replies = make_reader(services.engine, services.settings), reply_table(services.settings)
        seldom += [
            Seldom(ANSWERS_SECONDS, partial(upkeep.settle, services.engine, reader)),
            Seldom(HEARING_SECONDS, partial(upkeep.hear, services.engine, reader, replies)),
        ]
        notices = Seldom(NOTICES_SECONDS, partial(queue_notices, services.engine, app, client))
        takeovers = Takeovers()
        # What has been loaded stays: it need not be looked through for garbage again and again.
        gc.collect()
        gc.freeze()
        log.info("scheduler_started")
        while not stop.wait(TICK_SECONDS):
            try:
                if lease.holds():
                    leaving.catch_up(services.engine, client)  # Before anything is sent.
                    lookout.look()
                    notices()
                    tick(services.engine, app, client, providers.provider_of_domain, takeovers)
                for look in seldom:
                    look()
                events.flush(services.engine, client)
                upkeep.read(services.engine, reader)
            except (DBAPIError, JianbaoError, OperationalError, redis.RedisError) as error:
                log.warning("tick_failed", error=first_line(error))
        with suppress(DBAPIError, JianbaoError):  # Then it was no orderly farewell.
            lease.release()


if __name__ == "__main__":
    configure_logs()
    try:
        main()
    except JianbaoError as error:
        sys.exit(f"jianbao scheduler: {error}")
