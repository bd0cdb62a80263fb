"""The cells of tables, in whatever format these were written."""

from __future__ import annotations

from collections.abc import Iterable

from mailer.block import Block, BlockKind, Inline
from mailer.importers.document import Part

LONGEST_CELL = 600  # characters: a table with a longer one only puts things in their places


def in_one_cell(parts: Iterable[Part]) -> tuple[list[Inline], list[Block]]:
    """The text of a cell, its blocks parted by spaces; and the pictures, which stand below the table."""
    inlines: list[Inline] = []
    pictures: list[Block] = []
    for part in parts:
        if part.block.kind is BlockKind.IMAGE:
            pictures.append(part.block)
            continue
        inlines += [Inline(" ")] if inlines else []
        inlines += [Inline(f"{part.block.marker} ")] if part.block.marker else []
        inlines += part.block.pieces
    return inlines, pictures
