"""At which command of the dialogue a reply was given, as reports tell it: what is said of a recipient before its content was
seen is about the recipient; the same words after the content may be a filter's."""

from __future__ import annotations

import re

from mailer.reply import Command

_STAGES = re.compile(
    r"""
    (?P<rcpt> (?:in\ reply\ to|in\ response\ to|after|response\ to|rejected\ (?:our|at|by|the)|at|during|our)\ (?:the\ )?"?rcpt\b
            | >>>?\s*rcpt\ to | \bsent:?\s*(?:<<<|>>>)?\s*rcpt\ to | \[rcpt_to\] | \(rcpt\) | \brcpt\ cmd\b | \bsmtp[:.]rcpt\b
            | \brcpt\ to\ (?:response|generated|command|failed|error) | does\ not\ like\ recipient
            | \brcpt\ to:\s?<[^>\n]{3,120}>\S*\s+(?:failed|returned|resulted|said) | \brcpt\ to:\s?<[^>\n]{3,120}>[:;,]?\s+[45]\d\d\b
            | (?:response|error)\ (?:from|by)\ .{0,80}\ (?:to|after)\ rcpt | remote\ (?:server|host)\ .{0,60}\ (?:to|after)\ rcpt )
  | (?P<mail> (?:in\ reply\ to|in\ response\ to|after|at\ the|at|during|our)\ (?:the\ )?mail\ ?from\b
            | \[mail_from\] | >>>?\s*mail\ from | does\ not\ like\ sender | did\ not\ like\ our\ mail\ from | smtp:mail\b )
  | (?P<dot>  (?:in\ reply\ to|in\ response\ to|after|at|during|our)\ (?:the\ )?(?:end\ of\ |final\ |sending\ )?data\b
            | \[data\] | >>>?\s*data\b | failed\ after\ i\ sent\ the\ message | end\ of\ message\ \(data | (?:final|terminating)\ dot
            | smtp\ command\s*\n\s*data\b | smtp:data\b | \bsent:?\s*(?:<<<|>>>)?\s*data\b | data\ (?:command|response)\b )
  | (?P<connect> (?:in\ reply\ to|in\ response\ to|after|during)\ (?:the\ )?(?:initial\ (?:connection|server\ greeting)|helo|ehlo|connect)
            | initial\ server\ greeting | \[helo\] | >>>?\s*[eh][he]lo\b | did\ not\ like\ our\ [eh][he]lo | smtp:[eh][he]lo\b )
    """,
    re.IGNORECASE | re.VERBOSE,
)
_COMMANDS = {"rcpt": Command.RCPT, "mail": Command.MAIL, "dot": Command.DOT, "connect": Command.EHLO}


def stage_in(words: str) -> Command | None:
    """The command that the words name first; None where they name none."""
    found = _STAGES.search(words)
    return _COMMANDS[found.lastgroup] if found and found.lastgroup else None
