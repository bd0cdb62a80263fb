"""The bulletin as a structure: an Issue, its articles, and nothing of how it was read or how it will look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class BlockKind(StrEnum):
    """What a block of an article is."""

    PARAGRAPH = "paragraph"
    HEADING = "heading"
    ITEM = "item"


@dataclass(frozen=True, slots=True)
class Block:
    """One block of an article: its text on one line, without a line break in it."""

    kind: BlockKind
    text: str


@dataclass(frozen=True, slots=True)
class Article:
    """One article as printed. `source_line` is the line as it stands; `source` and `authors` are what it says."""

    position: int
    title: str
    blocks: tuple[Block, ...]
    column: str | None = None
    source_line: str | None = None
    source: str | None = None
    authors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ContentsEntry:
    """One line of the contents: as printed (with its star, number or page), the title it names, its column."""

    line: str
    title: str
    column: str | None = None


@dataclass(frozen=True, slots=True)
class Issue:
    """One number of a publication. `masthead`, `contents_lines` and `colophon` keep the lines as printed."""

    publisher: str
    title: str
    kind: str
    year: int
    number: int
    total_number: int | None
    date: date | None
    articles: tuple[Article, ...]
    contents: tuple[ContentsEntry, ...] = ()
    masthead: tuple[str, ...] = ()
    contents_headings: tuple[str, ...] = ()
    colophon: tuple[str, ...] = ()

    @property
    def ref(self) -> str:
        """The reference staff use: `2023-09`."""
        return f"{self.year}-{self.number:02d}"

    @property
    def subject(self) -> str:
        """The subject line: a constant prefix for filters, then year, number and total number."""
        total = f"（总第{self.total_number}期）" if self.total_number is not None else ""
        return f"【{self.title or self.kind}】{self.year}年第{self.number}期{total}"
