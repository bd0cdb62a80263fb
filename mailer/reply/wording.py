"""The words of a reply, apart from everything in it that differs from one recipient and one moment to the next."""

from __future__ import annotations

import html
import re
import unicodedata

# A reply's line has at most 512 octets (RFC 5321 §4.5.3.1.5) and the reason stands in the first few.
_LONGEST_TEXT = 1_000
_LINK = re.compile(r"https?://[!-~]+")
_ADDRESS = re.compile(r"[\w.%+\-/=!#$&'*?^`{|}~]{1,64}@[a-z0-9.\-]{1,255}", re.ASCII)
_IDENTIFIER = re.compile(r"\[[^\[\]]{20,}\]")
_IP = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b|\b(?:[0-9a-f]{0,4}:){3,7}[0-9a-f]{1,4}\b", re.ASCII)
_HOST = re.compile(
    r"\b(?:[a-z0-9\-]{1,63}\.){1,8}(?:com|net|org|edu|gov|mil|info|biz|name|example|invalid|test|local|[a-z]{2})\b", re.ASCII
)
_HIDDEN = ((_LINK, "<://>"), (_ADDRESS, "<@>"), (_IDENTIFIER, "<*>"), (_IP, "<#>"), (_HOST, "<~>"))
_VARYING = ((re.compile(r"\b(?=[a-z_\-]*\d)[\w\-]{8,}\b"), "<*>"), (re.compile(r"\d{3,}"), "<*>"))


def folded(text: str) -> str:
    """One line in lower case: entities decoded (NetEase sends `&nbsp;`), full-width signs and curly quotes made plain."""
    plain = unicodedata.normalize("NFKC", html.unescape(text[:_LONGEST_TEXT])).replace("\u2019", "'")
    return " ".join(plain.lower().split())[:_LONGEST_TEXT]


def vocabulary(folded: str) -> str:
    """The text without what only looks like words: a member may be called spam@, and a help page help_spam."""
    for pattern, placeholder in _HIDDEN:
        folded = pattern.sub(placeholder, folded)
    return folded


def normalise(text: str) -> str:
    """The text without addresses, hosts, links, IP numbers, times and session ids: equal for replies of one kind."""
    words = vocabulary(folded(text))
    for pattern, placeholder in _VARYING:
        words = pattern.sub(placeholder, words)
    return words
