"""Tables that are ruled: where lines are drawn that cross, and which sign stands in which cell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from mailer.importers.pdf.lines import Words, rows_of
from mailer.importers.pdf.page import Box, Glyph, Page

_THIN = 2.5
_NEAR = 4.0  # points between lines that belong to one table
_SAME = 3.0  # points between lines that are one line
_LEAST_SIZE = 8.0


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: the words of each cell, line by line, row by row; where it stands. `ruled` says that lines part its columns."""

    box: Box
    cells: tuple[tuple[tuple[Words, ...], ...], ...]
    ruled: bool = True


def take_grids(page: Page) -> tuple[tuple[Grid, ...], tuple[Glyph, ...]]:
    """The ruled tables of a page, and the signs outside of them."""
    grids: list[Grid] = []
    rest = page.glyphs
    for rules in _clusters(page.rules):
        upright = sorted(rule.left for rule in rules if rule.right - rule.left <= _THIN)
        box = rules[0]
        for rule in rules:
            box = box.united(rule)
        columns = _apart(upright)
        if len(columns) < 3 or box.top - box.bottom < _LEAST_SIZE:
            continue
        inside = [glyph for glyph in rest if _holds(box, glyph)]
        if not inside:
            continue
        heights = [edge for rule in rules for edge in (rule.bottom, rule.top)]
        grids.append(Grid(box, _cells(inside, columns, _apart(heights))))
        kept = set(map(id, inside))
        rest = tuple(glyph for glyph in rest if id(glyph) not in kept)
    return tuple(grids), rest


def _holds(box: Box, glyph: Glyph) -> bool:
    return box.holds((glyph.left + glyph.right) / 2, glyph.baseline + glyph.size / 3)


def _clusters(rules: Iterable[Box]) -> list[list[Box]]:
    """The lines that touch each other, or nearly."""
    clusters: list[tuple[Box, list[Box]]] = []
    for rule in sorted(rules, key=lambda rule: -rule.top):
        reach = Box(rule.left - _NEAR, rule.bottom - _NEAR, rule.right + _NEAR, rule.top + _NEAR)
        joined, members = rule, [rule]
        apart: list[tuple[Box, list[Box]]] = []
        for box, others in clusters:
            if _meet(box, reach):
                joined, members = joined.united(box), members + others
            else:
                apart.append((box, others))
        clusters = [*apart, (joined, members)]
    return [members for _, members in clusters]


def _meet(one: Box, other: Box) -> bool:
    return one.left <= other.right and other.left <= one.right and one.bottom <= other.top and other.bottom <= one.top


def _apart(places: Iterable[float]) -> list[float]:
    """The places, those that are nearly the same taken as one."""
    kept: list[float] = []
    for place in sorted(places):
        if not kept or place - kept[-1] > _SAME:
            kept.append(place)
    return kept


def _cells(
    glyphs: Sequence[Glyph], columns: Sequence[float], heights: Sequence[float]
) -> tuple[tuple[tuple[Words, ...], ...], ...]:
    rows: list[tuple[tuple[Words, ...], ...]] = []
    for bottom, top in reversed(list(pairwise(heights))):
        within = [glyph for glyph in glyphs if bottom <= glyph.baseline + glyph.size / 3 < top]
        if not within:
            continue
        row = []
        for index, (left, right) in enumerate(pairwise(columns)):
            first, last = index == 0, index == len(columns) - 2
            cell = [
                glyph
                for glyph in within
                if (first or left <= (glyph.left + glyph.right) / 2) and (last or (glyph.left + glyph.right) / 2 < right)
            ]
            row.append(tuple(Words(tuple(line)) for line in rows_of(cell)))
        rows.append(tuple(row))
    return tuple(rows)
