"""What kind of file it is, by its content: names lie, and Word's own .doc is often a web page."""

from __future__ import annotations

import io
import re
import zipfile
from enum import StrEnum

from subscribers.errors import InputError

_TAG = re.compile(
    rb"<(?:!doctype\s+html|html|head|body|meta|div|p|table|h[1-6]|span|article|section)\b[^<]{0,2000}>", re.IGNORECASE
)
_MARKDOWN_LINES = re.compile(r"^(?:#{1,6} \S|---\s*$|[-*+] \S|\d+\. \S|> \S|\|.+\|\s*$|!\[)|\*\*\S|\]\(\S+\)", re.MULTILINE)
_HEADING = re.compile(r"^#{1,6} \S", re.MULTILINE)
_FRONT_MATTER = re.compile(r"\A\ufeff?---\s*\n(?:[^\n]*\n){0,60}?---\s*\n")
_ENOUGH_MARKDOWN = 3
_MIME = re.compile(
    rb"(?:[\w-]+:[^\n]*\n(?:[ \t][^\n]*\n)*)*?(?:MIME-Version|Content-Type): ?(?:1\.0|multipart/|text/)", re.IGNORECASE
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_IMAGES = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*")
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")


class Format(StrEnum):
    """The formats that are read."""

    TEXT = "text"
    MARKDOWN = "markdown"
    HTML = "html"
    DOCX = "docx"
    PDF = "pdf"
    ARCHIVE = "zip"
    LEGACY = "doc"
    RTF = "rtf"
    OPEN_DOCUMENT = "odt"


def format_of(content: bytes, name: str) -> Format:
    """The format of a file. Raises InputError for one that cannot be read, with what to do."""
    if b"%PDF-" in content[:1024]:
        return Format.PDF
    if content.startswith(b"PK\x03\x04") or content.startswith(b"PK\x05\x06"):
        return _in_zip(content, name)
    if content.startswith(_OLE):
        if _ENCRYPTED_PACKAGE in content:
            raise InputError(f"{name}: the document is protected by a password. Save it without one, then import it again.")
        return Format.LEGACY
    if content.startswith(b"{\\rtf"):
        return Format.RTF
    if content.startswith(_IMAGES):
        raise InputError(f"{name}: this is a picture, not a text. Import the file that the bulletin was written in.")
    return _of_text(content, name)


def _in_zip(content: bytes, name: str) -> Format:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        cure = "Copy or download it again, or save it anew."
        raise InputError(
            f"{name}: the file is damaged: it begins like a .docx or a .zip, and does not end like one. {cure}"
        ) from error
    if "word/document.xml" in names or any(entry.startswith("word/document") and entry.endswith(".xml") for entry in names):
        return Format.DOCX
    for marker, program in (("xl/workbook.xml", "Excel workbook"), ("ppt/presentation.xml", "PowerPoint presentation")):
        if marker in names:
            raise InputError(f"{name}: this is an {program}. Import the Word file or the PDF of the bulletin.")
    if "content.xml" in names and "mimetype" in names:
        return Format.OPEN_DOCUMENT
    return Format.ARCHIVE


def _of_text(content: bytes, name: str) -> Format:
    beginning = content[:20_000]
    if _MIME.match(beginning):
        cure = "Open it in a browser, Word or WPS, save it as .docx or as a web page (.html), then import that."
        raise InputError(f"{name}: this is a web page saved as one file (.mht), or a mail. {cure}")
    plain = beginning.replace(b"\0", b"")  # UTF-16
    tags = len(_TAG.findall(plain))
    if tags >= 2 and plain.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(b"<"):
        return Format.HTML
    text = content.decode("utf-8", "replace") if len(content) <= 5_000_000 else beginning.decode("utf-8", "replace")
    if _FRONT_MATTER.match(text.replace("\r\n", "\n")):
        return Format.MARKDOWN
    signs = len(_MARKDOWN_LINES.findall(text))
    is_named = name.lower().endswith((".md", ".markdown"))
    if _HEADING.search(text) and (is_named or signs >= _ENOUGH_MARKDOWN):
        return Format.MARKDOWN
    return Format.MARKDOWN if is_named and signs else Format.TEXT
