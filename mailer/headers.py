"""Header fields as octets: encoded, folded, and closed to whoever would write a second field into the first.

Python's own serialiser is not used: it turns a long List-Unsubscribe into encoded-words, which hides the button it is for,
and writes encoded-words of more than 75 characters. Every writer here gives one field without the CRLF that ends it.
"""

from __future__ import annotations

import re
from binascii import b2a_base64

from subscribers.address import parse_address
from subscribers.errors import InputError

_LINE = 76  # RFC 2047 §2, for a line with an encoded-word in it; RFC 5322 §2.1.1 would allow 78
_WORD_OCTETS = 45  # In base64 60 characters, with =?UTF-8?B??= 72 of the 75 that RFC 2047 §2 allows
_WORD_FRAME = len("=?UTF-8?B??=")
_ATOMS = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?: [\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)  # RFC 5322 §3.2.3
_SPECIAL_IN_QUOTES = re.compile(r'["\\]')
# Most addresses, so that the rest, and no other, pay for IDNA; lengths by RFC 5321 §4.5.3.1.
_PLAIN_ADDRESS = re.compile(r"[\w!#$%&'*+/=?^`{|}~.-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+", re.ASCII)
_BREAKING = "\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"  # controls, line separators, halves of a surrogate pair
_FORBIDDEN = re.compile(f"[{_BREAKING}]")
_UNSAFE = re.compile(f"[{_BREAKING}\u202a-\u202e\u2066-\u2069]+")  # and what overrides or isolates a reading direction


def plain_line(text: str) -> str:
    """A recipient's name or institute as text that ends no line and hides nothing.

    Controls, line separators and bidirectional overrides and isolates go; a space stands where one of them was white space.
    Whatever comes in, something harmless comes out: one odd name must not stop a mailing.
    """
    if text.isprintable():
        return text.strip()
    return _UNSAFE.sub(lambda run: " " if any(map(str.isspace, run[0])) else "", text).strip()


def addr_spec(text: str) -> str:
    """The address as the envelope and the header have it: its domain as A-labels (RFC 5890 §2.3.2.1).

    InputError where it is no address. Only what stands before the '@' may remain outside ASCII (RFC 6531).
    """
    if _PLAIN_ADDRESS.fullmatch(text):
        return text
    address = parse_address(text)
    return f"{address.written.rpartition('@')[0]}@{address.domain}"


def unstructured_field(name: str, text: str) -> bytes:
    """A field of free text, such as Subject: ASCII as it stands, anything else as encoded-words (RFC 2047 §5 (1)).

    InputError where `text` contains a control character or a line separator.
    """
    _require_plain(name, text)
    taken = len(name) + 2
    words = text.split(" ")
    if not text.isascii() or "=?" in text or not all(0 < len(word) <= _LINE - taken for word in words):
        words = encoded_words(text, taken)
    return _folded(name, words)


def mailbox_field(name: str, phrase: str, inner: str) -> bytes:
    """`Name: phrase <inner>`, as From, To and List-Id have it; without a phrase `Name: <inner>`.

    `inner` is written verbatim. InputError where either contains a control character or a line separator.
    """
    _require_plain(name, phrase)
    _require_plain(name, inner)
    return _folded(name, [*_phrase(phrase, len(name) + 2), f"<{inner}>"])


def structured_field(name: str, value: str) -> bytes:
    """A field whose syntax is its meaning, such as List-Unsubscribe: verbatim, folded after ", " and nowhere else.

    InputError where `value` is not printable ASCII.
    """
    _require_plain(name, value)
    if not value.isascii():
        raise InputError(f"{name}: {value!r} is not ASCII, and this field cannot be encoded. Write it in ASCII.")
    *items, last = value.split(", ")
    return _folded(name, [*(f"{item}," for item in items), last])


def encoded_words(text: str, taken: int) -> list[str]:
    """`text` as encoded-words in B encoding, cut between characters, none longer than 75 (RFC 2047 §2, §5).

    The first one fits on a line on which `taken` characters, at most 56, are written already. Empty text has no words.
    """
    octets = text.encode()
    room = min((_LINE - taken - _WORD_FRAME) // 4 * 3, _WORD_OCTETS)
    words = []
    while len(octets) > room:
        end = _character_boundary(octets, room)
        words.append(_encoded_word(octets[:end]))
        octets, room = octets[end:], _WORD_OCTETS
    return [*words, _encoded_word(octets)] if octets else words


def _encoded_word(octets: bytes) -> str:
    return f"=?UTF-8?B?{b2a_base64(octets, newline=False).decode()}?="


def _character_boundary(octets: bytes, end: int) -> int:
    while octets[end] & 0b1100_0000 == 0b1000_0000:  # A continuation octet of UTF-8 (RFC 3629 §3)
        end -= 1
    return end


def _phrase(text: str, taken: int) -> list[str]:
    """`text` as atoms, as a quoted string, or as encoded-words, which must not stand inside quotes (RFC 2047 §5 (3))."""
    if text.isascii() and "=?" not in text:
        written = text if not text or _ATOMS.fullmatch(text) else _quoted(text)
        if len(written) <= _LINE - taken:
            return [written] if written else []
    return encoded_words(text, taken)


def _quoted(text: str) -> str:
    return '"{}"'.format(_SPECIAL_IN_QUOTES.sub(r"\\\g<0>", text))


def _folded(name: str, words: list[str]) -> bytes:
    """The words with a space or a fold between them. The first stays beside the colon: verifiers disagree on a fold there."""
    first, *others = words or [""]
    line = f"{name}: {first}"
    lines = []
    for word in others:
        if len(line) + 1 + len(word) <= _LINE:
            line = f"{line} {word}"
        else:
            lines.append(line)
            line = f" {word}"
    return "\r\n".join([*lines, line]).encode()


def _require_plain(name: str, text: str) -> None:
    if not text.isprintable() and (found := _FORBIDDEN.search(text)):
        raise InputError(
            f"{name}: the character U+{ord(found[0]):04X} at position {found.start() + 1} of {text[:60]!r} "
            "must not stand in a header field. Remove it."
        )
