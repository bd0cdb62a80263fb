"""Blocks as Markdown, as far as Markdown can say them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from urllib.parse import quote, urlencode

from mailer.block import Block, BlockKind, Cell, Inline, Inlines, Picture
from mailer.manuscript.form import FENCE, PICTURE_SCHEME

_SPECIAL = re.compile(r"([\\`*_\[\]<>&~|!])")
_LINE_START = re.compile(r"^(?:(\d+)([.)])|([-+#=]))(?=\s|$|[-+#=])")
_NOTE_NUMBER = re.compile(r"\[(\d+)\]")


def fenced(block: Block) -> str:
    """A block in a form that holds everything of it."""
    return f"```{FENCE}\n{json.dumps(block.to_json(), ensure_ascii=False)}\n```"


def markup(blocks: Sequence[Block], *, leveled: bool) -> str:
    """Blocks as Markdown, one below the other; `leveled` says that their headings have levels."""
    lines: list[str] = []
    for block in blocks:
        if lines and not (block.kind is BlockKind.ITEM and not block.level):
            lines.append("")
        lines.append(_block(block, leveled=leveled))
    return "\n".join(lines)


def _block(block: Block, *, leveled: bool) -> str:
    indent, text = "    " * block.level, inline_markup(block.pieces)
    match block.kind:
        case BlockKind.HEADING:
            written = f"{'#' * (block.level + (1 if leveled else 2))} {text}"
        case BlockKind.ITEM:
            written = f"{indent}{block.marker or '-':<3} {text}"
        case BlockKind.PARAGRAPH:
            written = f"{indent}{text}"
        case BlockKind.QUOTE:
            written = f"> {text}"
        case BlockKind.RULE:
            written = "* * *"
        case BlockKind.TABLE:
            written = _table(block.rows)
        case BlockKind.IMAGE if block.picture is not None:
            written = f"![{escaped(block.text)}]({_address(block.picture)})"
        case BlockKind.NOTE if number := _NOTE_NUMBER.fullmatch(block.marker):
            written = f'<section role="doc-endnotes"><ol start="{number[1]}"><li>{_entities(block.text)}</li></ol></section>'
        case _:
            written = fenced(block)
    return written


def inline_markup(inlines: Inlines) -> str:
    """Text, with what stands out in it."""
    text = "".join(map(_inline, inlines))
    return _LINE_START.sub(lambda found: f"{found[1]}\\{found[2]}" if found[1] else f"\\{found[3]}", text)


def _inline(inline: Inline) -> str:
    if inline.note is not None:
        return f'<sup><a href="#fn-{quote(inline.note)}">{_entities(inline.text)}</a></sup>'
    text = escaped(inline.text)
    if inline.link is not None:
        text = f"<{inline.link}>" if inline.text == inline.link else f"[{text}](<{inline.link}>)"
    if inline.emphasis:
        text = f"<em>{text}</em>" if inline.strong else f"*{text}*"
    return f"**{text}**" if inline.strong else text


def _table(rows: Sequence[Sequence[Cell]]) -> str:
    if not rows or not rows[0]:
        return ""
    head, *body = rows
    lines = [_row(head), "|" + "---|" * len(head), *map(_row, body)]
    return "\n".join(lines)


def _row(row: Sequence[Cell]) -> str:
    return "| " + " | ".join(inline_markup(cell.inlines or (Inline(cell.text),)) for cell in row) + " |"


def _address(picture: Picture) -> str:
    said = {"width": picture.width, "height": picture.height, "source": picture.source}
    return f"{PICTURE_SCHEME}:{picture.sha256 or ''}?{urlencode({name: value for name, value in said.items() if value is not None})}"


def escaped(text: str) -> str:
    """Text of which Markdown makes nothing else."""
    return _SPECIAL.sub(r"\\\1", text)


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
