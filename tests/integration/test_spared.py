"""Providers and relays that are spared: what one answer closes, for whom, and that it never holds up the others."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import redis
from sqlalchemy import Engine, text

from mailer import usage
from mailer.deliveries import of_mailing
from mailer.pacing import Grant, Limit, LoopPacer, Pacer, Stretch, Tally
from mailer.rate import Bounds, Rate
from mailer.relay import parse_relays
from mailer.reply import ReplyTable
from mailer.sending import WINDOW, Equipment, Sender
from mailer.sending.window import Kind
from mailer.terms import provider_limit, relay_limit
from mailer.tokens import Tokens
from mailer.world.shares import FateKind, Shares
from mailer.world.world import World, running
from tests import factories

NOBODY_SPECIAL = Shares.parse("none")
Send = Callable[[str], Sender]


@pytest.fixture
def sender_to(engine: Engine, redis_url: str) -> Iterator[Send]:
    """Makes senders to relays; they say goodbye when the test ends."""
    with ExitStack() as stack:

        def make(urls: str) -> Sender:
            equipment = Equipment(
                engine=engine,
                pacer=LoopPacer(redis_url),
                relays=parse_relays(urls),
                tokens=Tokens(b"a key of tests, long enough"),
                table=ReplyTable.load(),
                worker="test",
                rng=random.Random(7),
            )
            sender = Sender(equipment)
            stack.callback(sender.close)
            return sender

        yield make


@contextmanager
def world(fates: dict[str, FateKind] | None = None, slow_seconds: float = 0.5) -> Iterator[tuple[World, str]]:
    """A mail world and its URL."""
    with running(World(shares=NOBODY_SPECIAL, fixed=fates or {}, slow_seconds=slow_seconds)) as served:
        yield served, f"{served.smtp_url}?starttls=none"


def relay_label(url: str) -> str:
    (relay,) = parse_relays(url)
    return relay.label


def counts(engine: Engine) -> dict[str, int]:
    found = list(factories.states(engine).values())
    return {state: found.count(state) for state in set(found)}


def due_in(engine: Engine) -> timedelta:
    with engine.connect() as connection:
        due_at: datetime = connection.execute(text("SELECT min(due_at) FROM batch")).scalar_one()
    return due_at - datetime.now(UTC)


def test_a_provider_that_says_too_often_is_left_alone_by_everybody(
    engine: Engine, redis_client: redis.Redis, sender_to: Send
) -> None:
    readers = ["often@qq.example", *(f"reader{n}@qq.example" for n in range(300))]
    terms = replace(factories.TERMS, providers={"tencent": Bounds(at_once=2)})
    factories.schedule(engine, readers, terms)
    factories.start(engine)
    (batch_id,) = factories.batch_ids(engine)
    with world({"often@qq.example": FateKind.FREQUENCY}) as (_, url):
        sender = sender_to(url)
        sender.send(batch_id)
        pacer, name = Pacer(redis_client), provider_limit(relay_label(url), "tencent")
        assert timedelta(minutes=9) < pacer.standing(name).closed_for < timedelta(minutes=13)
        assert pacer.standing(name).factor == 0.5
        found = counts(engine)
        assert found["deferred"] == 1
        assert found["pending"] >= 280
        sender.send(batch_id)
        assert counts(engine) == found
    assert timedelta(minutes=9) < due_in(engine) < timedelta(minutes=13)


def test_one_of_many_small_servers_that_says_too_often_closes_no_other(engine: Engine, sender_to: Send) -> None:
    readers = ["often@inst0.example", *(f"reader@inst{n}.example" for n in range(100))]
    factories.schedule(engine, readers)
    factories.start(engine)
    (batch_id,) = factories.batch_ids(engine)
    with world({"often@inst0.example": FateKind.FREQUENCY}) as (_, url):
        sender_to(url).send(batch_id)
    assert counts(engine) == {"deferred": 1, "accepted": 100}


def test_where_one_relay_is_closed_another_takes_the_mail(engine: Engine, redis_client: redis.Redis, sender_to: Send) -> None:
    factories.schedule(engine, [f"reader{n}@qq.example" for n in range(20)])
    factories.start(engine)
    (batch_id,) = factories.batch_ids(engine)
    with world() as (closed, closed_url), world() as (open_, open_url):
        Pacer(redis_client).cool(relay_limit(relay_label(closed_url)), timedelta(hours=1), slower=False)
        sender_to(f"{closed_url}&weight=1000 {open_url}").send(batch_id)
        assert counts(engine) == {"accepted": 20}
        assert len(open_.ledger.recipients()) == 20
        assert not closed.ledger.recipients()


def test_what_is_over_one_relays_allowance_goes_through_another_or_waits_for_midnight(engine: Engine, sender_to: Send) -> None:
    factories.schedule(engine, [f"reader{n}@qq.example" for n in range(30)])
    factories.start(engine)
    (batch_id,) = factories.batch_ids(engine)
    with world() as (first, first_url), world() as (second, second_url):
        urls = f"{first_url}&per_day=5&weight=100000 {second_url}&per_day=10"
        sender = sender_to(urls)
        for _ in range(3):
            sender.send(batch_id)
        assert (len(first.ledger.recipients()), len(second.ledger.recipients())) == (5, 10)
        assert counts(engine) == {"accepted": 15, "pending": 15}
    assert timedelta() < due_in(engine) <= timedelta(hours=24)


def test_the_ledger_knows_what_was_handed_to_a_relay_and_for_whom(engine: Engine, sender_to: Send) -> None:
    began = datetime.now(UTC) - timedelta(seconds=1)
    scheduled = factories.schedule(engine, [f"reader{n}@{host}.example" for n in range(4) for host in ("qq", "163", "163x")])
    factories.start(engine)
    with world() as (_, url):
        sender = sender_to(url)
        for batch_id in factories.batch_ids(engine):
            sender.send(batch_id)
        label = relay_label(url)
    now = datetime.now(UTC) + timedelta(seconds=1)
    with engine.connect() as connection:
        assert {row.relay for row in of_mailing(connection, scheduled.mailing_id, None)} == {label}
        assert usage.handed_over(connection, Tally(label), began, now) == 12
        assert usage.handed_over(connection, Tally(label, "netease"), began, now) == 4
        assert usage.handed_over(connection, Tally("another"), began, now) == 0
        assert usage.handed_over(connection, Tally(label), began - timedelta(days=1), began) == 0
    assert usage.counter(engine)(Tally(label, "tencent"), began, now) == 4


def open_when_the_others_are_done(engine: Engine, sender_to: Send, url: str) -> int:
    """How much of one provider's mail is still to be sent when everybody else's is, all batches being at work at once."""
    terms = replace(
        factories.TERMS, provider_pace={"netease": Rate(100, 1)}, providers={"tencent": Bounds(Rate(50, 1), at_once=2)}
    )
    readers = [f"reader{n}@163.example" for n in range(150)] + [f"reader{n}@qq.example" for n in range(200)]
    factories.schedule(engine, readers, terms)
    factories.start(engine)
    netease, tencent = factories.batch_ids(engine)
    sender = sender_to(f"{url}&connections=4")
    with ThreadPoolExecutor() as threads:
        slow = threads.submit(sender.send, tencent)
        sender.send(netease)
        found = factories.states(engine)
        sender.drain()
        slow.result()
    assert {state for address, state in found.items() if "@163" in address} == {"accepted"}
    return sum(state != "accepted" for address, state in found.items() if "@qq" in address)


@pytest.mark.parametrize("hindrance", ["tarpitted", "closed"])
def test_one_provider_that_is_slow_or_closed_holds_up_no_other(
    engine: Engine, redis_client: redis.Redis, sender_to: Send, hindrance: str
) -> None:
    fates = {f"reader{n}@qq.example": FateKind.SLOW for n in range(200)} if hindrance == "tarpitted" else {}
    with world(fates, slow_seconds=1.0) as (_, url):
        if hindrance == "closed":
            Pacer(redis_client).cool(provider_limit(relay_label(url), "tencent"), timedelta(hours=1), slower=True)
        left = open_when_the_others_are_done(engine, sender_to, url)
    # Two at once, a second each: had the others waited for these, none would be left.
    assert left >= 100


def test_a_provider_that_answers_nothing_at_all_holds_up_no_other(engine: Engine, sender_to: Send) -> None:
    """Nothing but the shares of connections and of the window bounds it, and what is begun with comes back never."""
    readers = [f"reader{n}@{host}.example" for n in range(200) for host in ("qq", "163")]
    factories.schedule(engine, readers)
    factories.start(engine)
    silent, quick = _batches_of(engine, "tencent", "netease")
    fates = {reader: FateKind.SLOW for reader in readers if "@qq" in reader}
    with world(fates, slow_seconds=3600) as (served, url), ThreadPoolExecutor() as threads:
        sender = sender_to(f"{url}&connections=4")
        waiting = threads.submit(sender.send, silent)
        try:
            threads.submit(sender.send, quick).result(timeout=60)
            found = factories.states(engine)
        finally:
            sender.drain(patience=0)
            waiting.result()
    assert {state for address, state in found.items() if "@163" in address} == {"accepted"}
    assert any("@qq" in address for address in served.ledger.recipients())


def test_slots_that_are_fewer_than_a_grain_are_enough_for_who_has_none(engine: Engine, sender_to: Send) -> None:
    factories.schedule(engine, [f"reader{n}@163.example" for n in range(40)])
    factories.start(engine)
    (batch_id,) = factories.batch_ids(engine)
    with world() as (_, url), ThreadPoolExecutor() as threads:
        sender = sender_to(url)
        sender.window.take(WINDOW - 11, Kind(0, "tencent"))  # and they never come back
        try:
            threads.submit(sender.send, batch_id).result(timeout=30)
        finally:
            sender.drain()
    assert counts(engine) == {"accepted": 40}


def _batches_of(engine: Engine, *providers: str) -> list[int]:
    with engine.connect() as connection:
        found = {row.provider: row.id for row in connection.execute(text("SELECT provider, id FROM batch"))}
    return [found[provider] for provider in providers]


def test_what_the_pace_does_not_grant_leaves_the_window_to_others(
    engine: Engine, redis_url: str, redis_client: redis.Redis
) -> None:
    """A batch that waits for its provider holds no slots meanwhile: they would be missing to everybody else's."""
    factories.schedule(engine, [f"reader{n}@qq.example" for n in range(100)])
    factories.start(engine)
    (batch_id,) = factories.batch_ids(engine)
    asked, free = threading.Event(), []

    class Watched(LoopPacer):
        async def take(self, limits: Sequence[Limit], wanted: int, *, holder: str, out: int, stretch: Stretch | None) -> Grant:
            grant = await super().take(limits, wanted, holder=holder, out=out, stretch=stretch)
            if wanted:
                free.append(window.free)  # While the question is open they are ours.
                asyncio.get_running_loop().call_soon(lambda: (free.append(window.free), asked.set()))
            return grant

    with world() as (_, url), ThreadPoolExecutor(1) as thread:
        Pacer(redis_client).cool(provider_limit(relay_label(url), "tencent"), timedelta(seconds=8), slower=False)
        table, tokens = ReplyTable.load(), Tokens(b"a key of tests, long enough")
        sender = Sender(Equipment(engine, Watched(redis_url), parse_relays(url), tokens, table, "test", random.Random(7)))
        window = sender.window
        under_way = thread.submit(sender.send, batch_id)
        assert asked.wait(10)
        sender.drain()
        under_way.result()
        sender.close()
    assert free[:2] == [WINDOW - 32, WINDOW]
