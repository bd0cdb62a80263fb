"""Links are found in running Chinese text, and the text stays as it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.render.links import Link, LinkTable
from mailer.text_part import printable

URL = "https://www.example.cn/a"


def urls(text: str) -> list[str]:
    return [piece.url for piece in LinkTable(tracking=True).pieces(text) if isinstance(piece, Link)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"详见{URL}，谢谢", [URL]),
        (f"详见（{URL}）。", [URL]),
        (f"详见({URL}).", [URL]),
        (f"详见{URL}。另见{URL}?x=1&y=2！", [URL, f"{URL}?x=1&y=2"]),
        ("见https://a.cn/wiki/X_(Y)。", ["https://a.cn/wiki/X_(Y)"]),
        ("见http://a.cn/<b>", ["http://a.cn/"]),
        ("HTTPS://A.CN/下载", ["HTTPS://A.CN/"]),
        ("见https://a.cn:8443/x，", ["https://a.cn:8443/x"]),
        ("https://", []),
        ("https://.,", []),
        ("见https://name@evil.example/", []),
        ("ftp://a.cn/ www.a.cn a@b.cn", []),
        ("xhttps://a.cn/", []),
    ],
)
def test_a_bare_url_ends_where_the_sentence_goes_on(text: str, found: list[str]) -> None:
    assert urls(text) == found


def test_equal_links_share_a_number_in_the_order_of_reading() -> None:
    table = LinkTable(tracking=True)
    first = table.pieces(f"甲https://b.cn/，乙{URL}")
    second = table.pieces(f"{URL}丙https://b.cn/")

    assert [piece.number for piece in (*first, *second) if isinstance(piece, Link)] == [0, 1, 1, 0]
    assert table.links == ("https://b.cn/", URL)


def test_without_tracking_links_have_no_number() -> None:
    table = LinkTable(tracking=False)

    assert table.pieces(URL) == (Link(URL, None),)
    assert table.links == ()


@given(st.lists(st.sampled_from([URL, "http://b.cn", "，", "。", "（", "）", "字", ".", ")", "@", "[", " ", "https://"])))
def test_the_pieces_joined_are_the_text(parts: list[str]) -> None:
    text = "".join(parts)
    pieces = LinkTable(tracking=True).pieces(text)

    assert "".join(piece if isinstance(piece, str) else piece.url for piece in pieces) == printable(text)
