"""Mailboxes carry out fates and account for them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count

import pytest

from mailer.world.fates import fate_of_kind
from mailer.world.ledger import Ledger
from mailer.world.mailboxes import Mailboxes, Message
from mailer.world.shares import FateKind

CONTENT = b"From: a@b.example\r\nMESSAGE-ID:\r\n <1@b.example>\r\n\r\n..dot\r\nMessage-ID: <2@b.example>\r\n"
READER = "reader@qq.example"


class Office:
    """Mailboxes with fates that are given, and what came of them."""

    def __init__(self, fates: Mapping[str, FateKind], keep_messages: int = 10) -> None:
        self.ledger = Ledger()
        self.handed_over: list[tuple[str, bytes]] = []
        ticks = count(1.0)
        self.mailboxes = Mailboxes(
            self.ledger,
            fate_of=lambda address: fate_of_kind(fates.get(address, FateKind.ACCEPT), address),
            clock=lambda: next(ticks),
            slow_seconds=2.5,
            keep_messages=keep_messages,
            on_kept=lambda address, message: self.handed_over.append((address, message.content)),
        )

    def send(self, address: str = READER, content: bytes = CONTENT) -> str | None:
        """What the sender hears last."""
        at_rcpt = self.mailboxes.at_rcpt(address)
        assert at_rcpt.answer is not None
        if at_rcpt.answer.code >= 400:
            return str(at_rcpt.answer)
        at_dot = self.mailboxes.at_dot("b@b.example", [address], content)
        return None if at_dot.answer is None else str(at_dot.answer)


def test_an_accepted_message_is_accounted_for() -> None:
    office = Office({})
    assert office.send() == "250 2.0.0 Ok: queued as 00000001"
    account = office.ledger.recipient(READER)
    assert (account.attempts, account.kept, account.octets) == (1, 1, len(CONTENT))
    assert account.message_ids == ["<1@b.example>"]
    assert (account.last_reply, account.first_kept_at) == ("250 2.0.0 Ok: queued as 00000001", 1.0)


@pytest.mark.parametrize("kind", [FateKind.GREYLISTED, FateKind.FULL_FOR_NOW, FateKind.FREQUENCY, FateKind.CLOSING])
def test_what_happens_once_is_followed_by_acceptance(kind: FateKind) -> None:
    office = Office({READER: kind})
    refusal, acceptance = office.send(), office.send()
    assert refusal is not None
    assert refusal[0] in "45"
    assert acceptance == "250 2.0.0 Ok: queued as 00000001"
    assert (office.ledger.recipient(READER).attempts, office.ledger.recipient(READER).kept) == (2, 1)


@pytest.mark.parametrize("kind", [FateKind.UNKNOWN_USER, FateKind.FULL, FateKind.CONTENT])
def test_what_happens_always_never_ends(kind: FateKind) -> None:
    office = Office({READER: kind})
    heard = {office.send() for _ in range(3)}
    assert len(heard) == 1
    account = office.ledger.recipient(READER)
    assert (account.attempts, account.kept, account.last_reply) == (3, 0, heard.pop())


def test_a_dropped_message_is_kept_without_a_word_and_then_kept_again() -> None:
    office = Office({READER: FateKind.DROPPED})
    assert office.send() is None
    assert office.ledger.summary().unanswered == 1
    assert office.send() is not None
    account = office.ledger.recipient(READER)
    assert (account.kept, account.doubled, account.message_ids) == (2, True, ["<1@b.example>"] * 2)
    assert (account.first_kept_at, account.last_kept_at) == (1.0, 2.0)


def test_a_double_is_not_read_again() -> None:
    office = Office({READER: FateKind.DROPPED})
    office.send()
    office.send()
    office.send(content=CONTENT.replace(b"<1@", b"<3@"))
    assert [content.count(b"<3@b.example>") for _, content in office.handed_over] == [0, 1]


def test_a_slow_server_accepts_late() -> None:
    mailboxes = Office({READER: FateKind.SLOW}).mailboxes
    outcome = mailboxes.at_dot("", [READER], CONTENT)
    assert outcome.delay_seconds == 2.5
    assert outcome.answer is not None
    assert outcome.answer.code == 250


def test_one_reply_at_the_dot_goes_for_all_recipients() -> None:
    office = Office({"b@163.example": FateKind.CONTENT})
    outcome = office.mailboxes.at_dot("", [READER, "b@163.example"], CONTENT)
    assert str(outcome.answer).startswith("550 DT:SPM")
    assert office.ledger.recipient(READER).last_reply == office.ledger.recipient("b@163.example").last_reply
    assert office.ledger.summary().messages_kept == 0


def test_only_the_first_messages_are_kept_whole_and_without_stuffing() -> None:
    office = Office({}, keep_messages=2)
    for number in range(4):
        office.send(f"{number}@qq.example")
    assert office.mailboxes.messages == [Message("b@b.example", (f"{number}@qq.example",), CONTENT) for number in range(2)]
    assert b"\r\n\r\n.dot\r\n" in office.mailboxes.messages[0].content


def test_a_message_without_an_id_is_kept_all_the_same() -> None:
    office = Office({})
    office.send(content=b"Subject: x\r\n\r\nMessage-ID: <not@header.example>\r\n")
    assert office.ledger.recipient(READER).message_ids == [None]
