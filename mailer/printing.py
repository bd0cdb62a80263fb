"""An issue on paper: a PDF of A4 pages, made by a program that the machine has."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from mailer.chromium import Chromium, find_chromium
from subscribers.errors import ServiceError

_SECONDS = 120
_TAGGED = 'pdf:writer_pdf_Export:{"UseTaggedPDF":{"type":"boolean","value":"true"},"ExportBookmarks":{"type":"boolean","value":"true"}}'
_CURE = "On Debian and Ubuntu: apt install chromium fonts-noto-cjk; elsewhere install Chrome, Chromium or LibreOffice."


def print_pdf(page: str, document: Callable[[], bytes]) -> bytes:
    """The PDF that Chromium makes of a page, or else LibreOffice of a Word file: tagged, with an outline, its text as text.

    ServiceError, with the cure, where the machine has neither.
    """
    with tempfile.TemporaryDirectory(prefix="jianbao-print-") as temporary:
        folder = Path(temporary)
        printed = folder / "issue.pdf"
        if program := find_chromium():
            _by_chromium(Chromium(program, folder), page, printed)
        elif program := shutil.which("soffice") or shutil.which("libreoffice"):
            _by_libreoffice(program, document(), printed)
        else:
            raise ServiceError(f"no program was found that makes a PDF. {_CURE} `--to docx` and `--to html` need none.")
        if not printed.is_file():
            raise ServiceError(f"{program} made no PDF. Try it by hand on the file that `--to html` or `--to docx` gives.")
        return printed.read_bytes()


def _by_chromium(chromium: Chromium, page: str, printed: Path) -> None:
    shown = printed.with_suffix(".html")
    shown.write_text(page, encoding="utf-8")
    words = ("--no-pdf-header-footer", "--generate-pdf-document-outline", f"--print-to-pdf={printed}")
    chromium.run(*words, shown.as_uri())


def _by_libreoffice(program: str, document: bytes, printed: Path) -> None:
    written = printed.with_suffix(".docx")
    written.write_bytes(document)
    profile = f"-env:UserInstallation={(printed.parent / 'profile').as_uri()}"  # one of its own: a window may be open
    command = [program, profile, "--headless", "--convert-to", _TAGGED, "--outdir", str(printed.parent), str(written)]
    try:
        subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise ServiceError(f"{program} took more than {_SECONDS} s. Try again when the machine is less busy.") from error
