"""Messages in files, however they are kept there: one a file, an mbox, a maildir, a folder of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from subscribers.errors import InputError

LARGEST = 30 * 1024 * 1024
# RFC 4155's separator: `From`, an address, and a time with its year.
_SEPARATOR = re.compile(rb"From .{0,320}\b\w{3} \w{3} +\d{1,2} +\d\d:\d\d.{0,40}\d{4}\s*$")
_ESCAPED = re.compile(rb">+From ")
_MAILDIR = ("new", "cur")
# Files that mail programs save hold one message, whatever it quotes.
_SINGLE = frozenset({".eml", ".msg"})


def messages_at(path: Path) -> Iterator[tuple[str, bytes]]:
    """Each message at the path, with a name for people: the file's, and its number where an mbox has several.

    InputError where something cannot be read.
    """
    try:
        if path.is_dir():
            for file in _files_in(path):
                yield from messages_at(file)
            return
        with path.open("rb") as stream:
            if path.suffix.lower() in _SINGLE:
                yield str(path), _limited(stream.read(LARGEST + 1), str(path))
            else:
                yield from messages_in(stream, str(path))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}. Give a message, an mbox or a maildir.") from error


def messages_in(stream: BinaryIO, name: str) -> Iterator[tuple[str, bytes]]:
    """The message that a stream carries, or the messages if it is an mbox, one at a time."""
    first = stream.readline()
    if not _SEPARATOR.match(first):
        yield name, _limited(first + stream.read(LARGEST + 1), name)
        return
    messages = _split(stream)
    content, following = next(messages), next(messages, None)
    if following is None:
        yield name, _limited(content, name)
        return
    yield f"{name}:1", _limited(content, f"{name}:1")
    number = 2
    while following is not None:
        yield f"{name}:{number}", _limited(following, f"{name}:{number}")
        number, following = number + 1, next(messages, None)


def _split(mbox: BinaryIO) -> Iterator[bytes]:
    """The messages of an mbox whose first line is read; a `>` that only keeps a line from being taken for a start is removed."""
    lines: list[bytes] = []
    after_blank = False
    for line in mbox:
        if after_blank and _SEPARATOR.match(line):
            yield b"".join(lines)
            lines = []
            continue
        after_blank = line in (b"\n", b"\r\n")
        lines.append(line[1:] if _ESCAPED.match(line) else line)
    yield b"".join(lines)


def _files_in(folder: Path) -> Iterator[Path]:
    if all((folder / name).is_dir() for name in _MAILDIR):
        for name in _MAILDIR:
            yield from sorted(file for file in (folder / name).iterdir() if file.is_file())
        return
    yield from sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))


def _limited(content: bytes, name: str) -> bytes:
    if len(content) > LARGEST:
        raise InputError(f"{name} has more than {LARGEST} octets: that is no bounce. Leave it out.")
    return content
