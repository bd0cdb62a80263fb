"""Where hits wait while the broker is away: files in a folder, one for each group, written whole or not at all."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import structlog

from mailer.events import Hit, fields_of, hit_of

_ENDING = ".hits"

log = structlog.get_logger()


class Spool:
    """A folder of hits. They carry numbers, so that two who hand on the same file do no harm: each is kept once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, hits: Sequence[Hit]) -> None:
        """The hits are on disk when this returns. OSError where they cannot be."""
        self._folder.mkdir(parents=True, exist_ok=True)
        fresh = self._folder / f"{uuid.uuid4().hex}.new"
        fresh.write_text("".join(json.dumps(fields_of(hit)) + "\n" for hit in hits), encoding="utf-8")
        fresh.rename(fresh.with_suffix(_ENDING))

    def groups(self) -> Iterator[tuple[Path, list[Hit]]]:
        """Every group that waits, with the file to remove once it was handed on; in no order, so that nobody waits until all are found."""
        with suppress(FileNotFoundError), os.scandir(self._folder) as entries:  # Nothing has been kept yet.
            for path in (Path(entry.path) for entry in entries if entry.name.endswith(_ENDING)):
                try:
                    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
                except FileNotFoundError:
                    continue  # Somebody else was quicker.
                yield path, [hit for line in lines if (hit := _read(path.name, line))]


def _read(name: str, line: str) -> Hit | None:
    """The hit of a line; None, and a line in the log, where there is none: a machine that lost power may leave anything in a file."""
    try:
        fields = json.loads(line)
    except ValueError as error:
        log.warning("event_unreadable", entry=name, error=repr(error))
        return None
    return hit_of(name, fields)
