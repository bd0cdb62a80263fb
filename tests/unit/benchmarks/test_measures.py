"""What the benchmarks count, and what they send."""

from __future__ import annotations

import os
import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment

from benchmarks import bulletin
from benchmarks.accounting import cpu_seconds
from benchmarks.growth import sizes
from benchmarks.opponents import MESSAGE_OCTETS
from benchmarks.pace import most_within
from benchmarks.render import cut
from benchmarks.usual_celery import template_of
from mailer.edition import Edition, Field, fill


@pytest.fixture(scope="module")
def edition() -> Edition:
    return bulletin.edition_of(bulletin.issue_of(MESSAGE_OCTETS))


def test_the_message_is_as_large_as_the_load_generators_to_a_hundredth(edition: Edition) -> None:
    content = bulletin.composer_of(edition).compose(bulletin.SOMEBODY).content
    assert len(content) == pytest.approx(MESSAGE_OCTETS, rel=0.01)


def test_the_usual_design_sends_the_same_words(edition: Edition) -> None:
    values = {
        "salutation": "王老师",
        "institute": "某院",
        "address": "a@b.example",
        "base_url": "https://b.example",
        "token": "t",
    }
    urls = {Field.UNSUBSCRIBE_URL: "u/t", Field.VIEW_URL: "v/t", Field.PIXEL_URL: "o/t.gif", Field.CLICK_URL: "c/t"}
    ours = {Field(name): value for name, value in values.items() if name not in ("base_url", "token")}
    ours |= {field: f"https://b.example/{path}" for field, path in urls.items()}
    for segments in (edition.html, edition.text):
        usual = Environment(autoescape=True, keep_trailing_newline=True).from_string(template_of(segments)).render(values)
        assert unescape(usual) == unescape(fill(segments, ours))


@given(st.lists(st.floats(min_value=0, max_value=100), min_size=1, max_size=60), st.floats(min_value=0.1, max_value=20))
def test_the_most_in_any_stretch_is_found_wherever_it_begins(moments: list[float], seconds: float) -> None:
    times = sorted(moments)
    assert most_within(times, seconds) == max(sum(end - seconds < time <= end for time in times) for end in times)


@given(st.binary(max_size=400), st.integers(min_value=1, max_value=50))
def test_the_pieces_of_a_message_are_the_message(content: bytes, number: int) -> None:
    pieces = cut(content, number)
    assert len(pieces) == number
    assert b"".join(pieces) == content


def test_cpu_that_was_used_is_counted() -> None:
    before = cpu_seconds([os.getpid()])
    while cpu_seconds([os.getpid()]) - before < 0.05:
        re.compile("x" * 100 + str(before)).search("y" * 10_000)


@pytest.mark.parametrize(
    ("greatest", "steps"),
    [(5_000, [5_000]), (10_000, [10_000]), (100_000, [10_000, 100_000]), (250_000, [10_000, 100_000, 250_000])],
)
def test_sizes_grow_tenfold_up_to_the_greatest(greatest: int, steps: list[int]) -> None:
    assert sizes(greatest) == steps
