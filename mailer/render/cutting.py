"""How much of each article stands in the mail, where the whole issue would be too much of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from mailer.block import Block, BlockKind, Inline, Inlines, table, text_block

_SENTENCES = re.compile(r"(?s).*(?:[。！？!?][”’」』）)]*|(?<=[A-Za-z])\.(?=\s))")
_CLAUSES = re.compile(r"(?s).*(?=[，；：,;])")
_SHORTENED = frozenset({BlockKind.PARAGRAPH, BlockKind.QUOTE})
_LEAST = 30  # characters; less of a paragraph says nothing
_LONGEST = 1 << 22
_EMPTY_PAGE = 12_000  # octets of a page with nothing in it


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
                kept += _beginning(block, room)
                break
            kept.append(block)
            room -= len(block.text)
        while kept and kept[-1].kind in {BlockKind.HEADING, BlockKind.RULE}:
            kept.pop()  # what they announce is not there
        return tuple(kept)


WHOLE = Cut()


def fitting(limit: int, articles: Sequence[tuple[Block, ...]], frame: int, whole: int) -> Cut:
    """The longest cut that comes to about `limit` octets: the same length for every article, and fewer of them only if it must be.

    `whole` is what the page comes to uncut, `frame` with every article cut to nothing. What lies between is shared out among the blocks
    by their text and by the elements that they are made of.
    """
    if frame >= limit:
        return Cut(0, max(1, round(len(articles) * (limit - _EMPTY_PAGE) / max(1, frame - _EMPTY_PAGE))))
    text, elements = _weight(block for blocks in articles for block in blocks)
    per_element = max(0.0, (whole - frame - text) / max(1, elements))

    def fits(characters: int) -> bool:
        cut = Cut(characters)
        text, elements = _weight(block for blocks in articles for block in cut.kept(blocks))
        return frame + text + elements * per_element <= limit

    return Cut(_largest(fits))


def _weight(blocks: Iterable[Block]) -> tuple[int, int]:
    """The octets of their text, and how many elements show them."""
    text = elements = 0
    for block in blocks:
        pieces = [piece for row in block.rows for cell in row for piece in cell.inlines] or list(block.inlines)
        text += len(block.text.encode("utf-8", "replace"))
        elements += 1 + sum(map(len, block.rows)) + sum(not piece.is_plain for piece in pieces) + block.text.count("://")
    return text, elements


def _largest(fits: Callable[[int], bool]) -> int:
    """The largest number that fits, to one part in fifty; 0 is taken to fit, and _LONGEST to be too much."""
    low, high = 0, 64
    while high < _LONGEST and fits(high):
        low, high = high, 2 * high
    while high - low > max(1, low // 50):
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _beginning(block: Block, room: int) -> list[Block]:
    """What of a block fits: sentences of a paragraph, rows of a table, nothing of what cannot be divided."""
    if room < _LEAST:
        return []
    if block.kind in _SHORTENED:
        return [_shortened(block, room)]
    if block.kind is BlockKind.TABLE and not any(cell.rows > 1 for row in block.rows for cell in row):
        lengths = accumulate(sum(len(cell.text) for cell in row) for row in block.rows)
        rows = block.rows[: sum(length <= room for length in lengths)]
        return [table(rows)] if len(rows) > 1 else []
    return []


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
