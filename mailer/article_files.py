"""One article is read from a file of any format, as a whole bulletin is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mailer.bulletin_files import content_of, exact_issue, parse
from mailer.importers.formats import Format, format_of
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


def read_article_file(file: Path, *, title: str | None = None, source: str | None = None) -> ArticleFile:
    """The article in a file, or in a folder that holds its pictures too. InputError, with cause and cure, where there is none."""
    content = content_of(file)
    if not file.is_dir() and exact_issue(content, file.name) is not None:
        raise InputError(f"{file.name}: this is a whole issue, and not an article. `jianbao issue import` reads it.")
    kind = Format.ARCHIVE if file.is_dir() else format_of(content, file.name)
    document = parse(content, kind, file.name)
    read = read_single(document, file.name, title=title, source=source)
    sha256 = hashlib.sha256(content).hexdigest()
    return ArticleFile(read.article, file.name, sha256, read.warnings, document.doubts, document.images)
