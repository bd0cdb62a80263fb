"""Headings by look, in documents whose authors made letters large or bold and used no heading style."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mailer.block import BlockKind
from mailer.importers.document import Part
from mailer.importers.lines import columns

_LONGEST = 80  # columns
_ENDS_TEXT = re.compile(r"[。；;，,、：:]$")
_CAPTION = re.compile(r"\s*(?:[图表]\s*[\d一二三四五六七八九十]|附[图表]|图为|▲)")
_LARGER = 1.12
_SAME = 0.04
_USUAL = 12.0  # points, where the document says no size


@dataclass(frozen=True, slots=True)
class Look:
    """How a block is set: the size of its letters in points, where the file says it; whether all of it is bold, or centred; whether a
    blank line stands above it."""

    size: float | None = None
    bold: bool = False
    centred: bool = False
    apart: bool = False


def with_headings(parts: Sequence[tuple[Part, Look]]) -> Iterator[Part]:
    """The parts, the paragraphs among them that look like headings being headings, where the document marks none itself."""
    parts = list(_apart(parts))
    if sum(part.block.kind is BlockKind.HEADING for part, _ in parts) > 1:
        yield from (part for part, _ in parts)
        return
    usual = _usual_size(parts)
    sizes = sorted({_size(look, usual) for part, look in parts if _heads(part, look, usual)}, reverse=True)
    levels: list[float] = []
    for size in sizes:
        if not levels or levels[-1] - size > _SAME * size:
            levels.append(size)
    for part, look in parts:
        if _heads(part, look, usual):
            level = 1 + sum(other - _size(look, usual) > _SAME * other for other in levels)
            inlines = tuple(replace(inline, strong=False) for inline in part.block.inlines)
            yield replace(part, block=replace(part.block, kind=BlockKind.HEADING, level=min(level, 6), inlines=inlines))
        else:
            yield part


def _apart(parts: Sequence[tuple[Part, Look]]) -> Iterator[tuple[Part, Look]]:
    """The parts, each with how far it stands apart from what is above; a caption stands in the middle, and with its picture or table."""
    kinds = [BlockKind.PARAGRAPH, *(part.block.kind for part, _ in parts), BlockKind.PARAGRAPH]
    for (part, look), above, below in zip(parts, kinds, kinds[2:], strict=False):
        is_caption = above is BlockKind.IMAGE or below is BlockKind.TABLE or _CAPTION.match(part.block.text) is not None
        yield replace(part, gap=0 if is_caption else look.apart + look.centred), look


def _size(look: Look, usual: float) -> float:
    return usual if look.size is None else look.size


def _usual_size(parts: Sequence[tuple[Part, Look]]) -> float:
    sizes: Counter[float | None] = Counter()
    for part, look in parts:
        if part.block.kind in (BlockKind.PARAGRAPH, BlockKind.ITEM):
            sizes[look.size] += len(part.block.text)
    usual = sizes.most_common(1)[0][0] if sizes else None
    return _USUAL if usual is None else usual


def _heads(part: Part, look: Look, usual: float) -> bool:
    block = part.block
    if block.kind is not BlockKind.PARAGRAPH or block.level or columns(block.text) > _LONGEST or _ENDS_TEXT.search(block.text):
        return False
    larger = _size(look, usual) >= _LARGER * usual
    return any(character.isalnum() for character in block.text) and (larger or look.bold)
