"""Reads a zip file, or a folder, as one issue: one file with its pictures, or a file for each article, in the order of names."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from mailer.block import Block, BlockKind
from mailer.importers.document import Document, Member, Part
from mailer.importers.lines import columns
from mailer.importers.marks import PASSPORT
from mailer.importers.numbering import find_number
from mailer.importers.unzip import Unzipped
from subscribers.errors import InputError

_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".svg")
_READ = (".md", ".markdown", ".txt", ".html", ".htm", ".docx", ".doc", ".wps", ".pdf", "")
_SYSTEM = re.compile(r"(?:^|/)(?:__MACOSX|\.[^/]*|~\$[^/]*|Thumbs\.db|desktop\.ini)(?:/|$)", re.IGNORECASE)
_DIGITS = re.compile(r"(\d+)")
_LONGEST_HEADING = 100  # columns

_ReadMember = Callable[[bytes, str, Mapping[str, bytes]], Document]


def read_archive(content: bytes, name: str, read_member: _ReadMember) -> Document:
    """The files of a zip file as one document. Raises InputError where none of them can be read."""
    unzipped = Unzipped(content, name)
    paths = sorted((path for path in unzipped if not _SYSTEM.search(path)), key=_natural)
    texts = [path for path in paths if posixpath.splitext(path)[1].lower() in _READ]
    pictures = {path: unzipped.read(path) for path in paths if path.lower().endswith(_PICTURES)}
    if not texts:
        raise InputError(
            f"{name}: there is no file in it that a bulletin can be read from. Put a .docx, .md, .html or .pdf into it."
        )
    documents = [_member(unzipped.read(path), path, pictures, read_member) for path in texts]
    left = [path for path in paths if path not in texts and path not in pictures]
    warnings = tuple(f"{name}: {path} was left out: bulletins are not read from such files." for path in left)
    warnings += tuple(f"{name}: {path} was left out: it is no file, but a link to one." for path in unzipped.links)
    whole = documents[0] if len(documents) == 1 else _joined(texts, documents)
    return replace(whole, warnings=(*whole.warnings, *warnings))


def _natural(path: str) -> list[tuple[int, str]]:
    """The order in which people count: 2.md before 10.md."""
    return [(int(piece), "") if piece.isdecimal() else (-1, piece.casefold()) for piece in _DIGITS.split(path) if piece]


def _member(content: bytes, path: str, pictures: Mapping[str, bytes], read_member: _ReadMember) -> Document:
    folder = posixpath.dirname(path)
    beside = {posixpath.relpath(picture, folder or "."): octets for picture, octets in pictures.items()}
    document = read_member(content, path, beside)
    parts = tuple(replace(part, where=f"{path}: {part.where}", block=_with_source(part.block, path)) for part in document.parts)
    images = {f"{path}/{source}": octets for source, octets in document.images.items()}
    return replace(document, parts=parts, images=images)


def _with_source(block: Block, path: str) -> Block:
    """Pictures of two files may have one name."""
    if block.picture is None or "://" in block.picture.source:
        return block
    return replace(block, picture=replace(block.picture, source=f"{path}/{block.picture.source}"))


def _joined(paths: Sequence[str], documents: Sequence[Document]) -> Document:
    """Several files as one: each is an article, but for a first one that is the masthead."""
    parts: list[Part] = []
    for index, (path, document) in enumerate(zip(paths, documents, strict=True)):
        is_masthead = index == 0 and _has_number(document)
        parts += document.parts if is_masthead else _as_article(document.parts, path)
    return Document(
        parts=tuple(parts),
        fields={name: said for document in reversed(documents) for name, said in document.fields.items() if name != PASSPORT},
        furniture=tuple(line for document in documents for line in document.furniture),
        warnings=tuple(warning for document in documents for warning in document.warnings),
        doubts=tuple(doubt for document in documents for doubt in document.doubts),
        images={source: octets for document in documents for source, octets in document.images.items()},
        members=tuple(Member(path, replace(document, images={})) for path, document in zip(paths, documents, strict=True)),
    )


def _has_number(document: Document) -> bool:
    return any(find_number(part.block.text).number is not None for part in document.parts[:8])


def _as_article(parts: Sequence[Part], path: str) -> list[Part]:
    """A file's parts with one heading of the second level at the top, and all others below it."""
    if not parts:
        return []
    first, *others = parts
    if first.block.kind is BlockKind.HEADING or columns(first.block.text) <= _LONGEST_HEADING:
        head = replace(first, block=replace(first.block, kind=BlockKind.HEADING, level=2, marker=""))
    else:
        title = posixpath.splitext(posixpath.basename(path))[0]
        head, others = Part(Block(BlockKind.HEADING, title, level=2), f"{path}: its name"), list(parts)
    return [head, *below_headline(others)]


def below_headline(parts: Sequence[Part]) -> list[Part]:
    """The parts with all their headings below a headline, which is of the second level."""
    levels = [part.block.level for part in parts if part.block.kind is BlockKind.HEADING]
    shift = max(0, 3 - min(levels)) if levels else 0
    return [_lowered(part, shift) for part in parts]


def _lowered(part: Part, shift: int) -> Part:
    if part.block.kind is not BlockKind.HEADING:
        return part
    return replace(part, block=replace(part.block, level=min(6, part.block.level + shift)))
