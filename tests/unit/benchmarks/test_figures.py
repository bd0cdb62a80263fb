"""What a benchmark says of its pairs."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.figures import Figure, Pair, Report, in_turns, rounded

RATE = Figure("first", "rate", "messages/s", (Pair(90, 100), Pair(300, 200), Pair(100, 50)), least=1.0)


def test_the_ratio_is_the_median_of_the_pairs_and_not_the_ratio_of_the_medians() -> None:
    assert RATE.ratio == 1.5
    assert (RATE.ours, RATE.reference) == (100, 100)


def test_the_worst_pair_stands_for_all_where_a_limit_must_never_be_passed() -> None:
    figure = Figure("pace", "pace", "messages", (Pair(99, 100), Pair(107, 100), Pair(100, 100)), most=1.05, choose=max)
    assert figure.ratio == pytest.approx(1.07)
    assert not figure.reached


def test_a_figure_without_a_bar_is_always_reached() -> None:
    assert Figure("cpu", "CPU", "µs", (Pair(9, 1),)).reached


def test_the_document_has_the_keys_of_the_contract_and_each_further_figure_by_its_name() -> None:
    second = Figure("cpu", "CPU", "µs", (Pair(2, 1),))
    document = Report("end_to_end", (RATE, second), {"workers": 2}, remarks=("no fastsink",)).to_json()
    assert {"name", "ratio", "ours", "reference", "unit", "runs"} <= document.keys()
    assert document["runs"] == 3
    assert (document["ratio_cpu"], document["unit_cpu"], document["workers"]) == (2.0, "µs", 2)
    assert json.loads(json.dumps(document)) == document


def test_who_is_measured_first_changes_from_pair_to_pair() -> None:
    order: list[str] = []

    def side(name: str) -> str:
        order.append(name)
        return name

    measured = in_turns(3, lambda: side("ours"), lambda: side("reference"), lambda mine, theirs: f"{mine} {theirs}")
    assert order == ["ours", "reference", "reference", "ours", "ours", "reference"]
    assert measured == [("ours", "reference")] * 3


@given(st.floats(min_value=1e-9, max_value=1e12))
def test_rounding_keeps_four_digits(value: float) -> None:
    assert rounded(value) == pytest.approx(value, rel=5e-4)
