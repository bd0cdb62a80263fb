"""One fault at a time, at the moment that is worst, on a whole system: nobody is lost, and nobody gets more than is unavoidable."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import redis
from sqlalchemy import Engine, text

from mailer import mailings, migrations
from mailer.deliveries import of_mailing
from mailer.demo.comparison import compare
from mailer.embedded import Places, embedded_services, stop_services
from mailer.models import DeliveryState
from mailer.processes import Processes
from mailer.sending import WINDOW
from mailer.terms import InDoubtPolicy
from mailer.world.ledger import Ledger
from mailer.world.shares import Shares
from mailer.world.world import World, running
from subscribers.db import make_engine
from tests import factories
from tests.chaos.alarm import Alarm
from tests.chaos.proxy import Proxy, Wire
from tests.chaos.supervisor import environment
from tests.chaos.waiting import is_finished, wait_for
from workers.app import make_app
from workers.queues import QUEUE, SEND_BATCH

PATIENCE = 90.0
NOBODY_SPECIAL = Shares.parse("none")
EVERYBODY_SLOW = Shares.parse("slow=1")


def readers(count: int) -> list[str]:
    """Addresses at two domains."""
    return [f"reader{n}@{'qq' if n % 2 else '163'}.example" for n in range(count)]


def start(processes: Processes, smtp_url: str, *names: str) -> None:
    """Start schedulers and workers that send through this relay."""
    processes.environment["JIANBAO_SMTP_URL"] = f"{smtp_url}?starttls=none"
    for name in names:
        processes.start(name, [sys.executable, "-m", f"workers.{name.split()[0]}"])


def forget_queue(engine: Engine) -> None:
    """What was put into the queue is put there again, without the test waiting until the scheduler believes it lost."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE batch SET queued_at = NULL"))


def assert_everybody_has_one(engine: Engine, mailing_id: int, ledger: Ledger, *, doubles: int = 0) -> None:
    """The mailing finishes with everybody reached, the servers say the same, and no more than `doubles` were sent twice."""
    assert wait_for(lambda: is_finished(engine, mailing_id), PATIENCE), factories.states(engine)
    assert set(factories.states(engine).values()) == {DeliveryState.ACCEPTED}
    with engine.connect() as connection:
        assert list(compare(of_mailing(connection, mailing_id, None), ledger)) == []
    assert sum(account.kept - 1 for account in ledger.recipients().values()) <= doubles


def test_a_broker_that_forgets_everything_delays_and_loses_nothing(
    engine: Engine, redis_client: redis.Redis, processes: Processes
) -> None:
    scheduled = factories.schedule(engine, readers(1500), factories.impatient())
    alarm = Alarm(300, redis_client.flushdb)
    world = World(shares=NOBODY_SPECIAL, clock=alarm)
    with running(world):
        start(processes, world.smtp_url, "scheduler")
        assert wait_for(lambda: redis_client.llen(QUEUE), PATIENCE)
        redis_client.flushdb()  # Before a worker has seen any of it,
        forget_queue(engine)
        start(processes, world.smtp_url, "worker")
        alarm.wait()  # and again in the middle.
        forget_queue(engine)
        assert_everybody_has_one(engine, scheduled.mailing_id, world.ledger)


@contextmanager
def own_database(data: Path) -> Iterator[Engine]:
    """An embedded database of this test alone, with the schema."""
    with ExitStack() as stack:
        stack.callback(stop_services, data)
        engine = make_engine(stack.enter_context(embedded_services(data)).database)
        stack.callback(engine.dispose)
        with engine.begin() as connection:
            migrations.upgrade(connection)
        yield engine


def test_a_database_that_crashes_in_the_middle_loses_and_doubles_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    pid_file = Places(data).cluster / "postmaster.pid"
    alarm = Alarm(300, lambda: os.kill(int(pid_file.read_text().split()[0]), signal.SIGQUIT))
    world = World(shares=NOBODY_SPECIAL, clock=alarm)
    settings = {"DATA_DIR": str(data), "SECRET_KEY": "a key of tests, long enough"}
    with running(world), own_database(data) as engine, open(tmp_path / "log", "wb") as log:
        scheduled = factories.schedule(engine, readers(1500), factories.impatient())
        with Processes(environment(settings, {}), log) as processes:
            start(processes, world.smtp_url, "scheduler", "worker")
            alarm.wait()
            assert_everybody_has_one(engine, scheduled.mailing_id, world.ledger)


def test_a_task_that_is_delivered_many_times_over_sends_nothing_twice(
    engine: Engine, redis_url: str, processes: Processes
) -> None:
    scheduled = factories.schedule(engine, readers(1500), factories.impatient())
    queue = make_app(redis_url)

    def deliver_again() -> None:
        for batch_id in factories.batch_ids(engine) * 5:
            queue.send_task(SEND_BATCH, (batch_id,))

    world = World(shares=NOBODY_SPECIAL, clock=Alarm(100, deliver_again))
    with running(world):
        start(processes, world.smtp_url, "scheduler", "worker 1", "worker 2")
        assert_everybody_has_one(engine, scheduled.mailing_id, world.ledger)


def test_two_schedulers_do_the_work_of_one(engine: Engine, processes: Processes, tmp_path: Path) -> None:
    scheduled = factories.schedule(engine, readers(1500), factories.impatient())
    world = World(shares=NOBODY_SPECIAL)
    with running(world):
        start(processes, world.smtp_url, "scheduler 1", "scheduler 2", "worker")
        assert_everybody_has_one(engine, scheduled.mailing_id, world.ledger)
    events = [json.loads(line)["event"] for line in (tmp_path / "log").read_text().splitlines() if line.startswith("{")]
    seen = Counter(events)
    assert (seen["mailing_started"], seen["mailing_finished"]) == (1, 1)


def test_a_worker_that_is_asked_to_end_finishes_what_it_has_begun_and_leaves_the_rest(
    engine: Engine, processes: Processes
) -> None:
    scheduled = factories.schedule(engine, readers(300), factories.impatient())
    alarm = Alarm(30)
    world = World(shares=EVERYBODY_SLOW, slow_seconds=0.3, clock=alarm)
    with running(world):
        start(processes, world.smtp_url, "scheduler", "worker")
        alarm.wait()
        worker = processes.children.pop("worker")
        worker.terminate()
        assert worker.wait(30) == 0
        found = factories.states(engine)
        with engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM batch WHERE lease IS NOT NULL")).scalar_one() == 0
            assert list(compare(of_mailing(connection, scheduled.mailing_id, None), world.ledger)) == []
    assert set(found.values()) == {DeliveryState.ACCEPTED, DeliveryState.PENDING}


def test_a_pause_reaches_every_worker_in_the_middle_of_its_batches_within_two_seconds(
    engine: Engine, processes: Processes
) -> None:
    scheduled = factories.schedule(engine, readers(2000), factories.impatient())
    alarm = Alarm(100)
    world = World(shares=EVERYBODY_SLOW, slow_seconds=0.2, clock=alarm)
    with running(world):
        start(processes, world.smtp_url, "scheduler", "worker 1", "worker 2")
        alarm.wait()
        with engine.begin() as connection:
            mailings.pause(connection, scheduled.mailing_id, "a wrong date")
        paused_at = time.time()
        assert wait_for(lambda: nobody_holds_anything(engine), 30)
    last = max(account.last_kept_at or 0.0 for account in world.ledger.recipients().values())
    assert last - paused_at < 2
    found = Counter(factories.states(engine).values())
    assert found[DeliveryState.PENDING] > 1000
    assert found[DeliveryState.ACCEPTED] == sum(account.kept for account in world.ledger.recipients().values())


def nobody_holds_anything(engine: Engine) -> bool:
    with engine.connect() as connection:
        held = connection.execute(text("SELECT count(*) FROM batch WHERE lease IS NOT NULL")).scalar_one()
        return int(held) == 0


@pytest.mark.parametrize("policy", InDoubtPolicy)
def test_a_relay_that_takes_mail_and_says_nothing_leaves_doubt_that_is_dealt_with_as_agreed(
    engine: Engine, processes: Processes, policy: InDoubtPolicy
) -> None:
    scheduled = factories.schedule(engine, readers(300), replace(factories.impatient(), in_doubt=policy))
    alarm = Alarm(50, lambda: relay.become(Wire.MUTE))  # It has the message now, and its answer does not get through.
    world = World(shares=NOBODY_SPECIAL, clock=alarm)
    with running(world), Proxy(("127.0.0.1", world.port)).running() as relay:
        start(processes, f"smtp://127.0.0.1:{relay.port}", "scheduler", "worker")
        alarm.wait()
        relay.drop()
        assert wait_for(lambda: is_finished(engine, scheduled.mailing_id), PATIENCE), factories.states(engine)
    accounts = world.ledger.recipients().values()
    assert all(account.kept == 0 or len(set(account.message_ids)) == 1 for account in accounts)
    found = Counter(factories.states(engine).values())
    twice = sum(account.kept > 1 for account in accounts)
    if policy is InDoubtPolicy.RESEND:
        assert found == {DeliveryState.ACCEPTED: 300}
        assert 1 <= twice <= WINDOW
    else:
        assert 1 <= found[DeliveryState.IN_DOUBT] <= WINDOW
        assert found.keys() == {DeliveryState.ACCEPTED, DeliveryState.IN_DOUBT}
        assert twice == 0
