"""Mailings and test copies by the recipients' own hosts, against a real PostgreSQL."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import dns.asyncresolver
import dns.rcode
import pytest
import redis
from sqlalchemy import Engine, text

from mailer import issues, standstill
from mailer.deliveries import of_mailing
from mailer.pacing import LoopPacer
from mailer.relay import parse_relays
from mailer.reply import ReplyTable
from mailer.sending import Equipment, Sender
from mailer.sending.routes import Routes
from mailer.settings import read_settings
from mailer.tokens import Tokens
from mailer.trial import send_copies
from mailer.world.shares import FateKind, Shares
from mailer.world.world import World, running
from subscribers.address import parse_address
from tests import factories
from tests.name_server import Zone, resolver_elsewhere


def direct_sender(engine: Engine, redis_url: str, resolver: dns.asyncresolver.Resolver, port: int, options: str = "") -> Sender:
    return Sender(
        Equipment(
            engine=engine,
            pacer=LoopPacer(redis_url),
            relays=[replace(parse_relays(f"mx://?helo=mail.sender.test{options}")[0], port=port)],
            tokens=Tokens(b"a key of tests, long enough"),
            table=ReplyTable.load(),
            worker="test",
            rng=random.Random(7),
            routes=lambda rng: Routes(resolver, rng, on_loopback=True),
        )
    )


def test_what_is_put_off_because_no_host_can_be_had_uses_up_no_allowance(
    engine: Engine, redis_url: str, redis_client: redis.Redis
) -> None:
    factories.schedule(engine, [f"reader{number}@{domain}.test" for domain in ("down", "live") for number in range(10)])
    factories.start(engine)
    zone: Zone = {"live.test A": ["127.0.0.1"], "down.test A": ["127.0.0.9"]}
    with running(World(shares=Shares.parse("none"))) as world, resolver_elsewhere(zone) as (resolver, _):
        sender = direct_sender(engine, redis_url, resolver, world.port, "&per_hour=50")
        for batch_id in factories.batch_ids(engine):
            sender.send(batch_id)
        sender.close()
    assert sorted(factories.states(engine).values()) == ["accepted"] * 10 + ["deferred"] * 10
    assert redis_client.hget("jianbao:pace:relay:mx", "hour:used") == b"10"


def test_a_few_whose_domains_cannot_be_looked_up_make_no_mailing_stuck_whatever_our_name_for_the_way_is(
    engine: Engine, redis_url: str
) -> None:
    factories.schedule(engine, ["d@lame.test", *(f"reader{number}@live.test" for number in range(20))])
    factories.start(engine)
    zone: Zone = {"live.test A": ["127.0.0.1"], "lame.test MX": dns.rcode.SERVFAIL}
    with running(World(shares=Shares.parse("none"))) as world, resolver_elsewhere(zone) as (resolver, _):
        sender = direct_sender(engine, redis_url, resolver, world.port, "&name=ourselves")
        for batch_id in factories.batch_ids(engine):
            sender.send(batch_id)
        sender.close()
    with engine.begin() as connection:
        connection.execute(text("UPDATE mailing SET started_at = started_at - interval '1 hour'"))
        connection.execute(text("UPDATE delivery SET settled_at = settled_at - interval '1 hour'"))
        assert standstill.mark(connection, datetime.now(UTC)) == []


def test_a_dead_domain_stops_no_batch_and_the_record_names_each_host(engine: Engine, redis_url: str) -> None:
    people = [f"reader{number}@live.test" for number in range(20)]
    scheduled = factories.schedule(
        engine, ["a@null.test", "b@down.test", *people, "gone@live.test", "c@nowhere.test", "d@lame.test"]
    )
    factories.start(engine)
    zone: Zone = {
        "live.test MX": ["10 mx.live.test."],
        "mx.live.test A": ["127.0.0.1"],
        "null.test MX": ["0 ."],
        "down.test MX": ["10 mx.down.test."],
        "mx.down.test A": ["127.0.0.9"],
        "lame.test MX": dns.rcode.SERVFAIL,
    }
    world = World(shares=Shares.parse("none"), fixed={"gone@live.test": FateKind.UNKNOWN_USER})
    with running(world), resolver_elsewhere(zone) as (resolver, _):
        sender = direct_sender(engine, redis_url, resolver, world.port)
        for batch_id in factories.batch_ids(engine):
            sender.send(batch_id)
        sender.close()
    with engine.connect() as connection:
        rows = {row.address: row for row in of_mailing(connection, scheduled.mailing_id, None)}
    assert {(rows[address].state, rows[address].relay) for address in people} == {("accepted", "mx/mx.live.test")}
    assert {
        address: (row.state, row.reason, row.relay, row.attempts) for address, row in rows.items() if address not in people
    } == {
        "gone@live.test": ("bounced", "unknown_user", "mx/mx.live.test", 1),
        "a@null.test": ("bounced", "domain_dead", "mx", 1),
        "c@nowhere.test": ("bounced", "domain_dead", "mx", 1),
        "b@down.test": ("deferred", "unreachable", "mx/mx.down.test", 0),
        "d@lame.test": ("deferred", "unreachable", "mx/lame.test", 0),
    }
    assert rows["b@down.test"].next_attempt_at is not None
    assert all(world.ledger.recipient(address).kept == 1 for address in people)


@pytest.mark.parametrize(("age", "wait"), [("1 minute", 30), ("8 hours", 3600), ("71 hours", 4 * 3600), ("73 hours", None)])
def test_what_cannot_be_reached_is_tried_ever_less_often_and_given_up(
    engine: Engine, redis_url: str, age: str, wait: int | None
) -> None:
    scheduled = factories.schedule(engine, ["a@down.test"])
    factories.start(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET deferred_at = now() - CAST(:age AS interval)"), {"age": age})
    (batch_id,) = factories.batch_ids(engine)
    with resolver_elsewhere({"down.test A": ["127.0.0.9"]}) as (resolver, _):
        sender = direct_sender(engine, redis_url, resolver, 1)
        sender.send(batch_id)
        sender.close()
    with engine.connect() as connection:
        (row,) = of_mailing(connection, scheduled.mailing_id, None)
    assert (row.state, row.reason) == ("deferred" if wait else "failed", "unreachable")
    if wait:
        assert row.next_attempt_at is not None
        assert wait - 10 < (row.next_attempt_at - datetime.now(UTC)).total_seconds() < wait + 60


def test_a_test_copy_goes_the_same_way(engine: Engine, tmp_path: Path) -> None:
    factories.schedule(engine, [])
    with engine.begin() as connection:
        issues.set_sender(connection, "bulletin", "news@sender.test")
        stored = issues.find_issue(connection, "2026-11")
    environ = {"JIANBAO_DATA_DIR": str(tmp_path), "JIANBAO_SMTP_URL": "mx://?helo=mail.sender.test"}
    zone: Zone = {"null.test MX": ["0 ."], "lame.test MX": dns.rcode.SERVFAIL}
    with resolver_elsewhere(zone) as (resolver, _):
        copies = send_copies(
            stored,
            [parse_address("a@null.test"), parse_address("b@lame.test")],
            read_settings(environ, tmp_path / ".env"),
            lambda rng: Routes(resolver, rng),
        )
    assert [(copy.address, copy.accepted) for copy in copies] == [("a@null.test", False), ("b@lame.test", False)]
    assert copies[0].answer.startswith("556 5.1.10 ")
    assert "name servers" in copies[1].answer
