"""DOCX as it is hard: what Word keeps apart from its text, what changes were tracked, what cannot be shown."""

import io

import pytest
from PIL import Image

from mailer.importers.document import Document
from mailer.importers.docx.reading import read_docx
from mailer.importers.pictures import fit, with_pictures
from tests.unit.importers.documents import docx, paragraph, relation, told

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
M = "http://schemas.openxmlformats.org/officeDocument/2006/math"
DRAWN = (
    '<w:p><w:r><w:t>见图</w:t></w:r><w:r><w:drawing><wp:inline><wp:docPr id="1" name="图 1"/><a:graphic>'
    '<a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/{}">{}</a:graphicData></a:graphic></wp:inline></w:drawing></w:r></w:p>'
)


def read(body: str, **parts: str | bytes) -> Document:
    return read_docx(docx(body, **parts), "a.docx")


def run(content: str, letters: str = "") -> str:
    return f"<w:p><w:r><w:rPr>{letters}</w:rPr>{content}</w:r></w:p>"


@pytest.mark.parametrize(
    ("sign", "shown"),
    [
        ('<w:sym w:font="Wingdings" w:char="F0FC"/>', "✓"),
        ('<w:sym w:font="Wingdings" w:char="F0A8"/>', "◻"),
        ('<w:sym w:font="Wingdings" w:char="F081"/>', "①"),
        ('<w:sym w:font="Symbol" w:char="F061"/>', "α"),
        ('<w:sym w:font="Symbol" w:char="F0B3"/>', "≥"),
        ('<w:sym w:font="宋体" w:char="25A1"/>', "□"),
    ],
)
def test_a_sign_of_a_symbol_font_is_the_character_that_it_shows(sign: str, shown: str) -> None:
    assert told(read(run(f"{sign}<w:t>已完成</w:t>"))) == [("paragraph", f"{shown}已完成")]


def test_letters_in_a_symbol_font_are_signs_too() -> None:
    body = run("<w:t>\uf0fe</w:t>", '<w:rFonts w:ascii="Wingdings"/>') + run("<w:t>b</w:t>", '<w:rFonts w:ascii="Symbol"/>')
    assert [text for _, text in told(read(body))] == ["☑", "β"]


def test_one_that_no_table_names_is_named_in_a_warning() -> None:
    document = read(run('<w:t>甲</w:t><w:sym w:font="Webdings" w:char="F099"/>'))
    assert told(document) == [("paragraph", "甲\ufffd")]
    assert "a sign of a symbol font that is not known" in " ".join(document.warnings)


@pytest.mark.parametrize(
    ("kind", "element", "named"),
    [
        ("chart", '<c:chart xmlns:c="c" r:id="r9"/>', "a chart was left out; with it went the text '报名人数 一月'"),
        (
            "diagram",
            '<d:relIds xmlns:d="d" r:dm="r9"/>',
            "a diagram (SmartArt) was left out; with it went the text '报名人数 一月'",
        ),
    ],
)
def test_charts_and_diagrams_are_named_with_their_words(kind: str, element: str, named: str) -> None:
    words = '<x xmlns:a="a"><a:t>报名人数</a:t><a:v>一月</a:v></x>'
    document = read(DRAWN.format(kind, element), relations=relation("r9", kind, "data.xml"), data__xml=words)
    assert told(document) == [("paragraph", "见图")]
    assert named in " ".join(document.warnings)


def test_a_paragraph_whose_end_was_deleted_goes_on_with_the_next() -> None:
    deleted = '<w:p><w:pPr><w:rPr><w:del w:id="1"/></w:rPr></w:pPr><w:r><w:t>请各单位</w:t></w:r></w:p>'
    assert told(read(deleted + paragraph("于周五前报名。"))) == [("paragraph", "请各单位于周五前报名。")]
    assert told(read(deleted)) == [("paragraph", "请各单位")]


def test_a_row_that_was_deleted_is_gone() -> None:
    rows = "".join(
        f"<w:tr><w:trPr>{change}</w:trPr><w:tc>{paragraph(left)}</w:tc><w:tc>{paragraph(right)}</w:tc></w:tr>"
        for change, left, right in (("", "甲", "乙"), ('<w:del w:id="1"/>', "", ""), ('<w:ins w:id="2"/>', "丙", "丁"))
    )
    (part,) = read(f"<w:tbl>{rows}</w:tbl>").parts
    assert [[cell.text for cell in row] for row in part.block.rows] == [["甲", "乙"], ["丙", "丁"]]


def test_what_word_asks_to_be_filled_in_is_no_text() -> None:
    prompt = "<w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent>{}</w:sdtContent></w:sdt>"
    inner = prompt.format("<w:r><w:t>单击此处输入文字。</w:t></w:r>")
    document = read(f"<w:p>{inner}<w:r><w:t>正文</w:t></w:r></w:p>" + prompt.format(paragraph("单击此处输入日期。")))
    assert told(document) == [("paragraph", "正文")]
    assert "单击此处输入文字。" in " ".join(document.warnings)


def test_a_ruby_stands_behind_what_it_is_set_over() -> None:
    ruby = "<w:ruby><w:rt><w:r><w:t>hàn</w:t></w:r></w:rt><w:rubyBase><w:r><w:t>汉</w:t></w:r></w:rubyBase></w:ruby>"
    assert told(read(run(f"{ruby}<w:t>字</w:t>"))) == [("paragraph", "汉（hàn）字")]


def test_a_formula_is_a_line_of_text_and_named() -> None:
    power = "<m:sSup><m:e><m:r><m:t>c</m:t></m:r></m:e><m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup>"
    share = "<m:f><m:num><m:r><m:t>a+b</m:t></m:r></m:num><m:den><m:r><m:t>n</m:t></m:r></m:den></m:f>"
    document = read(f'<w:p><m:oMath xmlns:m="{M}"><m:r><m:t>E=m</m:t></m:r>{power}{share}</m:oMath></w:p>')
    assert told(document) == [("paragraph", "E=mc²(a+b)/n")]
    assert "a formula stands as text" in " ".join(document.warnings)


@pytest.mark.parametrize(
    ("instruction", "said"),
    [
        *((r" eq \o\ac(○,25)", "25"), (r"EQ \* jc2 \* &quot;Font:宋体&quot; \* hps10 \o\ad(\s\up 9(hàn),汉)", "hàn 汉")),
        *((r" EQ \F(1,2) ", "1/2"), (r" PAGE \* MERGEFORMAT ", "")),
    ],
)
def test_a_field_that_is_a_formula_is_text_and_named(instruction: str, said: str) -> None:
    begin, end = (f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>' for kind in ("begin", "end"))
    field = f"{begin}<w:r><w:instrText>{instruction}</w:instrText></w:r>{end}"
    document = read(f"<w:p><w:r><w:t>第</w:t></w:r>{field}<w:r><w:t>号</w:t></w:r></w:p>")
    assert told(document) == [("paragraph", f"第{said}号")]
    assert ("a formula stands as text" in " ".join(document.warnings)) == bool(said)


@pytest.mark.parametrize(
    ("place", "text", "shown"),
    [("superscript", "9", "⁹"), ("subscript", "2", "₂"), ("superscript", "th", "th"), ("baseline", "9", "9")],
)
def test_letters_above_or_below_the_line_stay_there(place: str, text: str, shown: str) -> None:
    letters = f'<w:rPr><w:vertAlign w:val="{place}"/></w:rPr>'
    document = read(f"<w:p><w:r><w:t>10</w:t></w:r><w:r>{letters}<w:t>{text}</w:t></w:r><w:r><w:t>吨</w:t></w:r></w:p>")
    assert told(document) == [("paragraph", f"10{shown}吨")]


def test_text_that_is_struck_through_is_kept_and_named() -> None:
    document = read(run("<w:t>周四</w:t>", "<w:strike/>"))
    assert told(document) == [("paragraph", "周四")]
    assert "struck through" in " ".join(document.warnings)


def test_a_footnote_of_a_heading_stands_below_the_text_of_its_section() -> None:
    notes = f'<w:footnotes xmlns:w="{W}"><w:footnote w:id="2">{paragraph("试行。")}</w:footnote></w:footnotes>'
    heading = (
        '<w:p><w:pPr><w:pStyle w:val="1"/></w:pPr><w:r><w:t>总则</w:t></w:r><w:r><w:footnoteReference w:id="2"/></w:r></w:p>'
    )
    assert [kind for kind, _ in told(read(heading + paragraph("正文。"), footnotes__xml=notes))] == [
        "heading",
        "paragraph",
        "note",
    ]


def test_what_is_cut_off_of_a_picture_is_not_shown() -> None:
    picture = Image.new("RGB", (100, 100), "red")
    picture.paste((0, 0, 255), (25, 0, 75, 100))
    content = io.BytesIO()
    picture.save(content, "PNG")
    blip = '<a:blip r:embed="p1"/><a:srcRect l="25000" r="25000"/>'
    body = f'<w:p><w:r><w:drawing><wp:inline><wp:docPr id="1" name="x" descr="会场"/>{blip}</wp:inline></w:drawing></w:r></w:p>'
    document = read(body, relations=relation("p1", "image", "media/a.png"), media_of_a__png=content.getvalue())
    (shown,) = with_pictures(document, "a.docx").images.values()
    opened = Image.open(io.BytesIO(shown)).convert("RGB")
    assert opened.size == (50, 100)
    assert opened.getcolors() == [(5000, (0, 0, 255))]


def test_a_drawing_of_windows_is_named() -> None:
    assert "WMF, EMF" in str(fit(b"\x01\0\0\0" + bytes(36) + b" EMF" + bytes(60)))
