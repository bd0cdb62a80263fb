"""Messages out of files as mail programs keep them: one a file, an mbox, a Maildir, a folder of files, standard input."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from mailer.feedback.mime import LARGEST_MESSAGE
from subscribers.errors import InputError

# RFC 4155's separator: `From`, an address, and a time with its year. `.eml` files are one message, whatever they contain.
_SEPARATOR = re.compile(rb"From \S+ +.{0,10}\w{3} \w{3} +\d{1,2} \d\d:\d\d.{0,40}\d{4}")
_SINGLE = frozenset({".eml", ".msg", ".txt"})


def messages_of(path: Path) -> Iterator[tuple[str, bytes]]:
    """Each message with a name: the file's, and in an mbox `FILE#NUMBER`. No more of one is read than `parse` looks at.

    Raises InputError where something cannot be read.
    """
    try:
        if path.is_dir():
            for file in _files_in(path):
                yield from messages_of(file)
            return
        with path.open("rb") as stream:
            yield from messages_in(stream, str(path), single=path.suffix.lower() in _SINGLE)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}). Give a message, an mbox, or a Maildir.") from error


def messages_in(stream: BinaryIO, name: str, *, single: bool = False) -> Iterator[tuple[str, bytes]]:
    """Each message of a stream, which is an mbox where it begins like one and has more than one."""
    if single:
        yield name, stream.read(LARGEST_MESSAGE)
        return
    pieces = _pieces(stream)
    first = next(pieces, b"")
    second = next(pieces, None)
    if second is None:
        yield name, first
        return
    for number, piece in enumerate(_chain(first, second, pieces), 1):
        yield f"{name}#{number}", piece


def _chain(first: bytes, second: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    yield first
    yield second
    yield from rest


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    """The stream, cut before every separator that follows an empty line, where its first line is one."""
    kept: list[bytes] = []
    size, empty, is_mbox = 0, True, False
    for number, line in enumerate(_lines(stream)):
        separates = empty and _SEPARATOR.match(line) is not None
        is_mbox = separates if number == 0 else is_mbox
        if separates and is_mbox and kept:
            yield b"".join(kept)
            kept, size = [], 0
        if size < LARGEST_MESSAGE:
            kept.append(line)
            size += len(line)
        empty = line in (b"\n", b"\r\n")
    if kept:
        yield b"".join(kept)


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    while line := stream.readline(LARGEST_MESSAGE):
        yield line


def _files_in(folder: Path) -> list[Path]:
    """A Maildir's new and cur, or every file of a plain folder; names that begin with a dot are nobody's mail."""
    maildir = [folder / name for name in ("new", "cur") if (folder / name).is_dir()]
    return sorted(file for place in maildir or [folder] for file in place.iterdir() if file.is_file() and file.name[0] != ".")
