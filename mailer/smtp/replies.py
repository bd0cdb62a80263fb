"""The server's bytes as replies (RFC 5321 §4.2), however they are cut into packets, and never more than fits a reply."""

from __future__ import annotations

import re
from collections import deque
from typing import NamedTuple

from mailer.reply import Command, Reply

# RFC 5321 §4.5.3.1.5 allows a reply line 512 octets. Providers send longer ones with links in them; nobody needs this much.
LONGEST_LINE = 8192
LONGEST_REPLY = 65536

# What a line may begin with. A lone LF ends a line too: replies cannot be smuggled past us to anybody.
_CODES = range(200, 600)
_LAST = {b"%d%b" % (code, end): code for code in _CODES for end in (b" ", b"\r", b"")}
_MORE = {b"%d-" % code: code for code in _CODES}
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:[ \t]+|$)")  # RFC 2034 §4
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


class Garbage(Exception):
    """What the server sent is no SMTP reply."""


class RawReply(NamedTuple):
    """A whole reply as it came: the code and, for each line, what follows the code, perhaps with its CR."""

    code: int
    lines: list[bytes]


class ReplyReader:
    """Takes bytes in any portions, gives whole replies one by one."""

    __slots__ = ("_begun", "_codes", "_lines", "_rest", "_size")

    def __init__(self) -> None:
        self._lines: deque[bytes] = deque()  # whole ones
        self._rest = b""
        self._begun: list[bytes] = []  # of a reply that has more lines to come
        self._codes: list[int] = []
        self._size = 0

    @property
    def unread(self) -> bool:
        """Whether bytes have come that are not part of a reply already given."""
        return bool(self._lines or self._rest or self._begun)

    def feed(self, portion: bytes) -> None:
        """Add what the server sent."""
        lines = (self._rest + portion).split(b"\n")
        self._rest = lines.pop()
        self._lines.extend(lines)

    def next(self) -> RawReply | None:
        """The next whole reply, or None until more bytes come. Raises Garbage."""
        while self._lines:
            line = self._lines.popleft()
            if len(line) > LONGEST_LINE:
                raise Garbage("a reply line that is too long")
            code = _LAST.get(line[:4])
            if code is not None and not self._begun:
                return RawReply(code, [line[4:]])
            self._add(_MORE.get(line[:4]) if code is None else code, line)
            if code is not None:
                return self._finish()
        if len(self._rest) > LONGEST_LINE:
            raise Garbage("a reply line that is too long")
        return None

    def _add(self, code: int | None, line: bytes) -> None:
        if code is None:
            raise Garbage(f"no SMTP reply: {decoded(line[:80])!r}")
        self._codes.append(code)
        self._begun.append(line[4:])
        self._size += len(line)
        if self._size > LONGEST_REPLY:
            raise Garbage("a reply without an end")

    def _finish(self) -> RawReply:
        # All codes of a reply must be equal (RFC 5321 §4.2.1). Where they are not, the last line, which ends the reply, is
        # believed; but a reply that says both yes and no is no answer at all.
        codes, lines = self._codes, self._begun
        self._codes, self._begun, self._size = [], [], 0
        if min(codes) < 400 <= max(codes):
            raise Garbage(f"a reply that both accepts and refuses ({min(codes)} and {max(codes)})")
        return RawReply(codes[-1], lines)


def build(command: Command, raw: RawReply, host: str, tls: bool) -> Reply:
    """The reply as a value: text decoded, the enhanced code of the first line that has one taken out of the text."""
    enhanced: str | None = None
    texts = [decoded(line) for line in raw.lines]
    for number, text in enumerate(texts):
        found = _ENHANCED.match(text)
        if found is not None and int(text[0]) == raw.code // 100:
            enhanced = enhanced or found[1]
            texts[number] = text[found.end() :]
    return Reply(command, raw.code, enhanced, "\n".join(texts), host, tls)


def decoded(line: bytes) -> str:
    """A reply line as text: ASCII, UTF-8, or the GB 18030 of older Chinese servers; control characters become spaces.

    A NUL in a reply must not break the database it is stored in, nor an escape sequence the terminal it is shown on.
    """
    line = line.strip()
    if line.isascii() and (text := line.decode("ascii")).isprintable():
        return text
    for encoding in ("utf-8", "gb18030"):
        try:
            text = line.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        text = line.decode("ascii", "backslashreplace")
    return _CONTROLS.sub(" ", text)
