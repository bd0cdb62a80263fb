"""People and machines told apart by the table, each signal by itself and together."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.models import EventKind, Origin
from mailer.origin import OriginTable, RawHit, judge, network_of
from mailer.origin.refresh import kept

TABLE = OriginTable.load()
RELAYED = OriginTable.parse(
    files("mailer.origin").joinpath("origins.toml").read_text(encoding="utf-8"), "172.224.224.0/23\n2a02:26f7:b000::/40\n"
)
NOW = datetime(2026, 11, 27, tzinfo=UTC)
BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36"
OPEN = RawHit(1, EventKind.OPEN, None, NOW, 1, BROWSER, "203.0.113.0/24", False, 3600)
CLICK = replace(OPEN, id=2, kind=EventKind.CLICK, link=0, speaks=True, at=NOW + timedelta(seconds=20))


def _origins(*hits: RawHit) -> list[str]:
    return [one.origin.value for one in judge(hits, TABLE)]


@pytest.mark.parametrize("row", TABLE.agents, ids=lambda row: row.name)
def test_the_sample_of_every_row_is_told_by_that_row_and_has_a_source(row: object) -> None:
    kind = row.kinds[0] if row.kinds else EventKind.OPEN  # type: ignore[attr-defined]
    assert TABLE.agent(row.sample, kind) is row  # type: ignore[attr-defined]
    assert row.source  # type: ignore[attr-defined]


def test_every_signal_that_the_rule_may_give_is_in_the_table() -> None:
    crowd = [replace(CLICK, id=n, visitor=n, link=n % 4, agent="", speaks=False, after_seconds=n % 200) for n in range(1, 300)]
    known = [replace(one, network="148.163.129.0/24") for one in crowd]
    reasons = {reason for one in judge([OPEN, *known], TABLE) for reason in one.reasons}
    reasons |= {reason for one in judge([replace(OPEN, after_seconds=1)], TABLE) for reason in one.reasons}
    reasons |= {reason for one in judge([replace(CLICK, id=n, link=n) for n in range(3)], TABLE) for reason in one.reasons}
    reasons |= {reason for one in judge([replace(OPEN, network="172.224.225.0/24")], RELAYED) for reason in one.reasons}
    assert set(TABLE.signals) <= reasons


def test_somebody_who_looks_and_follows_a_link_is_a_person() -> None:
    assert _origins(OPEN, CLICK) == ["person", "person"]
    assert _origins(CLICK) == ["person"]


@pytest.mark.parametrize(
    ("hit", "origin"),
    [
        (replace(OPEN, agent="Mozilla/5.0"), "machine"),  # Apple's privacy protection
        (replace(CLICK, agent="Mozilla/5.0"), "unknown"),
        (replace(OPEN, agent="YahooMailProxy; https://help.yahoo.com/"), "unknown"),
        (replace(OPEN, agent="Mozilla/5.0 (via ggpht.com GoogleImageProxy)"), "person"),
        (replace(OPEN, agent=""), "machine"),
        (replace(OPEN, agent="Something/1.0"), "unknown"),
        (replace(OPEN, after_seconds=2), "machine"),
        (replace(CLICK, after_seconds=2), "unknown"),
        (replace(CLICK, speaks=False), "unknown"),
        (replace(CLICK, speaks=False, after_seconds=2), "machine"),
        (replace(CLICK, after_seconds=60), "person"),
        (replace(CLICK, network="148.163.129.0/24"), "unknown"),
        (replace(CLICK, agent="python-requests/2.32.3"), "machine"),
    ],
)
def test_one_hit_by_itself(hit: RawHit, origin: str) -> None:
    assert _origins(hit) == [origin]


def test_who_follows_three_links_within_three_seconds_is_a_machine_and_who_takes_time_is_not() -> None:
    quick = [replace(CLICK, id=n, link=n, at=NOW + timedelta(seconds=n)) for n in range(3)]
    slow = [replace(CLICK, id=n, link=n, at=NOW + timedelta(seconds=10 * n)) for n in range(3)]
    same = [replace(CLICK, id=n, at=NOW + timedelta(seconds=n / 10)) for n in range(9)]
    assert set(_origins(*quick)) == {"machine"}
    assert set(_origins(*slow)) == set(_origins(*same)) == {"person"}


def test_one_network_for_five_readers_within_a_minute_is_a_machine_and_an_unknown_one_says_nothing() -> None:
    crowd = [replace(CLICK, id=n, visitor=n, at=NOW + timedelta(seconds=10 * n)) for n in range(5)]
    assert set(_origins(*crowd)) == {"machine"}
    assert set(_origins(*(replace(hit, network=None) for hit in crowd))) == {"person"}
    assert set(_origins(*crowd[:4])) == {"person"}


def test_many_readers_behind_one_proxy_of_gmails_are_no_scanner() -> None:
    agent = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
    crowd = [replace(OPEN, id=n, visitor=n, agent=agent, at=NOW + timedelta(seconds=n)) for n in range(9)]
    assert set(_origins(*crowd)) == {"person"}


def test_where_hours_are_pressed_into_milliseconds_soon_is_not_soon() -> None:
    assert judge([replace(OPEN, after_seconds=0)], TABLE, scale=1e-4)[0].origin is Origin.PERSON


_HITS = st.lists(
    st.builds(
        RawHit,
        id=st.integers(0, 10_000),
        kind=st.sampled_from([EventKind.OPEN, EventKind.CLICK]),
        link=st.integers(0, 5),
        at=st.integers(0, 300).map(lambda seconds: NOW + timedelta(seconds=seconds)),
        visitor=st.integers(0, 9),
        agent=st.one_of(st.just(BROWSER), st.text(max_size=30)),
        network=st.sampled_from([None, "203.0.113.0/24", "2001:db8:1::/48", "67.231.150.0/24"]),
        speaks=st.booleans(),
        after_seconds=st.integers(0, 500),
    ),
    max_size=40,
    unique_by=lambda hit: hit.id,
)


@given(hits=_HITS)
def test_each_hit_is_judged_once_whatever_their_order(hits: list[RawHit]) -> None:
    judged = judge(hits, TABLE)
    assert sorted(one.id for one in judged) == sorted(hit.id for hit in hits)
    assert judge(hits[::-1], TABLE) == judged


def judging(number: int) -> float:
    """Seconds of the processor for judging so many hits, the least of three times."""
    hits = [replace(CLICK, id=n, visitor=n // 3, link=n % 3, at=NOW + timedelta(milliseconds=n)) for n in range(number)]
    seconds = []
    for _ in range(3):
        began = process_time()
        judge(hits, TABLE)
        seconds.append(process_time() - began)
    return min(seconds)


def test_ten_times_as_many_hits_do_not_cost_a_hundred_times_as_much() -> None:
    assert judging(10_000) < 40 * judging(1_000)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("2001:db8:1:2::3%eth0", "2001:db8:1::/48"),
        ("127.0.0.1", None),
        ("10.1.2.3", None),
        ("fe80::1", None),
        ("testclient", None),
        ("", None),
        (None, None),
    ],
)
def test_of_an_address_the_network_is_kept_and_of_one_of_ours_nothing(address: str | None, network: str | None) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize(
    ("network", "relay"),
    [
        ("172.224.224.0/24", True),
        ("172.224.225.0/24", True),
        ("172.224.226.0/24", False),
        ("172.224.223.0/24", False),
        ("2a02:26f7:b0ff::/48", True),
        ("2a02:26f7:b100::/48", False),
        ("0.0.0.0/24", False),
    ],
)
def test_a_network_is_a_relays_where_apple_says_so(network: str, relay: bool) -> None:
    assert RELAYED.relays.has(network) is relay
    assert not OriginTable.parse(files("mailer.origin").joinpath("origins.toml").read_text(encoding="utf-8")).relays.has(
        network
    )


def test_from_a_relay_an_open_proves_nobody_and_a_click_is_a_persons() -> None:
    opened, clicked = replace(OPEN, network="172.224.225.0/24"), replace(CLICK, network="172.224.225.0/24")
    assert [one.origin.value for one in judge([opened, clicked], RELAYED)] == ["unknown", "person"]
    (apple,) = judge([replace(opened, agent="Mozilla/5.0")], RELAYED)
    assert apple.origin is Origin.MACHINE


def test_many_readers_behind_one_relay_are_no_scanner() -> None:
    crowd = [replace(CLICK, id=n, visitor=n, network="172.224.225.0/24") for n in range(9)]
    assert {one.origin for one in judge(crowd, RELAYED)} == {Origin.PERSON}
    elsewhere = [replace(hit, network="203.0.113.0/24") for hit in crowd]
    assert Origin.PERSON not in {one.origin for one in judge(elsewhere, RELAYED)}


def test_apples_table_is_kept_no_narrower_than_hits_are_and_joined() -> None:
    lines = [f"172.224.{n // 8}.{n % 8 * 32}/27,GB,GB-ENG,London,\n" for n in range(2 * 8 * 16)]
    lines += [f"2a02:26f7:b0{n:02x}:4000::/64,US,US-CA,,\n" for n in range(256)]
    assert kept(lines) == ["172.224.0.0/19", "2a02:26f7:b000::/40"]
    for page in (["<html>\n"], [], ["172.224.0.0/27,GB,,,\n"]):
        with pytest.raises(ValueError, match=r"no list|does not appear"):
            kept(page)


def test_a_fetched_list_makes_the_table_another_so_that_hits_are_judged_again() -> None:
    assert (
        RELAYED.version
        != OriginTable.parse(files("mailer.origin").joinpath("origins.toml").read_text(encoding="utf-8")).version
    )
