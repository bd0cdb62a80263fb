"""What the styles of a DOCX file say: which are headings, how large and bold letters are, which paragraphs are numbered."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lxml import etree

from mailer.importers.claims import claimed_number
from mailer.importers.docx.numbering import level_in
from mailer.importers.docx.package import attribute, child, is_on, local, value
from mailer.importers.marks import STYLES

# Word names its styles in the language of the program; WPS does so too.
_HEADING = re.compile(r"(?:heading|标题|標題|überschrift|titre|заголовок)\s*(?P<level>[1-9])", re.IGNORECASE)
_TITLE = re.compile(r"title|标题|標題|文档标题|titel|大标题|主标题", re.IGNORECASE)
_SUBTITLE = re.compile(r"subtitle|副标题|副標題", re.IGNORECASE)
_QUOTE = re.compile(r"(?:intense |block )?(?:quote|text)|引用|明显引用|块引用", re.IGNORECASE)
_DEEPEST = 20


@dataclass(frozen=True, slots=True)
class Style:
    """What a style says; None where it says nothing. `level` is a heading's, the title's being 1 and Heading 1's 2."""

    name: str = ""
    parent: str | None = None
    level: int | None = None
    size: float | None = None
    bold: bool | None = None
    italic: bool | None = None
    centred: bool | None = None
    numbering: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Styles:
    """The styles of a document by id."""

    known: dict[str, Style] = field(default_factory=dict)
    default: Style = Style()
    paragraph: str | None = None

    def chain(self, style: str | None) -> list[Style]:
        """A style and those it is based on, the nearest first; the document's own last."""
        found: list[Style] = []
        while style is not None and style in self.known and len(found) < _DEEPEST:
            found.append(self.known[style])
            style = self.known[style].parent
        return [*found, self.default]

    def level(self, style: str | None) -> int | None:
        """The level of the heading that a paragraph of that style is; None for text."""
        return next((found.level for found in self.chain(style) if found.level is not None), None) or None

    def mark(self, style: str | None) -> str:
        """What a style of ours says that its paragraphs are; nothing for every other style."""
        found = self.chain(style)[0].name
        return found.removeprefix(STYLES).split(" ")[0].lower() if found.startswith(STYLES) else ""

    def is_quote(self, style: str | None) -> bool:
        """Whether a paragraph of that style is quoted."""
        return any(_QUOTE.fullmatch(found.name) for found in self.chain(style)[:1])

    def numbering(self, style: str | None) -> tuple[str, int] | None:
        """The list and the level in it that a style puts its paragraphs in."""
        return next((found.numbering for found in self.chain(style) if found.numbering is not None), None)


def read_styles(root: etree._Element | None) -> Styles:
    """The styles in `styles.xml`."""
    if root is None:
        return Styles()
    known: dict[str, Style] = {}
    paragraph = None
    for element in root:
        if local(element) != "style":
            continue
        identity = attribute(element, "styleId") or ""
        known[identity] = _style(element)
        if attribute(element, "type") == "paragraph" and attribute(element, "default") in ("1", "true", "on"):
            paragraph = identity
    return Styles(known, _style(child(root, "docDefaults"), "rPrDefault", "pPrDefault"), paragraph)


def _style(element: etree._Element | None, *defaults: str) -> Style:
    letters = child(element, defaults[0], "rPr") if defaults else child(element, "rPr")
    lines = child(element, defaults[1], "pPr") if defaults else child(element, "pPr")
    name = value(element, "name") or ""
    return Style(
        name=name,
        parent=value(element, "basedOn"),
        level=_level(name, value(lines, "outlineLvl")),
        size=points(value(letters, "sz")),
        bold=is_on(letters, "b"),
        italic=is_on(letters, "i"),
        centred=None if value(lines, "jc") is None else value(lines, "jc") == "center",
        numbering=numbering_of(lines),
    )


def points(half_points: str | None) -> float | None:
    """A size in points from one in half points."""
    try:
        return None if half_points is None else float(half_points) / 2
    except ValueError:
        return None


def numbering_of(properties: etree._Element | None) -> tuple[str, int] | None:
    """The list that a paragraph is in, and its level there."""
    number = child(properties, "numPr")
    if number is None:
        return None
    return value(number, "numId") or "", level_in(value(number, "ilvl"))


def _level(name: str, outline: str | None) -> int | None:
    claimed = claimed_number(outline)
    if claimed is not None:
        return claimed + 2 if 0 <= claimed < 9 else None
    heading = _HEADING.fullmatch(name)
    if heading is not None:
        return int(heading["level"]) + 1
    if _TITLE.fullmatch(name):
        return 1
    return 2 if _SUBTITLE.fullmatch(name) else None
