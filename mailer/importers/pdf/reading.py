"""Reads a PDF that has a text layer: its pages become the blocks that were set in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from mailer.block import Block, BlockKind, Cell, Inline, Picture, Row, cell, image, table, text_block
from mailer.importers.document import Document, Part
from mailer.importers.flow import parted
from mailer.importers.markers import MarkerStyle, marker_of
from mailer.importers.pdf.columns import read_regions
from mailer.importers.pdf.furniture import strip_furniture
from mailer.importers.pdf.grids import Grid
from mailer.importers.pdf.lines import Words, spaced
from mailer.importers.pdf.opened import UNKNOWN, open_pdf
from mailer.importers.pdf.page import Glyph
from mailer.importers.pdf.paragraphs import Paragraph, read_paragraphs
from mailer.importers.pdf.setting import Setting, setting_of
from mailer.importers.shifted import Shift, is_shiftable, shifted

_SOFT_HYPHENS = "\u00ad\u0002\ufffe"
_SAME_SIZE = 0.04
_LONGEST_HEADING = 80  # signs
_ENDS_SENTENCE = re.compile(r"[。；;，,.]$")
_SMALLER = 0.85  # of a line's size: letters above or below it are set no larger
_SHIFTED = 0.1  # of a line's size: no further do signs of one line stand apart in height
_MOST_SHIFTED = 3  # signs: more are a date or a number beside larger letters
_BULLETS = "•●▪■◦○‣∙·–-*➢➤"


def read_pdf(content: bytes, name: str) -> Document:
    """The blocks of a PDF, and what is doubtful about them. Raises InputError where it has no text that can be read."""
    opened = open_pdf(content, name)
    pages = opened.pages
    stripped = strip_furniture(pages)
    regions = read_regions(stripped.pages)
    setting = setting_of(regions)
    paragraphs = read_paragraphs(regions, setting)
    sizes = _heading_sizes(paragraphs, setting)
    parts: list[Part] = []
    for paragraph in paragraphs:
        for block in _blocks(paragraph, setting, sizes):
            if parts and _goes_on(parts[-1].block, block):
                parts[-1] = replace(parts[-1], block=table((*parts[-1].block.rows, *_body(block, parts[-1].block))))
            else:
                parts.append(Part(block, f"page {paragraph.page}"))
    images = {line.image.name: line.image.content for region in regions for line in region.lines if line.image is not None}
    aslant = tuple(
        f"{name}: page {page.number}: text that stands aslant was left out: {page.aslant!r}." for page in pages if page.aslant
    )
    return Document(
        parts=tuple(parts),
        furniture=tuple(text for _, text in stripped.furniture),
        warnings=(*(f"{name}: {what}." for what in opened.dropped), *aslant),
        doubts=tuple(_doubts(paragraphs)),
        images=images,
    )


def _goes_on(above: Block, block: Block) -> bool:
    """Whether a table is the rest of the one that stands directly above it, in another column or on another page."""
    return bool(above.rows and block.rows) and len(above.rows[0]) == len(block.rows[0])


def _body(block: Block, above: Block) -> tuple[Row, ...]:
    """The rows of the rest of a table, without its head where it is printed again."""
    said = [cell.text for cell in block.rows[0]]
    rows = block.rows[1:] if said == [cell.text for cell in above.rows[0]] else block.rows
    return tuple(tuple(replace(cell, header=False) for cell in row) for row in rows)


def _heading_sizes(paragraphs: Iterable[Paragraph], setting: Setting) -> list[float]:
    """The sizes of headings, the largest first; the text's own size, where bold lines are headings, is the last."""
    sizes: list[float] = []
    found = {paragraph.words[0].size for paragraph in paragraphs if paragraph.words and _is_heading(paragraph, setting)}
    for size in sorted(found, reverse=True):
        if not sizes or sizes[-1] - size > _SAME_SIZE * size:
            sizes.append(size)
    return sizes


def _is_heading(paragraph: Paragraph, setting: Setting) -> bool:
    first = paragraph.words[0]
    length = sum(len(words.glyphs) for words in paragraph.words)
    if length > _LONGEST_HEADING or not any(glyph.text.isalnum() for glyph in first.glyphs):
        return False
    if first.size > setting.size and not setting.is_text_size(first.size):
        return True
    bold = all(glyph.bold for words in paragraph.words for glyph in words.glyphs if glyph.text.isalnum())
    return bold and setting.is_text_size(first.size) and not _ENDS_SENTENCE.search(paragraph.words[-1].text)


def _level(size: float, sizes: Sequence[float]) -> int:
    return min(6, 1 + sum(other - size > _SAME_SIZE * size for other in sizes))


def _blocks(paragraph: Paragraph, setting: Setting, sizes: Sequence[float]) -> Iterator[Block]:
    first = paragraph.lines[0]
    if first.grid is not None:
        yield _table(first.grid)
    elif first.image is not None:
        yield image(Picture(first.image.name), "")
    elif _is_heading(paragraph, setting):
        inlines = [Inline(inline.text, link=inline.link) for inline in _inlines(paragraph.words)]
        yield text_block(BlockKind.HEADING, inlines, level=_level(paragraph.words[0].size, sizes))
    else:
        yield _text(paragraph)


def _text(paragraph: Paragraph) -> Block:
    inlines = _inlines(paragraph.words)
    text = "".join(inline.text for inline in inlines)
    if len(text) > 1 and text[0] in _BULLETS and text[1] == " ":
        return text_block(BlockKind.ITEM, _after(inlines, 2), marker=text[0])
    marker = marker_of(text)
    listed = marker is not None and marker.style in (MarkerStyle.ARABIC, MarkerStyle.ARABIC_IN_BRACKETS, MarkerStyle.CIRCLED)
    return text_block(BlockKind.ITEM if listed else BlockKind.PARAGRAPH, inlines)


def _after(inlines: Sequence[Inline], count: int) -> list[Inline]:
    """The inlines without their first `count` characters."""
    rest: list[Inline] = []
    for inline in inlines:
        kept = inline.text[count:]
        count = max(0, count - len(inline.text))
        if kept:
            rest.append(Inline(kept, inline.strong, inline.emphasis, inline.link))
    return rest


def _table(grid: Grid) -> Block:
    rows: list[tuple[Cell, ...]] = []
    for index, row in enumerate(grid.cells):
        rows.append(tuple(cell(_inlines(words), header=index == 0) for words in row))
    return table(rows)


def _inlines(lines: Sequence[Words]) -> list[Inline]:
    """The text of lines that belong together, in pieces of one look."""
    pieces: list[Inline] = []
    before: Glyph | None = None
    for line in lines:
        for (space, glyph), said in zip(spaced(line.glyphs), _signs(line), strict=True):
            gap = space
            if before is not None and glyph is line.glyphs[0]:
                gap = _joint(before, glyph)
                if before.text in _SOFT_HYPHENS:
                    last = pieces.pop()
                    pieces.append(Inline(last.text[:-1], last.strong, last.emphasis, last.link))
            pieces.append(Inline(gap + said, glyph.bold, glyph.italic, glyph.link))
            before = glyph
    return parted(text_block(BlockKind.PARAGRAPH, pieces).pieces)


def _signs(line: Words) -> Iterator[str]:
    """What each sign of a line says; those set smaller above or below it, as signs that stand there."""
    for shift, group in groupby(line.glyphs, lambda glyph: _shift(glyph, line)):
        glyphs = list(group)
        is_known = len(glyphs) <= _MOST_SHIFTED and is_shiftable("".join(glyph.text for glyph in glyphs), shift)
        yield from (shifted(glyph.text, shift) if is_known else glyph.text for glyph in glyphs)


def _shift(glyph: Glyph, line: Words) -> Shift:
    above = glyph.baseline - line.baseline
    if glyph.size > _SMALLER * line.size or abs(above) < _SHIFTED * line.size:
        return Shift.NONE
    return Shift.RAISED if above > 0 else Shift.LOWERED


def _joint(last: Glyph, first: Glyph) -> str:
    """What stands between two lines of a paragraph: a space between words, nothing within one and between signs of Chinese."""
    if last.is_wide or first.is_wide or last.text in _SOFT_HYPHENS or last.text in "-/" or first.text in ",.;:!?)]}%":
        return ""
    if last.link is not None and last.link == first.link:
        return ""
    return " "


def _doubts(paragraphs: Iterable[Paragraph]) -> Iterator[str]:
    for paragraph in paragraphs:
        grid = paragraph.lines[0].grid
        if grid is not None and not grid.ruled:
            said = _excerpt(" ".join(words.text for row in grid.cells for cell in row for words in cell))
            yield f"page {paragraph.page}: no lines part the columns of a table; its words were put into cells by their places: {said}."
        text = "".join(inline.text for inline in _inlines(paragraph.words))
        if UNKNOWN in text:
            yield f"page {paragraph.page}: a sign that the PDF does not name stands as {UNKNOWN} in {_excerpt(text)}."
        if paragraph.doubtful:
            yield f"page {paragraph.page}: lines were joined that may be two paragraphs: {_excerpt(text)}."


def _excerpt(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:28]} … {text[-28:]}")
