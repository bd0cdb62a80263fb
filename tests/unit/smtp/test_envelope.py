from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.smtp.capabilities import Capabilities
from mailer.smtp.envelope import mail, obstacle, rcpt, xtext
from mailer.smtp.outcomes import Reason

EVERYTHING = Capabilities(pipelining=True, size=True, size_limit=1000, eight_bit_mime=True, smtputf8=True, dsn=True)
NOTHING = Capabilities()


@dataclass(frozen=True)
class Letter:
    key: int = 1
    sender: str = "b-1@bounce.example.org"
    recipient: str = "li@example.cn"
    content: bytes = b"Subject: x\r\n\r\nhello\r\n"
    smtputf8: bool = False
    envelope_id: str = "d-1"

    @property
    def eight_bit(self) -> bool:
        return not self.content.isascii()


def reason(letter: Letter, capabilities: Capabilities) -> Reason | None:
    found = obstacle(letter, capabilities)
    return found.reason if found is not None else None


def test_a_plain_server_gets_plain_commands() -> None:
    assert mail(Letter(), NOTHING) == b"MAIL FROM:<b-1@bounce.example.org>\r\n"
    assert rcpt(Letter(), NOTHING) == b"RCPT TO:<li@example.cn>\r\n"


def test_what_is_announced_is_used() -> None:
    assert mail(Letter(), EVERYTHING) == b"MAIL FROM:<b-1@bounce.example.org> SIZE=21 RET=HDRS ENVID=d-1\r\n"
    assert rcpt(Letter(), EVERYTHING) == b"RCPT TO:<li@example.cn> NOTIFY=FAILURE,DELAY ORCPT=rfc822;li@example.cn\r\n"


def test_8bitmime_is_said_only_of_8_bit_content() -> None:
    assert b"BODY=8BITMIME" in mail(Letter(content="简报\r\n".encode()), EVERYTHING)
    assert reason(Letter(content="简报\r\n".encode()), NOTHING) is Reason.NEEDS_8BITMIME


def test_smtputf8_is_asked_for_only_where_an_address_needs_it() -> None:
    letter = Letter(recipient="张三@例子.中国")
    assert mail(letter, EVERYTHING).endswith(b" SMTPUTF8 RET=HDRS ENVID=d-1\r\n")
    assert rcpt(letter, EVERYTHING).startswith("RCPT TO:<张三@例子.中国>".encode())
    assert b"ORCPT=utf-8;\\x{5F20}\\x{4E09}@\\x{4F8B}\\x{5B50}.\\x{4E2D}\\x{56FD}\r\n" in rcpt(letter, EVERYTHING)
    assert reason(letter, NOTHING) is Reason.NEEDS_SMTPUTF8
    assert reason(Letter(smtputf8=True), NOTHING) is Reason.NEEDS_SMTPUTF8


def test_a_message_over_the_announced_size_stays_here() -> None:
    exact, over = (Letter(content=b"x" * (octets - 2) + b"\r\n") for octets in (1000, 1001))
    assert (reason(exact, EVERYTHING), reason(over, EVERYTHING)) == (None, Reason.TOO_BIG)


@pytest.mark.parametrize(
    "letter",
    [
        Letter(recipient="a@b>\r\nRCPT TO:<c@d"),
        Letter(recipient="a@b\nDATA"),
        Letter(sender="a@b> SIZE=1"),
        Letter(recipient="\ud800@b"),
        Letter(recipient=""),
        Letter(content=b"no line end"),
        Letter(content=b"half a line end\n"),
    ],
)
def test_what_would_break_the_dialogue_is_not_said(letter: Letter) -> None:
    assert reason(letter, EVERYTHING) is Reason.MALFORMED


def test_the_null_sender_is_lawful() -> None:
    assert mail(Letter(sender=""), NOTHING) == b"MAIL FROM:<>\r\n"
    assert reason(Letter(sender=""), NOTHING) is None


def test_an_envelope_id_that_is_too_long_is_left_out() -> None:
    assert b"ENVID" not in mail(Letter(envelope_id="=" * 40), EVERYTHING)
    assert b"ENVID" not in mail(Letter(envelope_id=""), EVERYTHING)


@given(st.text(st.characters(codec="ascii")))
def test_xtext_can_be_read_back(text: str) -> None:
    written = xtext(text)
    assert re.fullmatch(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*", written)
    assert re.sub(r"\+([0-9A-F]{2})", lambda found: chr(int(found[1], 16)), written) == text


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_a_command_without_an_obstacle_is_one_line(sender: str, recipient: str, envelope_id: str) -> None:
    letter = Letter(sender=sender, recipient=recipient, envelope_id=envelope_id)
    if obstacle(letter, EVERYTHING) is None:
        for command in (mail(letter, EVERYTHING), rcpt(letter, EVERYTHING)):
            assert command.endswith(b"\r\n")
            assert not re.search(rb"[\r\n\0]", command[:-2])
