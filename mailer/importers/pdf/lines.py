"""Signs become words and rows: what stands at one height of a page, from left to right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from statistics import median

from mailer.importers.pdf.page import Box, Glyph

_SAME_ROW = 0.6  # of the smaller size
_RAISED = 0.5  # of the larger size: LibreOffice sets a superscript in 0.58 of the size and raises it by 0.33 to 0.5
_LEVEL = 1.0  # points
_WORD_GAP = 0.6  # of a size: what stretches a justified line stays below
_LATIN_SPACE = 0.14
_MIXED_SPACE = 0.45  # typesetters put up to a third between Chinese and Latin by themselves
_WIDE_SPACE = 0.7
_NO_SPACE = 0.02
_AIRY = "·—…“”‘’，。、；：！？（）《》〈〉【】"  # signs that have room of their own beside them
_TWICE = 0.2  # of a size: the same sign so near to itself is printed twice, to look bold


@dataclass(frozen=True)
class Words:
    """Signs side by side. The order is that of reading."""

    glyphs: tuple[Glyph, ...]

    @cached_property
    def left(self) -> float:
        """Where the first sign begins."""
        return self.glyphs[0].left

    @cached_property
    def right(self) -> float:
        """Where the last sign ends."""
        return max(glyph.right for glyph in self.glyphs)

    @cached_property
    def size(self) -> float:
        """The size of most signs."""
        return round(median(glyph.size for glyph in self.glyphs), 1)

    @cached_property
    def baseline(self) -> float:
        """The height of most signs."""
        return median(glyph.baseline for glyph in self.glyphs)

    @property
    def box(self) -> Box:
        """The rectangle that they take."""
        return Box(self.left, self.baseline - self.size / 4, self.right, self.baseline + self.size)

    @cached_property
    def bold(self) -> bool:
        """Whether most signs are bold."""
        return 2 * sum(glyph.bold for glyph in self.glyphs) > len(self.glyphs)

    @cached_property
    def stretch(self) -> float:
        """How far its signs of Chinese stand apart, in sizes."""
        return _stretch(self.glyphs)

    @cached_property
    def text(self) -> str:
        """What they say, with a space where a gap means one."""
        return "".join(space + glyph.text for space, glyph in spaced(self.glyphs))


def rows_of(glyphs: Iterable[Glyph]) -> list[list[Glyph]]:
    """The signs by height, from the top down, and in a row from left to right."""
    rows: list[list[Glyph]] = []
    height = size = 0.0
    for glyph in sorted(glyphs, key=lambda glyph: -glyph.baseline):
        drop = height - glyph.baseline
        if rows and drop <= _deepest(size, glyph.size) and (drop <= _LEVEL or not _stands_below(glyph, rows[-1])):
            rows[-1].append(glyph)
            if glyph.size > size:  # the row's height is that of its large signs, not of what is raised
                height, size = glyph.baseline, glyph.size
        else:
            rows.append([glyph])
            height, size = glyph.baseline, glyph.size
    return [_once(sorted(row, key=lambda glyph: (glyph.left, glyph.right))) for row in rows]


def _deepest(size: float, other: float) -> float:
    """How far apart in height signs of one row may stand."""
    small, large = sorted((size, other))
    return max(_SAME_ROW * small, _RAISED * large if small >= _RAISED * large else 0.0)


def _stands_below(glyph: Glyph, row: Sequence[Glyph]) -> bool:
    """Whether a sign stands below one of a row, and so in the next line of a column beside which something larger stands."""
    return any(
        other.baseline - glyph.baseline > _LEVEL and min(glyph.right, other.right) - max(glyph.left, other.left) > _LEVEL
        for other in row
    )


def _once(row: Sequence[Glyph]) -> list[Glyph]:
    kept: list[Glyph] = []
    for glyph in row:
        double = any(
            glyph.text == other.text and abs(glyph.left - other.left) < _TWICE * glyph.size and glyph.right - other.left > 0
            for other in kept[-2:]
        )
        if not double:
            kept.append(glyph)
    return kept


def words_of(row: Sequence[Glyph]) -> list[Words]:
    """A row cut where a gap is wider than any between two words."""
    found: list[list[Glyph]] = []
    for glyph in row:
        if found and glyph.left - found[-1][-1].right <= _WORD_GAP * max(glyph.size, found[-1][-1].size):
            found[-1].append(glyph)
        else:
            found.append([glyph])
    return [Words(tuple(glyphs)) for glyphs in found]


def spaced(glyphs: Sequence[Glyph]) -> list[tuple[str, Glyph]]:
    """Each sign with the space before it."""
    stretch = _stretch(glyphs)
    before: Glyph | None = None
    found: list[tuple[str, Glyph]] = []
    for glyph in glyphs:
        found.append(("" if before is None else _space(before, glyph, stretch), glyph))
        before = glyph
    return found


def _stretch(glyphs: Sequence[Glyph]) -> float:
    """By how much more than nothing Chinese signs stand apart, in sizes, where a line was stretched to the margin."""
    gaps = [
        (right.left - left.right) / right.size
        for left, right in pairwise(glyphs)
        if left.is_wide and right.is_wide and left.text not in "，。、；：！？）》”’" and right.text not in "（《“‘"
    ]
    return max(0.0, median(gaps)) if gaps else 0.0


def _space(left: Glyph, right: Glyph, stretch: float) -> str:
    gap = (right.left - left.right) / max(right.size, 1.0)
    latin = not left.is_wide and not right.is_wide
    if (
        latin
        and left.link is not None
        and left.link == right.link
        and "://" in left.link
        and gap < _WIDE_SPACE
        and not right.spaced
    ):
        return ""  # an address is stretched too
    if right.spaced:
        needed = _NO_SPACE
    elif latin:
        needed = _NO_SPACE if right.apart else _LATIN_SPACE
    elif left.is_wide and right.is_wide and (left.text in _AIRY or right.text in _AIRY):
        needed = _WIDE_SPACE
    elif left.is_wide and right.is_wide:
        needed = min(_WIDE_SPACE, 0.2 + stretch) if stretch else 0.2
    else:
        needed = _MIXED_SPACE + stretch
    return " " if gap > needed else ""
