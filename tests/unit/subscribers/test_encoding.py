"""Bytes in every encoding met in China, and files that are no text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.encoding import decode
from subscribers.errors import InputError

SIMPLIFIED = "姓名,单位,邮箱\n王明,东江省农业科学院,wang@example.org\n2023年第9期，为推动科技创新，各院所加强合作。\n"
TRADITIONAL = "姓名,單位,郵箱\n陳小明,海洋研究所,chen@example.org\n第九期，為推動科技創新，各院所加強合作與交流。\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "gb2312", "gbk", "gb18030", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_simplified_text_is_read_in_any_encoding(encoding: str) -> None:
    assert decode(SIMPLIFIED.encode(encoding), "a.txt") == SIMPLIFIED


@pytest.mark.parametrize("encoding", ["utf-8", "big5", "big5hkscs", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
def test_traditional_text_is_read_in_any_encoding(encoding: str) -> None:
    assert decode(TRADITIONAL.encode(encoding), "a.txt") == TRADITIONAL


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("单位,邮箱\n旧单位1,old@a.example\n旧单位2,b@a.example\n", "gbk"),
        ("姓名,职务\n沈晓琳,副处长\n邓梓涵,科员\n", "gb2312"),
        ("昆明植物园,热带作物所\n", "gbk"),
        ("單位,信箱\n舊單位1,old@a.example\n", "big5"),
        ("姓名,職稱\n蔡佩珊,副處長\n", "big5"),
        ("臺北植物園,熱帶作物所\n", "big5"),
    ],
)
def test_a_few_names_are_read_in_the_encoding_they_were_written_in(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding), "a.txt") == text


def test_gb18030_reads_what_gbk_cannot() -> None:
    assert decode("䶮、𠮷：第九期".encode("gb18030"), "a.txt") == "䶮、𠮷：第九期"


@pytest.mark.parametrize("text", ["姓名", "邮箱", "第9期", "信息集锦"])
def test_a_few_characters_in_a_windows_code_page_are_taken_for_gb18030(text: str) -> None:
    assert decode(text.encode("gb18030"), "a.txt") == text


@pytest.mark.parametrize("text", ["Name;E-Mail\nMüller;a@b.example\n", "José García, a@b.example", "Universität Zürich"])
def test_accents_alone_among_letters_are_western(text: str) -> None:
    assert decode(text.encode("cp1252"), "a.txt") == text


def test_the_byte_order_mark_is_taken_out_wherever_it_stands() -> None:
    assert decode("\ufeff简报\ufeff第9期".encode(), "a.txt") == "简报第9期"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"), min_size=1).filter(str.strip))
def test_every_text_is_read_back_from_utf_8(text: str) -> None:
    signs = text.encode()
    if not signs.startswith((b"%PDF", b"PK\x03\x04", b"{\\rtf", b"GIF8", b"Rar!")):
        assert decode(signs, "a.txt") == text


@pytest.mark.parametrize("content", [b"", b" \r\n\t\n", "\ufeff".encode(), "\ufeff \n".encode("utf-16")])
def test_an_empty_file_is_refused(content: bytes) -> None:
    with pytest.raises(InputError, match=r"^a\.txt: the file is empty\. "):
        decode(content, "a.txt")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"%PDF-1.7\n", "a PDF file"),
        (b"PK\x03\x04\x14\0", "a ZIP file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office file"),
        (b"{\\rtf1\\ansi", "a rich text file"),
        (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
        (b"\xff\xd8\xff\xe0", "a JPEG picture"),
        (b"MZ\x90\0\3\0\0\0\4\0\0\0\xff\xff\0\0", "NUL bytes"),
        (b"text\0with one", "NUL bytes"),
    ],
)
def test_a_file_that_is_no_text_is_named_with_what_to_do(content: bytes, what: str) -> None:
    with pytest.raises(InputError, match=rf"^a\.txt: .*{what}.*\. [A-Z].*\.$"):
        decode(content, "a.txt")


def test_a_broken_byte_in_utf_8_is_shown_by_its_line_and_not_read_as_something_else() -> None:
    content = SIMPLIFIED.encode() + b"\xe7\xa7" + "技创新\n".encode()
    with pytest.raises(InputError, match=r"^a\.txt:4: the byte 0xe7 cannot be read: the rest of the file is UTF-8\. "):
        decode(content, "a.txt")


def test_a_small_file_with_a_broken_byte_is_not_read_as_something_else() -> None:
    with pytest.raises(InputError, match=r"^a\.txt:3: the byte 0xe6 cannot be read: the rest of the file is UTF-8\. "):
        decode("邮箱,姓名\nwang@a.example,王芳\nli@a.example,".encode() + b"\xe6\x9d\n", "a.txt")


def test_bytes_in_no_known_encoding_are_shown_by_their_line() -> None:
    with pytest.raises(InputError, match=r"^a\.txt:2: the byte 0xff cannot be read: .* neither UTF-8 nor GB18030 nor Big5\. "):
        decode(b"one\n\xff\xff\xff\xff\n", "a.txt")


def test_cut_utf_16_is_refused() -> None:
    with pytest.raises(InputError, match=r"^a\.txt:\d+: the byte 0x.. cannot be read: its beginning says UTF-16"):
        decode("简报".encode("utf-16")[:-1], "a.txt")
