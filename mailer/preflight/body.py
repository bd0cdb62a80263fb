"""Rules for the parts of the body: their order, their encoding, their size."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mailer.preflight.finding import Context, Fault, error, warning
from mailer.preflight.message import Message
from mailer.preflight.names import REFUSED_FILES
from mailer.preflight.wire import Part

_BASE64_LINE = re.compile(rb"[A-Za-z0-9+/]*={0,2}")
_MAX_BASE64_LINE = 76  # RFC 2045 §6.8
_C1 = re.compile("[\x80-\x9f]")
# Gmail cuts at about 102 KB and does not say of what; 70 KB of HTML stay below that in base64, too.
_HTML_LIMIT = 95_000
_HTML_AIM = 70_000
_TEXT_LEAST = 20
_EXCUSE = re.compile(r"不支持\s*HTML|does not support HTML|HTML[- ]capable", re.IGNORECASE)
_ATTACHMENTS_LIMIT = 10_000_000


def alternative_order(message: Message, context: Context) -> Iterator[Fault]:
    """The plain text stands first and the HTML last, as the best that most readers can show (RFC 2046 §5.1.4)."""
    if message.root.value("mime-version") != "1.0":
        yield error("header MIME-Version", "missing or not 1.0", "Set MIME-Version: 1.0 (RFC 2045 §4).")
    alternatives = [part for part in message.root.walk() if part.media_type == "multipart/alternative"]
    types = [[_shown_type(inner) for inner in part.parts] for part in alternatives]
    if len(types) != 1 or len(types[0]) < 2 or types[0][0] != "text/plain" or types[0][-1] != "text/html":
        found = "; ".join(", ".join(inner) for inner in types) or message.root.media_type
        yield error("body", f"it holds {found}", "Send one multipart/alternative: text/plain first, text/html last.")


def charset_utf8(message: Message, context: Context) -> Iterator[Fault]:
    """Text is UTF-8, says so, and holds no control characters; Gmail cuts short what is not."""
    for part in _text_parts(message):
        charset = part.parameter("content-type", "charset")
        if charset.lower() != "utf-8":
            yield error(part.media_type, f"its charset is {charset or 'not given'}", "Write charset=utf-8.")
        elif "\ufffd" in part.text or _C1.search(part.text):
            yield error(
                part.media_type, "holds what is not UTF-8, or a C1 control character", "Clean the text before rendering."
            )
    if message.html and message.page.charset.lower() != "utf-8":
        yield error("text/html", "its meta element does not say utf-8", 'Begin the head with <meta charset="utf-8">.')


def base64_lines(message: Message, context: Context) -> Iterator[Fault]:
    """Base64 lines hold at most 76 characters of its alphabet, and padding ends the part."""
    for part in message.root.walk():
        if part.encoding == "base64" and (fault := _base64_fault(part.body)):
            yield error(part.media_type, fault, "Encode anew: groups of four, lines of at most 76 (RFC 2045 §6.8).")


def html_size(message: Message, context: Context) -> Iterator[Fault]:
    """The HTML is not cut short by Gmail."""
    size = len(message.html.content) if message.html else 0
    if size > _HTML_LIMIT:
        yield error("text/html", f"{size} octets, and Gmail cuts at about 102,000", "Shorten articles or link to them.")
    elif size > _HTML_AIM:
        yield warning("text/html", f"{size} octets, and above 70,000 Gmail may cut", "Shorten articles or link to them.")


def text_part_nonempty(message: Message, context: Context) -> Iterator[Fault]:
    """The text part is an edition of its own."""
    text = "".join(message.text.text.split()) if message.text else ""
    shown = "".join(message.page.text.split())
    if len(text) < _TEXT_LEAST or (len(text) < 10 * _TEXT_LEAST and _EXCUSE.search(text)):
        yield error("text/plain", "empty or an excuse", "Send the whole issue as text, too.")
    elif 2 * len(text) < len(shown):
        yield warning(
            "text/plain", f"{len(text)} characters, while the HTML shows {len(shown)}", "Give both parts the same content."
        )


def attachment_policy(message: Message, context: Context) -> Iterator[Fault]:
    """What is attached is small, named for every reader, and of no kind that providers refuse."""
    attached = [part for part in message.root.walk() if not part.parts and _file_name(part)]
    for part in attached:
        name = _file_name(part)
        if name.rpartition(".")[2].lower() in REFUSED_FILES:
            yield error(f"attachment {name}", "providers refuse this kind of file", "Link to it.")
        if not part.parameter("content-disposition", "filename"):
            yield warning(f"attachment {name}", "has no plain file name", 'Add filename="…" in ASCII beside filename*=.')
    size = sum(len(part.body) for part in attached)
    if size > _ATTACHMENTS_LIMIT:
        yield error("attachments", f"{size} octets encoded, and 10,000,000 are safe", "Link to the files.")


def _shown_type(part: Part) -> str:
    """What a reader gets of an alternative: of a multipart/related, its first part (RFC 2387 §3.2)."""
    return _shown_type(part.parts[0]) if part.media_type == "multipart/related" and part.parts else part.media_type


def _text_parts(message: Message) -> Iterator[Part]:
    return (part for part in message.root.walk() if part.media_type.startswith("text/"))


def _base64_fault(body: bytes) -> str | None:
    lines = [line.rstrip(b"\r") for line in body.split(b"\n")]
    longest = max(map(len, lines))
    if longest > _MAX_BASE64_LINE:
        return f"a base64 line of {longest} characters"
    if not all(_BASE64_LINE.fullmatch(line) for line in lines):
        return "a base64 line with a character that is not base64"
    content = b"".join(lines)
    if len(content) % 4 or b"=" in content.rstrip(b"="):
        return "base64 that is cut short or goes on after its padding"
    return None


def _file_name(part: Part) -> str:
    named = (
        ("content-disposition", "filename"),
        ("content-disposition", "filename*"),
        ("content-disposition", "filename*0*"),
        ("content-type", "name"),
    )
    name = next(filter(None, (part.parameter(key, parameter) for key, parameter in named)), "")
    return name or ("unnamed" if part.value("content-disposition").lower().startswith("attachment") else "")
