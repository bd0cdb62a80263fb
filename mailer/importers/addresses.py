"""Which links of a file are kept: those to the web and to a mailbox, and no others."""

from __future__ import annotations

import re
import string
from urllib.parse import quote, urlsplit

import idna

_BEHIND_HOST = re.compile(r"(?s)\A([^/?#]*//[^/?#]*)(.+)")
_INVISIBLE = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_LONGEST = 2000
_WRITABLE = string.punctuation  # besides letters and digits; a % stands for itself
SAFE_SCHEMES = frozenset({"http", "https", "mailto"})
_HARMLESS = SAFE_SCHEMES | {"tel", "sms", "ftp", "cid", "about", "picture"}


def safe_address(written: str) -> str | None:
    """The address as it may be sent, or None for one that leads nowhere outside the file, or where no reader should go.

    Spaces and letters beyond ASCII, which people may write and mail programs cut an address at, are encoded (RFC 3987 §3.1).
    """
    spaced = "".join(line.strip() for line in written.replace("\t", "\n").splitlines())
    address = _INVISIBLE.sub("", _BEHIND_HOST.sub(lambda found: found[1] + found[2].replace(" ", "%20"), spaced))
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return None
    if len(address) > _LONGEST or parts.scheme.lower() not in SAFE_SCHEMES:
        return None
    if parts.scheme.lower() == "mailto":
        return address if "@" in parts.path else None
    if not host or "@" in parts.netloc:
        return None
    return quote(address.replace(parts.netloc, _ascii(parts.netloc), 1), safe=_WRITABLE, errors="replace")


def _ascii(netloc: str) -> str:
    """A host and its port, the host in A-labels; as it is where it is no name in the DNS."""
    host, colon, port = netloc.partition(":")
    try:
        return netloc if netloc.isascii() else f"{idna.encode(host, uts46=True).decode()}{colon}{port}"
    except idna.IDNAError:
        return netloc


def is_dangerous(written: str) -> bool:
    """Whether an address is of a kind that runs something: `javascript:`, `data:`, `vbscript:`, `file:` …"""
    found = _SCHEME.match(_INVISIBLE.sub("", written))
    return found is not None and found.group()[:-1].lower() not in _HARMLESS
