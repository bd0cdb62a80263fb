"""An issue as a Word file: headings, lists and tables that Word and WPS know as such, a running head and page numbers."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import docx
import docx.enum.text
from docx.document import Document
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.oxml.xmlchemy import BaseOxmlElement
from docx.shared import Emu, Pt
from docx.text.paragraph import Paragraph

from mailer.block import Block, BlockKind, Cell, Inline, Inlines
from mailer.exporting.form import Form
from mailer.exporting.proof import proved
from mailer.exporting.word_styles import Dress, first_line, put_on
from mailer.importers.docx.reading import read_docx
from mailer.importers.marks import NAMESPACE, NOTE_MARK, PASSPORT
from mailer.issue import Issue
from mailer.text_part import printable

_BULLETS = "•◦▪"
_COUNTED = re.compile(r"(\d{1,4})\.")
_LEVELS = 9
_TEXT_WIDTH = Emu(round(15.4 * 360_000))
_PIXEL = 9525 // 2  # in EMU; pictures are kept for screens with two pixels to a point
_CUSTOM_XML = f"{RELATIONSHIP_TYPE.HYPERLINK.rpartition('/')[0]}/customXml"


def write_docx(issue: Issue, pictures: Mapping[str, bytes], dress: Dress) -> bytes:
    """The issue as DOCX with its pictures (octets by hash), set as `dress` says. It imports back to the same issue."""
    return proved(issue, pictures, partial(_written, issue, pictures, dress), partial(read_docx, name=""))


def _written(issue: Issue, pictures: Mapping[str, bytes], dress: Dress, form: Form, passport: str) -> bytes:
    document = docx.Document()
    for paragraph in document.paragraphs:
        paragraph._element.getparent().remove(paragraph._element)
    put_on(document, dress)
    document.core_properties.title = printable(issue.subject)
    document.core_properties.author = printable(issue.publisher)
    document.core_properties.comments = ""
    document.core_properties.language = "zh-CN"
    _Writer(document, pictures).write(issue, form)
    _furnish(document, form)
    root = f'<{PASSPORT} xmlns="{NAMESPACE}">{passport.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")}</{PASSPORT}>'
    part = Part(PackURI("/customXml/bulletin.xml"), "application/xml", root.encode(), document.part.package)
    document.part.relate_to(part, _CUSTOM_XML)
    octets = io.BytesIO()
    document.save(octets)
    return octets.getvalue()


def _furnish(document: Document, form: Form) -> None:
    """The running head, and the page's number at its foot; the first page has no head, since it has the masthead."""
    section = document.sections[0]
    head = section.header.paragraphs[0]
    head.style = document.styles["Header"]
    head.add_run(form.running_head).font.size = Pt(9)
    head.alignment = docx.enum.text.WD_ALIGN_PARAGRAPH.CENTER
    first_line(head._p.get_or_add_pPr(), 0)
    for footer in (section.footer, section.first_page_footer):
        foot = footer.paragraphs[0]
        foot.alignment = docx.enum.text.WD_ALIGN_PARAGRAPH.CENTER
        first_line(foot._p.get_or_add_pPr(), 0)
        foot.add_run("— ").font.size = Pt(9)
        run = foot.add_run()
        run.font.size = Pt(9)
        for kind in ("begin", None, "separate", "1", "end"):
            run._r.append(_field(kind))
        foot.add_run(" —").font.size = Pt(9)


def _field(kind: str | None) -> BaseOxmlElement:
    if kind in ("begin", "separate", "end"):
        return _element("w:fldChar", fldCharType=kind)
    element = OxmlElement("w:t" if kind else "w:instrText")
    element.text = kind or "PAGE"
    return element


def _element(tag: str, **attributes: str | int) -> BaseOxmlElement:
    element = OxmlElement(tag)
    for name, value in attributes.items():
        element.set(qn(f"w:{name}"), str(value))
    return element


@dataclass
class _Writer:
    """Puts paragraph below paragraph."""

    document: Document
    pictures: Mapping[str, bytes]
    _lists: dict[tuple[str, str], int] = field(default_factory=dict)
    _number: int = 0
    _drawings: int = 0

    def write(self, issue: Issue, form: Form) -> None:
        """The whole issue."""
        styles = {"publisher": "Bulletin Masthead"}
        for name, text in form.masthead:
            self._line(styles.get(name, f"Bulletin Masthead {name.capitalize()}"), text)
        if len(form.entries) > 1:
            self._contents(form)
        for text in form.unplaced:
            self._line("Bulletin Unplaced", text)
        for number, article in enumerate(issue.articles, start=1):
            if form.columns[number - 1]:
                self._line("Bulletin Column", form.columns[number - 1])
            headline = self._line("Bulletin Headline", form.titles[number - 1])
            if form.columns[number - 1]:
                headline.paragraph_format.space_before = Pt(2)
            headline._p.insert(1, _element("w:bookmarkStart", id=number, name=f"article_{number}"))
            headline._p.append(_element("w:bookmarkEnd", id=number))
            if printable(article.source_line or "").strip():
                self._line("Bulletin Source", article.source_line or "")
            self._blocks(article.blocks, leveled=form.leveled)
        for number, text in enumerate(form.colophon):
            line = self._line("Bulletin Colophon", text)
            if number == 0:
                line.paragraph_format.space_before = Pt(24)

    def _contents(self, form: Form) -> None:
        self._line("Bulletin Contents Heading", "本期目录")
        for count, entry in enumerate(form.entries, start=1):
            if entry.column:
                self._line("Bulletin Contents Column", entry.column)
            line = self.document.add_paragraph(style="Bulletin Contents")
            text = f"{count}．{printable(entry.title)}"
            if entry.number is None:
                line.add_run(text)
                continue
            link = _element("w:hyperlink", anchor=f"article_{entry.number}", history=1)
            line.add_run(text)
            link.append(line.runs[0]._r)
            line._p.append(link)

    def _line(self, style: str, text: str) -> Paragraph:
        paragraph = self.document.add_paragraph(style=style)
        if text:
            paragraph.add_run(printable(text))
        return paragraph

    def _blocks(self, blocks: Sequence[Block], *, leveled: bool) -> None:
        before: Block | None = None
        above: Paragraph | None = None
        for block in blocks:
            if above is not None and before is not None and _goes_on(before, block):
                above.add_run().add_break()
                self._inlines(above, block.pieces)
            else:
                above = self._block(block, before, leveled=leveled)
            before = block

    def _block(self, block: Block, before: Block | None, *, leveled: bool) -> Paragraph | None:
        match block.kind:
            case BlockKind.TABLE:
                self._table(block)
                return None
            case BlockKind.IMAGE:
                self._image(block)
                return None
            case BlockKind.HEADING:
                style = f"Heading {min(5, max(2, block.level - 1)) if leveled else 2}"
            case BlockKind.QUOTE:
                style = "Quote"
            case BlockKind.RULE:
                style = "Bulletin Rule"
            case BlockKind.ITEM:
                style = "List Paragraph"
            case BlockKind.NOTE:
                style = "Bulletin Note"
            case _:
                style = "Normal"
        paragraph = self.document.add_paragraph(style=style)
        if block.kind is BlockKind.NOTE:
            paragraph.add_run(printable(block.marker), style=NOTE_MARK)
            paragraph.add_run(" ")
        self._inlines(paragraph, block.pieces)
        if block.kind is BlockKind.ITEM:
            self._listed(paragraph, block, before)
        return paragraph

    def _inlines(self, paragraph: Paragraph, inlines: Inlines) -> None:
        for inline in inlines:
            self._inline(paragraph, inline)

    def _inline(self, paragraph: Paragraph, inline: Inline) -> None:
        text = printable(inline.text)
        if inline.note is not None:
            paragraph.add_run(text, style=NOTE_MARK)
            return
        run = paragraph.add_run(text, style="Hyperlink" if inline.link else None)
        run.bold, run.italic = inline.strong or None, inline.emphasis or None
        if inline.link:
            identity = paragraph.part.relate_to(inline.link, RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
            link = OxmlElement("w:hyperlink")
            link.set(qn("r:id"), identity)
            link.append(run._r)
            paragraph._p.append(link)

    # --- Lists ---

    def _listed(self, paragraph: Paragraph, block: Block, before: Block | None) -> None:
        """Puts a paragraph into a list of Word's: bullets, Arabic numbers that go on by themselves, and any other marker as it stands."""
        counted = _COUNTED.fullmatch(block.marker)
        level = min(_LEVELS - 1, block.level)
        if counted is None or before is None or not self._continues(block, before):
            form = ("decimal", counted[1]) if counted else ("none", printable(block.marker)) if block.marker else ("bullet", "")
            self._number = self._list(form, anew=counted is not None)
        numbered = paragraph._p.get_or_add_pPr().get_or_add_numPr()
        numbered.get_or_add_ilvl().val = level
        numbered.get_or_add_numId().val = self._number

    def _continues(self, block: Block, before: Block) -> bool:
        now, last = _COUNTED.fullmatch(block.marker), _COUNTED.fullmatch(before.marker)
        same = before.kind is BlockKind.ITEM and before.level == block.level
        return same and now is not None and last is not None and int(now[1]) == int(last[1]) + 1

    def _list(self, form: tuple[str, str], *, anew: bool) -> int:
        """The number of a list of that form; one that counts is a new one each time."""
        if not anew and form in self._lists:
            return self._lists[form]
        root = self.document.part.numbering_part.element
        number = 100 + len([found for found in root if found.tag == qn("w:num")])
        kind, said = form
        abstract = _element("w:abstractNum", abstractNumId=number)
        abstract.append(_element("w:multiLevelType", val="hybridMultilevel"))
        for level in range(_LEVELS):
            abstract.append(_level(level, kind, said))
        first = next((found for found in root if found.tag == qn("w:num")), None)
        if first is None:
            root.append(abstract)
        else:
            first.addprevious(abstract)  # the schema wants them before all lists
        listed = _element("w:num", numId=number)
        listed.append(_element("w:abstractNumId", val=number))
        root.append(listed)
        self._lists[form] = number
        return number

    # --- Tables and pictures ---

    def _table(self, block: Block) -> None:
        rows = [list(row) for row in _laid_out(block)]
        width = max((sum(span for _, span, _ in row) for row in rows), default=0)
        if not width:
            return
        table = self.document.add_table(rows=0, cols=width, style="Table Grid")
        table.autofit = True
        for row, said in zip(rows, block.rows, strict=True):
            line = OxmlElement("w:tr")
            properties = OxmlElement("w:trPr")
            properties.append(OxmlElement("w:cantSplit"))
            if said and all(cell.header for cell in said):
                properties.append(OxmlElement("w:tblHeader"))
            line.append(properties)
            for cell, span, merge in row:
                line.append(self._cell(cell, span, merge, _TEXT_WIDTH // 635 * span // width))
            table._tbl.append(line)
        self.document.add_paragraph(style="Bulletin Cell")

    def _cell(self, cell: Cell | None, span: int, merge: str, width: int) -> BaseOxmlElement:
        element, properties = OxmlElement("w:tc"), OxmlElement("w:tcPr")
        properties.append(_element("w:tcW", w=width, type="dxa"))
        if span > 1:
            properties.append(_element("w:gridSpan", val=span))
        if merge:
            properties.append(_element("w:vMerge", val=merge))
        if cell is not None and cell.header:
            properties.append(_element("w:shd", val="clear", color="auto", fill="F2EFE9"))
        element.append(properties)
        paragraph = Paragraph(OxmlElement("w:p"), self.document._body)
        paragraph.style = self.document.styles["Bulletin Cell"]
        if cell is not None:
            self._inlines(paragraph, cell.inlines or (Inline(cell.text),))
        element.append(paragraph._p)
        return element

    def _image(self, block: Block) -> None:
        picture = block.picture
        content = self.pictures.get(picture.sha256 or "") if picture is not None else None
        if picture is None or content is None:
            self._line("Bulletin Missing", f"〔图：{block.text}〕")
            return
        run = self.document.add_paragraph(style="Bulletin Picture").add_run()
        width = Emu(min(_TEXT_WIDTH, max(1, picture.width or 1) * _PIXEL))
        shape = run.add_picture(io.BytesIO(content), width=width)
        self._drawings += 1
        shape._inline.docPr.set("descr", printable(block.text))
        shape._inline.docPr.set("name", f"picture {self._drawings}")


def _goes_on(before: Block, block: Block) -> bool:
    """Whether a paragraph stands within the list item above it."""
    if block.kind is not BlockKind.PARAGRAPH or block.level == 0:
        return False
    inside = before.level + 1 if before.kind is BlockKind.ITEM else before.level
    return before.kind in (BlockKind.ITEM, BlockKind.PARAGRAPH) and inside == block.level


def _level(level: int, kind: str, said: str) -> BaseOxmlElement:
    found = _element("w:lvl", ilvl=level)
    start = int(said) if kind == "decimal" else 1
    text = {"bullet": _BULLETS[level % len(_BULLETS)], "decimal": f"%{level + 1}."}.get(kind, said)
    found.append(_element("w:start", val=start))
    found.append(_element("w:numFmt", val="bullet" if kind == "bullet" else "decimal"))
    found.append(_element("w:suff", val="tab" if kind != "none" else "space"))
    found.append(_element("w:lvlText", val=text))
    found.append(_element("w:lvlJc", val="left"))
    properties, hanging = OxmlElement("w:pPr"), 360
    properties.append(_element("w:ind", left=480 + 480 * level, hanging=hanging if kind != "none" else 0))
    found.append(properties)
    return found


def _laid_out(block: Block) -> Iterator[Iterator[tuple[Cell | None, int, str]]]:
    """Each row as Word has it: a cell, how many columns it takes, and whether it begins or goes on downwards."""
    below: dict[int, tuple[int, int]] = {}  # by column: how many rows more, and how many columns
    for row in block.rows:
        yield iter(_row(row, below))


def _row(row: Sequence[Cell], below: dict[int, tuple[int, int]]) -> list[tuple[Cell | None, int, str]]:
    placed: list[tuple[Cell | None, int, str]] = []
    column = 0
    cells = list(row)
    while cells or column in below:
        if column in below:
            left, span = below.pop(column)
            if left > 1:
                below[column] = left - 1, span
            placed.append((None, span, "continue"))
            column += span
            continue
        cell = cells.pop(0)
        if cell.rows > 1:
            below[column] = cell.rows - 1, cell.columns
        placed.append((cell, cell.columns, "restart" if cell.rows > 1 else ""))
        column += cell.columns
    return placed
