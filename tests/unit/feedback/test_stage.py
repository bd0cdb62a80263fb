"""Every form in which reports name a command is found, and of several commands the one that stands first counts."""

from __future__ import annotations

import pytest

from mailer.feedback.stage import stage_in
from mailer.reply import Command

_WORDS: dict[Command, tuple[str, ...]] = {
    Command.RCPT: (
        "(in reply to RCPT TO command)",
        'rejected at "RCPT"',
        ">>> RCPT TO:<li@institute.example>",
        "sent: <<< RCPT TO",
        "[rcpt_to]",
        "(RCPT)",
        "RCPT cmd",
        "SMTP.RCPT",
        "smtp:rcpt",
        "(state 13)",
        "(state 14).",
        "SMTP error, RCPT",
        "RCPT TO generated",
        "does not like the recipient",
        "did not accept recipient",
        "RCPT TO:<li@institute.example> failed",
        "RCPT TO:<li@institute.example> said",
        "RCPT TO:<li@institute.example>: 550",
        "connected to 192.0.2.1 but recipient was rejected",
        "连接成功，但收件人被拒绝",
        "response from mx.example to RCPT",
        "error by mx.example after RCPT",
        "remote server mx.example answered after RCPT",
    ),
    Command.MAIL: (
        "in response to MAIL FROM",
        "rejected by the MAIL command",
        "at mailfrom",
        "at mailcommand",
        "sent MAIL FROM",
        "[mail_from]",
        "does not like sender",
        "smtp:mail",
        "(state 12)",
    ),
    Command.DOT: (
        "in reply to end of DATA command",
        "after the final DATA",
        "during sending text command",
        ">>> DATA",
        "[DATA]",
        "smtp:data",
        "(state 15)",
        "(state 17)",
        "(state 18)",
        "failed after I sent the message",
        "end of message (data",
        "after the final dot",
        "terminating dot",
        "SMTP command\n DATA",
        "DATA response",
    ),
    Command.EHLO: (
        "at initial connection",
        "after connect",
        "in response to the HELO",
        "sent EHLO",
        "initial server greeting",
        "[helo]",
        "smtp:ehlo",
    ),
}
EACH = [(words, command) for command, several in _WORDS.items() for words in several]


@pytest.mark.parametrize(("words", "command"), EACH)
def test_each_form_names_its_command(words: str, command: Command) -> None:
    assert stage_in(f"mx.example said: no. {words} Goodbye") is command


@pytest.mark.parametrize("first", _WORDS)
@pytest.mark.parametrize("second", _WORDS)
def test_the_command_that_is_named_first_counts(first: Command, second: Command) -> None:
    assert stage_in(f"{_WORDS[first][0]}; {_WORDS[second][0]}") is first


def test_words_alone_name_none() -> None:
    assert stage_in("The mail system could not connect the data of the recipient with a greeting.") is None
