"""Octets to text, whatever the octets are: Chinese servers write GB2312 and mean GB18030, or name no charset at all."""

from __future__ import annotations

import binascii
import re
from codecs import lookup
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

# What is written, and the larger set that is meant. Python's own codecs for the names on the left refuse common characters.
_MEANT: Mapping[str, str] = MappingProxyType(
    {
        "gb2312": "gb18030",
        "gbk": "gb18030",
        "gb_2312-80": "gb18030",
        "x-gbk": "gb18030",
        "cp936": "gb18030",
        "ks_c_5601-1987": "cp949",
        "euc-kr": "cp949",
        "big5": "big5hkscs",
        "x-x-big5": "big5hkscs",
        "shift_jis": "cp932",
        "iso-8859-1": "cp1252",
        "us-ascii": "utf-8",
        "ascii": "utf-8",
        "unicode-1-1-utf-7": "utf-7",
        "iso-8859-8-i": "iso-8859-8",
    }
)
_TEXT_CODECS_ONLY = re.compile(
    r"(base64|hex|quopri|uu|zip|zlib|bz2|rot|punycode|idna|unicode_escape|undefined|mbcs|oem|charmap)"
)
_NOT_ASCII = ("utf-16", "utf-7", "utf-32", "iso-2022", "hz")  # Charsets that write other signs with ASCII's octets.
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
_ENCODED_WORD = re.compile(r"=\?([^?\s*]{1,40})(?:\*[^?\s]{0,20})?\?([bBqQ])\?([^?]{0,4000})\?=")
_BETWEEN_WORDS = re.compile(r"(\?=)\s+(=\?)")


def decode(octets: bytes, charset: str = "") -> str:
    """The text of `octets`. The named charset is believed where it fits; then UTF-8 and GB18030 are tried; never raises."""
    if octets.isascii() and not (charset and charset.lower().startswith(_NOT_ASCII)):
        return octets.decode("ascii").replace("\0", "\ufffd")
    codec = _codec(charset)
    for name in filter(None, (codec, "utf-8", "gb18030")):
        try:
            return storable(octets.decode(name))
        except (UnicodeError, ValueError):
            continue
    return storable(octets.decode(codec or "utf-8", "replace"))


def storable(text: str) -> str:
    """The text without what no database and no file takes: NUL, and halves of surrogate pairs."""
    return _NOT_STORABLE.sub("\ufffd", text)


@lru_cache(maxsize=256)
def _codec(charset: str) -> str:
    """Python's name of the charset that is meant; "" for none that it knows."""
    name = charset.strip().strip("\"'").lower()[:40]
    name = _MEANT.get(name, name)
    if not name or _TEXT_CODECS_ONLY.match(name):
        return ""
    try:
        return lookup(name).name
    except (LookupError, ValueError, UnicodeError):
        return ""


def decode_words(value: str) -> str:
    """A header field's value with its encoded words read (RFC 2047), also where they are cut inside a character."""
    if "=?" not in value:
        return value
    pieces: list[tuple[str, bytes]] = []
    end = 0
    value = _BETWEEN_WORDS.sub(r"\1\2", value)
    for found in _ENCODED_WORD.finditer(value):
        if found.start() > end:
            pieces.append(("", value[end : found.start()].encode("utf-8", "surrogateescape")))
        charset, encoding, text = found.groups()
        octets = a2b_base64(text.encode("utf-8", "replace")) if encoding in "bB" else _q_octets(text)
        if pieces and pieces[-1][0] == charset.lower():
            octets = pieces.pop()[1] + octets
        pieces.append((charset.lower(), octets))
        end = found.end()
    rest = value[end:].encode("utf-8", "surrogateescape")
    return "".join(decode(octets, charset) for charset, octets in [*pieces, ("", rest)])


def a2b_base64(encoded: bytes) -> bytes:
    """The octets of a base64 text, as far as it can be read; what is no base64 in it is passed over."""
    letters = _NO_BASE64.sub(b"", encoded)
    letters = letters[: len(letters) - (len(letters) % 4 == 1)]
    try:
        return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))
    except binascii.Error:
        return b""


_NO_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")


def _q_octets(text: str) -> bytes:
    return binascii.a2b_qp(text.encode("utf-8", "replace"), header=True)
