"""A bulletin file, or a folder of files, is read: text here, everything else in a process with limits of its own."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import html
import io
import json
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mailer.block import picture_type
from mailer.importers.bulletin import read_document
from mailer.importers.child import MOST_SECONDS, REFUSED, unpack
from mailer.importers.document import Document
from mailer.importers.formats import Format, format_of
from mailer.importers.legacy import dropped_from
from mailer.importers.marks import PASSPORT
from mailer.importers.reading import Reading
from mailer.importers.text import read_text_issue
from mailer.issue import Issue
from mailer.json_values import as_object, as_text
from mailer.manuscript import is_manuscript, pictures_in, read_manuscript
from mailer.office import find_office, may_read, to_docx
from subscribers.errors import InputError

LARGEST_FILE = 50_000_000
_MOST_OUTPUT = 200_000_000
_PATIENCE_SECONDS = 2 * MOST_SECONDS  # by the clock: a busy machine gives a process its time late
_MOST_FILES = 500


@dataclass(frozen=True, slots=True)
class BulletinFile:
    """What was read from a file: the bulletin, what a person should compare with the file, the pictures by their hash."""

    reading: Reading
    sha256: str
    doubts: tuple[str, ...] = ()
    pictures: Mapping[str, bytes] = field(default_factory=dict)


def read_bulletin(file: Path) -> BulletinFile:
    """The bulletin in a file or a folder. Raises InputError, with the name, the cause and the cure, where there is none."""
    content = content_of(file)
    exact = None if file.is_dir() else exact_issue(content, file.name)
    if exact is not None:
        pictures = _looked_at(exact[1], file.name)
        lost = "is empty, damaged, or not what it was when it was exported, and was left out. Put it in anew"
        warnings = tuple(
            f"{file.name}: the picture {sha256[:12]} {lost}." for sha256 in sorted(exact[1].keys() - pictures.keys())
        )
        return BulletinFile(Reading(exact[0], warnings), hashlib.sha256(content).hexdigest(), pictures=pictures)
    kind = Format.ARCHIVE if file.is_dir() else format_of(content, file.name)
    sha256 = hashlib.sha256(content).hexdigest()
    if kind is Format.TEXT:
        return BulletinFile(read_text_issue(content, file.name), sha256)
    document = parse(content, kind, file.name)
    return BulletinFile(read_document(document, file.name), sha256, document.doubts, document.images)


def exact_issue(content: bytes, name: str) -> tuple[Issue, Mapping[str, bytes]] | None:
    """The issue in a file that `jianbao issue export` wrote, in which nothing has to be guessed, and the pictures in it by the hashes
    that they are given, which nobody has looked at; None for any other file."""
    begin = content.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not begin.startswith((b"---", b"{")) or begin.startswith(b"{\\rtf"):
        return None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    if is_manuscript(text.replace("\r\n", "\n")):
        return read_manuscript(text, name), pictures_in(text)
    if not text.lstrip().startswith("{"):
        return None
    try:
        said = json.loads(text)
        return Issue.from_json(said), pictures_from_json(said.get("pictures", {}))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        cure = "`jianbao issue export REF --to json` shows the form."
        raise InputError(f"{name}: this is no issue in JSON: {error}. {cure}") from error


def pictures_to_json(pictures: Mapping[str, bytes]) -> dict[str, str]:
    """Pictures as plain JSON values: base64 by hash."""
    return {sha256: base64.b64encode(content).decode() for sha256, content in sorted(pictures.items())}


def pictures_from_json(value: object) -> dict[str, bytes]:
    """The pictures that `pictures_to_json` wrote. Raises TypeError or ValueError for anything else."""
    return {sha256: base64.b64decode(as_text(content)) for sha256, content in as_object(value).items()}


def _looked_at(pictures: Mapping[str, bytes], name: str) -> Mapping[str, bytes]:
    """Those of these pictures that are what their hashes say, and fit for mail. They are looked at where any file is: in the process
    with limits, which gets them in a page."""
    if not pictures:
        return {}
    passport = html.escape(json.dumps({"pictures": list(pictures)}))
    shown = "".join(
        f'<p><img alt="-" src="data:{picture_type(content)};base64,{base64.b64encode(content).decode()}">'
        for content in pictures.values()
    )
    page = f'<!DOCTYPE html><meta charset="utf-8"><meta name="{PASSPORT}" content="{passport}"><body>{shown}'
    found = parse(page.encode(), Format.HTML, name).images
    return {sha256: content for sha256, content in found.items() if sha256 in pictures}


def parse(content: bytes, kind: Format, name: str) -> Document:
    """What a file holds, parsed in a process of its own. Raises InputError where it says so, or comes to an end too early.

    Older Word files, RTF and OpenDocument go by way of LibreOffice, where the machine has it.
    """
    program = find_office() if may_read(content, kind) else None
    if program is None:
        return _parse(content, kind, name)
    made = to_docx(program, content, kind)
    if made is None:
        return _parse_unconverted(content, kind, name)
    document = _parse(made, Format.DOCX, name)
    lost = tuple(f"{name}: {what}." for what in dropped_from(content))
    return replace(document, warnings=(*document.warnings, *lost))


def _parse_unconverted(content: bytes, kind: Format, name: str) -> Document:
    """What can be had of a file of which LibreOffice made nothing: the text of an old Word file, and nothing of any other."""
    if kind is not Format.LEGACY:
        raise InputError(
            f"{name}: LibreOffice cannot read this file: it is damaged, locked by a password, or takes too long. "
            "Open it in the program that it was written in and save it as .docx, then import that."
        )
    try:
        document = _parse(content, kind, name)
    except InputError as error:
        raise InputError(f"{error} LibreOffice cannot read it either.") from error
    return replace(document, warnings=(f"{name}: LibreOffice cannot read this file.", *document.warnings))


def _parse(content: bytes, kind: Format, name: str) -> Document:
    command = [sys.executable, "-I", "-m", "mailer.importers.child", kind.value, name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        clock = threading.Timer(_PATIENCE_SECONDS, process.kill)
        clock.start()
        feeder = threading.Thread(target=_feed, args=(process, content), daemon=True)
        feeder.start()
        complaints: list[bytes] = []
        listener = threading.Thread(target=lambda: complaints.append(_drain(process)), daemon=True)
        listener.start()
        assert process.stdout is not None
        try:
            output = process.stdout.read(_MOST_OUTPUT + 1)
            if len(output) > _MOST_OUTPUT:
                process.kill()
            status = process.wait()
        finally:
            process.kill()  # where we are told to end: otherwise it has ended by now
            clock.cancel()
            feeder.join()
            listener.join()
    if status == REFUSED:
        raise InputError(output.decode("utf-8", "surrogatepass"))
    if status != 0 or len(output) > _MOST_OUTPUT:
        raise InputError(f"{name}: {_end(status, b''.join(complaints))}. Save it anew in the program that it was written in.")
    return unpack(output)


def _feed(process: subprocess.Popen[bytes], content: bytes) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError), process.stdin as stdin:
        stdin.write(content)


def _drain(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stderr is not None
    said = b""
    while chunk := process.stderr.read(65536):
        said = (said + chunk)[-65536:]
    return said


def _end(status: int, complaint: bytes) -> str:
    """Why a reading process came to an end, in words."""
    if status in (-signal.SIGXCPU, -signal.SIGKILL):
        return f"reading it takes more than {MOST_SECONDS} seconds, or gives more text than any bulletin has"
    if b"MemoryError" in complaint:
        return "reading it takes more memory than any bulletin needs"
    last = complaint.decode("utf-8", "replace").strip().rpartition("\n")[2][:200]
    return f"the file is damaged, or made to do harm; it could not be read ({last or f'status {status}'})"


def content_of(file: Path) -> bytes:
    """The octets of a file, or of a folder as a zip file. InputError where it cannot be read, or is larger than any bulletin."""
    try:
        if file.is_dir():
            return _packed(file)
        if file.stat().st_size > LARGEST_FILE:
            raise InputError(f"{file}: larger than {LARGEST_FILE // 1_000_000} MB, which no bulletin is. Check the file.")
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}. Check its name and permissions.") from error


def _packed(folder: Path) -> bytes:
    """A folder as a zip file, so that both go one way; the same files give the same octets."""
    files = sorted(
        path for path in folder.rglob("*") if path.is_file() and not any(part.startswith(".") for part in path.parts)
    )
    if len(files) > _MOST_FILES or sum(path.stat().st_size for path in files) > LARGEST_FILE:
        raise InputError(
            f"{folder}: more than {_MOST_FILES} files, or more than {LARGEST_FILE // 1_000_000} MB. Give one issue's."
        )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in files:
            archive.writestr(zipfile.ZipInfo(str(path.relative_to(folder))), path.read_bytes())
    return packed.getvalue()
