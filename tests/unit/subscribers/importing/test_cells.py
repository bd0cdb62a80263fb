"""What people put into a cell beside, around and instead of an address."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.errors import InputError
from subscribers.importing.cells import addresses_in, guarded, plain, unguarded


@pytest.mark.parametrize(
    ("cell", "addresses"),
    [
        ("wang@a.example", ["wang@a.example"]),
        ("wang＠a．example", ["wang@a.example"]),
        ("\u3000wang@a.example ", ["wang@a.example"]),
        ("mailto:wang@a.example?subject=x", ["wang@a.example"]),
        ("MAILTO:wang@a.example", ["wang@a.example"]),
        ("王芳 <wang@a.example>", ["wang@a.example"]),
        ("王芳＜wang@a.example＞", ["wang@a.example"]),
        ('"Wang, Fang" <wang@a.example>', ["wang@a.example"]),
        ("wang@a.example(王芳)", ["wang@a.example"]),
        ("wang@a.example（王芳）", ["wang@a.example"]),
        ("王芳 wang@a.example", ["wang@a.example"]),
        ("邮箱：wang@a.example", ["wang@a.example"]),
        ("E-mail: wang@a.example", ["wang@a.example"]),
        ("wang @ a.example", ["wang@a.example"]),
        ("wang@a.example;", ["wang@a.example"]),
        ("<wang@a.example>", ["wang@a.example"]),
        ("'wang@a.example'", ["wang@a.example"]),
        ('="wang@a.example"', ["wang@a.example"]),
        ('=HYPERLINK("mailto:wang@a.example","wang@a.example")', ["wang@a.example"]),
        ("[wang@a.example](mailto:wang@a.example)", ["wang@a.example"]),
        ("a@a.example;b@b.example", ["a@a.example", "b@b.example"]),
        ("a@a.example；b@b.example、c@c.example", ["a@a.example", "b@b.example", "c@c.example"]),
        ("a@a.example\nb@b.example", ["a@a.example", "b@b.example"]),
        ("a@a.example b@b.example", ["a@a.example", "b@b.example"]),
        ("a@a.example/b@b.example", ["a@a.example", "b@b.example"]),
        ("王芳 <a@a.example>, 李四 <b@b.example>", ["a@a.example", "b@b.example"]),
        ("a+tag/x@a.example", ["a+tag/x@a.example"]),
    ],
)
def test_addresses_are_found_in_what_surrounds_them(cell: str, addresses: list[str]) -> None:
    assert [found.text for found in addresses_in(cell)] == addresses


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("王芳 <wang@a.example>", "王芳"),
        ('"李, 四" <li@a.example>', "李, 四"),
        ("李, 四 <li@a.example>", "李, 四"),
        ("wang@a.example(王芳)", "王芳"),
        ("王芳 wang@a.example", "王芳"),
        ("wang@a.example", ""),
    ],
)
def test_a_name_beside_an_address_is_kept(cell: str, name: str) -> None:
    assert [found.name for found in addresses_in(cell)] == [name]


@pytest.mark.parametrize("cell", ['=HYPERLINK("http://evil.example","wang@a.example")', "=SUM(A1)"])
def test_a_formula_is_no_address(cell: str) -> None:
    with pytest.raises(InputError, match="is a formula, not an address"):
        addresses_in(cell)


def test_nobody_guesses_what_a_blank_inside_an_address_means() -> None:
    assert [found.text for found in addresses_in("zhang san@a.example")] == ["zhang san@a.example"]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("  王\u200b芳\u3000 ", "王芳"),
        ("第一行\r\n第二行", "第一行 第二行"),
        ("abc\u202etxt", "abctxt"),
        ('="王芳"', "王芳"),
        ("#N/A", ""),
        ("NULL", ""),
        ("-", ""),
        ("e\u0301", "é"),
    ],
)
def test_text_becomes_one_plain_line(cell: str, text: str) -> None:
    assert plain(cell) == text


@given(st.text())
def test_what_is_guarded_is_no_formula_and_comes_back(text: str) -> None:
    assert not guarded(text).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert unguarded(guarded(text)) == text


@given(st.text(max_size=60))
def test_any_cell_is_read_or_refused(cell: str) -> None:
    try:
        found = addresses_in(cell)
    except InputError:
        return
    assert found
