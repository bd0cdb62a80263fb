"""What is looked at: an issue on record, or a file as it would be imported at this moment."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from sqlalchemy import Engine

from mailer import issues
from mailer.block import picture_type
from mailer.bulletin_files import read_bulletin
from mailer.issues import StoredIssue
from mailer.publishing import theme_folders
from mailer.render import find_theme, theme_names
from mailer.settings import Settings
from mailer.specimen import Specimen, make_specimen
from subscribers.db import transaction
from subscribers.errors import InputError

_PICTURE = re.compile(r'(?<=src=")(?:cid:|[^"]*/i/)([0-9a-f]{64})')


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

    def page(self, theme: str | None = None) -> str:
        """The mail's HTML with its pictures in it, so that they are seen wherever they will be hosted."""
        stored, specimen = self.specimen(theme)
        return _PICTURE.sub(lambda found: _pictured(stored.pictures.get(found[1]), found[0]), specimen.html)

    def themes(self) -> tuple[str, ...]:
        """The themes that there are to try."""
        return theme_names(theme_folders(self.settings))

    def version(self, theme: str | None = None) -> str:
        """Another word whenever the issue, the theme, or what they inherit has changed."""
        name = theme or self.theme or self.find().publication.theme
        folders = find_theme(name, theme_folders(self.settings)).folders
        return hashlib.sha256(f"{self.state()}|{_touched(folders)}".encode()).hexdigest()[:16]


def issue_on_record(engine: Engine, ref: str, settings: Settings, theme: str | None) -> Source:
    """The latest revision of an issue, and its publication as it is."""

    def find() -> StoredIssue:
        with transaction(engine) as connection:
            return issues.find_issue(connection, ref)

    def state() -> str:
        stored = find()
        return f"{stored.revision_id} {stored.publication}"

    return Source(find, state, settings, theme)


def issue_in_file(engine: Engine, path: Path, slug: str | None, settings: Settings, theme: str | None) -> Source:
    """What importing the file would make of it, without importing it: the transaction is taken back."""
    read = lru_cache(maxsize=1)(lambda state: read_bulletin(path))

    def find() -> StoredIssue:
        bulletin = read(state())
        with engine.connect() as connection, connection.begin() as taken_back:
            imported = issues.import_issue(
                connection,
                bulletin.reading.issue,
                slug=slug,
                source_name=path.name,
                source_sha256=bulletin.sha256,
                warnings=bulletin.reading.warnings,
                created_by="preview",
            )
            taken_back.rollback()
        return replace(imported.stored, pictures=bulletin.pictures)

    def state() -> str:
        try:
            return _touched([path]) if path.is_dir() else str(path.stat().st_mtime_ns)
        except OSError as error:  # Programs that save a file put it away for a moment.
            raise InputError(f"{path}: {error.strerror}. The page comes back when the file does.") from error

    return Source(find, state, settings, theme)


def _pictured(content: bytes | None, address: str) -> str:
    return f"data:{picture_type(content)};base64,{b64encode(content).decode()}" if content else address


def _touched(folders: Sequence[Path]) -> str:
    files = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
    return ",".join(f"{path}:{path.stat().st_mtime_ns}" for path in files)
