"""Pictures of the mail, taken by Chromium."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from mailer.chromium import Chromium, find_chromium
from mailer.preview.simulations import simulated
from mailer.preview.site import Frame
from subscribers.errors import ServiceError

_TALLEST = 16_000  # a picture of more is refused by many programs
_HEIGHT = re.compile(r'data-height="(\d+)"')
_USUAL_HEIGHT = 2_000
_MEASURE = """<script>addEventListener("load", () => { for (const frame of document.querySelectorAll("iframe"))
frame.dataset.height = frame.contentDocument.documentElement.scrollHeight })</script>"""


def take_shots(page: str, frames: Sequence[Frame], folder: Path, tallest: int = _TALLEST) -> list[Path]:
    """A PNG of each frame in `folder`, which is made; at most `tallest` pixels of it. ServiceError where there is no Chromium."""
    program = find_chromium()
    if program is None:
        raise ServiceError("no Chromium was found, which takes the pictures. On Debian and Ubuntu: apt install chromium")
    folder.mkdir(parents=True, exist_ok=True)
    pages = [simulated(page, frame.view, frame.scheme) for frame in frames]
    with tempfile.TemporaryDirectory() as temporary:
        browser = _Browser(Chromium(program, Path(temporary)))
        heights = browser.heights(pages, frames)
        return [
            browser.shot(shown, frame, min(height, tallest), folder / f"{frame.name}.png")
            for shown, frame, height in zip(pages, frames, heights, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class _Browser:
    """What measures pages and takes their pictures."""

    chromium: Chromium

    def heights(self, pages: Sequence[str], frames: Sequence[Frame]) -> list[int]:
        """How high each page is at its frame's width; all are asked at once, since starting takes longest."""
        shown = "".join(
            f'<iframe width="{frame.width}" height="100" style="border:0" srcdoc="{escape(page)}"></iframe>'
            for page, frame in zip(pages, frames, strict=True)
        )
        measured = self.chromium.folder / "measured.html"
        measured.write_text(f"<!DOCTYPE html><meta charset=utf-8><body>{shown}{_MEASURE}</body>", encoding="utf-8")
        found = [
            int(height)
            for height in _HEIGHT.findall(self.chromium.run("--window-size=1200,800", "--dump-dom", measured.as_uri()))
        ]
        return found if len(found) == len(pages) else [_USUAL_HEIGHT] * len(pages)

    def shot(self, page: str, frame: Frame, height: int, picture: Path) -> Path:
        """The picture of one page."""
        shown = self.chromium.folder / "shown.html"
        shown.write_text(page, encoding="utf-8")
        self.chromium.run(f"--window-size={frame.width},{height}", f"--screenshot={picture}", shown.as_uri())
        if not picture.is_file():
            raise ServiceError(
                f"{self.chromium.program} made no picture of {frame.title}. Try it by hand with --headless --screenshot."
            )
        return picture
