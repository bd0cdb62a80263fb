"""At which command of the dialogue a reply was given, as reports tell it: what is said of a recipient before its content was
seen is about the recipient; the same words after the content may be a filter's."""

from __future__ import annotations

import re

from mailer.reply import Command

_AT = (
    r"(?:in\ reply\ to|in\ response\ to|after|response\ to|rejected\ (?:our|at|by|the)|at|during|our|for|following)\ (?:the\ )?"
)
_SENT = r"(?:>>>?\s*|\bsent:?\s*(?:<<<|>>>)?\s*)"
_RCPT = rf"""{_AT}"?rcpt\b | {_SENT}rcpt\ to | \[rcpt_to\] | \(rcpt\) | \bsmtp[:.]rcpt\b | \(state\ 1[34]\) | smtp\ error,\ rcpt\b
    | \brcpt\ (?:cmd\b | to\ (?:response|generated|command|failed|error)
        | to:\s?<[^>\n]{{3,120}}>(?:\S*\s+(?:failed|returned|resulted|said) | [:;,]?\s+[45]\d\d\b))
    | does\ not\ like\ (?:the\ )?recipient | did\ not\ accept\ (?:the\ )?recipient
    | connected\ to\ \S{{1,60}}\ but\ recipient\ was\ rejected | 但(?:接收者|收件人|接收人)被拒绝
    | response\ (?:from|by)\ .{{0,80}}\ (?:to|after)\ rcpt | error\ (?:from|by)\ .{{0,80}}\ (?:to|after)\ rcpt
    | remote\ (?:server|host)\ .{{0,60}}\ (?:to|after)\ rcpt"""
_MAIL = rf"""{_AT}"?mail\ ?(?:from|command)\b | {_SENT}mail\ from | \[mail_from\] | does\ not\ like\ sender | smtp:mail\b | \(state\ 12\)"""
_DOT = rf"""{_AT}(?:end\ of\ |final\ |sending\ )?(?:data\b|text\ command) | {_SENT}data\b | \[data\] | smtp:data\b | \(state\ 1[578]\)
    | failed\ after\ i\ sent\ the\ message | end\ of\ message\ \(data | (?:final|terminating)\ dot | smtp\ command\s*\n\s*data\b
    | data\ (?:command|response)\b"""
_GREETING = rf"""{_AT}(?:initial\ (?:connection|server\ greeting)|helo|ehlo|connect) | {_SENT}(?:helo|ehlo)\b | initial\ server\ greeting
    | \[helo\] | smtp:(?:helo|ehlo)\b"""
# For words in lower case: with IGNORECASE none of the branches could be passed by at a look, and it took three times as long. Each
# pattern is looked for only where one of the words beside it stands, without which it cannot fit: most reports name one stage or none.
_STAGES: tuple[tuple[Command, tuple[str, ...], re.Pattern[str]], ...] = (
    (Command.RCPT, ("rcpt", "recipient", "(state 1", "被拒绝"), re.compile(_RCPT, re.VERBOSE)),
    (
        Command.MAIL,
        ("mail from", "mailfrom", "mail_from", "mail command", "mailcommand", "smtp:mail", "like sender", "(state 12)"),
        re.compile(_MAIL, re.VERBOSE),
    ),
    (Command.DOT, ("data", "text command", " dot", "i sent the message", "(state 1"), re.compile(_DOT, re.VERBOSE)),
    (Command.EHLO, ("connect", "greeting", "helo", "ehlo"), re.compile(_GREETING, re.VERBOSE)),
)


def stage_in(words: str) -> Command | None:
    """The command that the words name first; None where they name none."""
    lower = words.lower()
    named: dict[int, Command] = {}
    for command, signs, pattern in _STAGES:
        if any(sign in lower for sign in signs) and (found := pattern.search(lower)):
            named.setdefault(found.start(), command)
    return named[min(named)] if named else None
