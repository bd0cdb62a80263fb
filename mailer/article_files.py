"""Articles are read from files of any format, as a whole bulletin is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mailer.bulletin_files import content_of, exact_issue, parse
from mailer.importers.document import Document
from mailer.importers.formats import Format, format_of
from mailer.importers.marked import read_marked
from mailer.importers.single import read_single
from mailer.issue import Article
from subscribers.errors import InputError


@dataclass(frozen=True, slots=True)
class ArticleFile:
    """What was read: the article, what to look at, what to compare with the file, the pictures by their hash."""

    article: Article
    name: str
    sha256: str
    warnings: tuple[str, ...]
    doubts: tuple[str, ...]
    pictures: Mapping[str, bytes]


def read_article_files(file: Path, *, title: str | None = None, source: str | None = None) -> tuple[ArticleFile, ...]:
    """The article in a file, or those in a folder or a zip file, one for each text, in the order of their names. InputError, with cause
    and cure, where one of them is none."""
    content = content_of(file)
    if not file.is_dir() and exact_issue(content, file.name) is not None:
        raise InputError(f"{file.name}: this is a whole issue, and not an article. `jianbao issue import` reads it.")
    kind = Format.ARCHIVE if file.is_dir() else format_of(content, file.name)
    document = parse(content, kind, file.name)
    texts = [(f"{file.name}/{member.path}", member.document) for member in document.members] or [(file.name, document)]
    if title is not None and len(texts) > 1:
        raise InputError(
            f"{file.name}: there are {len(texts)} articles in it, and --title names one. Add the files one by one."
        )
    sha256 = hashlib.sha256(content).hexdigest()
    return tuple(_article(text, name, sha256, document.images, title=title, source=source) for name, text in texts)


def _article(
    document: Document, name: str, sha256: str, images: Mapping[str, bytes], *, title: str | None, source: str | None
) -> ArticleFile:
    if read_marked(document) is not None:
        raise InputError(f"{name}: this is a whole issue, and not an article. `jianbao issue import` reads it.")
    read = read_single(document, name, title=title, source=source)
    shown = {block.picture.sha256 for block in read.article.blocks if block.picture is not None}
    pictures = {hashed: octets for hashed, octets in images.items() if hashed in shown}
    return ArticleFile(read.article, name, sha256, read.warnings, document.doubts, pictures)
