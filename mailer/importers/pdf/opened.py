"""Asks PDFium for what stands on the pages of a file. Only here is the library known."""

from __future__ import annotations

import ctypes
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import hypot, pi

import pypdfium2
import pypdfium2.raw as pdfium

from mailer.importers.pdf.page import Box, Glyph, Page, PageImage
from subscribers.errors import InputError

MOST_PAGES = 300
UNKNOWN = "\ufffd"
_MOST_UNKNOWN = 0.3  # of all signs
_PRIVATE = ("\ue000", "\uf8ff")  # where fonts of symbols have theirs
_BOLD = re.compile(r"bold|black|heavy|simhei|heiti|[-_]hei\b|semibold|黑体|[-_]b\b", re.IGNORECASE)
_ITALIC = re.compile(r"ital|oblique", re.IGNORECASE)
_FORCE_BOLD = 1 << 18  # ISO 32000-1 table 123: the flags of a font
_FLAG_ITALIC = 1 << 6
_FILLED_AND_STROKED = 2  # how Word and WPS embolden a font that has no bold cut
_THIN = 2.5
_UPRIGHT = 0.05  # radians
_SMALLEST_PICTURE = 24.0
_MOST_PICTURES = 40
_LONGEST_ADDRESS = 2000


@dataclass(frozen=True, slots=True)
class _Face:
    bold: bool = False
    italic: bool = False
    size: float = 0.0


@dataclass(frozen=True, slots=True)
class Opened:
    """The pages of a PDF, and in words what else there is in it, of which nothing is read or run."""

    pages: tuple[Page, ...]
    dropped: tuple[str, ...]


def open_pdf(content: bytes, name: str) -> Opened:
    """What a PDF holds. Raises InputError where it is encrypted, damaged, too long, or only pictures of pages."""
    with _opened(content, name) as document:
        count = len(document)
        if count > MOST_PAGES:
            raise InputError(
                f"{name}: {count} pages; a bulletin has at most {MOST_PAGES}. Take the pages of one issue out of it."
            )
        faces = _Faces()
        dropped = tuple(_dropped(document))
        pages = tuple(_page(document[index], index + 1, faces) for index in range(count))
    signs = sum(len(page.glyphs) for page in pages)
    if _MOST_UNKNOWN * signs < sum(glyph.text == UNKNOWN for page in pages for glyph in page.glyphs):
        raise InputError(
            f"{name}: the PDF does not say which characters its signs are (its fonts have no ToUnicode), so its text cannot be read. "
            "Import the Word file that it was made from, or make the PDF anew with another program."
        )
    if not any(glyph.text.isalnum() for page in pages for glyph in page.glyphs):
        raise InputError(
            f"{name}: no text in {count} pages: they are pictures, as a scanner makes them. "
            "Import the Word file that it was made from, or recognise the text (OCR) first."
        )
    return Opened(pages, dropped)


def _dropped(document: pypdfium2.PdfDocument) -> Iterator[str]:
    scripts, files = pdfium.FPDFDoc_GetJavaScriptActionCount(document), pdfium.FPDFDoc_GetAttachmentCount(document)
    if scripts > 0:
        yield f"{scripts} scripts were left out"
    if files > 0:
        yield f"{files} attached files were left out"
    if pdfium.FPDF_GetFormType(document) != pdfium.FORMTYPE_NONE:
        yield "it is a form; what was filled into its fields was left out"


def _opened(content: bytes, name: str) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        if error.err_code == pdfium.FPDF_ERR_PASSWORD:
            cure = "Save it without a password, or import the Word file that it was made from."
            raise InputError(f"{name}: the PDF is encrypted. {cure}") from error
        cure = "Make the PDF anew, or import the Word file that it was made from."
        raise InputError(f"{name}: the PDF is damaged and cannot be opened. {cure}") from error


def _page(page: pypdfium2.PdfPage, number: int, faces: _Faces) -> Page:
    width, height = page.get_size()
    glyphs, aslant = _glyphs(page, tuple(_links(page)), faces)
    rules = tuple(_rules(page))
    return Page(number, width, height, glyphs, rules, tuple(_images(page, number)), aslant)


def _glyphs(page: pypdfium2.PdfPage, links: tuple[tuple[Box, str], ...], faces: _Faces) -> tuple[tuple[Glyph, ...], str]:
    text = page.get_textpage()
    box, x, y = pdfium.FS_RECTF(), ctypes.c_double(), ctypes.c_double()
    upright: list[Glyph] = []
    aslant: list[str] = []
    before, face = 0, _Face()
    origin, begun = (0.0, 0.0, -1), 0
    spaced = apart = False
    for index in range(text.count_chars()):
        sign = chr(pdfium.FPDFText_GetUnicode(text, index))
        if pdfium.FPDFText_HasUnicodeMapError(text, index) == 1 and not _PRIVATE[0] <= sign <= _PRIVATE[1]:
            sign = UNKNOWN  # not even spaces can be told from letters
        if sign.isspace() or sign == "\0":
            apart, spaced = True, spaced or not pdfium.FPDFText_IsGenerated(text, index)
            continue
        angle = pdfium.FPDFText_GetCharAngle(text, index)
        if _UPRIGHT < angle < 2 * pi - _UPRIGHT:
            aslant.append(sign)
            continue
        owner = pdfium.FPDFText_GetTextObject(text, index)
        address = ctypes.cast(owner, ctypes.c_void_p).value or 0
        if address != before:
            before, face = address, faces.of(owner, text, index)
        pdfium.FPDFText_GetLooseCharBox(text, index, ctypes.byref(box))
        pdfium.FPDFText_GetCharOrigin(text, index, ctypes.byref(x), ctypes.byref(y))
        middle = (box.left + box.right) / 2
        link = next((uri for area, uri in links if area.holds(middle, y.value + face.size / 4)), None) if links else None
        left, right = (x.value, x.value + face.size) if _is_ideograph(sign) else (box.left, box.right)
        upright.append(Glyph(sign, left, right, y.value, face.size, face.bold, face.italic, link, spaced, apart))
        begun = begun if (x.value, y.value, address) == origin else len(upright) - 1
        origin = x.value, y.value, address
        if begun < len(upright) - 1:
            upright[begun:] = _beside(upright[begun:])
        spaced = apart = False
    return tuple(upright), "".join(aslant)


def _beside(letters: Sequence[Glyph]) -> list[Glyph]:
    """The letters of a ligature, which PDFium has all in one place, side by side."""
    left, right = letters[0].left, max(letter.right for letter in letters)
    width = (right - left) / len(letters)
    return [
        replace(letter, left=left + index * width, right=left + (index + 1) * width) for index, letter in enumerate(letters)
    ]


def _is_ideograph(sign: str) -> bool:
    """Whether a sign is as wide as its size; of some fonts PDFium knows no advance, but only what is inked."""
    return "\u3400" <= sign <= "\u9fff" or sign >= "\U00020000"


class _Faces:
    """The fonts of one document by where PDFium keeps them, which the next document's may be."""

    def __init__(self) -> None:
        self._known: dict[int, _Face] = {}

    def of(self, owner: object, text: object, index: int) -> _Face:
        """How the sign is set that stands at that place of a page's text."""
        font = pdfium.FPDFTextObj_GetFont(owner)
        address = ctypes.cast(font, ctypes.c_void_p).value or 0
        if address not in self._known:
            self._known[address] = _named_face(font) if address else _Face()
        named = self._known[address]
        drawn_twice = pdfium.FPDFTextObj_GetTextRenderMode(owner) == _FILLED_AND_STROKED
        matrix = pdfium.FS_MATRIX()
        pdfium.FPDFText_GetMatrix(text, index, ctypes.byref(matrix))
        size = pdfium.FPDFText_GetFontSize(text, index) * hypot(matrix.c, matrix.d)
        return _Face(named.bold or drawn_twice, named.italic, size)


def _named_face(font: object) -> _Face:
    buffer = ctypes.create_string_buffer(256)
    pdfium.FPDFFont_GetBaseFontName(font, buffer, len(buffer))
    name = buffer.value.decode("utf-8", "replace")
    flags = pdfium.FPDFFont_GetFlags(font)
    bold = bool(_BOLD.search(name)) or (flags > 0 and bool(flags & _FORCE_BOLD))
    return _Face(bold, bool(_ITALIC.search(name)) or (flags > 0 and bool(flags & _FLAG_ITALIC)))


def _links(page: pypdfium2.PdfPage) -> Iterator[tuple[Box, str]]:
    """Where the page's links to the web lie."""
    document, position, link, area = page.pdf, ctypes.c_int(0), pdfium.FPDF_LINK(), pdfium.FS_RECTF()
    while pdfium.FPDFLink_Enumerate(page, ctypes.byref(position), ctypes.byref(link)):
        action = pdfium.FPDFLink_GetAction(link)
        if not action or pdfium.FPDFAction_GetType(action) != pdfium.PDFACTION_URI:
            continue
        buffer = ctypes.create_string_buffer(_LONGEST_ADDRESS + 1)
        needed = pdfium.FPDFAction_GetURIPath(document, action, buffer, len(buffer))
        if needed <= len(buffer) and pdfium.FPDFLink_GetAnnotRect(link, ctypes.byref(area)):
            box = Box(
                min(area.left, area.right), min(area.bottom, area.top), max(area.left, area.right), max(area.bottom, area.top)
            )
            yield box, buffer.value.decode("utf-8", "replace")


def _rules(page: pypdfium2.PdfPage) -> Iterator[Box]:
    """The straight lines: thin rectangles and strokes, and the four sides of a rectangle that is drawn."""
    for path in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_PATH], max_depth=3):
        left, bottom, right, top = path.get_bounds()
        if right - left <= _THIN or top - bottom <= _THIN:
            if max(right - left, top - bottom) > _THIN:
                yield Box(left, bottom, right, top)
            continue
        fill, stroke = ctypes.c_int(), ctypes.c_int()
        pdfium.FPDFPath_GetDrawMode(path, ctypes.byref(fill), ctypes.byref(stroke))
        if stroke.value and pdfium.FPDFPath_CountSegments(path) <= 5:
            yield from (Box(left, y, right, y) for y in (bottom, top))
            yield from (Box(x, bottom, x, top) for x in (left, right))


def _images(page: pypdfium2.PdfPage, number: int) -> Iterator[PageImage]:
    found = 0
    for image in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=3):
        box = Box(*image.get_bounds())
        if min(box.right - box.left, box.top - box.bottom) < _SMALLEST_PICTURE or found >= _MOST_PICTURES:
            continue
        found += 1
        octets = io.BytesIO()
        image.get_bitmap(render=True).to_pil().save(octets, "PNG", compress_level=1)
        yield PageImage(f"picture {found} of page {number}", box, octets.getvalue())
