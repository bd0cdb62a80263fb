"""MX lookups against a name server on loopback."""

from __future__ import annotations

import asyncio
import random

import dns.rcode
import pytest

from mailer.mx import MOST_HOSTS, DomainDead, LookupFailed, MailHost, MailHosts, Route, find_exchanges, find_route
from mailer.reply import Meaning, ReplyTable
from tests.name_server import Zone, resolver_of


def route(domain: str, zone: Zone, seed: int = 1) -> Route:
    async def ask() -> Route:
        async with resolver_of(zone) as (resolver, _):
            return await find_route(domain, resolver, random.Random(seed))

    return asyncio.run(ask())


def names(found: Route) -> list[str]:
    assert isinstance(found, MailHosts), found
    return [host.name for host in found.hosts]


def test_hosts_come_in_the_order_of_preference_with_all_their_addresses() -> None:
    zone: Zone = {
        "inst.test MX": ["20 second.test.", "10 First.test."],
        "First.test A": ["192.0.2.1", "192.0.2.2"],
        "First.test AAAA": ["2001:db8::1"],
        "second.test A": ["192.0.2.3"],
    }
    found = route("inst.test", zone)
    assert isinstance(found, MailHosts)
    assert found.hosts[0].name == "first.test"
    assert found.hosts[0].addresses[0] == "2001:db8::1"
    assert sorted(found.hosts[0].addresses[1:]) == ["192.0.2.1", "192.0.2.2"]
    assert found.hosts[1] == MailHost("second.test", 20, ("192.0.2.3",))


def test_equal_preferences_share_the_load_by_chance() -> None:
    zone: Zone = {
        "inst.test MX": ["10 a.test.", "10 b.test.", "20 c.test."],
        **{f"{host}.test A": ["192.0.2.1"] for host in "abc"},
    }
    orders = {tuple(names(route("inst.test", zone, seed))) for seed in range(12)}
    assert orders == {("a.test", "b.test", "c.test"), ("b.test", "a.test", "c.test")}


def test_a_domain_without_mx_is_its_own_mail_host() -> None:
    assert route("inst.test", {"inst.test A": ["192.0.2.1"]}) == MailHosts((MailHost("inst.test", 0, ("192.0.2.1",)),))


def test_a_domain_with_mx_is_not_tried_at_its_own_address() -> None:
    zone: Zone = {"inst.test MX": ["10 gone.test."], "inst.test A": ["192.0.2.1"]}
    found = route("inst.test", zone)
    assert found == LookupFailed("inst.test: none of its mail hosts has an address (gone.test)")


def test_a_null_mx_is_final() -> None:
    found = route("inst.test", {"inst.test MX": ["0 ."], "inst.test A": ["192.0.2.1"]})
    assert isinstance(found, DomainDead)
    assert (found.reply.code, found.reply.enhanced, found.reply.host) == (556, "5.1.10", "inst.test")


def test_a_null_mx_beside_others_means_nothing() -> None:
    assert names(route("inst.test", {"inst.test MX": ["0 .", "10 mx.test."], "mx.test A": ["192.0.2.1"]})) == ["mx.test"]


@pytest.mark.parametrize("zone", [{}, {"inst.test TXT": ["x"]}])
def test_a_domain_that_is_not_there_is_dead(zone: Zone) -> None:
    found = route("inst.test", zone)
    assert isinstance(found, DomainDead)
    assert (found.reply.code, found.reply.enhanced) == (550, "5.1.2")


@pytest.mark.parametrize("fault", [dns.rcode.SERVFAIL, dns.rcode.REFUSED, None])
@pytest.mark.parametrize("asked", ["inst.test MX", "inst.test A"])
def test_a_name_server_that_fails_says_nothing_about_the_domain(asked: str, fault: dns.rcode.Rcode | None) -> None:
    assert isinstance(route("inst.test", {asked: fault}), LookupFailed)


def test_a_mail_host_that_cannot_be_looked_up_costs_only_itself() -> None:
    zone: Zone = {
        "inst.test MX": ["10 broken.test.", "20 half.test.", "30 sound.test."],
        "broken.test A": dns.rcode.SERVFAIL,
        "broken.test AAAA": dns.rcode.SERVFAIL,
        "half.test A": ["192.0.2.2"],
        "half.test AAAA": dns.rcode.SERVFAIL,
        "sound.test A": ["192.0.2.3"],
    }
    assert names(route("inst.test", zone)) == ["half.test", "sound.test"]


def test_a_chinese_domain_is_asked_for_by_its_a_label() -> None:
    zone: Zone = {"xn--fsqu00a.xn--0zwm56d MX": ["10 mx.test."], "mx.test A": ["192.0.2.1"]}
    assert names(route("例子.测试", zone)) == ["mx.test"]


@pytest.mark.parametrize("domain", ["", ".", "a..test", "x" * 64 + ".test", "＠.测试"])
def test_what_is_no_domain_name_is_dead(domain: str) -> None:
    assert isinstance(route(domain, {}), DomainDead)


def test_no_more_hosts_are_looked_up_than_would_be_tried() -> None:
    zone: Zone = {
        "inst.test MX": [f"{number} mx{number}.test." for number in range(30)],
        **{f"mx{number}.test A": ["192.0.2.1"] for number in range(30)},
    }
    assert names(route("inst.test", zone)) == [f"mx{number}.test" for number in range(MOST_HOSTS)]


def exchanges(domain: str, zone: Zone) -> tuple[str, ...] | None:
    async def ask() -> tuple[str, ...] | None:
        async with resolver_of(zone) as (resolver, _):
            return await find_exchanges(domain, resolver)

    return asyncio.run(ask())


def test_the_names_of_hosts_are_found_without_their_addresses() -> None:
    assert exchanges("inst.test", {"inst.test MX": ["20 b.test.", "10 A.test."]}) == ("a.test", "b.test")
    assert exchanges("inst.test", {"inst.test A": ["192.0.2.1"]}) == ("inst.test",)


@pytest.mark.parametrize("zone", [{}, {"inst.test MX": ["0 ."]}])
def test_no_host_takes_mail_for_a_domain_that_is_dead(zone: Zone) -> None:
    assert exchanges("inst.test", zone) == ()
    assert exchanges("a..test", zone) == ()


@pytest.mark.parametrize("fault", [dns.rcode.SERVFAIL, None])
def test_a_name_server_that_fails_names_no_hosts(fault: dns.rcode.Rcode | None) -> None:
    assert exchanges("inst.test", {"inst.test MX": fault}) is None


@pytest.mark.parametrize("zone", [{}, {"inst.test MX": ["0 ."]}, {"inst.test TXT": ["x"]}])
def test_a_dead_domain_is_read_like_a_refusal_of_the_recipient(zone: Zone) -> None:
    found = route("inst.test", zone)
    assert isinstance(found, DomainDead)
    assert ReplyTable.load().verdict(found.reply, "other").meaning is Meaning.DOMAIN_DEAD
