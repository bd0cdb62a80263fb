"""Addresses as reports write them."""

from __future__ import annotations

import re

# In running text only ASCII counts: Chinese words stand against an address without a space between them.
_LOCAL = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~\-]{1,64}"
_LABEL = r"[A-Za-z0-9_][A-Za-z0-9_\-]{0,62}"
ADDRESS = re.compile(rf'(?:"[^"\n@]{{1,64}}"|{_LOCAL})@(?>(?:{_LABEL}\.){{0,8}}{_LABEL})(?!\.\.)')
_INTERNATIONAL = re.compile(r"[^\s<>\"(),:;@]{1,64}@[^\s<>\"(),:;@]{1,255}")
_PREFIX = re.compile(r"^(?:rfc/?822|utf-8|smtp|x400|unknown|system|local|lmtp|dns|x-[\w\-]{1,30})\s*;\s*", re.IGNORECASE)
_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_UTF8 = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")


def addr_spec(value: str) -> str:
    """The first address in a field or a phrase, without its type, brackets and comments; "" where there is none."""
    found = ADDRESS.search(_PREFIX.sub("", value.strip()))
    return found[0].strip("'.") if found else ""


def typed_address(value: str) -> str:
    """The address of a Final-Recipient or Original-Recipient field (RFC 3464 §2.3.1, RFC 6533 §3); "" where it names none.

    Some servers write a bare local part there: it is given as it stands, for the caller to complete or to leave.
    """
    kind, _, rest = value.partition(";")
    rest = (rest or kind).strip()
    match kind.strip().lower():
        case "utf-8":
            rest = _UTF8.sub(lambda code: _character(code[1]), rest)
        case "x400" | "x-notes" | "system":
            return addr_spec(rest)
    if "@" not in rest and _XTEXT.search(rest):
        rest = _XTEXT.sub(lambda code: chr(int(code[1], 16)), rest)  # RFC 3461 §4: ORCPT in xtext.
    if "..." in rest:
        return ""  # Shortened for the eyes of others: it is no address.
    if rest.isascii():
        return addr_spec(rest) or ("" if "@" in rest else rest.strip("<>\"' ").partition(" ")[0])
    found = _INTERNATIONAL.search(rest)
    return found[0] if found else ""


def speaks_for(domain: str, address: str) -> bool:
    """Whether a server of that domain is the address's own, by their names: mail.example.org for anybody at example.org."""
    own, theirs = domain.lower().split("."), address.lower().rpartition("@")[2].split(".")
    shorter = min(len(own), len(theirs))
    return shorter > 1 and own[-shorter:] == theirs[-shorter:]


def _character(code: str) -> str:
    number = int(code, 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else ""
