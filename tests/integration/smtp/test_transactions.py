"""What becomes of each message when the server answers, rightly or wrongly."""

from __future__ import annotations

import socket
from time import monotonic

import pytest

from mailer.reply import Command
from mailer.smtp import InDoubt, NotSent, Reason, Replied
from tests.integration.smtp.harness import Sent, mail, send
from tests.smtp_server import Act, Answer, Script

WITHOUT_PIPELINING = ("SIZE 10000000", "8BITMIME")
BOTH_WAYS = pytest.mark.parametrize("extensions", [("PIPELINING", "8BITMIME"), WITHOUT_PIPELINING, ()])


def answering(start: str, answer: Answer, *, extensions: tuple[str, ...] = ("PIPELINING",), connection: int = 0) -> Script:
    """A server that answers lines beginning with `start` its own way, on one connection or on all."""

    def choose(line: str, number: int) -> Answer:
        return answer if line.startswith(start) and connection in (0, number) else None

    return Script(extensions=extensions, answer=choose)


def contents(sent: Sent) -> list[bytes]:
    return [accepted.content for accepted in sent.server.accepted]


@BOTH_WAYS
def test_every_message_arrives_byte_for_byte_with_its_own_envelope(extensions: tuple[str, ...]) -> None:
    messages = [mail(key, size=key * 3000) for key in range(1, 8)]
    sent = send(Script(extensions=extensions), messages)
    assert contents(sent) == [message.content for message in messages]
    assert [accepted.rcpt for accepted in sent.server.accepted] == [
        [f"RCPT TO:<member{key}@institute.test>"] for key in range(1, 8)
    ]
    assert all(sent.code(key) == 250 for key in range(1, 8))
    assert sent.server.connections == 1


def test_a_pipelined_message_costs_one_round_trip() -> None:
    sent = send(Script(), [mail(key) for key in range(1, 6)])
    # MAIL, RCPT and DATA of each message are there together, and from the second on so is the dot before them.
    assert sent.server.pipelined_groups == 5 * 2
    assert sent.server.verbs() == ["EHLO", *["MAIL", "RCPT", "DATA"] * 5, "QUIT"]


def test_without_pipelining_every_command_waits_for_its_reply() -> None:
    sent = send(Script(extensions=WITHOUT_PIPELINING), [mail(key) for key in range(1, 6)])
    assert sent.server.pipelined_groups == 0


def test_a_server_that_knows_only_helo_gets_no_extensions() -> None:
    script = answering("EHLO", b"502 5.5.2 not implemented\r\n", extensions=())
    sent = send(script, [mail(1), mail(2)])
    assert sent.server.verbs()[:3] == ["EHLO", "HELO", "MAIL"]
    assert (sent.code(1), sent.code(2)) == (250, 250)
    assert sent.server.lines[2][1] == "MAIL FROM:<b-1@bounce.test>"


@BOTH_WAYS
@pytest.mark.parametrize(
    ("start", "reply", "command"),
    [
        ("MAIL FROM:<b-2@", b"451 4.7.1 wait\r\n", Command.MAIL),
        ("RCPT TO:<member2@", b"550 5.1.1 no such user\r\n", Command.RCPT),
        ("RCPT TO:<member2@", b"450 4.2.0 greylisted\r\n", Command.RCPT),
    ],
)
def test_a_refused_recipient_costs_only_itself(extensions: tuple[str, ...], start: str, reply: bytes, command: Command) -> None:
    sent = send(answering(start, reply, extensions=extensions), [mail(key) for key in range(1, 5)])
    assert [sent.code(key) for key in range(1, 5)] == [250, int(reply[:3]), 250, 250]
    refused = sent.outcomes[2]
    assert isinstance(refused, Replied)
    assert refused.reply.command is command
    assert contents(sent) == [mail(key).content for key in (1, 3, 4)]
    assert sent.server.connections == 1


@BOTH_WAYS
def test_a_refused_recipient_leaves_no_sender_behind(extensions: tuple[str, ...]) -> None:
    sent = send(answering("RCPT TO:<member1@", b"550 no\r\n", extensions=extensions), [mail(1), mail(2)])
    verbs = sent.server.verbs()
    assert verbs[verbs.index("RCPT") :].index("RSET") < verbs[verbs.index("RCPT") :].index("MAIL")


@pytest.mark.parametrize("end", [b"250 2.0.0 an empty message, why not\r\n", b"554 5.5.1 no recipients\r\n"])
def test_data_that_is_allowed_without_a_recipient_is_ended_by_a_lone_dot(end: bytes) -> None:
    def answer(line: str, _: int) -> Answer:
        if line.startswith("RCPT TO:<member2@"):
            return b"550 5.1.1 no such user\r\n"
        if line == "DATA":
            return b"354 whoever it is for\r\n"
        return end if line == "." and not sent_lines[-1] else None

    sent_lines: list[bytes] = []

    def recording(line: str, number: int) -> Answer:
        sent_lines.append(b"" if line.startswith("RCPT TO:<member2@") else sent_lines[-1] if line in ("DATA", ".") else b"x")
        return answer(line, number)

    sent = send(Script(extensions=("PIPELINING",), answer=recording), [mail(key) for key in range(1, 5)])
    assert [sent.code(key) for key in range(1, 5)] == [250, 550, 250, 250]
    assert sent.server.dots == [mail(1).content, b"", mail(3).content, mail(4).content]


@BOTH_WAYS
def test_refused_data_costs_only_its_message(extensions: tuple[str, ...]) -> None:
    seen: list[str] = []

    def answer(line: str, _: int) -> Answer:
        seen.append(line)
        return b"452 4.3.1 disk full\r\n" if line == "DATA" and seen.count("DATA") == 2 else None

    sent = send(Script(extensions=extensions, answer=answer), [mail(key) for key in range(1, 5)])
    assert [sent.code(key) for key in range(1, 5)] == [250, 452, 250, 250]


@BOTH_WAYS
def test_a_refused_content_costs_only_its_message(extensions: tuple[str, ...]) -> None:
    seen: list[str] = []

    def answer(line: str, _: int) -> Answer:
        seen.append(line)
        return b"554 5.7.1 spam\r\n" if line == "." and seen.count(".") == 2 else None

    sent = send(Script(extensions=extensions, answer=answer), [mail(key) for key in range(1, 5)])
    assert [sent.code(key) for key in range(1, 5)] == [250, 554, 250, 250]
    refused = sent.outcomes[2]
    assert isinstance(refused, Replied)
    assert (refused.reply.command, refused.reply.enhanced) == (Command.DOT, "5.7.1")


def test_every_recipient_may_be_refused() -> None:
    sent = send(answering("RCPT", b"550 5.1.1 no\r\n"), [mail(key) for key in range(1, 20)])
    assert {sent.code(key) for key in range(1, 20)} == {550}
    assert sent.down is None


@pytest.mark.parametrize("portion", [1, 2, 3, 7])
@pytest.mark.parametrize("extensions", [("PIPELINING", "SIZE 1000000"), ()])
def test_replies_cut_at_every_byte_are_understood(portion: int, extensions: tuple[str, ...]) -> None:
    script = answering("RCPT TO:<member2@", b"550-5.1.1 no\r\n550-5.1.1 such\r\n550 5.1.1 user\r\n", extensions=extensions)
    script.portion = portion
    sent = send(script, [mail(key) for key in range(1, 5)])
    assert [sent.code(key) for key in range(1, 5)] == [250, 550, 250, 250]
    refused = sent.outcomes[2]
    assert isinstance(refused, Replied)
    assert refused.reply.text == "no\nsuch\nuser"


def test_421_at_the_dot_is_the_answer_for_that_message() -> None:
    sent = send(answering(".", b"421 4.7.0 too much\r\n", connection=1), [mail(key) for key in range(1, 4)])
    assert sent.code(1) == 421
    following = sent.outcomes[2]
    assert isinstance(following, NotSent)
    assert (following.reason, following.reply and following.reply.code) == (Reason.CLOSING, 421)
    assert sent.code(3) == 250


@BOTH_WAYS
@pytest.mark.parametrize("start", ["MAIL FROM:<b-2@", "RCPT TO:<member2@"])
def test_421_before_the_dot_means_not_sent_and_a_new_connection(extensions: tuple[str, ...], start: str) -> None:
    script = answering(start, b"421 4.3.2 shutting down\r\n", extensions=extensions)
    sent = send(script, [mail(key) for key in range(1, 4)])
    outcome = sent.outcomes[2]
    assert isinstance(outcome, NotSent)
    assert (outcome.reason, outcome.reply and str(outcome.reply)) == (Reason.CLOSING, "421 4.3.2 shutting down")
    assert (sent.code(1), sent.code(3), sent.server.connections) == (250, 250, 2)


@BOTH_WAYS
@pytest.mark.parametrize("start", ["MAIL FROM:<b-2@", "RCPT TO:<member2@"])
def test_a_connection_closed_before_the_dot_means_not_sent(extensions: tuple[str, ...], start: str) -> None:
    sent = send(answering(start, Act.CLOSE, extensions=extensions), [mail(key) for key in range(1, 4)])
    outcome = sent.outcomes[2]
    assert isinstance(outcome, NotSent)
    assert outcome.reason is Reason.CLOSED
    assert outcome.detail.endswith(f"when its reply to {start[:4]} was due")
    assert (sent.code(1), sent.code(3), sent.server.connections) == (250, 250, 2)


@BOTH_WAYS
def test_a_connection_closed_after_the_dot_leaves_its_message_in_doubt(extensions: tuple[str, ...]) -> None:
    sent = send(answering(".", Act.CLOSE, extensions=extensions, connection=1), [mail(key) for key in range(1, 4)])
    outcome = sent.outcomes[1]
    assert isinstance(outcome, InDoubt)
    assert outcome.reason is Reason.CLOSED
    # Pipelined, the next message's envelope was in the same write; its content had not left.
    assert isinstance(sent.outcomes[2], NotSent if "PIPELINING" in extensions else Replied)
    assert sent.code(3) == 250


@pytest.mark.parametrize("start", ["MAIL", "RCPT", "DATA", "."])
@pytest.mark.parametrize("noise", [b"HTTP/1.1 200 OK\r\n", b"\x00\xff\x00\r\n", b"250 " + b"x" * 1_000_000])
def test_garbage_ends_the_connection_and_is_no_answer(start: str, noise: bytes) -> None:
    sent = send(answering(start, noise, connection=1), [mail(key) for key in range(1, 4)])
    outcome = sent.outcomes[1]
    assert isinstance(outcome, InDoubt if start == "." else NotSent)
    assert outcome.reason is Reason.GARBAGE
    assert sent.code(3) == 250


@pytest.mark.parametrize(("start", "answer"), [("MAIL", b"354 go\r\n"), ("RCPT", b"334 go\r\n"), ("DATA", b"250 ok\r\n")])
def test_a_code_that_cannot_answer_the_command_is_garbage(start: str, answer: bytes) -> None:
    sent = send(answering(start, answer, connection=1), [mail(key) for key in range(1, 4)])
    outcome = sent.outcomes[1]
    assert isinstance(outcome, NotSent)
    assert outcome.reason is Reason.GARBAGE


def test_an_intermediate_reply_to_the_dot_leaves_its_message_in_doubt() -> None:
    sent = send(answering(".", b"354 more please\r\n", connection=1), [mail(1), mail(2)])
    assert isinstance(sent.outcomes[1], InDoubt)


def test_an_acceptance_that_comes_before_the_content_accepts_nothing() -> None:
    sent = send(answering("DATA", b"354 go\r\n250 2.0.0 already queued\r\n", connection=1), [mail(1), mail(2)])
    outcome = sent.outcomes[1]
    assert isinstance(outcome, NotSent)
    assert outcome.reason is Reason.GARBAGE
    assert sent.code(2) == 250


def test_a_reply_that_accepts_and_refuses_leaves_its_message_in_doubt() -> None:
    sent = send(answering(".", b"550-no\r\n250 yes\r\n", connection=1), [mail(1)])
    assert isinstance(sent.outcomes[1], InDoubt)


def test_replies_beyond_those_asked_for_end_the_connection() -> None:
    script = answering(".", b"250 2.0.0 ok\r\n250 2.0.0 ok\r\n250 2.0.0 ok\r\n", extensions=(), connection=1)
    sent = send(script, [mail(1), mail(2)])
    assert sent.code(1) == 250
    assert isinstance(sent.outcomes[2], NotSent | Replied)
    assert len(sent.server.accepted) == len([key for key in (1, 2) if isinstance(sent.outcomes[key], Replied)])


def test_a_message_that_is_too_big_for_the_server_is_not_shown_to_it() -> None:
    sent = send(Script(extensions=("PIPELINING", "SIZE 1000")), [mail(1), mail(2, size=5000), mail(3)])
    outcome = sent.outcomes[2]
    assert isinstance(outcome, NotSent)
    assert outcome.reason is Reason.TOO_BIG
    assert (sent.code(1), sent.code(3)) == (250, 250)
    assert not [line for _, line in sent.server.lines if "member2@" in line]


def test_an_address_the_server_cannot_carry_costs_only_itself() -> None:
    sent = send(Script(extensions=("PIPELINING",)), [mail(1), mail(2, recipient="张三@例子.中国"), mail(3)])
    outcome = sent.outcomes[2]
    assert isinstance(outcome, NotSent)
    assert outcome.reason is Reason.NEEDS_SMTPUTF8
    assert (sent.code(1), sent.code(3)) == (250, 250)


def test_a_chinese_address_goes_through_where_smtputf8_is_offered() -> None:
    sent = send(Script(), [mail(1, recipient="张三@例子.中国")])
    assert sent.code(1) == 250
    assert "<张三@例子.中国>" in sent.server.accepted[0].rcpt[0]


def test_the_server_is_told_to_report_failures_and_never_successes() -> None:
    sent = send(Script(), [mail(1)])
    assert "RET=HDRS ENVID=d1" in sent.server.accepted[0].mail
    assert sent.server.accepted[0].rcpt[0].endswith("NOTIFY=FAILURE,DELAY ORCPT=rfc822;member1@institute.test")


@pytest.mark.skipif(not hasattr(socket, "TCP_QUICKACK"), reason="only Linux lets us acknowledge at once")
def test_a_server_that_waits_for_our_acknowledgements_is_not_kept_waiting() -> None:
    # Held back, each of them costs 40 ms, and there is one a message: 4 s, where the whole run takes 0.2 s.
    messages = [mail(key) for key in range(100)]
    began = monotonic()
    assert len(send(Script(nagle=True), messages).server.accepted) == 100
    assert monotonic() - began < 2
