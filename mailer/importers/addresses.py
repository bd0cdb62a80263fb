"""Which links of a file are kept: those to the web and to a mailbox, and no others."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_INVISIBLE = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_LONGEST = 2000
SAFE_SCHEMES = frozenset({"http", "https", "mailto"})


def safe_address(written: str) -> str | None:
    """The address as it may be sent, or None for one that leads nowhere outside the file, or where no reader should go."""
    address = _INVISIBLE.sub("", written)
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return None
    if len(address) > _LONGEST or parts.scheme.lower() not in SAFE_SCHEMES:
        return None
    if parts.scheme.lower() == "mailto":
        return address if "@" in parts.path else None
    return address if host and "@" not in parts.netloc else None


def is_dangerous(written: str) -> bool:
    """Whether an address is of a kind that runs something: `javascript:`, `data:`, `vbscript:`, `file:` …"""
    found = _SCHEME.match(_INVISIBLE.sub("", written))
    return found is not None and found.group()[:-1].lower() not in SAFE_SCHEMES | {
        "tel",
        "sms",
        "ftp",
        "cid",
        "about",
        "picture",
    }
