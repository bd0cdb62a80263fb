"""The styles of a Word file of ours: Song type on A4, the masthead in the theme's colour, headings that Word's navigation knows."""

from __future__ import annotations

from dataclasses import dataclass, replace

from docx.document import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.oxml.xmlchemy import BaseOxmlElement
from docx.shared import Cm, Pt, RGBColor
from docx.styles.style import ParagraphStyle

from mailer.importers.marks import NOTE_MARK


@dataclass(frozen=True, slots=True)
class Dress:
    """What a Word file is set in: the masthead's colour as `#rrggbb`, the fonts of text, of headings and of Latin letters.

    The fonts are those that Word and WPS have everywhere; other programs put their own in their place.
    """

    accent: str
    song: str = "宋体"
    hei: str = "黑体"
    latin: str = "Times New Roman"

    def for_any_machine(self) -> Dress:
        """The same in the first of these fonts that a machine has, which is LibreOffice's way to say it."""
        return replace(
            self,
            song="SimSun;Songti SC;STSong;Noto Serif CJK SC;Source Han Serif SC;AR PL UMing CN",
            hei="SimHei;Heiti SC;STHeiti;Noto Sans CJK SC;Source Han Sans SC;WenQuanYi Zen Hei",
            latin="Times New Roman;Liberation Serif;TeX Gyre Termes",
        )


_MUTED, _LINE = "595959", "BFBFBF"
_SIDES = ("top", "left", "bottom", "right", "insideH", "insideV")
_JUSTIFIED = ("Quote", "Bulletin Note")  # a line of a list that is broken by hand would be stretched
_HEADING_POINTS = {1: 18.0, 2: 14.0, 3: 12.5, 4: 12.0, 5: 12.0}


@dataclass(frozen=True, slots=True)
class _Look:
    """How a style's paragraphs are set; sizes and distances in points, the indent of a first line in characters."""

    name: str
    base: str = "Normal"
    size: float | None = None
    bold: bool = False
    centred: bool = False
    colour: str | None = None
    before: float = 0
    after: float = 0
    indent: int = 0
    line: float | None = None
    hei: bool = False
    keep: bool = False
    left: float = 0


def _looks(accent: str) -> tuple[_Look, ...]:
    return (
        _Look("Bulletin Masthead", size=15, centred=True, after=4),
        _Look("Bulletin Masthead Title", "Title", size=40, bold=True, centred=True, colour=accent, before=6, after=4, line=1.2),
        _Look("Bulletin Masthead Kind", size=20, bold=True, centred=True, colour=accent, after=6, line=1.2),
        _Look("Bulletin Masthead Number", size=11, centred=True, colour=_MUTED, before=4, after=14),
        _Look("Bulletin Contents", size=11.5, after=2, line=1.4, left=18),
        _Look("Bulletin Contents Heading", size=14, bold=True, colour=accent, before=6, after=6, hei=True, keep=True),
        _Look("Bulletin Contents Column", size=11.5, bold=True, before=4, after=2, keep=True),
        _Look("Bulletin Unplaced"),
        _Look("Bulletin Column", size=11, bold=True, colour=accent, before=24, keep=True, hei=True),
        _Look("Bulletin Headline", "Heading 1", size=18, bold=True, before=22, after=8, line=1.3, keep=True),
        _Look("Bulletin Source", size=10.5, colour=_MUTED, after=8),
        _Look("Bulletin Picture", centred=True, before=6, after=8, line=1.0),
        _Look("Bulletin Missing", size=10.5, centred=True, colour=_MUTED, before=6, after=8),
        _Look("Bulletin Cell", size=10.5, line=1.2),
        _Look("Bulletin Note", size=9.5, line=1.3, colour=_MUTED, after=2),
        _Look("Bulletin Rule", line=1.0),
        _Look("Bulletin Colophon", size=10.5, colour=_MUTED, line=1.4),
        _Look("List Paragraph", after=2),
        _Look("Quote", after=6, left=24, colour=_MUTED),
        *(
            _Look(f"Heading {level}", size=points, bold=True, before=12, after=6, hei=True, line=1.4, keep=True)
            for level, points in _HEADING_POINTS.items()
        ),
    )


def put_on(document: Document, dress: Dress) -> None:
    """Gives a new document its page and its styles."""
    accent = dress.accent.removeprefix("#").upper()
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.8)
    section.top_margin, section.bottom_margin = Cm(2.8), Cm(2.5)
    section.different_first_page_header_footer = True
    _normal(document, dress)
    for border in document.styles["Title"].element.get_or_add_pPr().findall(qn("w:pBdr")):
        border.getparent().remove(border)
    for look in _looks(accent):
        _style(document, look, dress)
    letters = document.styles.add_style(NOTE_MARK, WD_STYLE_TYPE.CHARACTER)
    letters.font.superscript = True
    link = document.styles.add_style("Hyperlink", WD_STYLE_TYPE.CHARACTER)
    link.font.color.rgb, link.font.underline = RGBColor.from_string("1F4E79"), True
    _border(document.styles["Bulletin Masthead Number"].element.get_or_add_pPr(), "bottom", "double", accent, size=12, space=10)
    _border(document.styles["Bulletin Rule"].element.get_or_add_pPr(), "bottom", "single", _LINE, size=8, space=1)
    _border(document.styles["Bulletin Colophon"].element.get_or_add_pPr(), "top", "double", accent, size=6, space=8)
    for line in document.styles["Table Grid"].element.iter(*(qn(f"w:{side}") for side in _SIDES)):
        line.set(qn("w:color"), _LINE)
    _border(document.styles["Quote"].element.get_or_add_pPr(), "left", "single", _LINE, size=18, space=8)


def _normal(document: Document, dress: Dress) -> None:
    normal = document.styles["Normal"]
    assert isinstance(normal, ParagraphStyle)
    _fonts(normal, dress, dress.song)
    normal.font.size = Pt(12)
    normal.paragraph_format.line_spacing = 1.5
    normal.paragraph_format.space_after = Pt(0)
    normal.paragraph_format.widow_control = True
    normal.paragraph_format.alignment = WD_ALIGN_PARAGRAPH.JUSTIFY
    language = OxmlElement("w:lang")
    language.set(qn("w:val"), "en-US")
    language.set(qn("w:eastAsia"), "zh-CN")
    normal.element.get_or_add_rPr().append(language)
    first_line(normal.element.get_or_add_pPr(), 2)


def _style(document: Document, look: _Look, dress: Dress) -> None:
    names = [style.name for style in document.styles]
    if look.name not in names:
        document.styles.add_style(look.name, WD_STYLE_TYPE.PARAGRAPH)
    style = document.styles[look.name]
    assert isinstance(style, ParagraphStyle)
    style.base_style = None if look.name == look.base else document.styles[look.base]
    style.next_paragraph_style = document.styles["Normal"]
    style.quick_style = True
    style.font.italic = False
    style.font.bold = look.bold
    style.font.size = None if look.size is None else Pt(look.size)
    style.font.color.rgb = None if look.colour is None else RGBColor.from_string(look.colour)
    _fonts(style, dress, dress.hei if look.hei else dress.song)
    if look.colour is None and look.name.startswith(("Heading", "Bulletin Headline")):
        style.font.color.rgb = RGBColor(0x1A, 0x1A, 0x1A)
    paragraphs = style.paragraph_format
    paragraphs.space_before, paragraphs.space_after = Pt(look.before), Pt(look.after)
    paragraphs.line_spacing = look.line
    paragraphs.keep_with_next = look.keep
    left = None if look.name in _JUSTIFIED else WD_ALIGN_PARAGRAPH.LEFT
    paragraphs.alignment = WD_ALIGN_PARAGRAPH.CENTER if look.centred else left
    properties = style.element.get_or_add_pPr()
    for border in properties.findall(qn("w:pBdr")):
        properties.remove(border)
    first_line(properties, look.indent, left=look.left)


def _fonts(style: ParagraphStyle, dress: Dress, east: str) -> None:
    style.font.name = dress.latin
    named = style.element.get_or_add_rPr().rFonts
    for name in [name for name in named.attrib if "Theme" in name]:
        del named.attrib[name]
    for name, font in (("ascii", dress.latin), ("hAnsi", dress.latin), ("eastAsia", east)):
        named.set(qn(f"w:{name}"), font)


def first_line(properties: BaseOxmlElement, characters: int, *, left: float = 0) -> None:
    """Indents the first line by so many characters, and the whole paragraph by so many points."""
    indent = properties.get_or_add_ind()
    for name in list(indent.attrib):
        del indent.attrib[name]
    indent.set(qn("w:left"), str(round(left * 20)))
    indent.set(qn("w:firstLineChars"), str(characters * 100))
    indent.set(qn("w:firstLine"), str(characters * 240))


def _border(properties: BaseOxmlElement, side: str, kind: str, colour: str, *, size: int, space: int) -> None:
    borders, line = OxmlElement("w:pBdr"), OxmlElement(f"w:{side}")
    for name, value in (("val", kind), ("sz", str(size)), ("space", str(space)), ("color", colour)):
        line.set(qn(f"w:{name}"), value)
    borders.append(line)
    # The schema has an order: borders stand before the distances between lines.
    before = next((child for child in properties if child.tag in _AFTER_BORDERS), None)
    if before is None:
        properties.append(borders)
    else:
        before.addprevious(borders)


_AFTER_BORDERS = frozenset(
    qn(f"w:{name}")
    for name in (
        "shd",
        "tabs",
        "suppressAutoHyphens",
        "kinsoku",
        "wordWrap",
        "spacing",
        "ind",
        "contextualSpacing",
        "jc",
        "outlineLvl",
    )
)
