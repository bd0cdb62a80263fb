"""What a page of a PDF is made of, as far as its text is concerned. Lengths are points, from the lower left corner."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Glyph:
    """A sign that is printed. `left` and `right` are where its advance begins and ends.

    `spaced` says that a space stands before it in the file, `apart` that PDFium takes the gap before it for one.
    """

    text: str
    left: float
    right: float
    baseline: float
    size: float
    bold: bool = False
    italic: bool = False
    link: str | None = None
    spaced: bool = False
    apart: bool = False

    @property
    def is_wide(self) -> bool:
        """Whether it is set as Chinese is: without spaces between words."""
        return self.text >= "\u2e80" or self.text in "“”‘’—…·"


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle."""

    left: float
    bottom: float
    right: float
    top: float

    def holds(self, x: float, y: float) -> bool:
        """Whether a point lies in it."""
        return self.left <= x <= self.right and self.bottom <= y <= self.top

    def united(self, other: Box) -> Box:
        """The smallest rectangle that holds both."""
        return Box(
            min(self.left, other.left), min(self.bottom, other.bottom), max(self.right, other.right), max(self.top, other.top)
        )


@dataclass(frozen=True, slots=True)
class PageImage:
    """A picture on a page; `name` is the same each time that the file is read, `content` a PNG file's."""

    name: str
    box: Box
    content: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its signs in the file's order, the straight lines that are drawn, its pictures, the text that stands aslant."""

    number: int
    width: float
    height: float
    glyphs: tuple[Glyph, ...]
    rules: tuple[Box, ...]
    images: tuple[PageImage, ...]
    aslant: str
