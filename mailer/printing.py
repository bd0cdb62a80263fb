"""An issue on paper: a PDF of A4 pages, made by a program that the machine has."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from mailer.chromium import Chromium, find_chromium
from mailer.office import find_office, to_pdf
from subscribers.errors import ServiceError

_CURE = "On Debian and Ubuntu: apt install chromium fonts-noto-cjk; elsewhere install Chrome, Chromium or LibreOffice."


def print_pdf(page: str, document: Callable[[], bytes]) -> bytes:
    """The PDF that Chromium makes of a page, or else LibreOffice of a Word file: tagged, with an outline, its text as text.

    ServiceError, with the cure, where the machine has neither.
    """
    if program := find_chromium():
        printed = _by_chromium(program, page)
    elif program := find_office():
        printed = to_pdf(program, document())
    else:
        raise ServiceError(f"no program was found that makes a PDF. {_CURE} `--to docx` and `--to html` need none.")
    if printed is None:
        raise ServiceError(f"{program} made no PDF. Try it by hand on the file that `--to html` or `--to docx` gives.")
    return printed


def _by_chromium(program: str, page: str) -> bytes | None:
    with tempfile.TemporaryDirectory(prefix="jianbao-print-") as temporary:
        folder = Path(temporary)
        shown, printed = folder / "issue.html", folder / "issue.pdf"
        shown.write_text(page, encoding="utf-8")
        words = ("--no-pdf-header-footer", "--generate-pdf-document-outline", f"--print-to-pdf={printed}")
        Chromium(program, folder).run(*words, shown.as_uri())
        return printed.read_bytes() if printed.is_file() else None
