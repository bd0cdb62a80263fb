"""Reads HTML: web pages, what Word and WPS save as such ("filtered" or not), and what Markdown becomes."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import unquote, unquote_to_bytes

from lxml import etree, html

from mailer.block import Block, BlockKind, Inline, Picture, image, text_block
from mailer.importers.addresses import is_dangerous, safe_address
from mailer.importers.cells import in_one_cell
from mailer.importers.claims import claimed_number
from mailer.importers.document import Document, Part
from mailer.importers.drawing import from_page
from mailer.importers.flow import flowing
from mailer.importers.html_style import Style, is_hidden, look_of, styled
from mailer.importers.html_table import read_table
from mailer.importers.look import Look, with_headings
from mailer.importers.marks import PASSPORT
from mailer.importers.shifted import shifted
from subscribers.encoding import decode
from subscribers.errors import InputError

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = _HEADINGS.keys() | {
    *("p", "div", "section", "article", "header", "footer", "main", "aside", "nav", "center", "address", "figure"),
    *("figcaption", "pre", "dl", "dt", "dd", "details", "summary", "form", "fieldset", "legend", "body", "html", "hr", "ul"),
    *("ol", "li", "blockquote", "table", "caption", "thead", "tbody", "tfoot", "tr", "td", "th"),
}
# What is dropped with all that is in it, and what is said of it.
_DROPPED = {
    "script": "a script",
    "iframe": "a frame of another page",
    "object": "an embedded object",
    "embed": "an embedded object",
    "applet": "an embedded program",
    "canvas": "a drawing that a script makes",
    "video": "a film",
    "audio": "a sound",
    "svg": "a small drawing (SVG)",
    "math": "a formula (MathML)",
}
_SILENT = frozenset(
    {"style", "head", "title", "meta", "link", "base", "template", "xml", "noframes", "datalist", "param", "source", "rp"}
)
# What browsers show around an element: quotation marks; and the brackets that Word's ruby gets, too.
_AROUND = {"q": ("“", "”"), "rt": ("（", "）")}
_XML_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")
_NOTE_MARKER = re.compile(r"\s*[\[［(（]?\s*(?:\d{1,3}|[a-z*†‡])\s*[\]］)）]?\s*")
_NOTE_TARGET = re.compile(r"#(?:fn|_ftn|_edn|footnote|cite_note|note)[-_:]?\w*", re.IGNORECASE)
_BACK_TARGET = re.compile(r"#(?:fnref|_ftnref|_ednref|footnote-?ref|cite_ref|noteref)[-_:]?\w*", re.IGNORECASE)
_LIST_MARKER = re.compile(r"(?P<marker>[^\s\u00a0]{1,8})[\s\u00a0]*\u00a0[\s\u00a0]*")  # and then the text, as Word writes it
_LIST_LEVEL = re.compile(r"mso-list\s*:[^;]*\blevel(?P<level>\d)", re.IGNORECASE)
_DATA = re.compile(r"data:image/[\w.+-]+(?P<options>(?:;[\w=.-]+)*),(?P<content>.*)", re.DOTALL)
_TICKED = ("checkbox", "radio")
_NO_TEXT = ("hidden", "password", "file", "color", "range", "image", "submit", "reset", "button")  # fields of a form
_SHOWN_BY_SCRIPT = "js_content"  # the text of an article on WeChat, which is hidden until a script shows it
_LARGEST_SIGN = 48.0  # pixels
_IN_TEXT = "\0"  # in place of a marker: it stands in the text
_BULLETS = "·•●▪■◦○§Øüo"


def read_html(content: bytes, name: str, files: Mapping[str, bytes] | None = None) -> Document:
    """The blocks of an HTML file; `files` are those beside it, by name. Raises InputError where it is no text."""
    return read_html_text(decode(content, name), name, files or {})


def read_html_text(text: str, name: str, files: Mapping[str, bytes]) -> Document:
    """The blocks of HTML."""
    text = _XML_DECLARATION.sub("", text.replace("\0", ""))
    parser = html.HTMLParser(no_network=True, remove_comments=True, remove_pis=True, huge_tree=True)
    try:
        root = html.document_fromstring(text or "<p></p>", parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        raise InputError(f"{name}: there is no text in this HTML file. Check the file.") from error
    if any(said.type_name == "ERR_RESOURCE_LIMIT" for said in parser.error_log):
        raise InputError(f"{name}: its elements are nested deeper than any page's. Save it anew, or import the text alone.")
    reader = _Reader(name, files)
    reader.read(root)
    return Document(
        parts=tuple(with_headings(reader.parts)),
        warnings=tuple(dict.fromkeys(reader.warnings)),
        fields={PASSPORT: found[0]} if (found := root.xpath(f"//meta[@name='{PASSPORT}']/@content")) else {},
        images=reader.images,
    )


@dataclass
class _Reader:
    """Goes through a tree and collects its blocks."""

    name: str
    files: Mapping[str, bytes]
    parts: list[tuple[Part, Look]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    images: dict[str, bytes] = field(default_factory=dict)
    _pending: list[tuple[Inline, Style]] = field(default_factory=list)
    _pictures: list[Block] = field(default_factory=list)
    _kind: BlockKind = BlockKind.PARAGRAPH
    _level: int = 0
    _marker: str = ""
    _line: int = 1
    _lists: list[tuple[str, int]] = field(default_factory=list)
    _quotes: int = 0
    _notes: bool = False
    _mark: str = ""

    def read(self, root: html.HtmlElement) -> None:
        """Reads a whole tree."""
        self._element(root, Style())
        self._flush()

    def _element(self, element: html.HtmlElement, style: Style) -> None:
        tag = element.tag if isinstance(element.tag, str) else ""
        if tag in _SILENT or not tag:
            return
        if tag == "svg" and _is_large(element) and not is_hidden(element):
            self._drawing(element)
            return
        if tag in _DROPPED:
            self._drop(element, tag)
            return
        if tag == "svg:svg" or (is_hidden(element) and element.get("id") != _SHOWN_BY_SCRIPT):
            self._hide(element)
            return
        self._line = claimed_number(element.get("data-line")) or element.sourceline or self._line
        style = styled(element, tag, style)
        if tag == "br":
            self._break()
        elif tag == "img":
            self._image(element)
        elif tag == "hr":
            self._flush()
            if "footnotes-sep" not in (element.get("class") or ""):
                self._add(Block(BlockKind.RULE, ""), Look())
        elif tag == "table":
            self._table(element, style)
        elif tag == "a":
            self._anchor(element, style)
        elif tag in _BLOCKS:
            self._block(element, tag, style)
        else:
            self._children(element, style)

    def _children(self, element: html.HtmlElement, style: Style) -> None:
        before, behind = _AROUND.get(element.tag, ("", ""))
        said = _shown(element) if element.tag == "input" else element.text or ""
        self._text(before + said, style)
        for child in element:
            self._element(child, style)
            self._text(child.tail, style)
        self._text(behind, style)

    def _text(self, text: str | None, style: Style) -> None:
        for number, line in enumerate((text or "").split("\n") if style.keeps_lines else [text or ""]):
            if number:
                self._break()
            if line:
                said = shifted(line, style.shift) if style.note is None else line
                self._pending.append((Inline(said, style.strong, style.emphasis, style.link, style.note), style))

    def _block(self, element: html.HtmlElement, tag: str, style: Style) -> None:
        self._flush()
        outer, is_item = (self._kind, self._level, self._marker), False
        mark, self._mark = self._mark, element.get("data-mark", self._mark)
        if tag in _HEADINGS:
            self._kind, self._level = BlockKind.HEADING, _HEADINGS[tag]
        elif tag in ("ul", "ol"):
            self._list(element, tag, style)
            self._kind, self._level, self._marker = outer
            self._mark = mark
            return
        elif tag == "li":
            self._item(element)
        elif is_item := tag == "p" and (element.get("class") or "").startswith("MsoList"):
            level = _LIST_LEVEL.search(element.get("style") or "")
            self._kind, self._level, self._marker = BlockKind.ITEM, int(level["level"]) - 1 if level else 0, _IN_TEXT
        elif tag == "blockquote":
            self._kind, self._quotes = BlockKind.QUOTE, self._quotes + 1
        self._children(element, style)
        self._flush()
        self._mark = mark
        self._quotes -= tag == "blockquote"
        if is_item or tag in _HEADINGS or tag in ("li", "blockquote"):
            self._kind, self._level, self._marker = outer

    def _list(self, element: html.HtmlElement, tag: str, style: Style) -> None:
        notes, self._notes = self._notes, self._notes or _holds_notes(element)
        start = claimed_number(element.get("start"))
        self._lists.append((tag, 1 if start is None else start))
        for child in element:
            if child.tag in ("ul", "ol"):  # Word nests lists without an item around
                self._block(child, child.tag, style)
            else:
                self._element(child, style)
            self._text(child.tail if (child.tail or "").strip() else None, style)
        self._lists.pop()
        self._notes = notes

    def _item(self, element: html.HtmlElement) -> None:
        tag, number = self._lists[-1] if self._lists else ("ul", 1)
        value = claimed_number(element.get("value"))
        number = number if value is None else value
        if self._lists:
            self._lists[-1] = tag, number + 1
        self._kind, self._level = BlockKind.ITEM, max(0, len(self._lists) - 1)
        self._marker = element.get("data-marker") or (f"{number}." if tag == "ol" else "")
        if self._notes:
            self._kind, self._level, self._marker = BlockKind.NOTE, 0, element.get("data-marker") or f"[{number}]"

    def _break(self) -> None:
        """A line break begins a new block: what authors break is a list of facts, or the end of a paragraph."""
        if self._kind is BlockKind.HEADING:
            self._pending.append((Inline("\n"), Style()))
        else:
            self._flush()

    def _flush(self) -> None:
        """What was collected becomes a block."""
        pending, self._pending = self._pending, []
        pictures, self._pictures = self._pictures, []
        inlines = flowing(inline for inline, _ in pending)
        if inlines:
            self._add(self._of(inlines), look_of(pending))
            if self._kind in (BlockKind.ITEM, BlockKind.NOTE):  # what follows in the item stands below it
                self._kind, self._level, self._marker = BlockKind.PARAGRAPH, self._level + 1, ""
        for picture in pictures:
            self._add(picture, Look())

    def _of(self, inlines: list[Inline]) -> Block:
        if self._kind is BlockKind.HEADING:
            inlines = [replace(inline, strong=False) for inline in inlines]
        if self._kind is BlockKind.ITEM and self._marker == _IN_TEXT:
            return _unmarked(inlines, self._level)
        kind = BlockKind.QUOTE if self._quotes and self._kind is BlockKind.PARAGRAPH else self._kind
        return text_block(kind, inlines, level=self._level, marker=self._marker)

    def _add(self, block: Block, look: Look) -> None:
        self.parts.append((Part(block, f"line {self._line}", self._mark), look))

    def _anchor(self, element: html.HtmlElement, style: Style) -> None:
        target = element.get("href") or ""
        said = element.text_content()
        if _BACK_TARGET.fullmatch(target) and not any(character.isalnum() for character in said):
            return  # the arrow back to the text, which a program has put there
        if target.startswith("#"):
            if _NOTE_TARGET.fullmatch(target) and _NOTE_MARKER.fullmatch(said):
                style = replace(style, note=said.strip())
        elif target:
            address = safe_address(target)
            if address is None and is_dangerous(target):
                self.warnings.append(
                    f"{self.name}:{self._line}: the link of {said.strip()[:40]!r} was left out: {target[:60]!r}."
                )
            style = replace(style, link=address)
        self._children(element, style)

    def _table(self, element: html.HtmlElement, style: Style) -> None:
        self._flush()
        found = read_table(element, self._cell)
        if found is not None:
            for caption in element.iterchildren("caption"):
                self._block(caption, "caption", style)
            self._add(found, Look())
            pictures, self._pictures = self._pictures, []
            for picture in pictures:
                self._add(picture, Look())
            return
        for part in element:  # a table that only puts things in their places
            self._block(part, part.tag if isinstance(part.tag, str) else "div", style)

    def _cell(self, element: html.HtmlElement) -> list[Inline]:
        """The text of a cell of a table."""
        inner = _Reader(self.name, self.files, warnings=self.warnings, images=self.images, _line=self._line)
        inner._children(element, styled(element, "td", Style()))
        inner._flush()
        inlines, pictures = in_one_cell(part for part, _ in inner.parts)
        self._pictures += pictures
        return inlines

    def _image(self, element: html.HtmlElement) -> None:
        # Some pages fetch pictures when they are scrolled to.
        source = (element.get("src") or element.get("data-src") or "").strip()
        alternative = " ".join((element.get("alt") or "").split())
        if element.get("width") in ("0", "1") or element.get("height") in ("0", "1"):
            return  # a pixel that counts readers
        name = self._picture(source)
        if name is not None:
            self._pictures.append(image(Picture(name), alternative))

    def _drawing(self, element: html.HtmlElement) -> None:
        name = f"drawing-{len(self.images) + 1}"
        self.images[name] = from_page(element)
        title = element.find("title")
        said = element.get("aria-label") or ("" if title is None else title.text_content())
        self._pictures.append(image(Picture(name), " ".join(said.split())))

    def _picture(self, source: str) -> str | None:
        """The name of a picture; its octets are kept where the file brings them along."""
        data = _DATA.fullmatch(source)
        if data is not None:
            name = f"picture-{len(self.images) + 1}"
            try:
                encoded = "base64" in data["options"]
                self.images[name] = base64.b64decode(data["content"]) if encoded else unquote_to_bytes(data["content"])
            except (binascii.Error, ValueError):
                self.warnings.append(f"{self.name}:{self._line}: a picture is damaged and was left out.")
                return None
            return name
        if not source or is_dangerous(source):
            return None
        beside = unquote(source).replace("\\", "/").removeprefix("./")
        if beside in self.files:
            self.images[beside] = self.files[beside]
            return beside
        return source

    def _drop(self, element: html.HtmlElement, tag: str) -> None:
        self.warnings.append(f"{self.name}:{element.sourceline or self._line}: {_DROPPED[tag]} was left out.")
        if tag in ("svg", "math", "object", "video", "audio"):
            said = " ".join(" ".join(element.itertext()).split())
            if said:
                self.warnings.append(f"{self.name}:{element.sourceline or self._line}: with it went the text {said[:200]!r}.")

    def _hide(self, element: html.HtmlElement) -> None:
        said = " ".join(element.text_content().split())
        if said:
            self.warnings.append(f"{self.name}:{element.sourceline or self._line}: hidden text was left out: {said[:200]!r}.")


def _shown(element: html.HtmlElement) -> str:
    """What a field of a form shows: what is written in it, or whether it is ticked."""
    kind = (element.get("type") or "text").strip().lower()
    if kind in _TICKED:
        return "☑" if element.get("checked") is not None else "☐"
    return "" if kind in _NO_TEXT else element.get("value") or ""


def _is_large(element: html.HtmlElement) -> bool:
    """Whether a drawing says something, and is no sign beside the text: those hardly ever say another size than their own."""
    sizes = [re.match(r"\s*(\d+(?:\.\d+)?)\s*(?:px)?\s*$", element.get(side) or "") for side in ("width", "height")]
    box = (element.get("viewbox") or element.get("viewBox") or "").replace(",", " ").split()
    given = [float(size[1]) for size in sizes if size is not None] or [
        float(length) for length in box[2:4] if length.isdecimal()
    ]
    return min(given, default=_LARGEST_SIGN) > _LARGEST_SIGN


def _unmarked(inlines: list[Inline], level: int) -> Block:
    """An item whose marker Word has written before its text."""
    found = _LIST_MARKER.match("".join(inline.text for inline in inlines))
    if found is None:
        return text_block(BlockKind.ITEM, inlines, level=level)
    left = found.end()
    rest: list[Inline] = []
    for inline in inlines:
        rest.append(replace(inline, text=inline.text[left:]))
        left = max(0, left - len(inline.text))
    marker = "" if found["marker"] in _BULLETS else found["marker"]
    return text_block(BlockKind.ITEM, rest, level=level, marker=marker)


def _holds_notes(element: html.HtmlElement) -> bool:
    return any(
        (around.get("role") or "") == "doc-endnotes" or "footnotes" in (around.get("class") or "").split()
        for around in (element, *element.iterancestors())
    )
