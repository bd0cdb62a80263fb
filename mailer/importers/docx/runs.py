"""The text within a paragraph of a DOCX file: runs, links, fields, notes, changes, which are all accepted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from lxml import etree

from mailer.block import Block, Inline, Picture, image
from mailer.importers.addresses import is_dangerous, safe_address
from mailer.importers.docx.package import Reference, attribute, child, is_on, local, value
from mailer.importers.docx.styles import Style, Styles, points
from mailer.importers.marks import NOTE_MARK

_THROUGH = frozenset(
    {"ins", "moveTo", "smartTag", "sdtContent", "customXml", "sdt", "dir", "bdo", "ruby", "rubyBase", "oMath", "oMathPara"}
)
_GONE = frozenset({"del", "moveFrom", "instrText", "delText", "delInstrText", "pPr", "rPr", "sdtPr", "rubyPr"})
_FIELD_LINK = re.compile(r"HYPERLINK\s+(?:\\[a-z]\s+)*\"(?P<address>[^\"]+)\"", re.IGNORECASE)
_BREAK = "\n"


@dataclass(frozen=True, slots=True)
class Letters:
    """How letters are set."""

    bold: bool = False
    italic: bool = False
    size: float | None = None


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
                self._children(part, paragraph, chain, self._target(part, paragraph) or link)
            elif name == "fldSimple":
                found = _FIELD_LINK.search(attribute(part, "instr") or "")
                self._children(part, paragraph, chain, found["address"] if found is not None else link)
            elif name in _THROUGH:
                self._children(part, paragraph, chain, link)
            elif name == "rt":
                paragraph.pieces.append((Inline("（"), Letters()))
                self._children(part, paragraph, chain, link)
                paragraph.pieces.append((Inline("）"), Letters()))
            elif name == "t":  # of a formula
                paragraph.pieces.append((Inline(part.text or ""), Letters()))
            elif name not in _GONE and len(part):
                self._children(part, paragraph, chain, link)

    def _target(self, element: etree._Element, paragraph: Paragraph) -> str | None:
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
                self._say(_symbol(attribute(part, "char") or ""), paragraph, letters, link, hidden=hidden)
            case "fldChar":
                self._field(attribute(part, "fldCharType"))
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
                self._children(part, paragraph, (), link)

    def _say(self, text: str, paragraph: Paragraph, letters: Letters, link: str | None, *, hidden: bool) -> None:
        if self.fields.in_instruction:
            return
        if hidden:
            paragraph.hidden.append(text)
            return
        target = link or self.fields.link
        address = safe_address(target) if target is not None else None
        if target is not None and address is None and is_dangerous(target):
            paragraph.dropped.append(f"the link of {text.strip()[:40]!r} was left out: {target[:60]!r}")
        paragraph.pieces.append((Inline(text, letters.bold, letters.italic, address), letters))

    def _field(self, kind: str | None) -> None:
        fields = self.fields
        if kind == "begin":
            fields.instructions.append("")
            fields.results.append(False)
        elif kind == "separate" and fields.results:
            fields.results[-1] = True
        elif kind == "end" and fields.results:
            fields.instructions.pop()
            fields.results.pop()

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
                self._picture(found, alternative, paragraph)
            elif name == "OLEObject":
                paragraph.dropped.append(f"an embedded object was left out ({attribute(found, 'ProgID') or 'OLE'})")

    def _picture(self, element: etree._Element, alternative: str, paragraph: Paragraph) -> None:
        identity = attribute(element, "embed") or attribute(element, "link") or attribute(element, "id") or ""
        reference = self.references.get(identity)
        if reference is not None:
            paragraph.pictures.append(image(Picture(reference.target), alternative))


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
    return Letters(bool(bold), bool(italic), size)


def _symbol(code: str) -> str:
    """A sign of a symbol font; Word puts them into the private use area."""
    try:
        number = int(code, 16)
    except ValueError:
        return ""
    return chr(number - 0xF000) if 0xF020 <= number <= 0xF07E else chr(number)


def with_notes(pieces: Sequence[tuple[Inline, Letters]], markers: Sequence[str]) -> list[tuple[Inline, Letters]]:
    """The pieces of a paragraph, its references to notes by their markers."""
    return [
        (inline, letters)
        if inline.note is None or inline.text
        else (replace(inline, text=markers[int(inline.note)], note=markers[int(inline.note)]), letters)
        for inline, letters in pieces
    ]
