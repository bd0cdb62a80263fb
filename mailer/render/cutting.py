"""How much of each article stands in the mail, where the whole issue would be too much of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from mailer.block import Block, BlockKind, Inline, Inlines, text_block

_SENTENCES = re.compile(r"(?s).*(?:[。！？!?][”’」』）)]*|(?<=[A-Za-z])\.(?=\s))")
_CLAUSES = re.compile(r"(?s).*(?=[，；：,;])")
_SHORTENED = frozenset({BlockKind.PARAGRAPH, BlockKind.QUOTE})
_LEAST = 30  # characters; less of a paragraph says nothing
_LONGEST = 1 << 22


@dataclass(frozen=True, slots=True)
class Cut:
    """At most so many characters of each article, and at most so many articles; None for all."""

    characters: int | None = None
    articles: int | None = None

    def kept(self, blocks: tuple[Block, ...]) -> tuple[Block, ...]:
        """The beginning of an article: whole blocks, and of the paragraph that does not fit, its first sentences."""
        if self.characters is None:
            return blocks
        kept: list[Block] = []
        room = self.characters
        for block in blocks:
            if len(block.text) > room:
                if block.kind in _SHORTENED and room >= _LEAST:
                    kept.append(_shortened(block, room))
                break
            kept.append(block)
            room -= len(block.text)
        while kept and kept[-1].kind in {BlockKind.HEADING, BlockKind.RULE}:
            kept.pop()  # what they announce is not there
        return tuple(kept)


WHOLE = Cut()


def fitting(limit: int, articles: int, size: Callable[[Cut], int]) -> Cut:
    """The longest cut whose `size` is at most `limit`: the same length for every article, and fewer articles only if it must be."""
    if size(Cut(0)) > limit:
        return Cut(0, _largest(articles, lambda number: size(Cut(0, number)) <= limit))
    return Cut(_largest(_LONGEST, lambda characters: size(Cut(characters)) <= limit))


def _largest(highest: int, fits: Callable[[int], bool]) -> int:
    """The largest number up to `highest` that fits, to one part in fifty; 0 is taken to fit."""
    low, high = 0, min(highest, 64)
    while high < highest and fits(high):
        low, high = high, min(highest, 2 * high)
    while high - low > max(1, low // 50):
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _shortened(block: Block, room: int) -> Block:
    """The sentences of a paragraph that fit; where none does, what fits, up to the end of a clause, and an ellipsis."""
    sentences = _SENTENCES.match(block.text, 0, room)
    if sentences is not None and sentences.end() >= _LEAST:
        return text_block(block.kind, _first(block.pieces, sentences.end()))
    clauses = _CLAUSES.match(block.text, 0, room)
    end = clauses.end() if clauses is not None and clauses.end() >= _LEAST else room
    return text_block(block.kind, (*_first(block.pieces, end), Inline("……")))


def _first(inlines: Inlines, room: int) -> Iterator[Inline]:
    for inline in inlines:
        if room <= 0:
            return
        yield replace(inline, text=inline.text[:room])
        room -= len(inline.text)
