"""Files made to do harm: each is refused in words, or gives safe text; none is run, fetched or unpacked without end."""

import hashlib
import io
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pypdfium2
import pytest

from mailer.block import Picture, image
from mailer.bulletin_files import BulletinFile, parse, read_bulletin
from mailer.importers.child import pack, unpack
from mailer.importers.formats import Format, format_of
from mailer.manuscript import write_manuscript
from subscribers.errors import InputError
from tests import factories
from tests.unit.importers.documents import docx, paragraph, relation
from tests.unit.importers.test_docx import DRAWING

FRONT = "---\ntitle: 信息集锦\nnumber: 9\ndate: 2023-08-03\n---\n"


def read(tmp_path: Path, content: bytes | str, name: str = "a.md") -> BulletinFile:
    file = tmp_path / name
    file.write_bytes(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)
    return read_bulletin(file)


def texts(found: BulletinFile) -> list[str]:
    return [block.text for article in found.reading.issue.articles for block in article.blocks]


def refusal(tmp_path: Path, content: bytes, name: str) -> str:
    with pytest.raises(InputError) as refused:
        read(tmp_path, content, name)
    assert name in str(refused.value)
    return str(refused.value)


def zipped(**files: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, octets in files.items():
            archive.writestr(name, octets)
    return content.getvalue()


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    assert "zip bomb" in refusal(tmp_path, zipped(a=bytes(80_000_000)), "a.zip")


MARKDOWN = f"{FRONT}# 甲\n\n正文。\n".encode()


def packed(*files: tuple[zipfile.ZipInfo | str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, octets in files:
            archive.writestr(name, octets)
    return content.getvalue()


def test_names_that_lead_out_of_a_zip_file_lead_nowhere(tmp_path: Path) -> None:
    picture = f"{FRONT}# 甲\n\n![图](../../../etc/hostname)\n\n正文。\n".encode()
    found = read(tmp_path, packed(("../../outside.md", picture), ("/etc/a.md", "# 乙\n\n正文。\n".encode())), "a.zip")
    assert {article.title for article in found.reading.issue.articles} == {"甲", "乙"}
    assert found.pictures == {}
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_a_link_in_a_zip_file_is_not_followed_and_is_named(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("b.md")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    found = read(tmp_path, packed(("a.md", MARKDOWN), (link, b"/etc/passwd")), "a.zip")
    assert [article.title for article in found.reading.issue.articles] == ["甲"]
    assert "b.md was left out: it is no file, but a link" in " ".join(found.reading.warnings)


def test_an_archive_in_an_archive_is_left_out_and_named(tmp_path: Path) -> None:
    found = read(tmp_path, packed(("a.md", MARKDOWN), ("b", packed(("c.md", MARKDOWN)))), "a.zip")
    assert len(found.reading.issue.articles) == 1
    assert "an archive within an archive was left out" in " ".join(found.reading.warnings)


def test_a_workbook_with_the_name_of_a_document_is_what_it_is(tmp_path: Path) -> None:
    assert "Excel workbook" in refusal(tmp_path, packed(("xl/workbook.xml", b"<x/>")), "a.docx")


def test_tables_in_tables_without_end_are_refused(tmp_path: Path) -> None:
    deep = "<w:tbl><w:tr><w:tc>" * 10_000 + paragraph("x") + "</w:tc></w:tr></w:tbl>" * 10_000
    assert "Excessive depth" in refusal(tmp_path, docx(paragraph("甲", "1") + deep), "a.docx")


@pytest.mark.parametrize("nested", [">" * 10_000 + " x", "".join(" " * (2 * depth) + "- x\n" for depth in range(300))])
def test_quotes_and_lists_without_end_are_refused_and_not_cut(tmp_path: Path, nested: str) -> None:
    assert "nested deeper" in refusal(tmp_path, f"{FRONT}# 甲\n\n{nested}\n".encode(), "a.md")


def test_lists_nested_as_deep_as_anybody_writes_are_read_whole(tmp_path: Path) -> None:
    nested = "".join(" " * (2 * depth) + f"- 第{depth}层\n" for depth in range(12))
    assert texts(read(tmp_path, f"{FRONT}# 甲\n\n{nested}\n")) == [f"第{depth}层" for depth in range(12)]


@pytest.mark.parametrize(
    "written", ["*a _b " * 2000, "*" * 50_000 + "x", "**a" * 5000, "[" * 50_000, "[a](<b" * 5000, "&" * 50_000]
)
def test_signs_that_never_end_are_text(tmp_path: Path, written: str) -> None:
    said = "".join(texts(read(tmp_path, f"{FRONT}# 甲\n\n{written}\n")))
    assert [said.count(letter) for letter in "abx["] == [written.count(letter) for letter in "abx["]


@pytest.mark.parametrize("tag", ["<p>", "<td>", "<li>"])
def test_tags_that_nobody_closed_are_read(tag: str) -> None:
    opened = {"<td>": "<table><tr>", "<li>": "<ul>"}.get(tag, "")
    document = parse(f"<h1>甲</h1>{opened}{tag * 20_000}x".encode(), Format.HTML, "a.html")
    assert "x" in document.parts[-1].block.text


def test_a_docx_that_is_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    bomb = docx(paragraph("甲", "1"), styles="<!--" + " " * 80_000_000 + "-->")
    assert "zip bomb" in refusal(tmp_path, bomb, "a.docx")


ENTITIES = '<!DOCTYPE x [<!ENTITY a "哈哈"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize("declared", [ENTITIES, OUTSIDE])
def test_xml_that_declares_entities_is_refused(tmp_path: Path, declared: str) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("word/document.xml", f"{declared}<document><body><p><r><t>&a;</t></r></p></body></document>")
    assert "declares entities" in refusal(tmp_path, content.getvalue(), "a.docx")


def test_a_template_and_a_picture_on_the_web_are_not_fetched(tmp_path: Path) -> None:
    rels = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="r1" Type="x/attachedTemplate" Target="http://127.0.0.1:1/t.dotm" TargetMode="External"/></Relationships>'
    )
    blip = '<w:p><w:r><w:drawing><a:blip r:link="p1"/></w:drawing></w:r></w:p>'
    content = docx(
        paragraph("信息集锦 2023年第9期", "t") + paragraph("甲", "1") + paragraph("正文。") + blip,
        relations=relation("p1", "image", "http://127.0.0.1:1/x.png", external=True),
        settings__xml="<s/>",
        _rels_of_settings__xml__rels=rels,
        vbaProject__bin=b"macro",
    )
    found = read(tmp_path, content, "a.docx")
    said = " ".join(found.reading.warnings)
    assert [what in said for what in ("t.dotm", "not fetched", "macros")] == [True, True, True]
    assert found.pictures == {}


def pdf(extra: bytes = b"", pages: int = 1, first: bytes = b"") -> bytes:
    """A PDF with one line of text on each page, written by hand."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R" + first + b">>",
        b"<</Type/Pages/Count " + str(pages).encode() + b"/Kids[" + b"4 0 R " * pages + b"]>>",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F 3 0 R>>>>/Contents 5 0 R>>",
        b"<</Length 58>>stream\nBT /F 12 Tf 72 720 Td (News No. 9, 2023-08-03, text) Tj ET     \nendstream",
        extra or b"null",
    ]
    content, places = b"%PDF-1.7\n", []
    for number, octets in enumerate(objects, 1):
        places.append(len(content))
        content += str(number).encode() + b" 0 obj" + octets + b"endobj\n"
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer<</Size %d/Root 1 0 R>>startxref %d\n%%%%EOF" % (len(objects) + 1, len(content))
    return content + b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table + end


def test_a_pdf_of_ten_thousand_pages_is_refused() -> None:
    with pytest.raises(InputError, match="10000 pages"):
        parse(pdf(pages=10_000), Format.PDF, "a.pdf")


def test_a_script_in_a_pdf_is_not_run_and_its_text_is_read() -> None:
    script = b"<</S/JavaScript/JS(app.alert\\(1\\); while\\(true\\){})>>"
    document = parse(pdf(extra=script, first=b"/OpenAction 6 0 R"), Format.PDF, "a.pdf")
    assert [part.block.text for part in document.parts] == ["News No. 9, 2023-08-03, text"]


def test_a_picture_of_no_octets_is_left_out_of_any_file_and_named(tmp_path: Path) -> None:
    word = docx(paragraph("如图") + DRAWING, relations=relation("p1", "image", "media/image1.png"), media_of_image1__png=b"")
    files = {
        "a.docx": word,
        "a.html": b'<p>text</p><p><img src="data:image/png;base64," alt="map"></p>',
        "a.zip": zipped(**{"a.md": b"# text\n\n![map](b.png)\n", "b.png": b""}),
    }
    for name, content in files.items():
        document = parse(content, format_of(content, name), name)
        assert document.images == {}, name
        assert [part.block.picture.sha256 for part in document.parts if part.block.picture] == [None], name
        assert "was left out: it is empty" in " ".join(document.warnings), name


def test_a_picture_of_no_octets_in_an_exported_issue_is_left_out_and_named(tmp_path: Path) -> None:
    empty = hashlib.sha256(b"").hexdigest()
    shown = image(Picture("a.png", empty, 40, 30), "会场")
    issue = replace(factories.ISSUE, articles=(replace(factories.ISSUE.articles[0], blocks=(shown,)),))
    found = read(tmp_path, f"{write_manuscript(issue)}\n[{empty}]: data:image/png;base64,\n")
    assert found.reading.issue == issue
    assert found.pictures == {}
    assert f"the picture {empty[:12]} is empty" in " ".join(found.reading.warnings)


def test_files_in_a_pdf_are_left_out_and_named() -> None:
    names = b"/Names<</EmbeddedFiles<</Names[(a.exe) <</Type/Filespec/F(a.exe)/EF<</F 5 0 R>>>>]>>>>"
    document = parse(pdf(first=names), Format.PDF, "a.pdf")
    assert "1 attached files were left out" in " ".join(document.warnings)


def test_a_pdf_whose_pages_lead_in_a_circle_comes_to_an_end() -> None:
    circle = pdf().replace(b"/Kids[4 0 R ]", b"/Kids[2 0 R ]")
    with pytest.raises(InputError, match=r"a\.pdf"):
        parse(circle, Format.PDF, "a.pdf")


@pytest.mark.parametrize("content", [b"%PDF-1.7\n", pdf()[:300], b"%PDF-1.7\n" + bytes(range(256)) * 40])
def test_a_damaged_pdf_is_refused_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    assert "import the Word file" in refusal(tmp_path, content, "a.pdf")


def test_a_scanned_pdf_is_refused_with_what_to_do(tmp_path: Path) -> None:
    document = pypdfium2.PdfDocument.new()
    document.new_page(595, 842)
    content = io.BytesIO()
    document.save(content)
    assert "recognise the text (OCR)" in refusal(tmp_path, content.getvalue(), "a.pdf")


@pytest.mark.parametrize("size", [600, 5_000])
def test_an_old_word_file_that_is_garbage_is_refused_with_what_to_do(tmp_path: Path, size: int) -> None:
    garbage = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(size)
    assert "save it as .docx" in refusal(tmp_path, garbage, "a.doc")


@pytest.mark.parametrize("address", ["x" * 3_000_000, "data:," + "%20" * 1_000_000, "https://a.cn/" + " " * 3_000_000 + "x"])
def test_an_address_without_end_is_no_link(address: str) -> None:
    document = parse(f'<p>见<a href="{address}">通知</a></p>'.encode(), Format.HTML, "a.html")
    assert document.parts[0].block.text == "见通知"
    assert not document.parts[0].block.inlines


def test_a_page_nested_without_end_is_refused_and_not_cut() -> None:
    with pytest.raises(InputError, match="nested deeper"):
        parse(b"<div>" * 100_000 + b"x", Format.HTML, "a.html")


def test_a_page_nested_deep_is_read() -> None:
    document = parse(b"<div>" * 1500 + b"x" + b"</div>" * 1500 + b"<p>y", Format.HTML, "a.html")
    assert [part.block.text for part in document.parts] == ["x", "y"]


WRITE = "os.write(os.open('limited', os.O_CREAT | os.O_WRONLY), b'x')"


@pytest.mark.parametrize(("does", "complaint"), [("bytearray(3 << 30)", "MemoryError"), (WRITE, "Error")])
def test_a_reading_process_has_little_memory_and_writes_no_file(does: str, complaint: str, tmp_path: Path) -> None:
    program = f"import os; from mailer.importers.child import limit; limit(); {does}"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert ended.returncode != 0
    assert complaint in ended.stderr or ended.returncode < 0
    assert all(not file.stat().st_size for file in tmp_path.iterdir())


HTML = "<html><body><h1>信息集锦 2023年第9期</h1><h2>甲</h2>{}</body></html>"  # what stands in the article is tried


@pytest.mark.parametrize(
    "markup",
    [
        "<p>正文<img src=x onerror=alert(1)></p>",
        "<p>正文<svg><style><img src=x onerror=alert(1)></style></svg></p>",
        '<p>正文<noscript><p title="</noscript><img src=x onerror=alert(1)>"></noscript></p>',
        '<p>正文<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
        '<p>正文<a href="jav&#x0A;ascript:alert(1)">点</a></p>',
        '<p>正文<form action="https://evil.example/"><input name="password"></form></p>',
        "<p>正文<object data='data:text/html,<script>alert(1)</script>'></object></p>",
    ],
)
def test_nothing_of_html_is_left_but_its_text(tmp_path: Path, markup: str) -> None:
    found = read(tmp_path, HTML.format(markup), "a.html")
    assert "正文" in "".join(texts(found))
    for article in found.reading.issue.articles:
        for block in article.blocks:
            assert all(inline.link is None for inline in block.inlines)


def test_rare_and_private_signs_and_directions_are_kept(tmp_path: Path) -> None:
    signs = "𠮷野家 𪚥 𰻝 \ue000 😀👩‍👩‍👧 \u202eabc\u202c 各"
    assert signs in texts(read(tmp_path, f"{FRONT}# 甲\n\n{signs}\n"))


def test_broken_utf8_loses_nothing_that_is_whole(tmp_path: Path) -> None:
    content = f"{FRONT}# 甲\n\n前".encode() + b"\xff\xfe\x80" + "后\n".encode()
    try:
        said = "".join(texts(read(tmp_path, content)))
    except InputError as error:
        assert "a.md" in str(error)  # noqa: PT017
    else:
        assert "前" in said
        assert "后" in said


def test_two_megabytes_in_one_paragraph_are_one_paragraph(tmp_path: Path) -> None:
    long = "长" * 700_000
    assert texts(read(tmp_path, f"{FRONT}# 甲\n\n{long}\n")) == [long]


def test_five_thousand_articles_are_five_thousand(tmp_path: Path) -> None:
    many = "".join(f"# 第{number}篇标题\n\n正文{number}。\n\n" for number in range(5000))
    assert len(read(tmp_path, FRONT + many).reading.issue.articles) == 5000


def test_front_matter_that_would_burst_is_no_front_matter(tmp_path: Path) -> None:
    laughs = "a: &a [哈,哈]\n" + "".join(
        f"{new}: &{new} [*{old},*{old},*{old}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert read(tmp_path, f"---\n{laughs}number: 9\ndate: 2023-08-03\n---\n# 甲\n\n正文。\n").reading.issue.number == 9


def test_a_reading_process_that_writes_nonsense_is_not_believed() -> None:
    document = parse(f"{FRONT}# 甲\n\n正文。\n".encode(), Format.MARKDOWN, "a.md")
    assert unpack(pack(document)) == document
    for octets in (b"", b"\0" * 7, pack(document)[:-1] + b"xx", b"\xff" * 40):
        with pytest.raises(ValueError, match=r"."):
            unpack(octets)
