"""Chromium and axe-core, with which these tests look at mail and pages."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, sync_playwright

from tests.paths import PROJECT

CHROMIUM = Path("/usr/bin/chromium")
AXE = Path(os.environ.get("JIANBAO_AXE") or PROJECT / "node_modules/axe-core/axe.min.js")
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()
