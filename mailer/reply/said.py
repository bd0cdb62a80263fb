"""One reply as a server gave it, or as a log, a bounce or a person quotes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Command(StrEnum):
    """The command a reply answered (RFC 5321 §4.1); DOT is the end of the message's content."""

    CONNECT = "CONNECT"
    EHLO = "EHLO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    DOT = "DOT"
    RSET = "RSET"
    QUIT = "QUIT"


@dataclass(frozen=True, slots=True)
class Reply:
    """One whole reply (RFC 5321 §4.2): `text` joins its lines with newlines, codes stripped; `enhanced` is RFC 3463's X.Y.Z."""

    command: Command
    code: int
    enhanced: str | None
    text: str
    host: str
    tls: bool

    def __str__(self) -> str:
        return " ".join(part for part in (str(self.code), self.enhanced, self.text.replace("\n", " ")) if part)


_LONGEST_QUOTE = 4_000  # Far more than a reply has (RFC 5321 §4.5.3.1.5): a stranger's report may be any length.
_CODE = re.compile(
    r"(?:^[\s#'\"]*(?:(?!x-unix)[\w\-]+\s*;\s*)?[\s#'\"]*|\bsaid:\s*|\b(?:rcpt to|mail from|data|dot):\s*)([2-5]\d\d)(?=[\s\-:;,.#]|$)",
    re.IGNORECASE,
)
_ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.]\d)")
_STAGE = re.compile(
    r"(?:in reply to|after|smtp error,) (?P<stage>end of data|data|dot|rcpt|mail from|ehlo|helo|auth|starttls|initial server greeting)\b",
    re.IGNORECASE,
)
_REMARK = re.compile(r"\(in reply to [^)]*\)", re.IGNORECASE)
_COMMAND_OF_STAGE: Mapping[str, Command] = MappingProxyType(
    {
        "end of data": Command.DOT,
        "dot": Command.DOT,
        "data": Command.DATA,
        "rcpt": Command.RCPT,
        "mail from": Command.MAIL,
        "ehlo": Command.EHLO,
        "helo": Command.EHLO,
        "auth": Command.AUTH,
        "starttls": Command.STARTTLS,
        "initial server greeting": Command.CONNECT,
    }
)


def parse_reply(text: str, command: Command = Command.RCPT) -> Reply:
    """The reply that `text` quotes, as logs, bounces and people write it: `550-5.1.1 …`, `smtp; 550 …`, or words alone.

    The command is the one that Postfix or Exim names (`in reply to …`), else `command`. A text without a code gets code 0.
    """
    text = text[:_LONGEST_QUOTE]
    stage = _STAGE.search(" ".join(text.split()))
    found = _CODE.search(text)
    rest = text[found.end() :] if found else text
    enhanced = _enhanced(rest)
    return Reply(
        command=_COMMAND_OF_STAGE[stage["stage"].lower()] if stage else command,
        code=int(found[1]) if found else 0,
        enhanced=enhanced,
        text=_text(rest, found[1] if found else None, enhanced),
        host="",
        tls=False,
    )


def _enhanced(text: str) -> str | None:
    """The first of RFC 3463's codes that says something; X.0.0, "other or undefined", only where no other stands beside it."""
    codes = _ENHANCED.findall(text)
    return next((code for code in codes if not code.endswith(".0.0")), codes[0] if codes else None)


def _text(rest: str, code: str | None, enhanced: str | None) -> str:
    """The words on one line, without the codes that each line of the reply repeats and the remark on the command."""
    if code:
        rest = re.sub(rf"(?<!\S){code}[ \-]", " ", rest)
    if enhanced:
        rest = rest.replace(enhanced, " ")
    return _REMARK.sub(" ", " ".join(rest.split())).strip().lstrip("-;# ")
