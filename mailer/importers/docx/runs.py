"""The text within a paragraph of a DOCX file: runs, links, fields, notes, changes, which are all accepted."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lxml import etree

from mailer.block import Block, Inline, Picture, image
from mailer.importers.addresses import is_dangerous, safe_address
from mailer.importers.claims import claimed_number
from mailer.importers.docx.formulas import field_formula, formula
from mailer.importers.docx.package import Reference, attribute, child, is_on, local, value
from mailer.importers.docx.styles import Style, Styles, points
from mailer.importers.docx.symbols import UNKNOWN, symbol, symbols
from mailer.importers.marks import NOTE_MARK
from mailer.importers.shifted import Shift, shifted

_THROUGH = frozenset({"ins", "moveTo", "smartTag", "sdtContent", "customXml", "sdt", "dir", "bdo", "rubyBase"})
_GONE = frozenset({"del", "moveFrom", "instrText", "delText", "delInstrText", "pPr", "rPr", "sdtPr", "rubyPr"})
_SYMBOL_FONTS = frozenset({"symbol", "wingdings", "wingdings 2", "wingdings 3", "webdings"})
_GRAPHICS = {"chart": "a chart", "chartex": "a chart", "diagram": "a diagram (SmartArt)", "ink": "a drawing made by hand"}
_FIELD_LINK = re.compile(r"HYPERLINK\s+(?:\\[a-z]\s+)*\"(?P<address>[^\"]+)\"", re.IGNORECASE)
_BREAK = "\n"


@dataclass(frozen=True, slots=True)
class Letters:
    """How letters are set."""

    bold: bool = False
    italic: bool = False
    size: float | None = None
    symbols: str = ""  # the font, where it is one of symbols
    struck: bool = False
    shift: Shift = Shift.NONE


@dataclass
class Paragraph:
    """What was found in a paragraph: its text in pieces, `\\n` for a line break; what stands in it but is no text."""

    pieces: list[tuple[Inline, Letters]] = field(default_factory=list)
    pictures: list[Block] = field(default_factory=list)
    boxes: list[etree._Element] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    comments: int = 0


@dataclass
class Fields:
    """The fields that are open where a run stands; they may reach over paragraphs."""

    instructions: list[str] = field(default_factory=list)
    results: list[bool] = field(default_factory=list)

    @property
    def in_instruction(self) -> bool:
        """Whether what stands here is an instruction and no text."""
        return not all(self.results)

    @property
    def link(self) -> str | None:
        """The address that a HYPERLINK field around here leads to."""
        found = [_FIELD_LINK.search(instruction) for instruction in self.instructions]
        return next((match["address"] for match in reversed(found) if match is not None), None)


@dataclass(frozen=True, slots=True)
class RunReader:
    """Reads the runs of a document's paragraphs."""

    styles: Styles
    references: Mapping[str, Reference]
    words_of: Callable[[str], str] = lambda _: ""
    fields: Fields = field(default_factory=Fields)

    def read(self, element: etree._Element, style: str | None) -> Paragraph:
        """What stands in a paragraph."""
        paragraph = Paragraph()
        self._children(element, paragraph, self.styles.chain(style or self.styles.paragraph), None)
        return paragraph

    def _children(self, element: etree._Element, paragraph: Paragraph, chain: Sequence[Style], link: str | None) -> None:
        for part in element:
            name = local(part)
            if name == "r":
                self._run(part, paragraph, chain, link)
            elif name == "hyperlink":
                self._children(part, paragraph, chain, self._target(part) or link)
            elif name == "fldSimple":
                found = _FIELD_LINK.search(attribute(part, "instr") or "")
                self._children(part, paragraph, chain, found["address"] if found is not None else link)
            elif name == "sdt" and is_on(part, "sdtPr", "showingPlcHdr"):
                paragraph.dropped.append(f"a field that nobody has filled in was left out: {_text(part)[:60]!r}")
            elif name in _THROUGH:
                self._children(part, paragraph, chain, link)
            elif name == "oMath":
                _say_formula(formula(part), paragraph, Letters())
            elif name not in _GONE and len(part):
                self._children(part, paragraph, chain, link)

    def _target(self, element: etree._Element) -> str | None:
        reference = self.references.get(attribute(element, "id") or "")
        if reference is None or not reference.external:
            return None
        anchor = attribute(element, "anchor")
        return f"{reference.target}#{anchor}" if anchor and "#" not in reference.target else reference.target

    def _run(self, run: etree._Element, paragraph: Paragraph, chain: Sequence[Style], link: str | None) -> None:
        properties = child(run, "rPr")
        own = self.styles.chain(value(properties, "rStyle"))[:-1]
        letters = _letters(properties, [*own, *chain])
        if own and own[0].name == NOTE_MARK:
            marker = "".join(part.text or "" for part in run if local(part) == "t")
            paragraph.pieces.append((Inline(marker, note=marker), letters))
            return
        hidden = is_on(properties, "vanish") and not is_on(properties, "specVanish")
        for part in run:
            self._part(part, paragraph, letters, link, hidden=bool(hidden))

    def _part(self, part: etree._Element, paragraph: Paragraph, letters: Letters, link: str | None, *, hidden: bool) -> None:
        match local(part):
            case "t":
                self._say(part.text or "", paragraph, letters, link, hidden=hidden)
            case "tab" | "ptab":
                self._say("\t", paragraph, letters, link, hidden=hidden)
            case "br" if attribute(part, "type") in (None, "textWrapping"):
                self._say(_BREAK, paragraph, letters, link, hidden=hidden)
            case "cr":
                self._say(_BREAK, paragraph, letters, link, hidden=hidden)
            case "noBreakHyphen":
                self._say("-", paragraph, letters, link, hidden=hidden)
            case "sym":
                said = symbol(attribute(part, "char") or "", attribute(part, "font") or "")
                self._say(said, paragraph, letters, link, hidden=hidden)
            case "fldChar":
                _say_formula(self._field(attribute(part, "fldCharType")), paragraph, letters)
            case "instrText" if self.fields.instructions:
                self.fields.instructions[-1] += part.text or ""
            case "footnoteReference" | "endnoteReference":
                paragraph.notes.append((local(part).removesuffix("Reference"), attribute(part, "id") or ""))
                paragraph.pieces.append((Inline("", note=f"{len(paragraph.notes) - 1}"), letters))
            case "commentReference":
                paragraph.comments += 1
            case "drawing" | "pict" | "object" | "AlternateContent":
                self._drawing(part, paragraph)
            case "ruby":
                self._ruby(part, paragraph, link)

    def _ruby(self, part: etree._Element, paragraph: Paragraph, link: str | None) -> None:
        """What a ruby is set over, and it in brackets."""
        base, above = child(part, "rubyBase"), child(part, "rt")
        for element, before, behind in ((base, "", ""), (above, "（", "）")):
            if element is not None:
                paragraph.pieces.append((Inline(before), Letters()))
                self._children(element, paragraph, self.styles.chain(None), link)
                paragraph.pieces.append((Inline(behind), Letters()))

    def _say(self, text: str, paragraph: Paragraph, letters: Letters, link: str | None, *, hidden: bool) -> None:
        if self.fields.in_instruction:
            return
        if hidden:
            paragraph.hidden.append(text)
            return
        if letters.symbols:
            text = symbols(text, letters.symbols)
        text = shifted(text, letters.shift)
        if UNKNOWN in text:
            paragraph.dropped.append(f"a sign of a symbol font that is not known stands as {UNKNOWN}")
        if letters.struck and text.strip():
            paragraph.dropped.append(f"text that is struck through is read as any other: {text.strip()[:60]!r}")
        target = link or self.fields.link
        address = safe_address(target) if target is not None else None
        if target is not None and address is None and is_dangerous(target):
            paragraph.dropped.append(f"the link of {text.strip()[:40]!r} was left out: {target[:60]!r}")
        paragraph.pieces.append((Inline(text, letters.bold, letters.italic, address), letters))

    def _field(self, kind: str | None) -> str:
        """Opens or closes a field; what one says that has a formula and no result."""
        fields = self.fields
        if kind == "begin":
            fields.instructions.append("")
            fields.results.append(False)
        elif kind == "separate" and fields.results:
            fields.results[-1] = True
        elif kind == "end" and fields.results:
            instruction, has_result = fields.instructions.pop(), fields.results.pop()
            return "" if has_result else field_formula(instruction)
        return ""

    def _drawing(self, part: etree._Element, paragraph: Paragraph) -> None:
        """The pictures and the text boxes of a drawing. Of a drawing in two forms, the newer one is read."""
        if local(part) == "AlternateContent":
            chosen = child(part, "Choice") if child(part, "Choice") is not None else child(part, "Fallback")
            for inner in () if chosen is None else chosen:
                self._drawing(inner, paragraph)
            return
        alternative = next((_said(found) for found in part.iter() if local(found) in ("docPr", "shape") and _said(found)), "")
        for found in part.iter():
            name = local(found)
            if name == "txbxContent" and not any(
                local(above) == "txbxContent" for above in found.iterancestors() if above is not part
            ):
                paragraph.boxes.append(found)
            elif name in ("blip", "imagedata"):
                self._picture(found, alternative, paragraph, _crop(found))
            elif name == "graphicData" and (kind := _graphic(found)):
                paragraph.dropped.append(f"{kind} was left out{self._said_in(found)}. Put it in as a picture")
            elif name == "OLEObject":
                paragraph.dropped.append(f"an embedded object was left out ({attribute(found, 'ProgID') or 'OLE'})")

    def _said_in(self, graphic: etree._Element) -> str:
        """The words of a diagram or a chart, which stand in a part of their own."""
        identities = {
            value for element in graphic.iter() for key, value in element.attrib.items() if key.endswith(("}id", "}dm"))
        }
        references = (self.references[identity] for identity in identities if identity in self.references)
        said = " ".join(filter(None, (self.words_of(reference.target) for reference in references if not reference.external)))
        return f"; with it went the text {said[:200]!r}" if said else ""

    def _picture(self, element: etree._Element, alternative: str, paragraph: Paragraph, crop: tuple[float, ...] | None) -> None:
        identity = attribute(element, "embed") or attribute(element, "link") or attribute(element, "id") or ""
        reference = self.references.get(identity)
        if reference is not None:
            source = reference.target if crop is None else f"{reference.target}#{','.join(f'{side:g}' for side in crop)}"
            paragraph.pictures.append(image(Picture(source), alternative))


def _say_formula(said: str, paragraph: Paragraph, letters: Letters) -> None:
    if said:
        paragraph.pieces.append((Inline(said, letters.bold, letters.italic), letters))
        paragraph.dropped.append(f"a formula stands as text: {said[:60]!r}")


def _graphic(element: etree._Element) -> str | None:
    """What a graphic is that is no picture, by the namespace of its data."""
    return _GRAPHICS.get((attribute(element, "uri") or "").rpartition("/")[2].lower())


def _crop(blip: etree._Element) -> tuple[float, ...] | None:
    """What is cut off of a picture, left, top, right, bottom, in parts of its sides."""
    around = blip.getparent()
    cut = child(around, "srcRect") if around is not None else None
    sides = [attribute(cut, side) or "0" for side in "ltrb"] if cut is not None else []
    parts = tuple(max(0.0, (claimed_number(side) or 0) / 100_000) for side in sides)
    return parts if any(parts) and parts[0] + parts[2] < 1 and parts[1] + parts[3] < 1 else None


def _said(element: etree._Element) -> str:
    """The alternative text of a drawing; the names that programs give by themselves say nothing."""
    text = " ".join((attribute(element, "descr") or attribute(element, "alt") or "").split())
    return (
        ""
        if re.fullmatch(r"(?:图片|picture|image|图像|img|图)?[\s_-]*[\w-]*\.?(?:png|jpe?g|gif|bmp)?", text, re.IGNORECASE)
        and (re.search(r"\d|\.(?:png|jpe?g|gif|bmp)$", text, re.IGNORECASE) or not text)
        else text
    )


def _letters(properties: etree._Element | None, chain: Sequence[Style]) -> Letters:
    bold, italic, size = is_on(properties, "b"), is_on(properties, "i"), points(value(properties, "sz"))
    for style in chain:
        bold = style.bold if bold is None else bold
        italic = style.italic if italic is None else italic
        size = style.size if size is None else size
    font = attribute(fonts, "ascii") or "" if (fonts := child(properties, "rFonts")) is not None else ""
    struck = bool(is_on(properties, "strike") or is_on(properties, "dstrike"))
    shift = next((known for known in Shift if known == value(properties, "vertAlign")), Shift.NONE)
    return Letters(bool(bold), bool(italic), size, font if font.lower() in _SYMBOL_FONTS else "", struck, shift)


def _text(element: etree._Element) -> str:
    return " ".join("".join(part.text or "" for part in element.iter() if local(part) == "t").split())


def with_notes(pieces: Sequence[tuple[Inline, Letters]], markers: Sequence[str]) -> list[tuple[Inline, Letters]]:
    """The pieces of a paragraph, its references to notes by their markers."""
    return [
        (inline, letters)
        if inline.note is None or inline.text
        else (replace(inline, text=markers[int(inline.note)], note=markers[int(inline.note)]), letters)
        for inline, letters in pieces
    ]
