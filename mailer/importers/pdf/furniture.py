"""What pages bring along: their numbers, and the heads and feet that come again on each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from mailer.importers.pdf.lines import Words, rows_of
from mailer.importers.pdf.page import Glyph, Page

_NUMBER = re.compile(
    r"[-–—·•~|/\s]*(?:第\s*)?(?:\d{1,4}|[ivxlc]{1,6})(?:\s*页)?"  # - 3 -, 第3页
    r"(?:\s*[/／共,，]*\s*共?\s*\d{1,4}\s*页?)?[-–—·•~|\s]*",  # 3/12, 第3页 共12页
    re.IGNORECASE,
)
_DIGITS = re.compile(r"\d+")
_OUTER_ROWS = 2
_SAME_HEIGHT = 4.0
_LEAST_PAGES = 3
_MARGIN = 0.12  # of the page's height
_WIDER = 1.3  # of the distance of lines: what stands no further from text of its size is text
_SAME_SIZE = 0.08
_FEW = 0.25  # of the pages on which a line stands: on so many others something else may stand there


@dataclass(frozen=True, slots=True)
class Stripped:
    """The pages without their furniture, and that, page by page."""

    pages: tuple[Page, ...]
    furniture: tuple[tuple[int, str], ...]


def strip_furniture(pages: Sequence[Page]) -> Stripped:
    """The pages without page numbers, running heads and running feet."""
    rows = {page.number: rows_of(page.glyphs) for page in pages}
    outer = {page.number: list(_outer(page, rows[page.number])) for page in pages}
    often = _often(outer, len(pages))
    lines = {number: [Words(tuple(row)) for row in rows[number]] for number in rows} if often else {}
    often = [place for place in often if not _is_text(place, {shape for shape, _ in often}, lines)]
    kept: list[Page] = []
    furniture: list[tuple[int, str]] = []
    for page in pages:
        dropped: set[int] = set()
        for row in outer[page.number]:
            words = Words(tuple(row))
            if _NUMBER.fullmatch(words.text.strip()) or any(_is_same(words, other) for other in often):
                dropped |= set(map(id, row))
                furniture.append((page.number, words.text))
        kept.append(replace(page, glyphs=tuple(glyph for glyph in page.glyphs if id(glyph) not in dropped)))
    return Stripped(tuple(kept), tuple(furniture))


def _outer(page: Page, rows: list[list[Glyph]]) -> list[list[Glyph]]:
    """The first and the last rows, as far as they stand in the page's margin."""
    margin = page.height * _MARGIN
    top = [row for row in rows[:_OUTER_ROWS] if row[0].baseline > page.height - margin]
    return top + [row for row in rows[-_OUTER_ROWS:] if row[0].baseline < margin and row not in top]


def _often(outer: dict[int, list[list[Glyph]]], pages: int) -> list[tuple[str, float]]:
    if pages < _LEAST_PAGES:
        return []
    seen = [(_shape(words.text), words.baseline) for rows in outer.values() for words in (Words(tuple(row)) for row in rows)]
    counts = Counter(shape for shape, _ in seen)
    return [
        (shape, height)
        for shape, height in seen
        if 2 * counts[shape] >= pages
        and sum(s == shape and abs(h - height) < _SAME_HEIGHT for s, h in seen) >= _LEAST_PAGES - 1
    ]


def _is_text(place: tuple[str, float], often: set[str], pages: dict[int, list[Words]]) -> bool:
    """Whether a line that comes again at the edge of pages is text, as a signature is: where other pages' text reaches there, the first
    left out, whose masthead may do so; or where it is as near to text of its size as lines of text are to each other."""
    steps = [upper.baseline - lower.baseline for lines in pages.values() for upper, lower in pairwise(lines)]
    leading = median(steps) if steps else 0.0
    same = other = near = 0
    for number, lines in pages.items():
        for index, line in enumerate(lines):
            if abs(line.baseline - place[1]) >= _SAME_HEIGHT:
                continue
            neighbours = (*lines[max(0, index - 1) : index], *lines[index + 1 : index + 2])
            beside = [
                words
                for words in neighbours
                if abs(words.baseline - line.baseline) <= _WIDER * leading and _shape(words.text) not in often
            ]
            if _is_same(line, place):
                same += 1
                near += any(abs(words.size - line.size) <= _SAME_SIZE * line.size for words in beside)
            elif beside:  # Else it is a running head, too, of another section.
                other += number > 1 and _shape(line.text) not in often and not _NUMBER.fullmatch(line.text.strip())
    return other > _FEW * same or 2 * near > same


def _is_same(words: Words, other: tuple[str, float]) -> bool:
    return _shape(words.text) == other[0] and abs(words.baseline - other[1]) < _SAME_HEIGHT


def _shape(text: str) -> str:
    return _DIGITS.sub("#", "".join(text.split()))
