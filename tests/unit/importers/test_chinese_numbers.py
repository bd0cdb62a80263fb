"""Numbers in figures and in characters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.importers.chinese_numbers import number_of
from tests.bulletins import DIGITS, chinese


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("9", 9), ("０９", 9), (" 1 9 0 ", 190), ("九", 9), ("十", 10), ("十二", 12), ("二十", 20), ("廿三", 23), ("一百", 100),
        ("一百〇五", 105), ("一百零五", 105), ("一百一十二", 112), ("两千零二十三", 2023), ("二〇二三", 2023), ("二○二三", 2023),
        ("二 〇 二 三", 2023), ("一九〇", 190), ("二OO八", 2008),
    ],
)  # fmt: skip
def test_every_usual_spelling_is_a_number(text: str, number: int) -> None:
    assert number_of(text) == number


@pytest.mark.parametrize("text", ["", "第九", "9期", "IX", "九a", "-1", "1.5"])
def test_anything_else_is_none(text: str) -> None:
    assert number_of(text) is None


@given(st.integers(1, 999))
def test_counted_numbers_are_read_back(number: int) -> None:
    assert number_of(chinese(number)) == number


@given(st.integers(1000, 9999))
def test_positional_numbers_are_read_back(number: int) -> None:
    assert number_of("".join(DIGITS[int(digit)] for digit in str(number))) == number
