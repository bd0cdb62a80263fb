"""Tables without upright lines: rows of short words that stand below each other in three columns or more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from mailer.importers.pdf.grids import Grid
from mailer.importers.pdf.lines import Words, words_of
from mailer.importers.pdf.page import Box, Glyph

_BETWEEN = 1.2  # sizes between two columns of a table
_STEP = 3.2  # sizes between two rows of one table
_LEAST_ROWS = 3  # that have a word in more than one column
_LEAST_COLUMNS = 3
LONGEST_CELL = 14  # signs, of most words of a column but the first, which may say what the others are about
_MOST_ENDED = 0.08  # of the cells: few end with a sign of punctuation
SHORTEST_LINE = 7  # signs of a column of text, so that on a page with columns only what is shorter is a table


@dataclass(frozen=True, slots=True)
class Run:
    """The rows from `start` up to `end` that are a table."""

    start: int
    end: int
    grid: Grid


def find_tables(rows: Sequence[Sequence[Glyph]], longest: int = LONGEST_CELL) -> Iterator[Run]:
    """The tables in rows of signs, from the top down, most of whose cells have at most `longest` signs."""
    words = [words_of(row) for row in rows]
    start = 0
    while start < len(rows):
        end, columns = _extent(words, start)
        grid = _grid(words[start:end], columns, longest) if len(columns) >= _LEAST_COLUMNS else None
        if grid is None:
            start += 1
        else:
            yield Run(start, end, grid)
            start = end


def _extent(rows: Sequence[Sequence[Words]], start: int) -> tuple[int, list[tuple[float, float]]]:
    """Where the rows end that stand in the columns that row `start` begins, and where these columns lie."""
    if len(rows[start]) < 2:
        return start, []
    columns = _columns([rows[start]])
    end, widest = start + 1, len(columns)
    while end < len(rows):
        above, below = rows[end - 1][0], rows[end][0]
        step = above.baseline - below.baseline
        if step > _STEP * max(above.size, below.size) or abs(above.size - below.size) > above.size * 0.15:
            break
        wider = _columns(rows[start : end + 1])
        if len(wider) < widest:
            break
        columns, widest, end = wider, len(wider), end + 1
    while end > start and len(rows[end - 1]) < 2 and not _goes_on(rows, end - 1, start):
        end -= 1
    return end, columns


def _goes_on(rows: Sequence[Sequence[Words]], index: int, start: int) -> bool:
    """Whether a row with one word is the rest of the cell above it: nearer to it than rows are to each other."""
    steps = [above[0].baseline - below[0].baseline for above, below in zip(rows[start:index], rows[start + 1 :], strict=False)]
    return index - 1 > start and steps[-1] < 0.9 * max(steps)


def _columns(rows: Sequence[Sequence[Words]]) -> list[tuple[float, float]]:
    """The strips that words stand in, with free ones between them."""
    size = median(words.size for row in rows for words in row)
    strips: list[tuple[float, float]] = []
    for left, right in sorted((words.left, words.right) for row in rows for words in row):
        if strips and left - strips[-1][1] < _BETWEEN * size:
            strips[-1] = strips[-1][0], max(strips[-1][1], right)
        else:
            strips.append((left, right))
    return strips


def _grid(rows: Sequence[Sequence[Words]], columns: Sequence[tuple[float, float]], longest: int) -> Grid | None:
    """The rows as a table; None where they are rather columns of text."""
    cells = [
        [[words for words in row if left <= words.left and words.right <= right] for left, right in columns] for row in rows
    ]
    full = [row for row in cells if sum(map(bool, row)) > 1]
    lengths = [[sum(len(words.glyphs) for words in row[index]) for row in full if row[index]] for index in range(len(columns))]
    if len(full) < _LEAST_ROWS or not all(len(column) * 2 > len(full) for column in lengths):
        return None
    if any(median(column) > longest for column in lengths[1:]):
        return None
    words = [words for row in full for cell in row for words in cell]
    if sum(said.glyphs[-1].text in "，。；、" for said in words) > _MOST_ENDED * len(words):
        return None  # sentences
    box = rows[0][0].box
    for other in (words for row in rows for words in row):
        box = box.united(other.box)
    return Grid(Box(box.left, box.bottom, box.right, box.top), tuple(_joined(cells)), ruled=False)


def _joined(rows: Sequence[Sequence[Sequence[Words]]]) -> Iterator[tuple[tuple[Words, ...], ...]]:
    """The rows, those with a single word being lines of the cell of the row that is nearer, above or below."""
    heights = [next(words.baseline for cell in row for words in cell) for row in rows]
    groups: list[list[int]] = []
    waiting: list[int] = []
    for index, row in enumerate(rows):
        above = heights[index - 1] - heights[index] if index else float("inf")
        below = heights[index] - heights[index + 1] if index + 1 < len(rows) else float("inf")
        if sum(map(bool, row)) > 1:
            groups.append([*waiting, index])
            waiting = []
        elif groups and not waiting and above <= below:
            groups[-1].append(index)
        else:
            waiting.append(index)
    if waiting:
        groups.append(waiting)
    for group in groups:
        yield tuple(tuple(words for index in group for words in rows[index][column]) for column in range(len(rows[0])))
