"""Who is behind a domain, by its MX: a real PostgreSQL and a name server on loopback."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import dns.asyncresolver
import dns.rcode
from sqlalchemy import Engine, text

from mailer import exchanges, planning
from mailer.deliveries import of_mailing
from mailer.exchanges import Lookout, Recognised, recognise
from mailer.provider import ProviderTable
from subscribers.errors import ServiceError
from tests import factories
from tests.name_server import Zone, resolver_elsewhere

PROVIDERS = ProviderTable.load()
ZONE: Zone = {
    "inst.ac.test MX": ["5 mxbiz1.qq.com.", "10 mxbiz2.qq.com."],
    "univ.test MX": ["10 mx.univ.test."],
    "null.test MX": ["0 ."],
    "alone.test A": ["192.0.2.1"],
    "broken.test MX": dns.rcode.SERVFAIL,
}


@dataclass
class Names:
    """A resolver that is made anew each time it is asked for, as the scheduler's is, and what was asked."""

    make: Callable[[], dns.asyncresolver.Resolver]
    queries: list[str] = field(default_factory=list)


@contextmanager
def names(zone: Zone) -> Iterator[Names]:
    with resolver_elsewhere(zone) as (resolver, server):
        yield Names(lambda: resolver, server.queries)


def known(engine: Engine) -> dict[str, tuple[str, str | None]]:
    with engine.connect() as connection:
        return {row.domain: (row.provider, row.mx) for row in connection.execute(text("SELECT * FROM mail_domain"))}


def make_stale(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE mail_domain SET checked_at = checked_at - interval '8 days'"))


def people(*domains: str) -> list[str]:
    return [f"reader@{domain}" for domain in domains]


def test_a_domain_s_provider_is_the_one_that_its_mx_belongs_to(engine: Engine) -> None:
    list_id = factories.subscribe(
        engine, people("inst.ac.test", "univ.test", "null.test", "gone.test", "alone.test", "broken.test")
    )
    with names(ZONE) as server:
        assert recognise(engine, [list_id], PROVIDERS, server.make) == 5
    assert known(engine) == {
        "inst.ac.test": ("tencent", "mxbiz1.qq.com"),
        "univ.test": ("other", "mx.univ.test"),
        "null.test": ("other", None),
        "gone.test": ("other", None),
        "alone.test": ("other", "alone.test"),
    }


def test_what_is_known_is_not_asked_until_a_week_has_passed(engine: Engine) -> None:
    list_id = factories.subscribe(engine, people("inst.ac.test", "qq.com", "inst.example"))
    with names(ZONE) as server:
        recognise(engine, [list_id], PROVIDERS, server.make)
        assert server.queries == ["inst.ac.test MX"]
        assert recognise(engine, [list_id], PROVIDERS, server.make) == 0
        assert server.queries == ["inst.ac.test MX"]
        make_stale(engine)
        assert recognise(engine, [list_id], PROVIDERS, server.make) == 1
        assert server.queries == ["inst.ac.test MX"] * 2


def test_what_was_known_stands_when_nobody_answers(engine: Engine) -> None:
    list_id = factories.subscribe(engine, people("broken.test"))
    with engine.begin() as connection:
        exchanges.remember(connection, [Recognised("broken.test", "netease", "mx.netease.com")], datetime.now(UTC))
    make_stale(engine)
    with names(ZONE) as server:
        assert recognise(engine, [list_id], PROVIDERS, server.make) == 0
    assert known(engine) == {"broken.test": ("netease", "mx.netease.com")}


def test_the_plan_knows_providers_by_domain_first_and_then_by_mx(engine: Engine) -> None:
    scheduled = factories.schedule(engine, people("inst.ac.test", "qq.com", "unknown.test"))
    with names(ZONE) as server:
        recognise(engine, [scheduled.list_id], PROVIDERS, server.make)
    with engine.begin() as connection:
        exchanges.remember(connection, [Recognised("qq.com", "netease", None)], datetime.now(UTC))
        expected = {"tencent": 2, "other": 1}
        assert planning.recipients_by_provider(connection, scheduled.mailing_id, PROVIDERS.provider_of_domain) == expected
        planning.start_due(connection, datetime.now(UTC), PROVIDERS.provider_of_domain)
        rows = {row.address: row.provider for row in of_mailing(connection, scheduled.mailing_id, None)}
    assert rows == {"reader@inst.ac.test": "tencent", "reader@qq.com": "tencent", "reader@unknown.test": "other"}


def test_a_lookout_asks_for_mailings_that_start_within_the_hour_and_then_rests(engine: Engine) -> None:
    now = [1000.0]
    scheduled = factories.schedule(engine, people("inst.ac.test"))
    with names(ZONE) as server:
        lookout = Lookout(engine, PROVIDERS, server.make, clock=lambda: now[0])
        set_time(engine, scheduled.mailing_id, datetime.now(UTC) + timedelta(hours=2))
        lookout.look()
        assert server.queries == []
        set_time(engine, scheduled.mailing_id, datetime.now(UTC) + timedelta(minutes=59))
        lookout.look()
        lookout.look()
        assert server.queries == ["inst.ac.test MX"]
        factories.subscribe(engine, people("univ.test"))
        lookout.look()
        assert server.queries == ["inst.ac.test MX"]
        now[0] += 300
        lookout.look()
        assert server.queries == ["inst.ac.test MX", "univ.test MX"]


def set_time(engine: Engine, mailing_id: int, at: datetime) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE mailing SET at = :at WHERE id = :id"), {"at": at, "id": mailing_id})


def test_a_name_server_that_says_nothing_costs_a_few_seconds_once(engine: Engine) -> None:
    factories.schedule(engine, people(*(f"inst{number}.test" for number in range(200))))
    with names({f"inst{number}.test MX": None for number in range(200)}) as server:
        server.make().lifetime = 60
        lookout = Lookout(engine, PROVIDERS, server.make, clock=lambda: 1000.0)
        began = time.monotonic()
        lookout.look()
        assert time.monotonic() - began < 10
        asked = len(server.queries)
        lookout.look()
        assert len(server.queries) == asked
    assert known(engine) == {}


def test_without_any_name_server_mailings_start_all_the_same(engine: Engine) -> None:
    def none() -> dns.asyncresolver.Resolver:
        raise ServiceError("no name server is configured on this machine.")

    factories.schedule(engine, people("inst.ac.test"))
    Lookout(engine, PROVIDERS, none).look()
    assert len(factories.start(engine)) == 1


def test_many_domains_are_asked_at_once(engine: Engine) -> None:
    list_id = factories.subscribe(engine, people(*(f"inst{number}.test" for number in range(300))))
    with names({f"inst{number}.test MX": ["5 mx.163.com."] for number in range(300)}) as server:
        while recognise(engine, [list_id], PROVIDERS, server.make):
            pass
    assert {provider for provider, _ in known(engine).values()} == {"netease"}
    assert len(known(engine)) == 300
