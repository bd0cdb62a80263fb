"""What an article is made of: paragraphs, headings, list items, quotes, tables, pictures, rules and footnotes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from mailer.json_values import as_flag, as_integer, as_integer_or_none, as_list, as_object, as_text, as_text_or_none

_BETWEEN_CELLS = "　"
_MOST_COLUMNS, _MOST_ROWS = 100, 65_534  # Browsers stop at as many rows, too.
_DEEPEST = 255


class BlockKind(StrEnum):
    """What a block of an article is."""

    PARAGRAPH = "paragraph"
    HEADING = "heading"
    ITEM = "item"
    QUOTE = "quote"
    TABLE = "table"
    IMAGE = "image"
    RULE = "rule"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Inline:
    """A piece of a block's text in one look.

    `link` is the address that it leads to. `note` is the marker of the footnote that it refers to.
    """

    text: str
    strong: bool = False
    emphasis: bool = False
    link: str | None = None
    note: str | None = None

    @property
    def is_plain(self) -> bool:
        """Whether it is text and no more."""
        return self == Inline(self.text)

    def to_json(self) -> dict[str, object]:
        """The piece as plain JSON values; what is not set is left out."""
        document: dict[str, object] = {"text": self.text}
        document |= {"strong": True} if self.strong else {}
        document |= {"emphasis": True} if self.emphasis else {}
        document |= {"link": self.link} if self.link is not None else {}
        return document | ({"note": self.note} if self.note is not None else {})

    @classmethod
    def from_json(cls, value: object) -> Inline:
        """The piece that `to_json` wrote."""
        document = as_object(value)
        return cls(
            text=as_text(document["text"]),
            strong=as_flag(document.get("strong", False)),
            emphasis=as_flag(document.get("emphasis", False)),
            link=as_text_or_none(document.get("link")),
            note=as_text_or_none(document.get("note")),
        )


Inlines = tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table, which may stretch over several `columns` and `rows`. No `inlines` means that its text is plain.

    Files may claim any size; a cell keeps to what a table can have, and takes one column and one row at least.
    """

    text: str
    inlines: Inlines = ()
    header: bool = False
    columns: int = 1
    rows: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", min(max(1, self.columns), _MOST_COLUMNS))
        object.__setattr__(self, "rows", min(max(1, self.rows), _MOST_ROWS))

    def to_json(self) -> dict[str, object]:
        """The cell as plain JSON values; what is not set is left out."""
        document: dict[str, object] = {"text": self.text}
        document |= {"inlines": [inline.to_json() for inline in self.inlines]} if self.inlines else {}
        document |= {"header": True} if self.header else {}
        document |= {"columns": self.columns} if self.columns != 1 else {}
        return document | ({"rows": self.rows} if self.rows != 1 else {})

    @classmethod
    def from_json(cls, value: object) -> Cell:
        """The cell that `to_json` wrote."""
        document = as_object(value)
        return cls(
            text=as_text(document["text"]),
            inlines=_inlines_from_json(document),
            header=as_flag(document.get("header", False)),
            columns=as_integer(document.get("columns", 1)),
            rows=as_integer(document.get("rows", 1)),
        )


Row = tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that an issue shows.

    `sha256` names the octets that are kept, `width` and `height` (pixels) are theirs; all three are None where none are kept.
    `source` is the name or the address that the file gave it.
    """

    source: str
    sha256: str | None = None
    width: int | None = None
    height: int | None = None

    def to_json(self) -> dict[str, object]:
        """The picture as plain JSON values."""
        return {"source": self.source, "sha256": self.sha256, "width": self.width, "height": self.height}

    @classmethod
    def from_json(cls, value: object) -> Picture:
        """The picture that `to_json` wrote."""
        document = as_object(value)
        return cls(
            source=as_text(document["source"]),
            sha256=as_text_or_none(document["sha256"]),
            width=as_integer_or_none(document["width"]),
            height=as_integer_or_none(document["height"]),
        )


@dataclass(frozen=True, slots=True)
class Block:
    """One block of an article: its plain text on one line, without a line break in it, and what that text looks like.

    `inlines` joined are the text; none means that it is plain. The other fields belong to a kind:
    `level` is a heading's (1 is the highest, 0 unknown), or how many lists stand around an item or the paragraph within one, 255 at
    most;
    `marker` is what an ordered item or a footnote is counted by, as printed (`1.`, `（二）`), where it is not in the text;
    `rows` are a table's, and its text is that of its cells; `picture` is an image's, and its text tells those who cannot see it.
    """

    kind: BlockKind
    text: str
    inlines: Inlines = ()
    level: int = 0
    marker: str = ""
    rows: tuple[Row, ...] = ()
    picture: Picture | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "level", min(max(0, self.level), _DEEPEST))

    @property
    def pieces(self) -> Inlines:
        """The text in pieces of one look each, also where it is plain."""
        return self.inlines or (Inline(self.text),)

    def to_json(self) -> dict[str, object]:
        """The block as plain JSON values; what is not set is left out."""
        document: dict[str, object] = {"kind": self.kind.value, "text": self.text}
        document |= {"inlines": [inline.to_json() for inline in self.inlines]} if self.inlines else {}
        document |= {"level": self.level} if self.level else {}
        document |= {"marker": self.marker} if self.marker else {}
        document |= {"rows": [[cell.to_json() for cell in row] for row in self.rows]} if self.rows else {}
        return document | ({"picture": self.picture.to_json()} if self.picture is not None else {})

    @classmethod
    def from_json(cls, value: object) -> Block:
        """The block that `to_json` wrote."""
        document = as_object(value)
        picture = document.get("picture")
        return cls(
            kind=BlockKind(as_text(document["kind"])),
            text=as_text(document["text"]),
            inlines=_inlines_from_json(document),
            level=as_integer(document.get("level", 0)),
            marker=as_text(document.get("marker", "")),
            rows=tuple(tuple(map(Cell.from_json, as_list(row))) for row in as_list(document.get("rows", []))),
            picture=None if picture is None else Picture.from_json(picture),
        )


def picture_type(content: bytes) -> str:
    """The media type of a picture that is kept: PNG or JPEG."""
    return "image/png" if content.startswith(b"\x89PNG") else "image/jpeg"


def text_block(kind: BlockKind, inlines: Iterable[Inline], *, level: int = 0, marker: str = "") -> Block:
    """The block of these pieces; neighbours that look alike become one piece."""
    text, merged = _merged(inlines)
    return Block(kind, text, merged, level, marker)


def cell(inlines: Iterable[Inline], *, header: bool = False, columns: int = 1, rows: int = 1) -> Cell:
    """The cell of these pieces."""
    text, merged = _merged(inlines)
    return Cell(text, merged, header, columns, rows)


def table(rows: Iterable[Row]) -> Block:
    """The table of these rows; its plain text is the cells' in order, with a wide space between two."""
    kept = tuple(rows)
    return Block(BlockKind.TABLE, _BETWEEN_CELLS.join(cell.text for row in kept for cell in row if cell.text), rows=kept)


def image(picture: Picture, alternative: str) -> Block:
    """The image block of a picture; `alternative` tells those who cannot see it what it shows."""
    return Block(BlockKind.IMAGE, alternative, picture=picture)


def _merged(inlines: Iterable[Inline]) -> tuple[str, Inlines]:
    merged: list[Inline] = []
    for inline in inlines:
        if merged and inline.note is None and _look(merged[-1]) == _look(inline):
            inline = Inline(merged.pop().text + inline.text, inline.strong, inline.emphasis, inline.link)  # noqa: PLW2901
        if inline.text:
            merged.append(inline)
    text = "".join(inline.text for inline in merged)
    return text, () if all(inline.is_plain for inline in merged) else tuple(merged)


def _look(inline: Inline) -> tuple[bool, bool, str | None, str | None]:
    return inline.strong, inline.emphasis, inline.link, inline.note


def _inlines_from_json(document: dict[str, object]) -> Inlines:
    return tuple(map(Inline.from_json, as_list(document.get("inlines", []))))
