"""Whatever a stranger sends: it is read or it is not, and nothing breaks, hangs, or fills the memory.

`python -m tests.unit.feedback.fuzzing 100000` does the same for long.
"""

from __future__ import annotations

import time
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.feedback import read_message
from mailer.feedback.charset import decode, decode_words
from mailer.feedback.mime import parse
from mailer.returns.tables import read_table
from subscribers.errors import InputError
from tests.unit.feedback.fuzzing import JUDGE, LONGEST_SECONDS, inputs, seconds_of


@pytest.mark.parametrize("seed", range(4))
def test_nothing_that_strangers_send_breaks_its_reading_or_takes_long(seed: int) -> None:
    for given_ in islice(inputs(600, seed), 600):
        assert seconds_of(given_) < LONGEST_SECONDS, given_


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=2_000))
def test_any_octets_are_read(octets: bytes) -> None:
    read_message(octets, JUDGE)
    assert parse(octets).type


@settings(deadline=None, max_examples=200)
@given(
    st.binary(max_size=300),
    st.one_of(st.text(max_size=30), st.sampled_from(["utf-7", "utf-16", "hz", "gb2312", "idna", "base64", "unicode_escape"])),
)
def test_any_octets_are_text_in_any_charset_that_somebody_names(octets: bytes, charset: str) -> None:
    decode(octets, charset).encode()
    decode_words(f"=?{charset}?Q?{octets.decode('latin-1')}?=").encode("utf-8", "replace")


@pytest.mark.parametrize(
    "piece", [b"<" * 500_000, b"a@" * 300_000, b"\n" * 900_000, b" a@b.c:" * 100_000, b"=?" * 300_000, b"(" * 500_000]
)
def test_a_megabyte_of_one_sign_takes_no_second(piece: bytes) -> None:
    for head in (
        b"",
        b"From: MAILER-DAEMON@a.example\n\n",
        b"From: MAILER-DAEMON@a.example\nContent-Type: text/html\n\n",
        b"Subject: ",
    ):
        started = time.process_time()
        read_message(head + piece, JUDGE)
        assert time.process_time() - started < 1


@pytest.mark.parametrize("cell", [b'"' + b"no end\n" * 30_000, b"x" * 200_000])
def test_a_table_with_a_cell_that_is_too_long_is_refused_with_its_line(cell: bytes) -> None:
    with pytest.raises(InputError, match=r"line \d+: .*quotation mark"):
        read_table(b"email,reason\na@b.example," + cell, JUDGE)


_RECIPIENT = b"Final-Recipient: rfc822; u%d@b.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 no %d\n\n"
_MANY = {
    "recipients in fields": b"Content-Type: multipart/report; boundary=x\n\n--x\nContent-Type: message/delivery-status\n\n"
    + b"".join(_RECIPIENT % (number, number) for number in range(9_000)),
    "recipients in words": b"\n" + b"\n".join(b"u%d@b.example" % number for number in range(60_000)),
    "elements that nobody closes": b"Content-Type: text/html\n\n" + b"<title" * 100_000,
    "parts in parts": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (number, number) for number in range(5_000)
    ),
    "fields": b"".join(b"X-%d: y\n" % number for number in range(100_000)) + b"\n",
    "steps of a dialogue": b"\n<a@b.c>:\n" + b"after the rcpt to:<" * 20_000,
}


@pytest.mark.parametrize("kind", _MANY)
def test_many_of_a_kind_take_no_second_and_no_more_facts_than_can_be_looked_at(kind: str) -> None:
    started = time.process_time()
    read = read_message(b"From: MAILER-DAEMON@a.example\n" + _MANY[kind], JUDGE)
    assert time.process_time() - started < 1
    assert len(read.facts) <= 200
