"""A file that is to be imported: looked at once from end to end, and then read as it was."""

from __future__ import annotations

import codecs
import hashlib
import io
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from subscribers.encoding import Guess, broken, guess_encoding
from subscribers.errors import InputError

_CHUNK = 1 << 20
_SAMPLE = 1 << 20
_KINDS = {
    stat.S_ISDIR: "a folder. Give a file in it",
    stat.S_ISFIFO: "a pipe, which can be read only once. Save what comes out of it as a file and give that",
    stat.S_ISSOCK: "a socket. Give a file",
    stat.S_ISCHR: "a device. Give a file",
    stat.S_ISBLK: "a device. Give a file",
}


@dataclass(frozen=True, slots=True)
class Source:
    """What was found out about a file.

    `sample` is its beginning or, where that is plain ASCII, the first part that is not; `endless_line` is a line of more than a million
    octets, which no list of addresses has.
    """

    path: Path
    name: str
    size: int
    sha256: str
    head: bytes
    sample: bytes
    changed_at_ns: int
    endless_line: int | None

    def guess(self) -> Guess:
        """The encoding of the file as text."""
        return guess_encoding(self.sample, self.name, complete=len(self.sample) == self.size)


def look_at(path: Path) -> Source:
    """Read the file once. InputError where it is no file, cannot be read, or is empty."""
    name = _name_of(path)
    with _opened(path, name) as stream:
        before = os.fstat(stream.fileno())
        digest, head, sample, size, lines, endless = hashlib.sha256(), b"", b"", 0, 1, None
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            head = head or chunk[:_SAMPLE]
            if len(sample) < _SAMPLE and (not sample or sample.isascii()):
                sample = chunk if size == 0 or not chunk.isascii() else sample
            if endless is None and len(chunk) == _CHUNK and b"\n" not in chunk and b"\r" not in chunk:
                endless = lines
            lines += chunk.count(b"\n")
            size += len(chunk)
        after = os.fstat(stream.fileno())
    if not head.strip(b"\r\n\t \0") or not size:
        raise InputError(f"{name}: the file is empty. Give a file with addresses in it.")
    source = Source(path, name, size, digest.hexdigest(), head, _with_mark(head, sample), before.st_mtime_ns, endless)
    if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, size) or after.st_size != size:
        raise _changed(source)
    return source


def _name_of(path: Path) -> str:
    """A file's name. One that is not UTF-8 comes from a Chinese Windows, out of a ZIP file."""
    octets = os.fsencode(path.name or path)
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("gb18030", "replace")


@contextmanager
def text_of(source: Source, guess: Guess) -> Iterator[IO[str]]:
    """The file as text, from its beginning; InputError for a byte that does not fit, and where the file is no longer what it was."""
    with _opened(source.path, source.name) as stream:
        text = io.TextIOWrapper(stream, guess.encoding, newline="")
        try:
            yield text
        except UnicodeDecodeError as error:
            raise broken_byte(source, guess) from error
        finally:
            still = os.fstat(stream.fileno())
            text.detach()
        if (still.st_size, still.st_mtime_ns) != (source.size, source.changed_at_ns):
            raise _changed(source)


@contextmanager
def _opened(path: Path, name: str) -> Iterator[IO[bytes]]:
    try:
        kind = path.stat().st_mode
        for is_kind, what in _KINDS.items():
            if is_kind(kind):
                raise InputError(f"{name}: this is {what}.")
        stream = path.open("rb")
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file. Check the name.") from error
    except PermissionError as error:
        raise InputError(f"{name}: the file may not be read. Give yourself the right to: chmod u+r {path}") from error
    except OSError as error:
        raise InputError(f"{name}: the file cannot be read: {error.strerror}.") from error
    with stream:
        yield stream


def _with_mark(head: bytes, sample: bytes) -> bytes:
    """A sample from further on begins like the file does, so that a byte order mark is seen."""
    return head if head is sample or not head[:4].isascii() else sample


def _changed(source: Source) -> InputError:
    return InputError(f"{source.name}: the file was written to while it was read. Import it again when it is complete.")


def broken_byte(source: Source, guess: Guess) -> InputError:
    """The first byte that does not fit, by its line: the file is read once more for it."""
    decoder = codecs.getincrementaldecoder(guess.encoding)()
    line = 1
    with _opened(source.path, source.name) as stream:
        for chunk in iter(_reader(stream), b""):
            try:
                line += decoder.decode(chunk).count("\n")
            except UnicodeDecodeError as error:
                good = error.object[: error.start].decode(guess.encoding, errors="ignore")
                return broken(source.name, line + good.count("\n"), error.object[error.start], guess.why)
    return InputError(f"{source.name}: the file ends in the middle of a character. Save it again as UTF-8.")


def _reader(stream: IO[bytes]) -> Callable[[], bytes]:
    return lambda: stream.read(_CHUNK)
