"""A file of lines that another process may read while it grows."""

from __future__ import annotations

import asyncio
from pathlib import Path

_FLUSH_SECONDS = 0.1


class Journal:
    """Lines are appended in batches and only whole, a tenth of a second late at most. Needs a running event loop."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab")
        self._waiting: list[str] = []

    def write(self, line: str) -> None:
        """Append `line`, which contains no newline."""
        if not self._waiting:
            asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self._flush)
        self._waiting.append(line + "\n")

    def close(self) -> None:
        """Write what waits and close the file."""
        self._flush()
        self._file.close()

    def _flush(self) -> None:
        batch, self._waiting = self._waiting, []
        if batch:
            self._file.write("".join(batch).encode())
            self._file.flush()
