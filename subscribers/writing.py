"""Files that people are given: whole, or as they were before; and secrets, once."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkstemp
from typing import IO, Any

_FOR_EVERYBODY = 0o666


@contextmanager
def whole_file(path: Path, *, encoding: str | None = None, private: bool = False) -> Iterator[IO[Any]]:
    """A file to write into, octets or text of an encoding, that is at `path` once the block has ended: of one that raises nothing is left.

    A file that was there keeps who may read it; a new one is its owner's alone where it is `private`. A link is followed; a device or a
    pipe is written to as it is. A file that cannot be replaced, since it was mounted alone or its folder is not ours, is written over when
    all is there. OSError, with the path, where it cannot be written.
    """
    mode, newline = ("wb" if encoding is None else "w"), (None if encoding is None else "")
    try:
        before = path.stat().st_mode if path.exists() else None
        if before is not None and not stat.S_ISREG(before):
            with path.open(mode, encoding=encoding, newline=newline) as there:
                yield there
            return
        place = path.resolve()
        beside = before is None or os.access(place.parent, os.W_OK)
        handle, unfinished = mkstemp(dir=place.parent if beside else None, prefix=".jianbao-")
        try:
            with open(handle, mode, encoding=encoding, newline=newline) as file:
                yield file
            os.chmod(unfinished, stat.S_IMODE(before) if before else 0o600 if private else _FOR_EVERYBODY & ~_umask())
            try:
                os.replace(unfinished, place)
            except OSError:
                if before is None:
                    raise
                shutil.copyfile(unfinished, place)
                os.unlink(unfinished)
        except BaseException:
            with suppress(OSError):
                os.unlink(unfinished)
            raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def write_whole(path: Path, content: str | bytes) -> None:
    """Put a text, as UTF-8, or octets into a file, in the same way."""
    with whole_file(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def write_secret(path: Path, content: bytes) -> None:
    """Put a secret into a file of its own, which only its owner may read. FileExistsError where there is one: who was first is right."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.touch(mode=0o600)
    fresh.write_bytes(content)
    try:
        os.link(fresh, path)
    finally:
        fresh.unlink()


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
