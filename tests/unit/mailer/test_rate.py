"""Rates as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.rate import Rate
from subscribers.errors import InputError


@pytest.mark.parametrize(
    ("text", "rate"),
    [("20/s", Rate(20, 1)), ("300/min", Rate(300, 60)), ("500/10min", Rate(500, 600)), ("5000/day", Rate(5000, 86400))],
)
def test_a_rate_is_read_and_written_the_same(text: str, rate: Rate) -> None:
    assert Rate.parse(text) == rate
    assert str(rate) == text


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_every_rate_reads_back(count: int, seconds: int) -> None:
    assert Rate.parse(str(Rate(count, seconds))) == Rate(count, seconds)


@pytest.mark.parametrize("text", ["", "20", "0/s", "20/0s", "-1/s", "20/week", "20 / s / s"])
def test_what_is_no_rate_is_refused_with_examples(text: str) -> None:
    with pytest.raises(InputError, match="Give one like 20/s"):
        Rate.parse(text)
