"""The order of reading: a page is cut into columns where a gutter runs down between them, and into bands where a line crosses it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import mean, median

from mailer.importers.pdf.aligned import SHORTEST_LINE, find_tables
from mailer.importers.pdf.grids import Grid, take_grids
from mailer.importers.pdf.lines import Words, rows_of, words_of
from mailer.importers.pdf.page import Box, Glyph, Page, PageImage

_Bounds = tuple[float, float]

_PAGE = (-math.inf, math.inf)
_STICKS_OUT = 12.0  # points by which a table or a hanging sign may leave its column
_APART = 2.5  # sizes between what stands in one band of a masthead, but not in one line
_STEP = 2.0  # points from one place where a gutter may be to the next
_ACROSS = 0.5  # of the page's width
_THIN = 2.5
_GUTTER = 0.8  # of a size
_EDGES = 0.15  # of the width, at either side, where no gutter is
_LEAST_ROWS = 3
_MOST_CROSSED = 0.34  # of the height of all rows
_NARROWEST = 6.5  # sizes: what is narrower is no column of text, but a table's
_FEWEST_OVERLAPPING = 3
_HARDLY_CROSSED = 0.15
_ALIGNED = 0.8


@dataclass(frozen=True, slots=True)
class Printed:
    """What stands alone in its place: a line of words, a table or a picture."""

    box: Box
    words: Words | None = None
    grid: Grid | None = None
    image: PageImage | None = None

    @property
    def baseline(self) -> float:
        """The height by which it is put in order."""
        return self.words.baseline if self.words is not None else self.box.top


@dataclass(frozen=True, slots=True)
class Region:
    """A column, or a band across the page, and what is printed in it from the top down.

    `between` are the gutters that bound it, the page's own edges being infinite.
    """

    page: int
    between: tuple[float, float]
    left: float
    right: float
    lines: tuple[Printed, ...]


@dataclass(frozen=True, slots=True)
class _Row:
    """Neighbours at one height, or a straight line across the page, which parts what stands above it from what stands below."""

    baseline: float
    words: tuple[Printed, ...]
    rule: Box | None = None


def read_regions(pages: Sequence[Page]) -> list[Region]:
    """The columns and bands of the pages in the order of reading.

    Where a page has too little text to show a gutter, the one is taken that other pages have.
    """
    sheets = [(page, _rows(page)) for page in pages]
    gutters = [_gutter(rows) for _, rows in sheets]
    known = [gutter for gutter in gutters if gutter is not None]
    usual = median(known) if 2 * len(known) >= len(sheets) else None
    regions: list[Region] = []
    for (page, rows), own in zip(sheets, gutters, strict=True):
        gutter = own if own is not None or usual is None or not _is_free(rows, usual) else usual
        regions += [
            Region(page.number, between, *_edges(lines), tuple(lines)) for between, lines in _cut(rows, gutter, _PAGE) if lines
        ]
    return regions


def _rows(page: Page) -> list[_Row]:
    grids, glyphs = take_grids(page)
    lines = rows_of(glyphs)
    tables = list(find_tables(lines, SHORTEST_LINE))
    inside = {index for table in tables for index in range(table.start, table.end)}
    grids = (*grids, *(table.grid for table in tables))
    rows = [
        _Row(_height(row), tuple(Printed(words.box, words=words) for words in words_of(row)))
        for index, row in enumerate(lines)
        if index not in inside
    ]
    rows += [_Row(grid.box.top, (Printed(grid.box, grid=grid),)) for grid in grids]
    rows += [_Row(image.box.top, (Printed(image.box, image=image),)) for image in page.images]
    rows += [_Row(rule.top, (), rule) for rule in page.rules if _is_across(rule, page)]
    return sorted(rows, key=lambda row: -row.baseline)


def _is_across(rule: Box, page: Page) -> bool:
    return rule.top - rule.bottom < _THIN and rule.right - rule.left > _ACROSS * page.width


def _is_free(rows: Sequence[_Row], gutter: float) -> bool:
    """Whether hardly anything stands in another page's gutter."""
    return bool(rows) and _crossed(rows, gutter, 1.0) <= _HARDLY_CROSSED * sum(map(_row_height, rows))


def _height(row: Sequence[Glyph]) -> float:
    return mean(glyph.baseline for glyph in row)


def _edges(lines: Sequence[Printed]) -> tuple[float, float]:
    return min(line.box.left for line in lines), max(line.box.right for line in lines)


def _cut(rows: Sequence[_Row], gutter: float | None, between: _Bounds) -> Iterator[tuple[_Bounds, list[Printed]]]:
    if gutter is None:
        yield between, list(_with_tables([line for row in rows for line in _whole(row)]))
        return
    band: list[_Row] = []
    across: list[Printed] = []
    for row in rows:
        if row.rule is not None and not _crosses(row.rule, gutter):
            continue
        if row.rule is not None or any(_crosses(word.box, gutter) for word in row.words):
            if band:
                yield from _both_sides(band, gutter, between)
                band = []
            across += _whole(row, _APART)
        else:
            if across:
                yield between, across
                across = []
            band.append(row)
    if across:
        yield between, across
    if band:
        yield from _both_sides(band, gutter, between)


def _with_tables(lines: Sequence[Printed]) -> Iterator[Printed]:
    """The lines of a column, those of a table in it as one."""
    rows = [line.words.glyphs if line.words is not None else () for line in lines]
    at = 0
    for begin, end in _runs_of_text(rows):
        yield from lines[at:begin]
        at = begin
        for table in find_tables(rows[begin:end]):
            yield from lines[at : begin + table.start]
            yield Printed(table.grid.box, grid=table.grid)
            at = begin + table.end
    yield from lines[at:]


def _runs_of_text(rows: Sequence[Sequence[Glyph]]) -> Iterator[tuple[int, int]]:
    """Where lines of words follow each other, with no picture or table between them."""
    begin = 0
    for index, row in enumerate([*rows, ()]):
        if not row:
            if index > begin:
                yield begin, index
            begin = index + 1


def _both_sides(rows: Sequence[_Row], gutter: float, between: _Bounds) -> Iterator[tuple[_Bounds, list[Printed]]]:
    for left in (True, False):
        side = [_Row(row.baseline, tuple(word for word in row.words if (_middle(word.box) <= gutter) is left)) for row in rows]
        side = [row for row in side if row.words]
        if side:
            yield from _cut(side, _gutter(side), (between[0], gutter) if left else (gutter, between[1]))


def _crosses(box: Box, gutter: float) -> bool:
    """Whether something stands at both sides, and does not just stick out a little of its column."""
    return box.left < gutter - _STICKS_OUT and box.right > gutter + _STICKS_OUT


def _middle(box: Box) -> float:
    return (box.left + box.right) / 2


def _whole(row: _Row, apart: float = math.inf) -> list[Printed]:
    """A row as one line; a table or a picture stays by itself, and so does what stands `apart` by so many sizes."""
    found: list[Printed] = []
    for word in row.words:
        last = found[-1].words if found else None
        if last is not None and word.words is not None and word.box.left - last.right < apart * last.size:
            words = Words(last.glyphs + word.words.glyphs)
            found[-1] = Printed(words.box, words=words)
        else:
            found.append(word)
    return found


def _gutter(rows: Sequence[_Row]) -> float | None:
    """The middle of the strip that the fewest rows cross, with columns of text at either side; None where there is none."""
    rows = [row for row in rows if row.words]
    if len(rows) < 2 * _LEAST_ROWS:
        return None
    words = [word for row in rows for word in row.words]
    left, right = min(word.box.left for word in words), max(word.box.right for word in words)
    half = _GUTTER * median(word.words.size if word.words is not None else 10.0 for word in words) / 2
    places = [left + index * _STEP for index in range(int((right - left) / _STEP)) if _is_inner(index * _STEP / (right - left))]
    crossings = [(_crossed(rows, place, half), place) for place in places]
    fewest = min((height for height, _ in crossings), default=0.0)
    if fewest > _MOST_CROSSED * sum(map(_row_height, rows)):
        return None
    free = [place for height, place in crossings if height <= fewest + 1]
    place = max(_runs(free), key=len)
    middle = (place[0] + place[-1]) / 2
    return middle if _parts(rows, middle) else None


def _is_inner(share: float) -> bool:
    return _EDGES <= share <= 1 - _EDGES


def _runs(places: Sequence[float]) -> Iterator[list[float]]:
    run: list[float] = []
    for place in places:
        if run and place - run[-1] > 1.5 * _STEP:
            yield run
            run = []
        run.append(place)
    yield run


def _crossed(rows: Sequence[_Row], place: float, half: float) -> float:
    """The height of the rows that cross a strip."""
    return sum(_row_height(row) for row in rows if any(_stands_in(word, place - half, place + half) for word in row.words))


def _stands_in(printed: Printed, left: float, right: float) -> bool:
    """Whether something takes of a strip; a table may stick out into it a little."""
    slack = 0.0 if printed.words is not None else _STICKS_OUT
    return printed.box.left + slack < right and printed.box.right - slack > left


def _row_height(row: _Row) -> float:
    return max(word.box.top - word.box.bottom for word in row.words)


def _parts(rows: Sequence[_Row], place: float) -> bool:
    """Whether columns of text stand at either side of a place."""
    parted = [[word for word in row.words if not _crosses(word.box, place)] for row in rows]
    at_left = [[word for word in row if _middle(word.box) < place] for row in parted]
    at_right = [[word for word in row if _middle(word.box) >= place] for row in parted]
    if _overlap(at_left, at_right) < _FEWEST_OVERLAPPING:
        return False
    beside = sum(bool(left and right) for left, right in zip(at_left, at_right, strict=True))
    aligned = beside >= _ALIGNED * min(sum(map(bool, at_left)), sum(map(bool, at_right)))
    return all(_is_column(side, aligned=aligned) for side in (at_left, at_right))


def _is_column(side: Sequence[Sequence[Printed]], *, aligned: bool) -> bool:
    """Whether lines are a column of text; where each stands beside one at the other side, short ones are a table's."""
    lines = [line for line in side if line]
    if any(word.words is None for line in lines for word in line):
        return True
    widths = [(line[-1].box.right - line[0].box.left) / line[0].words.size for line in lines if line[0].words is not None]
    return len(lines) >= _LEAST_ROWS and (mean(widths) if aligned else max(widths)) >= _NARROWEST


def _overlap(at_left: Sequence[Sequence[Printed]], at_right: Sequence[Sequence[Printed]]) -> int:
    """How many rows of one side stand beside the other side's."""
    left = [line[0].baseline for line in at_left if line]
    right = [line[0].baseline for line in at_right if line]
    if not left or not right:
        return 0
    lows, highs = max(min(left), min(right)), min(max(left), max(right))
    if any(word.grid is not None for line in (*at_left, *at_right) for word in line):
        return _FEWEST_OVERLAPPING
    return min(sum(lows - 1 <= each <= highs + 1 for each in left), sum(lows - 1 <= each <= highs + 1 for each in right))
