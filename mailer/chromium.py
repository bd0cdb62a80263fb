"""Chromium without a window and without a net, where a machine has it."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from subscribers.errors import ServiceError

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_SECONDS = 60


def find_chromium() -> str | None:
    """The program, or None where there is none."""
    return next(filter(None, map(shutil.which, _PROGRAMS)), None)


@dataclass(frozen=True, slots=True)
class Chromium:
    """The program, with a profile of its own in `folder`."""

    program: str
    folder: Path

    def run(self, *words: str) -> str:
        """What it writes when it is started with these words. Its complaints about a desktop that it does not find are not ours."""
        options = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--no-first-run",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={self.folder / 'profile'}",
        ]
        try:
            done = subprocess.run([self.program, *options, *words], capture_output=True, timeout=_SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            raise ServiceError(
                f"{self.program} took more than {_SECONDS} s. Try again when the machine is less busy."
            ) from error
        return done.stdout.decode("utf-8", "replace")
