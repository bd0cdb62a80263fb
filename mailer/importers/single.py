"""One article from a document: its headline, said or found at the top, and everything else below it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import PurePath

from mailer.block import Block, BlockKind
from mailer.importers.archive import below_headline
from mailer.importers.bulletin import read_single_article
from mailer.importers.document import Document, Part
from mailer.importers.lines import columns, key
from mailer.importers.sources import is_credit
from mailer.issue import Article
from subscribers.errors import InputError

_LONGEST_HEADLINE = 100  # columns
_SENTENCE = "。；：，"
_TITLE = ("title", "标题", "题目")
_SOURCE = ("source", "来源", "出处")
_AUTHORS = ("author", "authors", "作者")
_BETWEEN_AUTHORS = re.compile(r"\s*[、，,;；]\s*")


@dataclass(frozen=True, slots=True)
class Single:
    """An article, and what to look at in it."""

    article: Article
    warnings: tuple[str, ...]


def read_single(document: Document, name: str, *, title: str | None = None, source: str | None = None) -> Single:
    """The article in a document, with the headline and the source that are said, or else its own.

    Nothing of the text is lost: a line that gives way to what is said is named in a warning. InputError where there is no text.
    """
    said = title or _field(document.fields, _TITLE)
    parts, warnings = _headed(document.parts, name, said)
    article = read_single_article(parts)
    if not article.blocks:
        raise InputError(f"{name}: there is no text below the headline {article.title!r}. Check the file.")
    source = source or _field(document.fields, _SOURCE)
    if source is not None:
        if article.source_line is not None:
            warnings.append(f"{name}: the line {article.source_line!r} gave way to the source {source!r}.")
        article = replace(article, source=source, source_line=f"来源：{source}")
    if authors := _field(document.fields, _AUTHORS):
        line = " ".join(filter(None, (article.source_line, f"作者：{authors}")))
        article = replace(article, authors=tuple(_BETWEEN_AUTHORS.split(authors)), source_line=line)
    warnings += [f"{name}: left out as what pages bring along: {line!r}." for line in document.furniture]
    return Single(article, (*warnings, *document.warnings))


def _field(fields: Mapping[str, str], names: Sequence[str]) -> str | None:
    return next((fields[name].strip() for name in names if fields.get(name, "").strip()), None)


def _headed(parts: Sequence[Part], name: str, said: str | None) -> tuple[list[Part], list[str]]:
    """The parts with the headline as the first, and what it took the place of. What stands above it comes to stand below."""
    first = _headline(parts)
    if first is None:
        raise InputError(f"{name}: there is no text in it. Check the file.")
    found, warnings = parts[first], []
    credits = list(takewhile(lambda part: _is_credit(part.block), parts[first + 1 :]))
    title, others = found.block.text.strip(), [*credits, *parts[:first], *parts[first + 1 + len(credits) :]]
    if said is None and not _may_be_headline(found.block):
        said = PurePath(name).stem
        warnings.append(f"{name}: no headline stands at its top; the file's name is taken. Say another with --title.")
    if said is None:
        said = title
    elif key(said) != key(title):
        if found.block.kind is BlockKind.HEADING and len(below_headline(parts)) > 1:
            warnings.append(f"{name}: the headline {title!r} gave way to {said!r}.")
        else:
            others = list(parts)
    head = Part(Block(BlockKind.HEADING, said, level=2), found.where)
    return [head, *below_headline(others)], warnings


def _headline(parts: Sequence[Part]) -> int | None:
    """Where the headline stands: the first text that is no source line; or, where that can be none, and always if it is of the first level,
    the heading above all others that has only short lines above it, as web pages do."""
    texts = [index for index, part in enumerate(parts) if part.block.text.strip() and part.block.kind is not BlockKind.IMAGE]
    first = next((index for index in texts if not _is_credit(parts[index].block)), texts[0] if texts else None)
    if first is None or parts[first].block.kind is BlockKind.HEADING:
        return first
    levels = {index: part.block.level for index, part in enumerate(parts) if part.block.kind is BlockKind.HEADING}
    top = [index for index, level in levels.items() if level == min(levels.values())]
    alone = len(top) == 1 and top[0] == min(levels)
    if not alone or any(columns(part.block.text) > _LONGEST_HEADLINE for part in parts[: top[0]]):
        return first
    return top[0] if levels[top[0]] == 1 or not _may_be_headline(parts[first].block) else first


def _is_credit(block: Block) -> bool:
    return block.kind is not BlockKind.HEADING and is_credit(block.text.strip())


def _may_be_headline(block: Block) -> bool:
    if block.kind is BlockKind.HEADING:
        return True
    text = block.text.strip()
    return block.kind is BlockKind.PARAGRAPH and columns(text) <= _LONGEST_HEADLINE and text[-1] not in _SENTENCE
