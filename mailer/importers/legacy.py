"""Reads the text of .doc files, and of .wps files that are such: without what it looks like."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from legacy_doc import ExtractionOptions, LegacyDocError, extract_text

from mailer.block import Block, BlockKind
from mailer.importers.document import Document, Part
from subscribers.errors import InputError

_MACROS = ("_VBA_PROJECT", "Basic/Standard/")
_OBJECTS = ("\3ObjInfo", "\\objdata")  # [MS-DOC] §2.1.5
_OPTIONS = ExtractionOptions(max_file_bytes=50_000_000, max_text_bytes=10_000_000)
_CURE = "Open it in Word or WPS and save it as .docx, then import that."


def dropped_from(content: bytes) -> Iterator[str]:
    """What there is in an old file that no mail needs and that may do harm, in words."""
    if _holds(content, _MACROS):
        yield "its macros were left out"
    if _holds(content, _OBJECTS):
        yield "embedded objects were left out (OLE)"


def _holds(content: bytes, names: Iterable[str]) -> bool:
    return any(name.encode() in content or name.encode("utf-16-le") in content for name in names)


def read_legacy(content: bytes, name: str) -> Document:
    """The lines of a .doc file. Raises InputError where there is no text that can be read in it."""
    try:
        text = extract_text(content, options=_OPTIONS).text
    except (LegacyDocError, ValueError, IndexError, KeyError, OverflowError) as error:
        raise InputError(f"{name}: the text of this old Word or WPS file cannot be read ({error}). {_CURE}") from error
    lines = [" ".join(line.split("\t")).strip() for line in text.replace("\r", "\n").replace("\v", "\n").split("\n")]
    parts = [Part(Block(BlockKind.PARAGRAPH, line), f"line {number}") for number, line in enumerate(lines, 1) if line]
    if not parts:
        raise InputError(f"{name}: there is no text in this old Word or WPS file. {_CURE}")
    lost = f"{name}: of this old format the text alone was read: no pictures, links, bold letters or tables. {_CURE}"
    return Document(tuple(parts), warnings=(lost, *(f"{name}: {what}." for what in dropped_from(content))))
