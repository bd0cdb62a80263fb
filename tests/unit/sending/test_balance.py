"""Which relay the next batch goes through."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.relay import Relay, parse_relays
from mailer.sending.balance import Balance
from mailer.sending.outlet import Way


@dataclass(eq=False)
class Named:
    relay: Relay
    usable: bool = True


def balance(seed: int, *weights: int) -> tuple[Balance, list[Named]]:
    relays = parse_relays(" ".join(f"smtp://relay{n}.test?weight={weight}" for n, weight in enumerate(weights)))
    ways = [Named(relay) for relay in relays]
    return Balance(cast(Sequence[Way], ways), random.Random(seed)), ways


@pytest.mark.parametrize("seed", range(5))
def test_of_every_four_batches_a_relay_of_weight_three_has_three(seed: int) -> None:
    shared, (heavy, light) = balance(seed, 3, 1)
    for _ in range(5):
        chosen = [shared.choose(1000) for _ in range(4)]
        assert Counter(map(id, chosen)) == {id(heavy): 3, id(light): 1}


@given(st.integers(), st.lists(st.integers(min_value=1, max_value=9), min_size=2, max_size=4), st.data())
def test_no_relay_is_ahead_of_another_by_more_than_a_batch(seed: int, weights: list[int], data: st.DataObject) -> None:
    shared, ways = balance(seed, *weights)
    given_to = dict.fromkeys(map(id, ways), 0)
    for size in data.draw(st.lists(st.integers(min_value=1, max_value=1000), max_size=40)):
        given_to[id(shared.choose(size))] += size
    parts = [given_to[id(way)] / way.relay.weight for way in ways]
    assert max(parts) - min(parts) <= 1000 / min(weights) + 1e-6


def test_of_six_batches_neither_relay_always_has_the_odd_one() -> None:
    for_the_heavy = []
    for seed in range(60):
        shared, (heavy, _) = balance(seed, 3, 1)
        for_the_heavy.append([id(shared.choose(1000)) for _ in range(6)].count(id(heavy)))
    assert set(for_the_heavy) == {4, 5}
    assert 4.3 < sum(for_the_heavy) / len(for_the_heavy) < 4.8


def test_whoever_is_first_is_drawn_by_weight() -> None:
    first = Counter(id(ways[0]) == id(shared.choose(1)) for shared, ways in (balance(seed, 3, 1) for seed in range(200)))
    assert 120 < first[True] < 180


def test_what_a_relay_missed_is_not_made_up_for() -> None:
    shared, (heavy, light) = balance(1, 3, 1)
    heavy.usable = False
    assert {id(shared.choose(1000)) for _ in range(20)} == {id(light)}
    heavy.usable = True
    assert 6 <= [id(shared.choose(1000)) for _ in range(8)].count(id(heavy)) <= 7  # It is behind by no more than one batch.


def test_where_none_can_be_used_any_is_tried() -> None:
    shared, ways = balance(1, 1, 1)
    for way in ways:
        way.usable = False
    assert id(shared.choose(1)) in map(id, ways)


def test_what_was_not_begun_does_not_count() -> None:
    shared, (heavy, light) = balance(1, 3, 1)
    for _ in range(10):
        way = shared.choose(1000)
        shared.take_back(way, 1000)
    assert Counter(id(shared.choose(1000)) for _ in range(4)) == {id(heavy): 3, id(light): 1}
