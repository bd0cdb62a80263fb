"""DOCX files, made here part by part, and what tests ask of a document."""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
from collections.abc import Iterator

from mailer.importers.document import Document

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_RELATION = "http://schemas.openxmlformats.org/package/2006/relationships"
NAMESPACES = (
    f'xmlns:w="{_W}" xmlns:r="{_R}" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" xmlns:v="urn:schemas-microsoft-com:vml" '
    'xmlns:o="urn:schemas-microsoft-com:office:office"'
)
STYLES = (
    '<w:style w:type="paragraph" w:styleId="a0" w:default="1"><w:name w:val="Normal"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="1"><w:name w:val="标题 1"/><w:basedOn w:val="a0"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="2"><w:name w:val="heading 2"/><w:basedOn w:val="a0"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="t"><w:name w:val="Title"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="q"><w:name w:val="引用"/></w:style>'
)


def paragraph(text: str, style: str = "", properties: str = "", letters: str = "") -> str:
    """The XML of a paragraph."""
    named = f'<w:pStyle w:val="{style}"/>' if style else ""
    return f'<w:p><w:pPr>{named}{properties}</w:pPr><w:r><w:rPr>{letters}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r></w:p>'


def docx(body: str, *, relations: str = "", styles: str = STYLES, **parts: str | bytes) -> bytes:
    """A DOCX file with that body; `parts` are further files in `word`, `__` being a dot."""
    files: dict[str, str | bytes] = {
        "_rels/.rels": f'<Relationships xmlns="{_RELATION}"><Relationship Id="rId1" Type="{_R}/officeDocument" '
        'Target="word/document.xml"/></Relationships>',
        "word/document.xml": f"<w:document {NAMESPACES}><w:body>{body}</w:body></w:document>",
        "word/styles.xml": f"<w:styles {NAMESPACES}>{styles}</w:styles>",
        "word/_rels/document.xml.rels": f'<Relationships xmlns="{_RELATION}">{relations}</Relationships>',
        **{f"word/{name.replace('__', '.').replace('_of_', '/')}": content for name, content in parts.items()},
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def relation(identity: str, kind: str, target: str, *, external: bool = False) -> str:
    """The XML of a relation of the document."""
    mode = ' TargetMode="External"' if external else ""
    return f'<Relationship Id="{identity}" Type="{_R}/{kind}" Target="{target}"{mode}/>'


def told(document: Document) -> list[tuple[str, str]]:
    """The kinds and the texts of a document's blocks."""
    return [(part.block.kind.value, part.block.text) for part in document.parts]


def letters(text: str) -> str:
    """What two settings of one text share: letters and digits."""
    return "".join(character for character in unicodedata.normalize("NFKC", text) if character.isalnum())


def source_lines(markdown: str) -> Iterator[str]:
    """What stands between blank lines and hard breaks of a Markdown file, as far as it is text of 30 letters or more."""
    line = ""
    for raw in [*markdown.splitlines(), ""]:
        text = raw.strip()
        if not text or text.startswith(("|", "#", "---")) or "<a " in text or text.startswith(("id=", "href=")):
            yield from _compared(line)
            line = ""
            continue
        line += text
        if raw.endswith("  "):
            yield from _compared(line)
            line = ""


def _compared(line: str) -> Iterator[str]:
    line = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", re.sub(r"!\[[^]]*\]\([^)]*\)", "", line))
    said = letters(without_addresses(re.sub(r"^\s*(?:-|\*|\d+[.)])\s+", "", line)))
    if len(said) >= 30 and "<" not in without_addresses(line):
        yield said


def without_addresses(text: str) -> str:
    """A text without the addresses in it."""
    return re.sub(r"<https?:[^>]*>|https?://[^\s，。）]+", "", text)
