"""Files in a zip file, taken out with limits: what is packed small may be made to fill a disk."""

from __future__ import annotations

import io
import posixpath
import stat
import zipfile
import zlib
from collections.abc import Iterator

from subscribers.errors import InputError

_MOST_FILES = 5000
_MOST_OCTETS = 200_000_000
_LARGEST_FILE = 60_000_000
_STEEPEST = 200  # octets unpacked to one packed, of a file that is large
_LARGE = 2_000_000


class Unzipped:
    """The files of a zip file by name. Raises InputError for one that is damaged, encrypted, or made to burst.

    `links` are the names of those that only say where another lies, and are no files.
    """

    def __init__(self, content: bytes, name: str) -> None:
        self._name = name
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(content))
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise InputError(f"{name}: the file is damaged. Copy or download it again, or save it anew.") from error
        entries = [entry for entry in self._archive.infolist() if not entry.is_dir()]
        if len(entries) > _MOST_FILES:
            raise InputError(f"{name}: {len(entries)} files are packed in it, which no bulletin needs. Check the file.")
        self.links = tuple(entry.filename for entry in entries if stat.S_ISLNK(entry.external_attr >> 16))
        self._entries = {_inside(entry.filename): entry for entry in entries if entry.filename not in self.links}
        self._left = _MOST_OCTETS

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __contains__(self, path: str) -> bool:
        return path in self._entries

    def read(self, path: str) -> bytes:
        """The octets of a file, as far as the limits allow."""
        entry = self._entries[path]
        if entry.flag_bits & 1:
            raise InputError(f"{self._name}: {path} in it is encrypted. Pack it without a password.")
        limit = min(self._left, _LARGEST_FILE)
        too_steep = entry.file_size > _LARGE and entry.file_size > _STEEPEST * max(1, entry.compress_size)
        try:
            with self._archive.open(entry) as opened:
                content = b"" if too_steep or entry.file_size > limit else opened.read(limit + 1)
        except (
            zipfile.BadZipFile,
            OSError,
            EOFError,
            ValueError,
            NotImplementedError,
            RuntimeError,
            zlib.error,
        ) as error:
            raise InputError(
                f"{self._name}: {path} in it is damaged. Copy or download the file again, or save it anew."
            ) from error
        if too_steep or entry.file_size > limit or len(content) > limit:
            raise InputError(
                f"{self._name}: {path} in it unpacks to more than a bulletin needs (a zip bomb?). It was not unpacked."
            )
        self._left -= len(content)
        return content


def _inside(name: str) -> str:
    """The name of a file as one below the top of the archive, wherever it says it lies."""
    return posixpath.normpath("/" + name.replace("\\", "/")).lstrip("/")
