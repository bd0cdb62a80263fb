from __future__ import annotations

from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.reply import Command
from mailer.smtp.replies import LONGEST_LINE, LONGEST_REPLY, Garbage, RawReply, ReplyReader, build

DIALOGUE = (
    b"220 mx.test ESMTP\r\n250-mx.test\r\n250-PIPELINING\r\n250 SIZE 1000\r\n250\r\n"
    b"550-5.1.1 no such user\r\n550 5.1.1 really\n354 go\r\n"
)


def read(*portions: bytes) -> list[RawReply]:
    reader = ReplyReader()
    found = []
    for portion in portions:
        reader.feed(portion)
        while (raw := reader.next()) is not None:
            found.append(raw)
    return found


def codes_and_texts(replies: list[RawReply]) -> list[tuple[int, str]]:
    return [(raw.code, build(Command.MAIL, raw, "mx.test", False).text) for raw in replies]


def test_replies_are_read_one_by_one() -> None:
    assert codes_and_texts(read(DIALOGUE)) == [
        (220, "mx.test ESMTP"),
        (250, "mx.test\nPIPELINING\nSIZE 1000"),
        (250, ""),
        (550, "no such user\nreally"),
        (354, "go"),
    ]


@given(st.lists(st.integers(0, len(DIALOGUE)), max_size=20))
def test_how_the_bytes_are_cut_makes_no_difference(cuts: list[int]) -> None:
    borders = [0, *sorted(cuts), len(DIALOGUE)]
    assert read(*(DIALOGUE[a:b] for a, b in pairwise(borders))) == read(DIALOGUE)


@given(st.binary(max_size=200))
def test_any_bytes_give_replies_or_garbage_and_nothing_else(noise: bytes) -> None:
    try:
        replies = read(noise)
    except Garbage:
        return
    assert all(200 <= raw.code <= 599 for raw in replies)


@pytest.mark.parametrize(
    "noise",
    [
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\r\n",
        b"25 short\r\n",
        b"199 low\r\n",
        b"600 high\r\n",
        b"2500 long\r\n",
        b"250_x\r\n",
    ],
)
def test_what_is_no_reply_is_garbage(noise: bytes) -> None:
    with pytest.raises(Garbage, match="no SMTP reply"):
        read(noise)


def test_a_line_without_an_end_is_cut_off_long_before_it_fills_the_memory() -> None:
    portions = (b"250 " + b"x" * 1000 for _ in range(1_000_000))
    with pytest.raises(Garbage, match="line that is too long"):
        read(*islice(portions, LONGEST_LINE // 1000 + 1))


def test_a_reply_without_an_end_is_cut_off() -> None:
    with pytest.raises(Garbage, match="reply without an end"):
        read(*[b"250-more and more\r\n"] * LONGEST_REPLY)


def test_the_last_code_counts_where_a_server_mixes_them() -> None:
    assert read(b"450-wait\r\n550 no\r\n")[0].code == 550


def test_a_reply_that_says_yes_and_no_is_no_answer() -> None:
    with pytest.raises(Garbage, match="both accepts and refuses"):
        read(b"550-no\r\n250 yes\r\n")


@pytest.mark.parametrize(
    ("line", "enhanced", "text"),
    [
        (b"550 5.1.1 User unknown", "5.1.1", "User unknown"),
        (b"550 5.1.1", "5.1.1", ""),
        (b"550 5.1.1: User unknown", None, "5.1.1: User unknown"),
        (b"550 4.2.2 another class than the code's", None, "4.2.2 another class than the code's"),
        (b"550 User 5.1.1 unknown", None, "User 5.1.1 unknown"),
        (b"550 10.5.1.1 is blocked", None, "10.5.1.1 is blocked"),
        (b"250 2.0.0 Ok: queued", "2.0.0", "Ok: queued"),
        (b"550 5.1.1234 not one", None, "5.1.1234 not one"),
    ],
)
def test_the_enhanced_code_stands_first_and_fits_the_code(line: bytes, enhanced: str | None, text: str) -> None:
    reply = build(Command.RCPT, read(line + b"\r\n")[0], "mx.test", True)
    assert (reply.enhanced, reply.text, reply.command, reply.host, reply.tls) == (enhanced, text, Command.RCPT, "mx.test", True)


def test_the_enhanced_code_may_come_in_a_later_line() -> None:
    reply = build(Command.DOT, read(b"550-see our policy\r\n550 5.7.1 rejected\r\n")[0], "mx.test", False)
    assert (reply.enhanced, reply.text) == ("5.7.1", "see our policy\nrejected")


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_chinese_replies_are_readable(encoding: str) -> None:
    reply = build(Command.RCPT, read("550 用户不存在，请检查\r\n".encode(encoding))[0], "mx.test", False)
    assert reply.text == "用户不存在，请检查"


def test_bytes_of_no_encoding_are_kept_visible() -> None:
    assert build(Command.RCPT, read(b"550 \xff\xff!\r\n")[0], "mx.test", False).text == "\\xff\\xff!"


def test_control_characters_do_not_reach_database_or_terminal() -> None:
    reply = build(Command.RCPT, read(b"550 a\x00b\x1b[31mc\rd\r\n")[0], "mx.test", False)
    assert reply.text == "a b [31mc d"


def test_bytes_beyond_a_reply_are_noticed() -> None:
    reader = ReplyReader()
    reader.feed(b"220 go ahead\r\n250 inj")
    assert reader.next() == RawReply(220, [b"go ahead\r"])
    assert reader.unread
    reader.feed(b"ected\r\n")
    reader.next()
    assert not reader.unread
