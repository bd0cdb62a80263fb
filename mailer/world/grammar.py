"""The grammar of a mail transaction: paths and parameters of MAIL and RCPT (RFC 5321 §4.1.2), each parameter by its extension."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from enum import StrEnum

from mailer.world.answers import BAD_PATH, NEEDS_SMTPUTF8, Answer


class Extension(StrEnum):
    """What the server can announce after EHLO."""

    PIPELINING = "PIPELINING"  # RFC 2920
    SIZE = "SIZE"  # RFC 1870
    EIGHT_BIT_MIME = "8BITMIME"  # RFC 6152
    ENHANCED_STATUS_CODES = "ENHANCEDSTATUSCODES"  # RFC 2034
    DSN = "DSN"  # RFC 3461
    SMTPUTF8 = "SMTPUTF8"  # RFC 6531


@dataclass(frozen=True, slots=True)
class Path:
    """The address between the angle brackets and the parameters behind it, their names in capitals."""

    address: str
    parameters: Mapping[str, str]


_Grammar = Mapping[str, tuple[Extension, re.Pattern[str]]]

_XTEXT = r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})"  # RFC 3461 §4
_PATH = re.compile(r'<((?:"(?:\\.|[^"\\])*"|[^<>"\s])*)>(?: +(.*))?')
MAIL_PARAMETERS: _Grammar = {
    "SIZE": (Extension.SIZE, re.compile(r"\d{1,20}")),
    "BODY": (Extension.EIGHT_BIT_MIME, re.compile(r"7BIT|8BITMIME", re.IGNORECASE)),
    "RET": (Extension.DSN, re.compile(r"FULL|HDRS", re.IGNORECASE)),
    "ENVID": (Extension.DSN, re.compile(_XTEXT + r"{1,100}")),
    "SMTPUTF8": (Extension.SMTPUTF8, re.compile("")),
}
RCPT_PARAMETERS: _Grammar = {
    "NOTIFY": (Extension.DSN, re.compile(r"NEVER|(?:(?:SUCCESS|FAILURE|DELAY)(?:,(?!$)|$))+", re.IGNORECASE)),
    "ORCPT": (Extension.DSN, re.compile(r"[A-Za-z0-9-]+;" + _XTEXT + "{1,500}")),
}


def parse_path(argument: str, keyword: str, grammar: _Grammar, offered: Set[Extension]) -> Path | Answer:
    """The path that follows `keyword` (FROM: or TO:), or the refusal. Parameters count as known only when their extension is offered."""
    found = _PATH.fullmatch(argument[len(keyword) :].rstrip(" "))
    if found is None or argument[: len(keyword)].upper() != keyword:
        return BAD_PATH
    parameters: dict[str, str] = {}
    for word in (found[2] or "").split():
        name, _, value = word.partition("=")
        extension, pattern = grammar.get(name.upper(), (None, None))
        if extension not in offered or pattern is None:
            return Answer(555, "5.5.4", f"The parameter {name} is not known here")
        if pattern.fullmatch(value) is None or name.upper() in parameters:
            return Answer(501, "5.5.4", f"The parameter {name} is wrong")
        parameters[name.upper()] = value
    return Path(found[1], parameters)


def refusal_of_recipient(address: str, *, smtputf8: bool) -> Answer | None:
    """Why `address` cannot be a recipient whoever it is, or None."""
    local, _, domain = address.rpartition("@")
    if (not local or not domain) and address.lower() != "postmaster":
        return Answer(553, "5.1.3", f"<{address}> is not an address")
    if len(address.encode()) > 254:  # RFC 5321 §4.5.3.1.3, less the angle brackets
        return Answer(501, "5.1.3", "The path is too long")
    return None if smtputf8 or address.isascii() else NEEDS_SMTPUTF8
