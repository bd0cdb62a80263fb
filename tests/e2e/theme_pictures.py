"""Takes the pictures of the themes anew: one of each in docs/images, phone and desk, light and dark, and a small one in its folder.

`.venv/bin/python -m tests.e2e.theme_pictures`
"""

from __future__ import annotations

import html
import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser

from mailer.edition import fill
from mailer.render import SHIPPED, render, theme_names
from mailer.render.sample import SAMPLE
from tests.e2e.browsers import SCHEMES, chromium
from tests.e2e.test_mail_in_browser import ISSUES, opened
from tests.paths import PROJECT
from tests.unit.render.issues import IMPRINT, VALUES

WIDTHS = (375, 680)
HEIGHT = 1000
GAP = 12
GROUND = "#8d8a84"
FIELDS = {
    "english_title": "Information Digest",
    "english_publisher": "Association of Research Institutes of Science and Technology",
}


def mail_in(theme: str) -> str:
    """The model bulletin, where it is at hand, as one recipient's mail."""
    edition = render(ISSUES.get("bulletin", SAMPLE), theme=theme, imprint=IMPRINT, tracking=False, fields=FIELDS)
    return fill(edition.html, VALUES, escape=html.escape)


def photograph(browser: Browser, content: str) -> list[Image.Image]:
    """Each width in each scheme, the first screen of it."""
    pictures = []
    for width in WIDTHS:
        for scheme in SCHEMES:
            page = opened(browser, content, width, scheme)
            page.set_viewport_size({"width": width, "height": HEIGHT})
            pictures.append(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))
            page.close()
    return pictures


def side_by_side(pictures: list[Image.Image]) -> Image.Image:
    """One picture of them all."""
    whole = Image.new("RGB", (sum(each.width + GAP for each in pictures) - GAP, HEIGHT), GROUND)
    left = 0
    for each in pictures:
        whole.paste(each, (left, 0))
        left += each.width + GAP
    return whole


def main() -> None:
    """Every shipped theme."""
    with chromium() as browser:
        for theme in theme_names([SHIPPED]):
            pictures = photograph(browser, mail_in(theme))
            whole = side_by_side(pictures)
            whole = whole.resize((whole.width * 2 // 3, whole.height * 2 // 3), Image.Resampling.LANCZOS)
            whole.save(PROJECT / "docs" / "images" / f"theme-{theme}.webp", quality=72, method=6)
            small = pictures[2].resize((340, HEIGHT // 2), Image.Resampling.LANCZOS).quantize(48)
            small.save(Path(SHIPPED) / theme / "preview.png", optimize=True)


if __name__ == "__main__":
    main()
