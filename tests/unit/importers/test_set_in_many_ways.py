"""One text set as PDF in several ways, since rules that fit one typesetter fit one typesetter."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.paths import CORPORA
from tests.unit.importers.test_real_issues import read, shares

pytestmark = [
    pytest.mark.skipif(CORPORA is None, reason="the corpora lie beside the project and are not here"),
    pytest.mark.debian("chromium"),
]
PAGE = "@page{size:A4;margin:2cm} body{max-width:none!important;padding:0!important;font-size:12pt!important}"
WAYS = {
    "indented and justified": "p{text-indent:2em;margin:0!important} body{text-align:justify}",
    "ragged with space between paragraphs": "body{font-size:14pt!important}",
}


@pytest.mark.parametrize("css", WAYS.values(), ids=WAYS.keys())
def test_paragraphs_come_back_however_they_are_set(css: str, tmp_path: Path) -> None:
    assert CORPORA is not None
    issue = CORPORA / "issues" / "2024-09-27.html"
    page, file = tmp_path / "a.html", tmp_path / "2024-09-27.pdf"
    page.write_text(issue.read_text().replace("</head>", f"<style>{PAGE}{css}</style></head>"))
    chromium = shutil.which("chromium")
    assert chromium is not None
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer", f"--print-to-pdf={file}"]
    subprocess.run([chromium, *options, str(page)], check=True, capture_output=True)
    whole, equal = shares(read(file.read_bytes(), file.name), issue.with_suffix(".md"))
    assert whole >= 0.95
    assert equal >= 0.8
