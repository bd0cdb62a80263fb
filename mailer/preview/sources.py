"""What is looked at: an issue on record, or a file as it is at this moment."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mailer.issues import StoredIssue
from mailer.publishing import theme_folders
from mailer.render import find_theme, theme_names
from mailer.settings import Settings
from mailer.specimen import Specimen, make_specimen


@dataclass(frozen=True, slots=True)
class Source:
    """Where the issue comes from. `find` reads it anew each time; `state` says in a word whether that would give anything else."""

    find: Callable[[], StoredIssue]
    state: Callable[[], str]
    settings: Settings
    theme: str | None = None

    def specimen(self, theme: str | None = None) -> tuple[StoredIssue, Specimen]:
        """The issue, and the mail that it becomes now. InputError where the file or the theme is faulty."""
        stored = self.find()
        return stored, make_specimen(stored, self.settings, theme or self.theme)

    def themes(self) -> tuple[str, ...]:
        """The themes that there are to try."""
        return theme_names(theme_folders(self.settings))

    def version(self, theme: str | None = None) -> str:
        """Another word whenever the issue, the theme, or what they inherit has changed."""
        name = theme or self.theme or self.find().publication.theme
        folders = find_theme(name, theme_folders(self.settings)).folders
        return hashlib.sha256(f"{self.state()}|{_touched(folders)}".encode()).hexdigest()[:16]


def _touched(folders: Sequence[Path]) -> str:
    files = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
    return ",".join(f"{path}:{path.stat().st_mtime_ns}" for path in files)
