"""LibreOffice, where a machine has it: it makes DOCX files of what only it can read well, and pages of a Word file.

It is started here alone: with limits, without macros, without the net.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from mailer.importers.formats import Format

_PROGRAMS = ("soffice", "libreoffice")
# The filters by their own names, so that a file is read as what it is and garbage not as text.
_FILTERS: Mapping[Format, tuple[str, str]] = {
    Format.LEGACY: ("doc", "MS Word 97"),
    Format.RTF: ("rtf", "Rich Text Format"),
    Format.OPEN_DOCUMENT: ("odt", "writer8"),
}
_WORD = "WordDocument".encode("utf-16-le")  # [MS-DOC] §2.1.1
_DOCX = "docx:MS Word 2007 XML"
_PDF = 'pdf:writer_pdf_Export:{"UseTaggedPDF":{"type":"boolean","value":"true"},"ExportBookmarks":{"type":"boolean","value":"true"}}'
_PATIENCE_SECONDS = 120  # by the clock
_CPU_SECONDS = 60
_MEMORY = 4 << 30  # it maps two of them before it has read anything
_LARGEST_OUTPUT = 60_000_000
_NEW_USER, _NEW_NET = 0x10000000, 0x40000000  # linux/sched.h
_ITEM = '<item oor:path="/org.openoffice.Office.{}"><prop oor:name="{}" oor:op="fuse"><value>{}</value></prop></item>'
_SETTINGS = (
    ("Common/Security/Scripting", "DisableMacrosExecution", "true"),
    ("Common/Security/Scripting", "MacroSecurityLevel", "3"),
    ("Common/Security/Scripting", "BlockUntrustedRefererLinks", "true"),
    ("Common/Security/Scripting", "DisableActiveContent", "true"),
    ("Common/Misc", "FirstRun", "false"),
    ("Writer/Content/Update", "Link", "2"),  # never
)


def find_office() -> str | None:
    """The program, or None where there is none."""
    return next(filter(None, map(shutil.which, _PROGRAMS)), None)


def may_read(content: bytes, kind: Format) -> bool:
    """Whether LibreOffice is asked for a file: of older ones only for those that say that Word or WPS wrote them."""
    return kind in _FILTERS and (kind is not Format.LEGACY or _WORD in content)


def to_docx(program: str, content: bytes, kind: Format) -> bytes | None:
    """The DOCX file that LibreOffice makes of a file; None where it makes none, takes too long or gives too much."""
    suffix, filter_name = _FILTERS[kind]
    return _converted(program, content, suffix, _DOCX, f"--infilter={filter_name}")


def to_pdf(program: str, document: bytes) -> bytes | None:
    """The pages of a DOCX file, tagged and with an outline; None where it makes none, takes too long or gives too much."""
    return _converted(program, document, "docx", _PDF)


def _converted(program: str, content: bytes, suffix: str, to: str, *options: str) -> bytes | None:
    with tempfile.TemporaryDirectory(prefix="jianbao-office-") as temporary:
        folder = Path(temporary)
        given, made = folder / f"given.{suffix}", folder / "made" / f"given.{to.partition(':')[0]}"
        given.write_bytes(content)
        _write_settings(folder / "profile" / "user")
        profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
        words = ["--headless", "--norestore", "--nolockcheck", *options, "--convert-to", to, "--outdir", str(made.parent)]
        command = [program, profile, *words, str(given)]
        _run([sys.executable, "-m", "mailer.office", *command], folder)
        if not made.is_file() or made.stat().st_size > _LARGEST_OUTPUT:
            return None
        return made.read_bytes()


def _write_settings(folder: Path) -> None:
    folder.mkdir(parents=True)
    items = "".join(_ITEM.format(*setting) for setting in _SETTINGS)
    head = '<oor:items xmlns:oor="http://openoffice.org/2001/registry">'
    (folder / "registrymodifications.xcu").write_text(f'<?xml version="1.0" encoding="UTF-8"?>{head}{items}</oor:items>')


def _run(command: list[str], folder: Path) -> None:
    """Runs a command in a group of its own, of which nothing is left when it ends or its time is over."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH") if name in os.environ}
    fonts = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")  # those that the user has put there
    around = kept | {
        "XDG_DATA_HOME": fonts,
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "LANG": "C.UTF-8",
        "SAL_USE_VCLPLUGIN": "svp",
    }
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        command, stdin=quiet, stdout=quiet, stderr=quiet, env=around, cwd=folder, start_new_session=True
    ) as process:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def main() -> None:
    """Limits this process, takes the net from it where the system lets it, and becomes the command in argv."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_LARGEST_OUTPUT, _LARGEST_OUTPUT))
    # Where it is neither root nor allowed to, its settings alone keep it from the net.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).unshare(_NEW_USER | _NEW_NET)
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606 (a shell is what is not wanted)


if __name__ == "__main__":
    main()
