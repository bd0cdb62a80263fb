"""A message as a tree of parts, read so that nothing a stranger sends can raise, loop or fill the memory.

The standard library's parser is meant for mail that is to be kept whole: it recurses with the nesting, copies every line,
and its accessors raise on some charsets and dates. A report is read once, mostly from its first kilobytes, and is as often
broken as not, so this reads only the structure: fields, parts, transfer encodings.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from mailer.feedback.charset import a2b_base64, decode, decode_words

LARGEST_MESSAGE = 1024 * 1024  # What a report says stands before what it returns; the rest is not looked at.
_MOST_PARTS = 64
_DEEPEST = 8
_MOST_FIELDS = 500
_LONGEST_VALUE = 8_000

_FIELD = re.compile(rb"([!-9;-~]{1,76})[ \t]*:[ \t]*((?:[^\n]*(?:\n[ \t]+[^\n]*)*))")
_BLANK_LINES = re.compile(rb"\A(?:[ \t]*\n)+(?=[!-9;-~]{1,76}:)")  # What some programs save before a message's header.
_FOLD = re.compile(r"\r?\n[ \t]+")
_PARAMETER = re.compile(r';\s*([\w\-]{1,40})(?:\*\d{0,2}\*?)?\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))')


class Fields:
    """The fields of a header or of a block like one, in order, by name in lower case."""

    __slots__ = ("_rows",)

    def __init__(self, rows: list[tuple[str, str]]) -> None:
        self._rows = rows

    def __contains__(self, name: str) -> bool:
        return any(name == key for key, _ in self._rows)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, name: str) -> str:
        """The first field of that name, unfolded; "" where there is none."""
        return next((value for key, value in self._rows if key == name), "")

    def all(self, name: str) -> list[str]:
        """Every field of that name."""
        return [value for key, value in self._rows if key == name]

    def words(self, name: str) -> str:
        """The first field of that name with its encoded words read."""
        return decode_words(self.get(name))


@dataclass(frozen=True)
class Part:
    """One part: its fields, its media type in lower case, and either parts of its own or octets as they were sent."""

    fields: Fields
    type: str
    parameters: dict[str, str]
    parts: tuple[Part, ...]
    raw: bytes

    @cached_property
    def octets(self) -> bytes:
        """The content, its transfer encoding undone as far as it can be."""
        encoding = self.fields.get("content-transfer-encoding").strip().lower()
        if encoding == "base64":
            return a2b_base64(self.raw)
        return binascii.a2b_qp(self.raw) if encoding == "quoted-printable" else self.raw

    @cached_property
    def text(self) -> str:
        """The content as text with plain line ends."""
        return decode(self.octets, self.parameters.get("charset", "")).replace("\r\n", "\n").replace("\r", "\n")

    def walk(self) -> Iterator[Part]:
        """This part and those below it, in order. What lies inside a returned message is not among them."""
        yield self
        for part in self.parts:
            yield from part.walk()


def parse(content: bytes | str) -> Part:
    """The message as a tree. Never raises; a message without a header is all text."""
    budget = [_MOST_PARTS]
    octets = content.encode("utf-8", "replace") if isinstance(content, str) else content
    octets = _BLANK_LINES.sub(b"", octets[:LARGEST_MESSAGE].replace(b"\r\n", b"\n"), count=1)
    return _entity(octets, "text/plain", 0, budget)


def parse_fields(block: str | bytes) -> Fields:
    """The fields of a block, until its first empty line."""
    octets = block.encode("utf-8", "replace") if isinstance(block, str) else block
    return _split(octets.replace(b"\r\n", b"\n"))[0]


def fields_of_report(message: Part, kind: str, first: re.Pattern[str]) -> Fields | None:
    """The fields for programs in a report of that kind (RFC 6522), such as `feedback-report`; None where the message is none.

    Some call the part with the fields plain text, and only the whole a report: there they begin where one of the `first` ones stands.
    """
    part = next((part for part in message.walk() if part.type == f"message/{kind}"), None)
    if part is not None:
        return parse_fields(part.text.lstrip("\n"))
    if message.parameters.get("report-type", "").lower() != kind:
        return None
    texts = (part.text for part in message.walk() if part.type.startswith("text"))
    named = next(filter(None, map(first.search, texts)), None)
    return parse_fields(named.string[named.start() :]) if named else Fields([])


def _entity(content: bytes, default: str, depth: int, budget: list[int]) -> Part:
    fields, body = _split(content)
    type_, parameters = content_type(fields.get("content-type"), default)
    parts: tuple[Part, ...] = ()
    if type_.startswith("multipart/") and depth < _DEEPEST:
        inner = "message/rfc822" if type_ == "multipart/digest" else "text/plain"
        pieces = _pieces(body, parameters.get("boundary", ""))
        parts = tuple(_entity(piece, inner, depth + 1, budget) for piece in pieces if _spend(budget))
        type_ = type_ if parts else "text/plain"  # What has no parts is read for what it is, whatever it is called.
    return Part(fields, type_, parameters, parts, body)


def _spend(budget: list[int]) -> bool:
    budget[0] -= 1
    return budget[0] >= 0


def _split(content: bytes) -> tuple[Fields, bytes]:
    """The fields and the body: a header ends at an empty line, and where a line begins that is no field."""
    rows: list[tuple[str, str]] = []
    position, end = 0, len(content)
    if content.startswith(b"From "):  # The line that mbox files put before a message.
        position = content.find(b"\n") + 1 or end
    while position < end and len(rows) < _MOST_FIELDS:
        if content.startswith(b"\n", position):
            return Fields(rows), content[position + 1 :]
        found = _FIELD.match(content, position)
        if found is None:
            return Fields(rows), content[position:]
        name, value = found.groups()
        rows.append((name.decode("ascii").lower(), _unfolded(value[:_LONGEST_VALUE])))
        position = found.end() + 1
    return Fields(rows), content[position:]


def _unfolded(value: bytes) -> str:
    text = decode(value)
    return (_FOLD.sub(" ", text) if "\n" in text else text).strip()


def content_type(value: str, default: str) -> tuple[str, dict[str, str]]:
    """The media type and its parameters, all names in lower case (RFC 2045 §5.1, RFC 2231 continuations joined)."""
    type_ = value.partition(";")[0].strip().lower()
    if not re.fullmatch(r"[\w.+\-]+/[\w.+\-]+", type_):
        type_ = default
    parameters: dict[str, str] = {}
    for name, quoted, bare in _PARAMETER.findall(value[:2_000]):
        parameters[name.lower()] = parameters.get(name.lower(), "") + (quoted.replace('\\"', '"') if quoted else bare)
    return type_, parameters


def _pieces(body: bytes, boundary: str) -> list[bytes]:
    """The parts between the delimiters (RFC 2046 §5.1.1); the last one need not be closed."""
    if not boundary:
        return []
    delimiter = b"--" + boundary.encode("utf-8", "surrogateescape").rstrip()
    pieces: list[bytes] = []
    start = 0 if body.startswith(delimiter) else body.find(b"\n" + delimiter)
    while start >= 0 and len(pieces) <= _MOST_PARTS:
        line_end = body.find(b"\n", start + 1)
        if line_end < 0 or body.startswith(b"--", start + len(delimiter) + (body[start : start + 1] == b"\n")):
            break
        following = body.find(b"\n" + delimiter, line_end)
        pieces.append(body[line_end + 1 : following if following >= 0 else len(body)])
        start = following
    return pieces
