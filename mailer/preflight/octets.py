"""Rules for the octets of a message and for its header as a whole."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from mailer.preflight.finding import Context, Fault, error
from mailer.preflight.message import Message
from mailer.preflight.names import FORBIDDEN, SINGLETONS

_BARE_LINE_END = re.compile(rb"(?<!\r)\n|\r(?!\n)")
_MAX_LINE = 998  # RFC 5322 §2.1.1, without the CRLF
_FOLD_AFTER_COLON = re.compile(rb"[ \t]*\r?\n[ \t]")


def crlf_only(message: Message, context: Context) -> Iterator[Fault]:
    """Every line ends with CRLF; what reads a bare CR or LF as a line's end can be made to see a second message."""
    found = _BARE_LINE_END.search(message.octets)
    if found:
        name = "LF" if found.group() == b"\n" else "CR"
        yield error(f"octet {found.start()}", f"a bare {name}", "End each line with CRLF (RFC 5321 §2.3.8).")


def max_line_998(message: Message, context: Context) -> Iterator[Fault]:
    """No line is longer than 998 octets."""
    for number, line in enumerate(re.split(rb"\r\n|\r|\n", message.octets), 1):
        if len(line) > _MAX_LINE:
            yield error(
                f"line {number}",
                f"{len(line)} octets, and 998 are allowed",
                "Fold the header field or encode the part in base64.",
            )


def seven_bit(message: Message, context: Context) -> Iterator[Fault]:
    """Every octet is 1 to 127, so that no server on the way needs 8BITMIME."""
    found = re.search(rb"[\x00\x80-\xff]", message.octets)
    if found:
        yield error(
            f"octet {found.start()}",
            f"the octet {found.group()[0]:#04x}",
            "Encode header texts (RFC 2047) and bodies (base64).",
        )


def singleton_headers(message: Message, context: Context) -> Iterator[Fault]:
    """What may stand once stands once."""
    counts = Counter(field.key for field in message.root.fields)
    for key in sorted(SINGLETONS & counts.keys()):
        if counts[key] > 1:
            yield error(f"header {key}", f"stands {counts[key]} times", "Keep one; Gmail refuses duplicates with 5.7.1.")


def header_fold_not_after_colon(message: Message, context: Context) -> Iterator[Fault]:
    """No field is folded right after its colon: some DKIM verifiers and readers of List-Unsubscribe stumble over it."""
    for field in message.root.fields:
        if _FOLD_AFTER_COLON.match(field.raw):
            yield error(f"header {field.name}", "folded right after the colon", "Begin the value on the line of its name.")


def no_forbidden_headers(message: Message, context: Context) -> Iterator[Fault]:
    """Nothing is written into the header that servers write or that recipients must not see."""
    for field in message.root.fields:
        if field.key in FORBIDDEN or field.key.startswith("resent-"):
            yield error(f"header {field.name}", "must not be in a message that leaves", "Leave it out.")
