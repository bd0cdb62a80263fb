"""Replies as logs, bounces and people quote them."""

from __future__ import annotations

import pytest

from mailer.reply import Command, parse_reply


@pytest.mark.parametrize(
    ("quoted", "code", "enhanced", "text"),
    [
        ("550 5.1.1 User unknown", 550, "5.1.1", "User unknown"),
        ("550-5.1.1 No account here.\n550 5.1.1 See help.", 550, "5.1.1", "No account here. See help."),
        ("smtp; 550 user unknown", 550, None, "user unknown"),
        ("smtp;550 5.2.2 Full", 550, "5.2.2", "Full"),
        ("X-Postfix; host mx.example[192.0.2.1] said: 550 unknown user (in reply to RCPT TO command)", 550, None, None),
        ("550 #5.1.0 Address rejected.", 550, "5.1.0", "Address rejected."),
        ("invalid address (#5.5.0)", 0, "5.5.0", None),
        ("该用户不存在", 0, None, "该用户不存在"),
        ("550", 550, None, ""),
        ("", 0, None, ""),
        ("X-Unix; 255", 0, None, None),
        ("192.0.2.1 5500 times", 0, None, None),
    ],
)
def test_codes_and_text_are_told_apart(quoted: str, code: int, enhanced: str | None, text: str | None) -> None:
    reply = parse_reply(quoted)
    assert (reply.code, reply.enhanced) == (code, enhanced)
    assert text is None or reply.text == text


@pytest.mark.parametrize(
    ("quoted", "command"),
    [
        ("550 x (in reply to end of DATA command)", Command.DOT),
        ("550 x (in reply to RCPT TO command)", Command.RCPT),
        ("SMTP error from remote mail server after MAIL FROM:<a@b.example>: 550 x", Command.MAIL),
        ("SMTP error from remote mail server after end of data: 550 x", Command.DOT),
        ("SMTP error, DOT:519 Rejected.", Command.DOT),
        ("554 x (in reply to initial server greeting)", Command.CONNECT),
        ("550 x", Command.RCPT),
    ],
)
def test_the_command_is_the_one_that_the_quoter_names(quoted: str, command: Command) -> None:
    assert parse_reply(quoted).command is command


def test_the_command_is_the_caller_s_where_the_quoter_names_none() -> None:
    assert parse_reply("550 x", Command.DOT).command is Command.DOT
