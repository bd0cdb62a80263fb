"""Servers that stop talking, or stop listening."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailer.smtp import InDoubt, NotSent, Reason
from tests.integration.smtp.harness import PATIENT, QUICK, mail, send
from tests.smtp_server import Act, Answer, Script

LARGE = 9_000_000


def silent_at(start: str) -> Script:
    def answer(line: str, number: int) -> Answer:
        return Act.HANG if line.startswith(start) and number == 1 else None

    return Script(extensions=("PIPELINING",), answer=answer)


@pytest.mark.parametrize("start", ["MAIL FROM:<b-2@", "RCPT TO:<member2@", "DATA"])
def test_silence_before_the_dot_means_not_sent(start: str) -> None:
    sent = send(silent_at(start), [mail(key) for key in (1, 2, 3)], deadlines=QUICK)
    late = sent.outcomes[1 if start == "DATA" else 2]
    assert isinstance(late, NotSent)
    assert late.reason is Reason.TIMEOUT
    assert sent.code(3) == 250


def test_silence_after_the_dot_leaves_the_message_in_doubt() -> None:
    sent = send(silent_at("."), [mail(key) for key in (1, 2, 3)], deadlines=QUICK)
    late = sent.outcomes[1]
    assert isinstance(late, InDoubt)
    assert late.detail == "no reply to DOT within 0.15 s"
    assert isinstance(sent.outcomes[2], NotSent)
    assert sent.code(3) == 250


def test_each_command_has_its_own_deadline() -> None:
    patient_but_for_data = replace(PATIENT, data=0.05)
    sent = send(silent_at("DATA"), [mail(1)], deadlines=patient_but_for_data)
    late = sent.outcomes[1]
    assert isinstance(late, NotSent)
    assert late.detail == "no reply to DATA within 0.05 s"


def test_bytes_that_drip_do_not_win_time() -> None:
    def answer(line: str, number: int) -> Answer:
        return b"250-" + b"x" * 60_000 if line.startswith("MAIL") and number == 1 else None

    sent = send(Script(answer=answer, portion=1, drip=0.01), [mail(1)], deadlines=replace(PATIENT, command=0.1))
    late = sent.outcomes[1]
    assert isinstance(late, NotSent)
    assert late.reason is Reason.TIMEOUT


def test_a_server_that_stops_reading_has_not_got_the_message() -> None:
    def answer(line: str, number: int) -> Answer:
        return (b"354 go\r\n", Act.HANG) if line == "DATA" and number == 1 else None

    script = Script(answer=answer, receive_buffer=4096)
    sent = send(script, [mail(1, size=LARGE), mail(2)], deadlines=QUICK)
    late = sent.outcomes[1]
    assert isinstance(late, NotSent)
    assert late.detail == "the server read nothing for 0.15 s"


def test_a_content_that_is_refused_before_its_end_is_refused() -> None:
    def answer(line: str, _: int) -> Answer:
        return (b"354 go\r\n", Act.READ_A_LITTLE, b"552 5.3.4 too big\r\n", Act.CLOSE) if line == "DATA" else None

    sent = send(Script(answer=answer, receive_buffer=4096), [mail(1, size=LARGE)])
    assert sent.code(1) == 552


def test_a_quit_that_is_not_answered_does_not_hold_up_the_end() -> None:
    sent = send(silent_at("QUIT"), [mail(1)], deadlines=QUICK)
    assert sent.code(1) == 250
    assert sent.down is None
