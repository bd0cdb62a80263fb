"""Addresses as reports write them."""

from __future__ import annotations

import re

_LOCAL = r"[\w.!#$%&'*+/=?^`{|}~\-]{1,64}"
_DOMAIN = r"(?:[\w](?:[\w\-]{0,62})\.){0,8}[\w](?:[\w\-]{0,62})\.?"
ADDRESS = re.compile(rf'(?:"[^"\n]{{1,64}}"|{_LOCAL})@{_DOMAIN}')
_PREFIX = re.compile(r"^(?:rfc822|utf-8|smtp|x400|unknown|system|local|lmtp|dns|x-[\w\-]{1,30})\s*;\s*", re.IGNORECASE)
_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_UTF8 = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")


def addr_spec(value: str) -> str:
    """The first address in a field or a phrase, without its type, brackets and comments; "" where there is none."""
    plain = _PREFIX.sub("", value.strip())
    found = ADDRESS.search(plain)
    return found[0].rstrip(".").removeprefix("'").removesuffix("'") if found else ""


def typed_address(value: str) -> str:
    """The address of a Final-Recipient or Original-Recipient field (RFC 3464 §2.3.1, RFC 6533 §3); "" where it names none.

    Some servers write a bare local part there: it is given as it stands, for the caller to complete or to leave.
    """
    kind, _, rest = value.partition(";")
    rest = (rest if rest else kind).strip()
    if kind.strip().lower() == "utf-8":
        rest = _UTF8.sub(lambda code: _character(code[1]), rest)
    if "+" in rest and _XTEXT.search(rest) and "@" not in rest:
        rest = _XTEXT.sub(lambda code: chr(int(code[1], 16)), rest)  # RFC 3461 §4: ORCPT in xtext.
    return addr_spec(rest) or rest.strip("<>\"' ").partition(" ")[0]


def _character(code: str) -> str:
    number = int(code, 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else ""
