"""How a document is set: the size of its text, the distance of its lines, the margins of its columns, its indents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from mailer.importers.pdf.columns import Region
from mailer.importers.pdf.lines import Words

_SAME_SIZE = 0.08
_SAME_COLUMN = 14.0  # points between the gutters of two pages that are set alike
_LEAST_LINES = 3
_EXACT = 0.8  # points: a line that is stretched to the margin ends there, one that is not ends anywhere
_ENOUGH_NEAR = 2
_UNSTRETCHED = 0.02  # of a size between two signs
_RAGGED = 5  # lines of nothing but Chinese end in one place anyway; one that ends close to it for each five says that none is stretched
NEVER_LAST = "（《“‘「『【〔([{"
NEVER_FIRST = "，。、；：！？）》”’」』】〕·,.;:!?)]}"
_NARROWEST = 6  # sizes
_LONG = 0.75  # of the longest line
_MOST = 0.85
INDENT = 1.4  # sizes


@dataclass(frozen=True, slots=True)
class Margins:
    """A column's: where lines begin and end, whether they are stretched to end there, the gutters that bound the column."""

    left: float
    right: float
    justified: bool
    between: tuple[float, float]

    def fills(self, line: Words, room: float) -> bool:
        """Whether a line reaches the right margin, so that what takes `room` had to go on below."""
        if not self.justified:
            return line.right + room > self.right + 1
        beyond = line.right - self.right
        if beyond > (line.size if line.glyphs[-1].text in NEVER_FIRST else _EXACT):
            return True  # nothing in it could be broken
        unstretchable = not any(glyph.is_wide for glyph in line.glyphs)
        return self.is_stretched(line) or (unstretchable and 0 <= -beyond < room)

    def is_stretched(self, line: Words) -> bool:
        """Whether a line ends at the margin exactly; a sign of punctuation may hang out by a part of its width."""
        beyond = line.right - self.right
        hanging = line.glyphs[-1].text in NEVER_FIRST
        return abs(beyond) <= _EXACT or (
            hanging and any(abs(beyond - line.size * share) <= _EXACT for share in (0.25, 0.5, 1.0))
        )


@dataclass(frozen=True, slots=True)
class Setting:
    """How a whole document is set. `indents` says that paragraphs begin with an indent."""

    size: float
    leading: float
    margins: tuple[Margins, ...]
    indents: bool

    def margins_of(self, region: Region) -> Margins:
        """The margins of a region's column."""
        own = next((margins for margins in self.margins if _is_same_column(margins.between, region.between)), None)
        if own is not None:
            return own
        widest = max((margins.right for margins in self.margins), default=region.right)
        return Margins(region.left, max(widest, region.right) + self.size, justified=False, between=region.between)

    def is_text_size(self, size: float) -> bool:
        """Whether a size is that of the text."""
        return abs(size - self.size) <= self.size * _SAME_SIZE


def setting_of(regions: Sequence[Region]) -> Setting:
    """How the regions of a document are set."""
    lines = [line.words for region in regions for line in region.lines if line.words is not None]
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[line.size] += len(line.glyphs)
    size = sizes.most_common(1)[0][0] if sizes else 10.0
    setting = Setting(size, size * 1.5, (), indents=False)
    text = [region for region in regions if _text_lines(region, setting)]
    setting = replace(setting, leading=_leading(text, setting), margins=tuple(_margins(text, setting)))
    return replace(setting, indents=_indents(text, setting))


def _text_lines(region: Region, setting: Setting) -> list[Words]:
    return [line.words for line in region.lines if line.words is not None and setting.is_text_size(line.words.size)]


def _left(region: Region) -> float:
    lefts = Counter(round(line.words.left) for line in region.lines if line.words is not None)
    if not lefts:
        return region.left
    most = max(lefts.values())
    return float(min(left for left, count in lefts.items() if 3 * count >= most))


def _leading(regions: Iterable[Region], setting: Setting) -> float:
    steps: Counter[float] = Counter()
    for region in regions:
        for above, below in pairwise(_text_lines(region, setting)):
            step = round(2 * (above.baseline - below.baseline)) / 2
            if setting.size < step < 3 * setting.size:
                steps[step] += 1
    return steps.most_common(1)[0][0] if steps else setting.size * 1.5


def _margins(regions: Sequence[Region], setting: Setting) -> list[Margins]:
    """The margins of each column, taken from all pages together."""
    columns: list[list[Region]] = []
    for region in regions:
        same = next((column for column in columns if _is_same_column(column[0].between, region.between)), None)
        if same is not None:
            same.append(region)
        else:
            columns.append([region])
    found = []
    for column in columns:
        lines = [line for region in column for line in _text_lines(region, setting)]
        if len(lines) >= _LEAST_LINES:
            left = Counter(round(line.left, 0) for line in lines).most_common(1)[0][0]
            found.append(_margins_of(min(left, *map(_left, column)), lines, column[0].between))
    return found


def _is_same_column(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return all(first == second or abs(first - second) <= _SAME_COLUMN for first, second in zip(one, other, strict=True))


def _margins_of(left: float, lines: Sequence[Words], between: tuple[float, float]) -> Margins:
    rights = sorted(line.right for line in lines)
    ends = Counter(round(right) for right in rights if right > left + _NARROWEST * lines[0].size)
    common = max(ends, key=lambda end: (ends[end] + max(ends[end - 1], ends[end + 1]), end), default=round(rights[-1]))
    exact = [right for right in rights if abs(right - common) <= 2 * _EXACT]
    margins = Margins(left, median(exact) if exact else rights[-1], bool(exact), between)
    long = [line for line in lines if -2.5 * line.size < line.right - margins.right]
    outside = sum(line.right > margins.right + 1.1 * line.size for line in lines)
    stretched = sum(margins.is_stretched(line) for line in long)
    if (
        margins.justified
        and stretched >= _LEAST_LINES
        and 2 * stretched >= len(long)
        and 7 * outside <= len(lines)
        and not _are_ragged(long, margins)
    ):
        return margins
    return Margins(left, _farthest(rights, left), justified=False, between=between)


def _farthest(rights: Sequence[float], left: float) -> float:
    """Where most of the long lines end, as a few stick out."""
    reach = left + _LONG * (rights[-1] - left)
    long = [right for right in rights if right >= reach]
    return long[int(_MOST * (len(long) - 1))]


def _are_ragged(long: Sequence[Words], margins: Margins) -> bool:
    """Whether lines end in one place by chance: others end close to it, or one does and none that ends there has been stretched."""
    full = [line for line in long if margins.is_stretched(line)]
    near = sum(abs(line.right - margins.right) < line.size for line in long) - len(full)
    if near >= _ENOUGH_NEAR and _RAGGED * near >= len(full):
        return True
    return near > 0 and all(line.stretch <= _UNSTRETCHED for line in full)


def _indents(regions: Iterable[Region], setting: Setting) -> bool:
    begun = indented = 0
    for region in regions:
        margins = setting.margins_of(region)
        for above, below in pairwise(_text_lines(region, setting)):
            if not margins.fills(above, above.size) and above.baseline - below.baseline < 3 * setting.leading:
                begun += 1
                indented += below.left - margins.left > INDENT * below.size
    return begun > 0 and 2 * indented > begun
