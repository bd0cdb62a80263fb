from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mailer.smtp.capabilities import Capabilities, parse


def test_a_full_announcement_is_read() -> None:
    lines = [
        b"mx.test greets you\r",
        b"PIPELINING\r",
        b"size 35882577\r",
        b"8BITMIME\r",
        b"SMTPUTF8\r",
        b"DSN\r",
        b"STARTTLS\r",
    ]
    lines += [b"AUTH LOGIN PLAIN\r", b"LIMITS MAILMAX=5 RCPTMAX=100\r", b"X-UNKNOWN 1 2 3\r"]
    assert parse(lines) == Capabilities(
        pipelining=True,
        starttls=True,
        size=True,
        size_limit=35882577,
        eight_bit_mime=True,
        smtputf8=True,
        dsn=True,
        mail_limit=5,
        mechanisms=frozenset({"LOGIN", "PLAIN"}),
    )


def test_the_first_line_is_the_servers_name_and_announces_nothing() -> None:
    assert parse([b"PIPELINING"]) == Capabilities()


def test_size_without_a_limit_is_announced_and_unlimited() -> None:
    assert parse([b"mx", b"SIZE 0"]) == parse([b"mx", b"SIZE"]) == Capabilities(size=True)


def test_the_old_form_of_auth_counts_too() -> None:
    assert parse([b"mx", b"AUTH LOGIN", b"AUTH=LOGIN PLAIN"]).mechanisms == {"LOGIN", "PLAIN"}


def test_limits_that_are_no_numbers_limit_nothing() -> None:
    assert parse([b"mx", b"LIMITS MAILMAX=0 MAILMAX=many RCPTMAX=1", b"SIZE \xff"]) == Capabilities(size=True)


@given(st.lists(st.binary(max_size=60), max_size=10))
def test_nothing_a_server_announces_breaks_us(lines: list[bytes]) -> None:
    assert isinstance(parse(lines), Capabilities)
