"""A message read from its octets: the email package mends faults while it parses, and here they must stay visible."""

from __future__ import annotations

import binascii
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass

_LINE_END = re.compile(rb"\r?\n")
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_FIELD_START = re.compile(rb"\r?\n(?![ \t])")
_PARAMETER = re.compile(r';\s*([!#$&+\-.^_`|~*\w]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;\s]*)')
_MAX_DEPTH = 8


@dataclass(frozen=True, slots=True)
class HeaderField:
    """One header field: its name, and its value as written, folds included."""

    name: str
    raw: bytes

    @property
    def key(self) -> str:
        """The name in lower case."""
        return self.name.lower()

    @property
    def value(self) -> str:
        """The value on one line; octets that are not ASCII read as U+FFFD."""
        return _LINE_END.sub(b"", self.raw).decode("ascii", "replace").strip()


@dataclass(frozen=True, slots=True)
class Part:
    """A MIME entity: its header fields, its body as written, and the parts of that body."""

    fields: tuple[HeaderField, ...]
    body: bytes
    parts: tuple[Part, ...] = ()

    def all(self, key: str) -> tuple[HeaderField, ...]:
        """The fields of that name (given in lower case), in order."""
        return tuple(field for field in self.fields if field.key == key)

    def value(self, key: str) -> str:
        """The value of the first field of that name, or nothing."""
        return next((field.value for field in self.all(key)), "")

    def parameter(self, key: str, name: str) -> str:
        """A parameter of a field, without quotes, or nothing: `parameter("content-type", "charset")`."""
        found = {match[1].lower(): match[2] for match in _PARAMETER.finditer(self.value(key))}
        return found.get(name, "").strip('"')

    @property
    def media_type(self) -> str:
        """`text/html`; a part that does not say is text/plain (RFC 2045 §5.2)."""
        return self.value("content-type").partition(";")[0].strip().lower() or "text/plain"

    @property
    def encoding(self) -> str:
        """The transfer encoding, in lower case."""
        return self.value("content-transfer-encoding").lower() or "7bit"

    @property
    def content(self) -> bytes:
        """The body, decoded as far as it can be."""
        match self.encoding:
            case "base64":
                return _from_base64(self.body)
            case "quoted-printable":
                return quopri.decodestring(self.body)
            case _:
                return self.body

    @property
    def text(self) -> str:
        """The content as UTF-8 text; what is not UTF-8 reads as U+FFFD."""
        return self.content.decode("utf-8", "replace")

    def walk(self) -> Iterator[Part]:
        """This part and all below it, in order."""
        yield self
        for part in self.parts:
            yield from part.walk()


def parse(message: bytes) -> Part:
    """Read a message (RFC 5322, RFC 2046 §5.1); whatever it looks like, there is an answer."""
    return _part(message, 0)


def _part(octets: bytes, depth: int) -> Part:
    head, body = _split_head(octets)
    fields = tuple(_field(line) for line in _FIELD_START.split(head) if line)
    part = Part(fields, body)
    boundary = part.parameter("content-type", "boundary")
    if not part.media_type.startswith("multipart/") or not boundary or depth >= _MAX_DEPTH:
        return part
    return Part(fields, body, tuple(_part(inner, depth + 1) for inner in _between(boundary, body)))


def _split_head(octets: bytes) -> tuple[bytes, bytes]:
    start = _LINE_END.match(octets)
    if start:  # a part without header fields begins with the blank line
        return b"", octets[start.end() :]
    blank = _BLANK_LINE.search(octets)
    return (octets[: blank.start()], octets[blank.end() :]) if blank else (_LINE_END.sub(b"\r\n", octets).rstrip(), b"")


def _field(line: bytes) -> HeaderField:
    name, _, value = line.partition(b":")
    return HeaderField(name.decode("ascii", "replace").strip(), value)


def _between(boundary: str, body: bytes) -> Iterator[bytes]:
    delimiter = re.compile(rb"(?:\A|\r?\n)--" + re.escape(boundary.encode("ascii", "replace")) + rb"(--)?[ \t]*(?:\r?\n|\Z)")
    start = None
    for found in delimiter.finditer(body):
        if start is not None:
            yield body[start : found.start()]
        if found[1]:
            return
        start = found.end()
    if start is not None:
        yield body[start:]


def _from_base64(body: bytes) -> bytes:
    letters = re.sub(rb"[^A-Za-z0-9+/]", b"", body)
    if len(letters) % 4 == 1:  # six bits make no octet
        letters = letters[:-1]
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))
