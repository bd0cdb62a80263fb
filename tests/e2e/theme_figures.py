"""The figures of docs/themes.md: each theme on the model bulletin and on two issues of a real one, held against four judges.

`.venv/bin/python -m tests.e2e.theme_figures` prints the table. It needs what `bash .ci/run` installs and the material of the tests.
"""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lxml import html as lxml_html
from playwright.sync_api import Browser

from mailer.bulletin_files import read_bulletin
from mailer.client_support import Client, support_table
from mailer.client_support.features import features_of
from mailer.dkim import Signer, generate_key
from mailer.edition import Edition, fill
from mailer.issue import Issue
from mailer.message import Composer, Recipient
from mailer.render import SHIPPED, render, theme_names
from mailer.tokens import Tokens
from tests.e2e.browsers import AXE, SCHEMES, chromium
from tests.e2e.test_mail_in_browser import JAR, opened
from tests.factories import LETTERHEAD
from tests.paths import BULLETINS, CORPORA
from tests.unit.render.issues import IMPRINT, VALUES

JUDGED = (Client.GMAIL, Client.OUTLOOK_WINDOWS, Client.QQ, Client.NETEASE)
SCORE = re.compile(r"score=(-?[\d.]+)")
RUNS = 5


@dataclass(frozen=True, slots=True)
class Figures:
    """One theme on one issue."""

    theme: str
    issue: str
    html_octets: int
    wire_octets: int
    render_ms: float
    vnu_errors: int
    axe: tuple[str, ...]
    lacking: tuple[str, ...]
    spam: float

    def row(self) -> str:
        """As a line of the table."""
        return (
            f"| {self.theme} | {self.issue} | {self.html_octets / 1000:.1f} | {self.wire_octets / 1000:.1f} | {self.render_ms:.0f} | "
            f"{self.vnu_errors} | {len(self.axe)} | {len(self.lacking)} | {self.spam:.1f} |"
        )


def bulletins() -> Iterator[tuple[str, Issue]]:
    """The model issue, the largest of the six, and one with pictures of tables and links."""
    assert BULLETINS is not None
    assert CORPORA is not None
    for file in (BULLETINS / "2023-09.txt", CORPORA / "issues/2024-10-18.md", CORPORA / "issues/2024-12-02.html"):
        yield file.name, read_bulletin(file).reading.issue


def measured(theme: str, name: str, issue: Issue, browser: Browser, signer: Signer) -> Figures:
    """Everything about one page and its message."""
    edition = render(issue, theme=theme, imprint=IMPRINT)
    page = fill(edition.html, VALUES, escape=html.escape)
    composer = Composer(edition, LETTERHEAD, Tokens(b"k" * 32), mailing_id=1, date=datetime.now(UTC), signers=[signer])
    message = composer.compose(Recipient(7, "wang@institute.example.cn", "王芳", "北京示例研究院")).content
    features = features_of(lxml_html.document_fromstring(page.encode()))
    return Figures(
        theme=theme,
        issue=name,
        html_octets=len(page.encode()),
        wire_octets=len(message),
        render_ms=_render_ms(issue, theme),
        vnu_errors=_vnu_errors(page, edition),
        axe=_axe(browser, page),
        lacking=tuple(slug for slug in features if support_table().unknown_to(slug, *JUDGED)),
        spam=_spam(message),
    )


def _render_ms(issue: Issue, theme: str) -> float:
    """The median of the CPU's time for rendering once, in a process that has rendered before."""
    taken = []
    for _ in range(RUNS):
        start = time.process_time()
        render(issue, theme=theme, imprint=IMPRINT)
        taken.append((time.process_time() - start) * 1000)
    return sorted(taken)[RUNS // 2]


def _vnu_errors(page: str, edition: Edition) -> int:
    """What the Nu HTML checker calls an error, in the mail and in the browser's page."""
    java = shutil.which("java")
    assert java is not None
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / "mail.html", Path(folder) / "browser.html"]
        for file, content in zip(files, (page, fill(edition.browser, VALUES, escape=html.escape)), strict=True):
            file.write_text(content, encoding="utf-8")
        done = subprocess.run([java, "-jar", JAR, "--errors-only", *files], capture_output=True, text=True, check=False)
    return len(done.stderr.splitlines())


def _axe(browser: Browser, page: str) -> tuple[str, ...]:
    """The rules that are broken, in either scheme."""
    broken: set[str] = set()
    for scheme in SCHEMES:
        shown = opened(browser, page, 680, scheme)
        shown.evaluate(AXE.read_text(encoding="utf-8"))
        broken |= set(shown.evaluate("axe.run().then(result => result.violations.map(each => each.id))"))
        shown.close()
    return tuple(sorted(broken))


def _spam(message: bytes) -> float:
    done = subprocess.run(["spamassassin", "--local", "--test-mode"], input=message, capture_output=True, check=True)
    found = SCORE.search(done.stdout.decode("utf-8", "replace"))
    assert found is not None
    return float(found[1])


def main() -> None:
    """Print the table, and which features and rules they are."""
    signer = Signer("sender.example", "jb1", generate_key())
    print("| theme | issue | HTML, KB | message, KB | render, ms | vnu errors | axe | features | SpamAssassin |")  # noqa: T201
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|")  # noqa: T201
    features: set[str] = set()
    rules: set[str] = set()
    with chromium() as browser:
        for name, issue in bulletins():
            for theme in theme_names([SHIPPED]):
                figures = measured(theme, name, issue, browser, signer)
                print(figures.row(), flush=True)  # noqa: T201
                features |= set(figures.lacking)
                rules |= set(figures.axe)
    print(f"\naxe: {', '.join(sorted(rules))}\nfeatures: {', '.join(sorted(features))}")  # noqa: T201


if __name__ == "__main__":
    main()
