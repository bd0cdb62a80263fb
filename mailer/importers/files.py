"""One file of any format becomes a document: its blocks, with the pictures that it shows made fit for mail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from mailer.importers.archive import read_archive
from mailer.importers.document import Document
from mailer.importers.docx.reading import read_docx
from mailer.importers.formats import Format, format_of
from mailer.importers.html import read_html
from mailer.importers.legacy import read_legacy
from mailer.importers.markdown import read_markdown
from mailer.importers.pdf.reading import read_pdf
from mailer.importers.pictures import with_pictures
from mailer.importers.plain import read_plain
from subscribers.errors import InputError


def read_file(content: bytes, kind: Format, name: str) -> Document:
    """What a file of that format holds. Raises InputError, with `name`, cause and cure, where it cannot be read."""
    return with_pictures(_read(content, kind, name, {}), name)


def _read(content: bytes, kind: Format, name: str, files: Mapping[str, bytes]) -> Document:
    match kind:
        case Format.PDF:
            document = read_pdf(content, name)
        case Format.DOCX:
            document = read_docx(content, name)
        case Format.MARKDOWN:
            document = read_markdown(content, name, files)
        case Format.HTML:
            document = read_html(content, name, files)
        case Format.LEGACY:
            document = read_legacy(content, name)
        case Format.RTF | Format.OPEN_DOCUMENT:
            raise _unread(
                name, kind, "Save it as .docx, then import that; or install LibreOffice, by which such files are read."
            )
        case Format.TEXT:
            document = read_plain(content, name)
        case Format.ARCHIVE:
            document = read_archive(content, name, _read_member)
        case _:
            assert_never(kind)
    return document


def _read_member(content: bytes, name: str, files: Mapping[str, bytes]) -> Document:
    """A file of an archive; an archive within an archive is not opened."""
    kind = format_of(content, name)
    if kind is Format.ARCHIVE:
        return Document((), warnings=(f"{name}: an archive within an archive was left out. Unpack it first.",))
    if kind in {Format.RTF, Format.OPEN_DOCUMENT}:
        raise _unread(name, kind, "Save it as .docx; from an archive it is not read, even where there is LibreOffice.")
    return _read(content, kind, name, files)


def _unread(name: str, kind: Format, cure: str) -> InputError:
    said = "an RTF file" if kind is Format.RTF else "an OpenDocument file"
    return InputError(f"{name}: this is {said}. {cure}")
