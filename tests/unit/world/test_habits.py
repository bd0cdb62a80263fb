"""Readers: known beforehand, in the proportions asked for, with the requests that mail programs make."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.world.errands import Errand, errands
from mailer.world.habits import Chances, Habit, habit
from mailer.world.ledger import Deed
from mailer.world.links import Links

LINKS = Links(
    pixel="http://b.example/o/t.gif",
    clicks=("http://b.example/c/t.0", "http://b.example/c/t.1"),
    pages=("http://b.example/v/t",),
    one_click="http://b.example/u/t",
)


def doing(**does: bool) -> Habit:
    return Habit(
        **{**dict.fromkeys(("scanned", "opens", "clicks", "leaves"), False), **does},
        image_agent="I",
        browser="B",
        ip_address="::1",
    )


@given(st.integers(), st.integers())
def test_a_reader_keeps_their_habit(seed: int, number: int) -> None:
    address = f"reader{number}@qq.example"
    assert habit(address, seed, Chances()) == habit(address, seed, Chances())


def test_habits_come_in_the_proportions_asked_for() -> None:
    chances = Chances(opens=0.5, clicks=0.2, leaves=0.02, scanned=0.1)
    found = [habit(f"reader{n}@qq.example", 3, chances) for n in range(20_000)]
    people = [one for one in found if not one.scanned]
    assert len(people) / len(found) == pytest.approx(0.9, abs=0.01)
    assert sum(one.opens for one in people) / len(people) == pytest.approx(0.51, abs=0.015)
    assert sum(one.clicks for one in people) / len(people) == pytest.approx(0.2, abs=0.01)
    assert sum(one.leaves for one in people) / len(people) == pytest.approx(0.02, abs=0.005)


def test_who_clicks_or_leaves_has_opened_and_behind_a_scanner_nobody_reads() -> None:
    found = [habit(f"reader{n}@qq.example", 3, Chances(opens=0.0, clicks=0.3, leaves=0.3, scanned=0.3)) for n in range(2000)]
    assert all(one.opens == (one.clicks or one.leaves) for one in found)
    assert not any(one.opens for one in found if one.scanned)


def test_images_are_loaded_as_the_provider_loads_them() -> None:
    assert "GoogleImageProxy" in habit("a@gmail.example", 1, Chances()).image_agent
    agents = {habit(f"bgs@institute{n}.ac.example", 1, Chances()).image_agent for n in range(200)}
    assert any("Microsoft Outlook" in agent for agent in agents)
    assert "Mozilla/5.0" in agents


def test_a_reader_opens_then_clicks_then_leaves() -> None:
    found = list(errands(doing(opens=True, clicks=True, leaves=True), LINKS, choice=0.6))
    assert [(one.deed, one.method, one.url) for one in found] == [
        (Deed.OPEN, "GET", LINKS.pixel),
        (Deed.CLICK, "GET", LINKS.clicks[1]),
        (Deed.UNSUBSCRIBE, "POST", LINKS.one_click),
    ]
    assert found[2].body == b"List-Unsubscribe=One-Click"
    assert found[2].headers["Content-Type"] == "application/x-www-form-urlencoded"


def test_a_scanner_gets_every_link_and_posts_nothing() -> None:
    found = list(errands(doing(scanned=True), LINKS, choice=0.0))
    assert {(one.deed, one.method, one.body) for one in found} == {(Deed.SCAN, "GET", b"")}
    assert [one.url for one in found] == [LINKS.pixel, *LINKS.clicks, *LINKS.pages, LINKS.one_click]


def test_without_links_nothing_is_done() -> None:
    nothing = Links(None, (), (), None)
    for one in (doing(opens=True, clicks=True, leaves=True), doing(scanned=True)):
        assert list(errands(one, nothing, choice=0.0)) == []


@pytest.mark.parametrize(
    ("deed", "status", "location", "good"),
    [
        (Deed.OPEN, 200, None, True),
        (Deed.OPEN, 302, "/", False),
        (Deed.CLICK, 302, "https://elsewhere.example/", True),
        (Deed.CLICK, 302, None, False),
        (Deed.CLICK, 200, None, False),
        (Deed.UNSUBSCRIBE, 200, None, True),
        (Deed.UNSUBSCRIBE, 303, "/bye", False),
        (Deed.SCAN, 302, "/", True),
        (Deed.SCAN, 500, None, False),
    ],
)
def test_an_answer_is_held_to_what_it_has_to_be(deed: Deed, status: int, location: str | None, good: bool) -> None:
    errand = Errand(deed, "GET", "http://b.example/", "B", "::1")
    assert errand.went_well(status, location) is good
