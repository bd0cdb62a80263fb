"""The server's side of a dialogue, without a socket."""

from __future__ import annotations

import pytest

from mailer.world.answers import Answer
from mailer.world.dialogue import Dialogue, Offer
from mailer.world.fates import fate_of_kind
from mailer.world.grammar import Extension
from mailer.world.ledger import Ledger
from mailer.world.mailboxes import Mailboxes
from mailer.world.shares import FateKind


def begin(extensions: frozenset[Extension] = frozenset(Extension), max_octets: int = 1000) -> Dialogue:
    mailboxes = Mailboxes(
        Ledger(),
        fate_of=lambda address: fate_of_kind(FateKind(address.partition("@")[0]), address),
        clock=lambda: 0.0,
        slow_seconds=1.0,
        keep_messages=0,
        on_kept=lambda *_: None,
    )
    return Dialogue(Offer("mx.test.example", extensions, max_octets), mailboxes)


def say(dialogue: Dialogue, *lines: str, more_follows: bool = False) -> Answer:
    answer = None
    for line in lines:
        answer = dialogue.command(line.encode(), more_follows=more_follows).answer
    assert answer is not None
    return answer


def test_ehlo_lists_what_is_offered() -> None:
    assert say(begin(), "EHLO c").text.split("\n") == [
        "mx.test.example",
        "PIPELINING",
        "SIZE 1000",
        "8BITMIME",
        "ENHANCEDSTATUSCODES",
        "DSN",
        "SMTPUTF8",
    ]


@pytest.mark.parametrize("extension", Extension)
def test_each_extension_can_be_switched_off(extension: Extension) -> None:
    answer = say(begin(frozenset(Extension) - {extension}), "EHLO c")
    assert extension not in {line.partition(" ")[0] for line in answer.text.split("\n")}
    assert len(answer.text.split("\n")) == len(Extension)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (["MAIL FROM:<a@b.example>"], 503),
        (["EHLO"], 501),
        (["EHLO c", "RCPT TO:<accept@b.example>"], 503),
        (["EHLO c", "DATA"], 503),
        (["EHLO c", "MAIL FROM:<>", "MAIL FROM:<>"], 503),
        (["EHLO c", "MAIL FROM:<>", "DATA"], 554),
        (["EHLO c", "MAIL FROM:<>", "RCPT TO:<unknown_user@b.example>", "DATA"], 554),
        (["EHLO c", "MAIL FROM:<>", "RCPT TO:<accept@b.example>", "DATA"], 354),
        (["EHLO c", "MAIL FROM:<>", "RCPT TO:<accept@b.example>", "RSET", "DATA"], 503),
        (["EHLO c", "MAIL FROM:<>", "RCPT TO:<accept@b.example>", "EHLO c", "DATA"], 503),
        (["EHLO c", "MAIL FROM:<> SIZE=1001"], 552),
        (["EHLO c", "MAIL FROM:<张三@b.example>"], 553),
        (["EHLO c", "MAIL FROM:<张三@b.example> SMTPUTF8"], 250),
        (["HELO c", "MAIL FROM:<> SIZE=1"], 555),
        (["HELO c", "MAIL FROM:<>"], 250),
        (["VRFY accept"], 252),
        (["noop"], 250),
        (["QUIT"], 221),
        (["TURN"], 500),
    ],
)
def test_commands_are_answered_in_their_order(lines: list[str], code: int) -> None:
    assert say(begin(), *lines).code == code


@pytest.mark.parametrize("line", ["EHLO c", "DATA", "NOOP", "QUIT"])
def test_what_must_come_last_in_a_group_must_not_be_followed(line: str) -> None:
    dialogue = begin()
    say(dialogue, "EHLO c", "MAIL FROM:<>", "RCPT TO:<accept@b.example>")
    outcome = dialogue.command(line.encode(), more_follows=True)
    assert outcome.close
    assert outcome.answer is not None
    assert outcome.answer.code == 554


def test_without_pipelining_nothing_may_be_followed() -> None:
    dialogue = begin(frozenset(Extension) - {Extension.PIPELINING})
    say(dialogue, "EHLO c")
    assert dialogue.command(b"MAIL FROM:<>", more_follows=True).close


@pytest.mark.parametrize(
    ("parameters", "content", "code"),
    [
        ("", b"x" * 1000, 250),
        ("", b"x" * 1001, 552),
        ("", "简报".encode(), 554),
        (" BODY=8BITMIME", "简报".encode(), 250),
    ],
)
def test_a_content_is_held_to_what_was_declared(parameters: str, content: bytes, code: int) -> None:
    dialogue = begin()
    say(dialogue, "EHLO c", f"MAIL FROM:<>{parameters}", "RCPT TO:<accept@b.example>", "DATA")
    assert dialogue.awaits_content
    answer = dialogue.content(content).answer
    assert answer is not None
    assert answer.code == code
    assert not dialogue.awaits_content
    assert say(dialogue, "MAIL FROM:<>").code == 250


def test_a_line_that_is_not_text_is_refused() -> None:
    answer = begin().command("MAIL FROM:<张三@b.example>".encode("gbk"), more_follows=False).answer
    assert answer is not None
    assert answer.code == 500
