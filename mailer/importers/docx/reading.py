"""Reads DOCX files, as Word and WPS write them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from lxml import etree

from mailer.block import Block, BlockKind, Cell, Inline, Row, cell, table, text_block
from mailer.importers.cells import LONGEST_CELL, in_one_cell
from mailer.importers.claims import claimed_number
from mailer.importers.document import Document, Part
from mailer.importers.docx.numbering import Numbering, read_numbering
from mailer.importers.docx.package import Package, attribute, child, is_on, local, value
from mailer.importers.docx.runs import Letters, Paragraph, RunReader, with_notes
from mailer.importers.docx.styles import Styles, numbering_of, read_styles
from mailer.importers.flow import flowing
from mailer.importers.look import Look, with_headings
from mailer.importers.marks import NAMESPACE, PASSPORT, RULE
from mailer.importers.pictures import cropped

_THROUGH = frozenset({"sdt", "sdtContent", "ins", "moveTo", "customXml", "smartTag", "body"})


def read_docx(content: bytes, name: str) -> Document:
    """The blocks of a DOCX file. Raises InputError where it is damaged or made to do harm."""
    package = Package(content, name)
    root = package.xml(package.document)
    reader = _Reader(package, name)
    if root is not None:
        reader.read(root)
    warnings = [*reader.warnings, *(f"{name}: {what}." for what in package.dropped())]
    if reader.comments:
        warnings.append(f"{name}: {reader.comments} comments were left out.")
    passport = reader.passport()
    return Document(
        parts=tuple(with_headings(reader.parts)),
        fields={} if passport is None else {PASSPORT: passport},
        furniture=tuple(reader.furniture()),
        warnings=tuple(dict.fromkeys(warnings)),
        images=reader.images(),
    )


@dataclass
class _Reader:
    """Goes through the body of a document and collects its blocks."""

    package: Package
    name: str
    parts: list[tuple[Part, Look]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    comments: int = 0
    _mark: str = ""
    _number: int = 0
    _blank: bool = False
    _notes: list[Block] = field(default_factory=list)
    _note_count: int = 0
    _carried: list[tuple[Inline, Letters]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._references = self.package.references(self.package.document)
        targets = {reference.kind: reference.target for reference in self._references.values() if not reference.external}
        self._styles: Styles = read_styles(self.package.xml(targets.get("styles", "word/styles.xml")))
        self._numbering: Numbering = read_numbering(self.package.xml(targets.get("numbering", "word/numbering.xml")))
        self._runs = RunReader(self._styles, self._references, self._words_of)
        self._note_texts = {
            kind: self._read_notes(targets.get(f"{kind}s", f"word/{kind}s.xml"), kind) for kind in ("footnote", "endnote")
        }

    def read(self, root: etree._Element) -> None:
        """Reads a whole document."""
        body = child(root, "body")
        self._blocks(body if body is not None else root)
        self._put_carried()
        self._put_notes()

    def furniture(self) -> Iterator[str]:
        """The heads and feet of the pages, each once."""
        said: dict[str, None] = {}
        for reference in self._references.values():
            if reference.kind in ("header", "footer") and not reference.external:
                root = self.package.xml(reference.target)
                for paragraph in () if root is None else (found for found in root.iter() if local(found) == "p"):
                    text = " ".join("".join(t.text or "" for t in paragraph.iter() if local(t) == "t").split())
                    said |= {text: None} if text else {}
        return iter(said)

    def passport(self) -> str | None:
        """What a file of ours says of itself."""
        for reference in self._references.values():
            if reference.kind == "customXml" and not reference.external:
                root = self.package.xml(reference.target)
                if root is not None and root.tag == f"{{{NAMESPACE}}}{PASSPORT}":
                    return root.text or ""
        return None

    def images(self) -> dict[str, bytes]:
        """The octets of the pictures that are shown, by their names."""
        shown = {part.block.picture.source for part, _ in self.parts if part.block.picture is not None}
        found: dict[str, bytes] = {}
        for source in shown:
            path, _, sides = source.partition("#")
            content = self.package.octets(path)
            if content is not None:
                found[source] = cropped(content, tuple(map(float, sides.split(",")))) if sides else content
        return found

    def _blocks(self, element: etree._Element) -> None:
        for part in element:
            name = local(part)
            if name == "p":
                self._number += 1
                self._paragraph(part)
            elif name == "tbl":
                self._put_carried()
                self._table(part)
            elif name == "altChunk":
                self.warnings.append(f"{self.name}: a file embedded as text was left out. Copy its text into the document.")
            elif name == "sdt" and is_on(part, "sdtPr", "showingPlcHdr"):
                self.warnings.append(f"{self.name}: a field that nobody has filled in was left out.")
            elif name in _THROUGH:
                self._blocks(part)

    def _paragraph(self, element: etree._Element) -> None:
        properties = child(element, "pPr")
        style = value(properties, "pStyle") or self._styles.paragraph
        self._mark = self._styles.mark(style)
        if self._mark == RULE:
            self._mark = ""
            self._add(Block(BlockKind.RULE, ""), Look())
        self._blank |= bool(is_on(properties, "pageBreakBefore"))
        paragraph = self._runs.read(element, style)
        self._report(paragraph)
        level = self._level(properties, style)
        if level is not None:
            self._put_notes()
        markers = [self._note(kind, identity) for kind, identity in paragraph.notes]
        pieces = [*self._carried, *with_notes(paragraph.pieces, markers)]
        self._carried = []
        if child(properties, "rPr", "del") is not None:  # its end is deleted, so that it goes on with the next one
            self._carried = pieces
            return
        listed = self._listed(properties, style) if any(inline.text.strip() for inline, _ in pieces) else None
        if level is not None:
            self._heading(pieces, level, listed)
        else:
            self._text(pieces, listed, self._look(properties, style, pieces), quoted=self._styles.is_quote(style))
        for picture in paragraph.pictures:
            self._add(picture, Look())
        for box in paragraph.boxes:
            self._blocks(box)

    def _put_carried(self) -> None:
        pieces, self._carried = self._carried, []
        self._text(pieces, None, Look(), quoted=False)

    def _words_of(self, path: str) -> str:
        """The words in another part of the package: those of a chart or a diagram."""
        root = self.package.xml(path)
        said = () if root is None else (element.text or "" for element in root.iter() if local(element) in ("t", "v"))
        return " ".join(" ".join(said).split())

    def _level(self, properties: etree._Element | None, style: str | None) -> int | None:
        outline = claimed_number(value(properties, "outlineLvl"))
        if outline is not None:
            return outline + 2 if 0 <= outline < 9 else None
        return self._styles.level(style)

    def _listed(self, properties: etree._Element | None, style: str | None) -> tuple[int, str] | None:
        """The level in its list, and the number, of a paragraph that is in one; a bullet has none."""
        numbered = numbering_of(properties) or self._styles.numbering(style)
        found = self._numbering.next(*numbered) if numbered is not None else None
        return None if numbered is None or found is None else (numbered[1], found[1])

    def _heading(self, pieces: Iterable[tuple[Inline, Letters]], level: int, listed: tuple[int, str] | None) -> None:
        inlines = [replace(inline, strong=False) for inline, _ in pieces]
        number = [Inline(listed[1])] if listed is not None and listed[1] else []
        said = flowing(inlines)
        if said:
            gap = [Inline(" ")] if number and number[0].text[-1].isascii() else []
            self._add(text_block(BlockKind.HEADING, [*number, *gap, *said], level=min(6, level)), Look())

    def _text(
        self, pieces: Iterable[tuple[Inline, Letters]], listed: tuple[int, str] | None, look: Look, *, quoted: bool
    ) -> None:
        """The lines of a paragraph; what stands below a line break is a block of its own."""
        kind = BlockKind.QUOTE if quoted else BlockKind.PARAGRAPH
        level, marker = 0, ""
        if listed is not None:
            kind, level, marker = BlockKind.ITEM, listed[0], listed[1]
        for line in _lines(inline for inline, _ in pieces):
            inlines = flowing(line)
            if inlines:
                self._add(text_block(kind, inlines, level=level, marker=marker), look)
                if kind is BlockKind.ITEM:
                    kind, level, marker = BlockKind.PARAGRAPH, level + 1, ""
            else:
                self._blank = True

    def _look(self, properties: etree._Element | None, style: str | None, pieces: Iterable[tuple[Inline, Letters]]) -> Look:
        said = [(inline, letters) for inline, letters in pieces if inline.text.strip()]
        sizes = [letters.size for _, letters in said if letters.size is not None]
        written = value(properties, "jc")
        centred = next((found.centred for found in self._styles.chain(style) if found.centred is not None), False)
        return Look(
            size=max(sizes, default=None),
            bold=bool(said) and all(letters.bold for _, letters in said),
            centred=bool(centred) if written is None else written == "center",
        )

    def _add(self, block: Block, look: Look) -> None:
        self.parts.append((Part(block, f"paragraph {self._number}", self._mark), replace(look, apart=self._blank)))
        self._blank = False

    def _report(self, paragraph: Paragraph) -> None:
        self.comments += paragraph.comments
        where = f"{self.name}: paragraph {self._number}"
        hidden = "".join(paragraph.hidden).strip()
        if hidden:
            self.warnings.append(f"{where}: hidden text was left out: {hidden[:200]!r}.")
        self.warnings += [f"{where}: {what}." for what in paragraph.dropped]

    def _note(self, kind: str, identity: str) -> str:
        """Takes a note up for the end of the section; its marker."""
        self._note_count += 1
        marker = f"[{self._note_count}]"
        inlines = self._note_texts[kind].get(identity)
        if inlines:
            self._notes.append(text_block(BlockKind.NOTE, inlines, marker=marker))
        return marker

    def _put_notes(self) -> None:
        notes, self._notes = self._notes, []
        for note in notes:
            self._add(note, Look())

    def _read_notes(self, path: str, kind: str) -> dict[str, list[Inline]]:
        root = self.package.xml(path)
        runs = RunReader(self._styles, self.package.references(path) if root is not None else {})
        found: dict[str, list[Inline]] = {}
        for note in () if root is None else root:
            if local(note) != kind or attribute(note, "type") in ("separator", "continuationSeparator", "continuationNotice"):
                continue
            pieces: list[Inline] = []
            for paragraph in (element for element in note if local(element) == "p"):
                said = [inline for inline, _ in runs.read(paragraph, None).pieces if inline.note is None]
                pieces += [Inline(" "), *said] if pieces else said
            found[attribute(note, "id") or ""] = flowing(pieces)
        return found

    def _table(self, element: etree._Element) -> None:
        lines = [row for row in _through(element) if local(row) == "tr" and child(row, "trPr", "del") is None]
        rows = [[found for found in _through(row) if local(found) == "tc"] for row in lines]
        nested = any(local(found) == "tbl" for row in rows for tc in row for found in tc.iter() if found is not tc)
        long = any(sum(len(t.text or "") for t in tc.iter() if local(t) == "t") > LONGEST_CELL for row in rows for tc in row)
        if nested or long or max(map(len, rows), default=0) < 2:
            for row in rows:
                for tc in row:
                    self._blocks(tc)
            return
        self._number += 1
        headers = [is_on(child(row, "trPr"), "tblHeader") for row in lines]
        pictures: list[Block] = []
        cells = [[self._cell(tc, bool(header), pictures) for tc in row] for row, header in zip(rows, headers, strict=True)]
        self._add(table(_merged(cells)), Look())
        for picture in pictures:
            self._add(picture, Look())

    def _cell(self, element: etree._Element, header: bool, pictures: list[Block]) -> tuple[Cell, int, str | None]:
        """A cell, the column that follows it being so many further, and whether it goes on with the one above."""
        outer, self.parts = self.parts, []
        self._blocks(element)
        inner, self.parts = self.parts, outer
        inlines, shown = in_one_cell(part for part, _ in inner)
        pictures += shown
        properties = child(element, "tcPr")
        merge = child(properties, "vMerge")
        going_on = None if merge is None else attribute(merge, "val") or "continue"
        made = cell(inlines, header=header, columns=claimed_number(value(properties, "gridSpan")) or 1)
        return made, made.columns, going_on


def _through(element: etree._Element) -> Iterator[etree._Element]:
    """The elements below one, and those in what stands around them without a meaning for us."""
    for part in element:
        if local(part) in _THROUGH:
            yield from _through(part)
        elif local(part) not in ("del", "moveFrom"):
            yield part


def _lines(inlines: Iterable[Inline]) -> Iterator[list[Inline]]:
    line: list[Inline] = []
    for inline in inlines:
        first, *others = inline.text.split("\n")
        line.append(replace(inline, text=first))
        for other in others:
            yield line
            line = [replace(inline, text=other)]
    yield line


def _merged(cells: Iterable[list[tuple[Cell, int, str | None]]]) -> list[Row]:
    """The rows, a cell that goes on with the one above being part of it."""
    rows: list[list[Cell]] = []
    begun: dict[int, tuple[int, int]] = {}  # by column: the row and the place of the cell that goes on downwards
    for index, row in enumerate(cells):
        kept: list[Cell] = []
        column = 0
        for found, width, going_on in row:
            if going_on == "continue" and column in begun and not found.text:
                above, place = begun[column]
                rows[above][place] = replace(rows[above][place], rows=index - above + 1)
            else:
                begun.pop(column, None)
                if going_on == "restart":
                    begun[column] = index, len(kept)
                kept.append(found)
            column += width
        rows.append(kept)
    return [tuple(row) for row in rows]
