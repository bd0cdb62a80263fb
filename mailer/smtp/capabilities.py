"""What a server says it can do, in its reply to EHLO (RFC 5321 §4.1.1.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The announced extensions we use. A server greeted with HELO has none of them.

    `size_limit` is in octets, None for no limit; `mail_limit` is LIMITS MAILMAX (RFC 9422), the transactions a session may
    have. Its RCPTMAX and RCPTDOMAINMAX cannot be less than the one recipient we send.
    """

    pipelining: bool = False  # RFC 2920
    starttls: bool = False  # RFC 3207
    size: bool = False  # RFC 1870
    size_limit: int | None = None
    eight_bit_mime: bool = False  # RFC 6152
    smtputf8: bool = False  # RFC 6531
    dsn: bool = False  # RFC 3461
    mail_limit: int | None = None
    mechanisms: frozenset[str] = frozenset()  # RFC 4954, upper case


def parse(lines: Sequence[bytes]) -> Capabilities:
    """The capabilities in an EHLO reply; its first line is the server's name, unknown and malformed ones are left out."""
    announced: dict[str, list[str]] = {}
    for line in lines[1:]:
        # "AUTH=LOGIN PLAIN" is how servers wrote it before RFC 2554; QQ and NetEase still send both forms.
        words = line.decode("ascii", "replace").upper().replace("AUTH=", "AUTH ", 1).split()
        if words:
            announced.setdefault(words[0], []).extend(words[1:])
    return Capabilities(
        pipelining="PIPELINING" in announced,
        starttls="STARTTLS" in announced,
        size="SIZE" in announced,
        size_limit=_positive(next(iter(announced.get("SIZE", ())), "")),
        eight_bit_mime="8BITMIME" in announced,
        smtputf8="SMTPUTF8" in announced,
        dsn="DSN" in announced,
        mail_limit=_mail_limit(announced.get("LIMITS", ())),
        mechanisms=frozenset(announced.get("AUTH", ())),
    )


def _mail_limit(limits: Sequence[str]) -> int | None:
    values = [_positive(limit.removeprefix("MAILMAX=")) for limit in limits if limit.startswith("MAILMAX=")]
    return min((value for value in values if value is not None), default=None)


def _positive(digits: str) -> int | None:
    # SIZE 0 means that no fixed limit is in force (RFC 1870 §4).
    return (int(digits) or None) if digits.isascii() and digits.isdigit() and len(digits) <= 20 else None
