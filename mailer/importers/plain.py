"""Reads plain text as one file among others; a text that is a whole bulletin is read by `mailer.importers.text`."""

from __future__ import annotations

from mailer.block import Block, BlockKind
from mailer.importers.blocks import habits_of, read_blocks
from mailer.importers.document import Document, Part
from mailer.importers.lines import join_lines, split_lines
from subscribers.encoding import decode


def read_plain(content: bytes, name: str) -> Document:
    """The paragraphs of a text. Raises InputError where it is none."""
    lines = split_lines(decode(content, name))
    blocks = read_blocks(lines, habits_of(lines))
    kinds = {BlockKind.HEADING: BlockKind.PARAGRAPH}
    return Document(
        tuple(
            Part(Block(kinds.get(block.kind, block.kind), join_lines(block.lines)), f"line {block.lines[0].number}")
            for block in blocks
        )
    )
