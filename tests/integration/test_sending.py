"""Batches sent for real: PostgreSQL, Valkey, and mail servers that accept, refuse, put off and hang up."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import redis
from sqlalchemy import Engine, text

from mailer import deliveries, mailings, planning
from mailer.deliveries import of_mailing
from mailer.demo.comparison import compare
from mailer.pacing import Count, LoopPacer
from mailer.rate import Bounds, Rate
from mailer.relay import parse_relays
from mailer.reply import ReplyTable
from mailer.sending import WINDOW, Equipment, Sender
from mailer.sending import batch as sending
from mailer.terms import Terms
from mailer.tokens import Tokens
from mailer.world.ledger import Ledger
from mailer.world.shares import FateKind, Shares
from mailer.world.world import World, running
from subscribers.errors import ServiceError
from tests import factories
from tests.chaos.alarm import Alarm
from tests.chaos.proxy import Proxy, Wire
from tests.smtp_server import Act, Answer, Script, serve

KEY = b"a key of tests, long enough"
NOBODY_SPECIAL = Shares.parse("none")


Senders = Callable[..., Sender]


@pytest.fixture
def make_sender(engine: Engine, redis_url: str) -> Iterator[Senders]:
    """Makes senders to relays; they say goodbye when the test ends."""
    with ExitStack() as stack:

        def make(urls: str, count: Count = lambda *_: 0) -> Sender:
            sender = Sender(
                Equipment(
                    engine=engine,
                    pacer=LoopPacer(redis_url, count=count),
                    relays=parse_relays(urls),
                    tokens=Tokens(KEY),
                    table=ReplyTable.load(),
                    worker="test",
                    rng=random.Random(7),
                )
            )
            stack.callback(sender.close)
            return sender

        yield make


@pytest.fixture
def world() -> Iterator[World]:
    with running(World(shares=NOBODY_SPECIAL, fixed=FATES | ALWAYS_FULL)) as served:
        yield served


FATES = {
    "gone@qq.example": FateKind.UNKNOWN_USER,
    "grey@qq.example": FateKind.GREYLISTED,
    "dropped@qq.example": FateKind.DROPPED,
    "often@qq.example": FateKind.FREQUENCY,
}
ALWAYS_FULL = {"full@qq.example": FateKind.FULL}  # until we give up


def send_until_finished(engine: Engine, sender: Sender, mailing_id: int) -> None:
    """Send what is due, again and again, by a clock that runs as fast as it must."""
    for _ in range(200):
        for batch_id in factories.batch_ids(engine):
            sender.send(batch_id)
        with engine.begin() as connection:
            if planning.finish_done(connection, datetime.now(UTC)):
                return
    pytest.fail(f"mailing {mailing_id} does not finish: {factories.states(engine)}")


def test_every_recipient_ends_as_the_servers_say(engine: Engine, make_sender: Senders, world: World) -> None:
    addresses = [*FATES, *(f"reader{n}@163.example" for n in range(50))]
    scheduled = factories.schedule(engine, addresses, factories.impatient())
    factories.start(engine)
    sender = make_sender(f"{world.smtp_url}?starttls=none")
    send_until_finished(engine, sender, scheduled.mailing_id)
    found = factories.states(engine)
    assert found.pop("gone@qq.example") == "bounced"
    assert set(found.values()) == {"accepted"}
    with engine.connect() as connection:
        assert list(compare(of_mailing(connection, scheduled.mailing_id, None), world.ledger)) == []


def test_a_reply_that_was_lost_is_in_doubt_and_the_second_message_bears_the_same_id(
    engine: Engine, make_sender: Senders, world: World
) -> None:
    scheduled = factories.schedule(engine, ["dropped@qq.example"], replace(factories.TERMS, retry_scale=1e-9))
    factories.start(engine)
    sender = make_sender(f"{world.smtp_url}?starttls=none")
    (batch_id,) = factories.batch_ids(engine)
    sender.send(batch_id)
    assert factories.states(engine) == {"dropped@qq.example": "in_doubt"}
    send_until_finished(engine, sender, scheduled.mailing_id)
    account = world.ledger.recipient("dropped@qq.example")
    assert account.kept == 2
    assert account.doubled


def shift(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


def test_patience_with_a_recipient_begins_when_it_is_put_off_and_again_when_staff_retry(
    engine: Engine, make_sender: Senders, world: World
) -> None:
    scheduled = factories.schedule(engine, ["full@qq.example"])
    factories.start(engine)
    shift(engine, "UPDATE mailing SET started_at = started_at - interval '80 hours'")
    sender = make_sender(f"{world.smtp_url}?starttls=none")
    (batch_id,) = factories.batch_ids(engine)
    sender.send(batch_id)
    assert factories.states(engine) == {"full@qq.example": "deferred"}
    with engine.connect() as connection:
        assert connection.execute(text("SELECT attempts, times_deferred FROM delivery")).one() == (1, 1)
    shift(engine, "UPDATE delivery SET deferred_at = deferred_at - interval '80 hours', next_attempt_at = now()")
    shift(engine, "UPDATE batch SET due_at = now()")
    sender.send(batch_id)
    assert factories.states(engine) == {"full@qq.example": "bounced"}
    shift(engine, "UPDATE delivery SET state = 'failed', times_deferred = 2")
    with engine.begin() as connection:
        assert mailings.retry(connection, scheduled.mailing_id, datetime.now(UTC)) == 1
    sender.send(batch_id)
    assert factories.states(engine) == {"full@qq.example": "deferred"}


def test_a_holiday_does_not_use_up_the_patience_with_a_recipient(engine: Engine, make_sender: Senders, world: World) -> None:
    factories.schedule(engine, ["full@qq.example"])
    factories.start(engine)
    sender = make_sender(f"{world.smtp_url}?starttls=none")
    (batch_id,) = factories.batch_ids(engine)
    sender.send(batch_id)
    for column in ("deferred_at", "next_attempt_at"):
        shift(engine, f"UPDATE delivery SET {column} = {column} - interval '8 days'")
    shift(engine, "UPDATE batch SET due_at = now()")
    sender.send(batch_id)
    assert factories.states(engine) == {"full@qq.example": "deferred"}
    with engine.connect() as connection:
        put_off_for = connection.execute(text("SELECT now() - deferred_at FROM delivery")).scalar_one()
    assert timedelta(hours=4) <= put_off_for < timedelta(hours=5)


@pytest.mark.parametrize("listens", [False, True], ids=["nobody listens", "hangs up at once"])
def test_a_relay_that_cannot_be_reached_uses_up_no_allowance(
    engine: Engine, make_sender: Senders, redis_client: redis.Redis, listens: bool
) -> None:
    factories.schedule(engine, [f"reader{number}@qq.example" for number in range(40)])
    factories.start(engine)
    (batch_id,) = factories.batch_ids(engine)
    with Proxy(("127.0.0.1", 1)).running() as proxy:  # a load balancer with nobody behind it
        port = proxy.port if listens else 1
        make_sender(f"smtp://127.0.0.1:{port}?starttls=none&name=r&per_day=50").send(batch_id)
    assert set(factories.states(engine).values()) == {"pending"}
    assert redis_client.hget("jianbao:pace:relay:r", "day:used") == b"0"


def test_a_mailing_whose_edition_cannot_be_read_waits_and_staff_are_told(engine: Engine, make_sender: Senders) -> None:
    scheduled = factories.schedule(engine, ["a@qq.example"])
    factories.start(engine)
    shift(engine, "UPDATE edition SET content = '{}'")
    make_sender("smtp://127.0.0.1:1?starttls=none").send(*factories.batch_ids(engine))
    with engine.connect() as connection:
        assert "cannot send it" in (mailings.find_mailing(connection, scheduled.mailing_id).reason or "")
        waits = text("SELECT lease IS NULL AND due_at > now() FROM batch")
        assert connection.execute(waits).scalar_one()


def test_what_cannot_be_reached_waits_and_staff_are_told(engine: Engine, make_sender: Senders) -> None:
    scheduled = factories.schedule(engine, ["a@qq.example"])
    factories.start(engine)
    sender = make_sender("smtp://127.0.0.1:1?starttls=none")
    (batch_id,) = factories.batch_ids(engine)
    sender.send(batch_id)
    assert factories.states(engine) == {"a@qq.example": "pending"}
    with engine.connect() as connection:
        record = mailings.find_mailing(connection, scheduled.mailing_id)
        assert (record.reason or "").startswith("a relay cannot be used: 127.0.0.1:1: no connection")
        (row,) = of_mailing(connection, scheduled.mailing_id, None)
        assert row.attempts == 0


def test_staff_are_told_what_a_relay_said_that_would_not_have_us(engine: Engine, make_sender: Senders) -> None:
    scheduled = factories.schedule(engine, ["a@qq.example"])
    factories.start(engine)

    async def send() -> None:
        greeting = b"554 5.7.1 192.0.2.1 is on our list\r\n"
        async with serve(Script(greeting=greeting)) as server:
            sender = make_sender(f"smtp://127.0.0.1:{server.port}?starttls=none")
            await asyncio.to_thread(sender.send, *factories.batch_ids(engine))

    asyncio.run(send())
    with engine.connect() as connection:
        assert "554 5.7.1 192.0.2.1 is on our list" in (mailings.find_mailing(connection, scheduled.mailing_id).reason or "")


def test_staff_and_a_batch_that_is_given_back_with_a_trouble_do_not_wait_for_each_other(
    engine: Engine, make_sender: Senders
) -> None:
    scheduled = factories.schedule(engine, ["a@qq.example"])
    factories.start(engine)
    (batch_id,) = factories.batch_ids(engine)
    with ThreadPoolExecutor(1) as threads, engine.connect().execution_options(isolation_level="AUTOCOMMIT") as observer:
        with engine.begin() as connection:
            connection.execute(text("SELECT FROM mailing WHERE id = :id FOR UPDATE"), {"id": scheduled.mailing_id})
            sent = threads.submit(make_sender("smtp://127.0.0.1:1?starttls=none").send, batch_id)
            while not observer.execute(factories.WAITING_FOR_LOCKS).scalar_one():
                assert not sent.done()
            connection.execute(text("SELECT FROM batch FOR UPDATE NOWAIT"))
            mailings.cancel(connection, scheduled.mailing_id, datetime.now(UTC))
        sent.result()
    assert factories.states(engine) == {"a@qq.example": "skipped"}


def test_a_second_relay_takes_over_from_one_that_is_down(engine: Engine, make_sender: Senders, world: World) -> None:
    factories.schedule(engine, [f"reader{n}@163.example" for n in range(80)])
    factories.start(engine)
    urls = f"smtp://127.0.0.1:1?starttls=none&weight=1000 {world.smtp_url}?starttls=none"
    (batch_id,) = factories.batch_ids(engine)
    make_sender(urls).send(batch_id)
    assert list(factories.states(engine).values()) == ["accepted"] * 80


def test_what_one_relay_could_not_take_goes_by_the_pace_of_the_next(engine: Engine, make_sender: Senders, world: World) -> None:
    factories.schedule(engine, [f"reader{n}@163.example" for n in range(80)])
    factories.start(engine)
    make_sender(f"smtp://127.0.0.1:1?starttls=none&weight=1000 {world.smtp_url}?starttls=none&per_hour=5").send(
        *factories.batch_ids(engine)
    )
    assert 0 < list(factories.states(engine).values()).count("accepted") <= 5


def test_a_relay_that_a_batch_has_left_counts_nothing_of_it_any_more(
    engine: Engine, make_sender: Senders, world: World, redis_client: redis.Redis
) -> None:
    factories.schedule(engine, ["a@163.example"], replace(factories.TERMS, providers={"netease": Bounds(at_once=2)}))
    factories.start(engine)
    sender = make_sender(f"smtp://127.0.0.1:1?starttls=none&weight=100000 {world.smtp_url}?starttls=none")
    sender.send(*factories.batch_ids(engine))
    assert factories.states(engine) == {"a@163.example": "accepted"}
    assert redis_client.keys("*:out") == []


class AwayAtFirst:
    """A ledger that cannot be asked the first time, and then counts so many."""

    def __init__(self, used: int) -> None:
        self.used, self.asked = used, 0

    def __call__(self, *question: object) -> int:
        self.asked += 1
        if self.asked == 1:
            raise ServiceError("PostgreSQL cannot be reached")
        return self.used


def test_a_ledger_that_cannot_say_what_was_used_of_an_allowance_costs_no_answer(
    engine: Engine, make_sender: Senders, world: World
) -> None:
    ledger = AwayAtFirst(0)
    factories.schedule(engine, ["a@163.example"])
    factories.start(engine)
    make_sender(f"{world.smtp_url}?starttls=none&per_hour=60", ledger).send(*factories.batch_ids(engine))
    assert factories.states(engine) == {"a@163.example": "accepted"}
    assert ledger.asked > 1


def reason(engine: Engine, mailing_id: int) -> str | None:
    with engine.connect() as connection:
        return mailings.find_mailing(connection, mailing_id).reason


def test_a_relay_that_another_one_stood_in_for_is_no_trouble_of_what_waits_for_a_retry(
    engine: Engine, make_sender: Senders, world: World
) -> None:
    scheduled = factories.schedule(engine, ["a@qq.example", "grey@qq.example"])
    factories.start(engine)
    urls = f"smtp://127.0.0.1:1?starttls=none&weight=1000 {world.smtp_url}?starttls=none"
    make_sender(urls).send(*factories.batch_ids(engine))
    assert factories.states(engine) == {"a@qq.example": "accepted", "grey@qq.example": "deferred"}
    assert reason(engine, scheduled.mailing_id) is None


def test_a_pace_that_could_not_be_asked_for_once_is_no_trouble_of_what_waits_for_an_allowance(
    engine: Engine, make_sender: Senders, world: World
) -> None:
    scheduled = factories.schedule(engine, ["a@163.example"])
    factories.start(engine)
    make_sender(f"{world.smtp_url}?starttls=none&per_hour=60", AwayAtFirst(60)).send(*factories.batch_ids(engine))
    assert factories.states(engine) == {"a@163.example": "pending"}
    assert reason(engine, scheduled.mailing_id) is None


def test_who_leaves_while_a_batch_is_sent_is_left_alone(
    engine: Engine, make_sender: Senders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "_FRESH", 0.0)
    terms = replace(factories.TERMS, providers={"netease": Bounds(at_once=8)})
    factories.schedule(engine, [f"reader{n}@163.example" for n in range(40)], terms)
    factories.start(engine)
    leave = (
        "UPDATE subscription SET state = 'unsubscribed' FROM subscriber s WHERE s.id = subscriber_id AND address LIKE '%39@%'"
    )
    world = World(shares=NOBODY_SPECIAL, clock=Alarm(5, lambda: shift(engine, leave)))
    with running(world):
        make_sender(f"{world.smtp_url}?starttls=none").send(*factories.batch_ids(engine))
    found = factories.states(engine)
    assert found.pop("reader39@163.example") == "skipped"
    assert set(found.values()) == {"accepted"}
    assert "reader39@163.example" not in world.ledger.recipients()


def test_a_batch_waits_for_the_relay_whose_allowance_is_new_first(engine: Engine, make_sender: Senders) -> None:
    factories.schedule(engine, ["a@163.example"])
    factories.start(engine)
    urls = "smtp://127.0.0.1:1?name=day&weight=1000&per_day=10 smtp://127.0.0.1:1?name=hour&per_hour=10"
    make_sender(urls, lambda *_: 10).send(*factories.batch_ids(engine))
    with engine.connect() as connection:
        wait = connection.execute(text("SELECT due_at - now() FROM batch")).scalar_one()
    assert timedelta() < wait <= timedelta(hours=1)


def test_what_one_relay_may_not_give_a_provider_any_more_today_another_one_does(
    engine: Engine, make_sender: Senders, world: World
) -> None:
    terms = replace(factories.TERMS, providers={"netease": Bounds(per_day=10)})
    factories.schedule(engine, [f"reader{n}@163.example" for n in range(40)], terms)
    factories.start(engine)
    urls = f"{world.smtp_url}?starttls=none&name=one {world.smtp_url}?starttls=none&name=other"
    make_sender(urls).send(*factories.batch_ids(engine))
    assert Counter(factories.states(engine).values()) == {"accepted": 20, "pending": 20}


def test_the_pace_holds_over_the_batches_of_a_mailing(engine: Engine, make_sender: Senders, world: World) -> None:
    terms = Terms(factories.LETTERHEAD, pace=Rate(40, 1))
    factories.schedule(engine, [f"reader{n}@163.example" for n in range(40)], terms)
    factories.start(engine)
    (batch_id,) = factories.batch_ids(engine)
    began = time.time()  # and not when the server saw the first, which may have been kept waiting by others
    make_sender(f"{world.smtp_url}?starttls=none").send(batch_id)
    accounts = [world.ledger.recipient(address) for address in factories.states(engine)]
    times = sorted(account.first_kept_at for account in accounts if account.first_kept_at is not None)
    assert len(times) == 40
    assert times[-1] - began >= (40 - 10) / 40 * 0.95  # all but the first quarter second's worth had to wait


def test_a_worker_that_is_to_end_does_not_wait_for_a_relay_that_says_nothing(engine: Engine, make_sender: Senders) -> None:
    factories.schedule(engine, [f"reader{n}@qq.example" for n in range(200)])
    factories.start(engine)
    (batch_id,) = factories.batch_ids(engine)

    def fall_silent() -> None:
        relay.become(Wire.MUTE)
        sender.drain(patience=0.1)

    world = World(shares=NOBODY_SPECIAL, clock=Alarm(20, fall_silent))
    with running(world), Proxy(("127.0.0.1", world.port)).running() as relay:
        sender = make_sender(f"smtp://127.0.0.1:{relay.port}?starttls=none")
        sender.send(batch_id)
        found = Counter(factories.states(engine).values())
        relay.drop()
    assert found.keys() == {"accepted", "in_doubt", "pending"}
    assert 1 <= found["in_doubt"] <= WINDOW
    with engine.connect() as connection:
        assert connection.execute(text("SELECT lease, due_at <= now() FROM batch")).one() == (None, True)


def test_a_worker_that_is_to_end_does_not_wait_either_for_what_it_sent_under_a_lease_that_it_lost(
    engine: Engine, make_sender: Senders
) -> None:
    factories.schedule(engine, ["a@qq.example"])
    factories.start(engine)
    dotted = asyncio.Event()

    def say_nothing(line: str, _: int) -> Answer:
        if line != ".":
            return None
        dotted.set()
        return Act.READ_A_LITTLE

    async def send() -> None:
        async with serve(Script(answer=say_nothing)) as server, asyncio.timeout(30):
            sender = make_sender(f"smtp://127.0.0.1:{server.port}?starttls=none")
            sent = asyncio.create_task(asyncio.to_thread(sender.send, *factories.batch_ids(engine)))
            await dotted.wait()
            shift(engine, "UPDATE batch SET lease = gen_random_uuid()")
            await sent
            sender.drain(patience=0)
            while server.open_now:  # noqa: ASYNC110 - what is waited for has no event of its own
                await asyncio.sleep(0)

    asyncio.run(send())


def test_a_worker_does_not_take_its_own_batch_over(
    engine: Engine, make_sender: Senders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could not reach the database for a while, and knows all that servers answered meanwhile."""
    monkeypatch.setattr(sending, "_HEARTBEAT", 3600.0)  # With one of these it would have its lease anew.
    factories.schedule(engine, [f"reader{n}@qq.example" for n in range(30)])
    factories.start(engine)
    (batch_id,) = factories.batch_ids(engine)
    alarm = Alarm(5, lambda: relay.become(Wire.MUTE))
    world = World(shares=NOBODY_SPECIAL, clock=alarm)
    with running(world), Proxy(("127.0.0.1", world.port)).running() as relay, ThreadPoolExecutor(2) as threads:
        sender = make_sender(f"smtp://127.0.0.1:{relay.port}?starttls=none")
        sent = threads.submit(sender.send, batch_id)
        alarm.wait()
        shift(engine, "UPDATE batch SET lease_until = now() - interval '1 second', queued_at = now()")
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as observer:
            lease = observer.execute(text("SELECT lease FROM batch")).scalar_one()
            again = threads.submit(sender.send, batch_id)
            while not again.done() and observer.execute(text("SELECT lease FROM batch")).scalar_one() == lease:
                pass
        relay.become(Wire.WHOLE)
        sent.result()
        again.result()
    assert set(factories.states(engine).values()) == {"accepted"}
    assert {account.kept for account in world.ledger.recipients().values()} == {1}


def test_a_batch_that_a_worker_no_longer_takes_is_queued_again_at_once(
    engine: Engine, make_sender: Senders, world: World
) -> None:
    factories.schedule(engine, ["a@qq.example"])
    factories.start(engine)
    draining = make_sender(f"{world.smtp_url}?starttls=none")
    draining.drain()
    soon = datetime.now(UTC) + timedelta(seconds=1)
    for _ in range(2):
        with engine.begin() as connection:
            (batch_id,) = planning.queue_due(connection, soon, 16)
        draining.send(batch_id)
    assert world.ledger.recipients() == {}


def test_a_mailing_that_is_paused_in_the_middle_of_a_batch_stops_and_loses_nobody_and_nothing_of_an_allowance(
    engine: Engine, make_sender: Senders, world: World, redis_client: redis.Redis
) -> None:
    terms = Terms(factories.LETTERHEAD, pace=Rate(50, 1))
    scheduled = factories.schedule(engine, [f"reader{n}@163.example" for n in range(500)], terms)
    factories.start(engine)
    with engine.begin() as connection:
        connection.execute(
            text(
                "CREATE FUNCTION pause_soon() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                " UPDATE mailing SET status = 'paused' WHERE id = NEW.mailing_id; RETURN NEW; END $$"
            )
        )
        connection.execute(
            text(
                "CREATE TRIGGER pause_soon AFTER UPDATE ON delivery FOR EACH ROW WHEN (NEW.state = 'accepted')"
                " EXECUTE FUNCTION pause_soon()"
            )
        )
    try:
        (batch_id,) = factories.batch_ids(engine)
        make_sender(f"{world.smtp_url}?starttls=none&name=r&per_day=1000").send(batch_id)
    finally:
        with engine.begin() as connection:
            connection.execute(text("DROP FUNCTION pause_soon CASCADE"))
    found = factories.states(engine)
    accepted = [address for address, state in found.items() if state == "accepted"]
    assert 0 < len(accepted) <= 64 + 16
    assert set(found.values()) == {"accepted", "pending"}
    assert {address for address, account in world.ledger.recipients().items() if account.kept} == set(accepted)
    assert redis_client.hget("jianbao:pace:relay:r", "day:used") == b"%d" % len(accepted)
    with engine.begin() as connection:
        mailings.resume(connection, scheduled.mailing_id, datetime.now(UTC))
        claimed = deliveries.claim(connection, batch_id, "next", datetime.now(UTC) + timedelta(seconds=1))
        assert claimed is not None
        assert len(deliveries.read_due(connection, claimed)) == 500 - len(accepted)
    assert isinstance(world.ledger, Ledger)
