"""Addresses as people write them, and the one form in which they are compared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.address import parse_address
from subscribers.errors import InputError


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("Wang.Fang@Institute.Example", "wang.fang@institute.example"),
        ("ｗａｎｇ＠ｉｎｓｔ．ｅｘａｍｐｌｅ", "wang@inst.example"),
        ("  mailto:wang@inst.example\u3000", "wang@inst.example"),
        ("zero\u200bwidth@inst.example", "zerowidth@inst.example"),
        ("wang@研究所.example", "wang@xn--8ouu99bkvb.example"),
        ("wang+news@inst.example.", "wang+news@inst.example"),
    ],
)
def test_the_same_mailbox_has_one_canonical_form(written: str, canonical: str) -> None:
    assert parse_address(written).canonical == canonical
    assert parse_address(parse_address(written).canonical).canonical == canonical


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("zhang.example.org", "no '@'"),
        ("@inst.example", "empty or longer than 64"),
        ("a" * 65 + "@inst.example", "empty or longer than 64"),
        ("a b@inst.example", "' ' before the '@'"),
        ("a@b@inst.example", "'@' before the '@'"),
        (".a@inst.example", "a dot out of place"),
        ("a@inst", "has no dot"),
        ("a@inst..example", "is not one"),
        ("a\ud800@inst.example", "before the '@'"),
        ("a@\ud800.example", "is not one"),
        ("a\r\nbcc: x@inst.example", "before the '@'"),
        ("a@" + "b" * 63 + "." + "c" * 63 + "." + "d" * 63 + "." + "e" * 61, "longer than 254"),
    ],
)
def test_what_is_no_address_is_refused_with_the_reason(written: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        parse_address(written)


def test_a_local_part_that_is_not_ascii_is_kept_and_marked() -> None:
    address = parse_address("张三@inst.example")
    assert address.needs_smtputf8
    assert address.written == "张三@inst.example"


@given(st.text(max_size=80))
def test_any_text_is_an_address_or_is_refused(text: str) -> None:
    try:
        address = parse_address(text)
    except InputError:
        return
    assert address.canonical.count("@") == 1
    assert not any(character.isspace() or not character.isprintable() for character in address.canonical)
    assert parse_address(address.canonical) == parse_address(address.canonical)
    assert len(address.hash) == 32
