"""DOCX, as Word and WPS write it."""

from collections.abc import Callable

import pytest

from mailer.block import BlockKind, Inline
from mailer.importers.bulletin import read_document
from mailer.importers.docx.numbering import chinese, printed
from mailer.importers.docx.reading import read_docx
from tests.paths import PROJECT
from tests.unit.importers.documents import docx, paragraph, relation, told


def read(body: str, **parts: str | bytes) -> list[tuple[str, str]]:
    return told(read_docx(docx(body, **parts), "a.docx"))


def test_headings_are_known_by_their_style_in_either_language() -> None:
    document = read_docx(docx(paragraph("刊名", "t") + paragraph("甲", "1") + paragraph("乙", "2")), "a.docx")
    assert [(part.block.text, part.block.level) for part in document.parts] == [("刊名", 1), ("甲", 2), ("乙", 3)]


def test_headings_without_a_style_are_known_by_their_look() -> None:
    large = '<w:b/><w:sz w:val="44"/>'
    body = paragraph("工作通知", letters=large) + paragraph("请于周五前报名。", letters='<w:sz w:val="21"/>')
    assert read(body + paragraph("学术月", letters=large) + paragraph("详见附件。")) == [
        ("heading", "工作通知"),
        ("paragraph", "请于周五前报名。"),
        ("heading", "学术月"),
        ("paragraph", "详见附件。"),
    ]


def test_tracked_changes_are_accepted() -> None:
    body = (
        "<w:p><w:r><w:t>会议</w:t></w:r><w:del><w:r><w:delText>周四</w:delText></w:r></w:del><w:ins><w:r><w:t>周五</w:t></w:r></w:ins>"
        "<w:moveFrom><w:r><w:t>旧</w:t></w:r></w:moveFrom><w:moveTo><w:r><w:t>召开</w:t></w:r></w:moveTo></w:p>"
    )
    assert read(body) == [("paragraph", "会议周五召开")]


NUMBERING = (
    '<w:numbering xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
    '<w:abstractNum w:abstractNumId="0">'
    '<w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="chineseCountingThousand"/><w:lvlText w:val="（%1）"/></w:lvl>'
    '<w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1.%2"/></w:lvl></w:abstractNum>'
    '<w:abstractNum w:abstractNumId="1"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/><w:lvlText w:val="·"/></w:lvl></w:abstractNum>'
    '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num></w:numbering>'
)


def numbered(text: str, number: int, level: int = 0, style: str = "") -> str:
    return paragraph(text, style, f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>')


def test_numbers_that_stand_nowhere_in_the_text_are_read() -> None:
    body = numbered("甲", 1) + numbered("子", 1, 1) + numbered("乙", 1) + numbered("丑", 1, 1) + numbered("点", 2)
    document = read_docx(docx(body, numbering__xml=NUMBERING), "a.docx")
    assert [(part.block.marker, part.block.text, part.block.level) for part in document.parts] == [
        ("（一）", "甲", 0),
        ("一.1", "子", 1),
        ("（二）", "乙", 0),
        ("二.1", "丑", 1),
        ("", "点", 0),
    ]


def test_the_number_of_a_heading_is_part_of_it() -> None:
    assert read(numbered("总则", 1, style="1"), numbering__xml=NUMBERING) == [("heading", "（一）总则")]


def test_numbers_are_printed_in_the_forms_that_word_knows() -> None:
    assert [chinese(number) for number in (1, 10, 11, 20, 105, 110, 2003)] == [
        "一",
        "十",
        "十一",
        "二十",
        "一百零五",
        "一百一十",
        "二千零三",
    ]
    forms = ("upperRoman", "lowerLetter", "decimalEnclosedCircle", "ideographTraditional", "decimal")
    assert [printed(4, form) for form in forms] == ["IV", "d", "④", "丁", "4"]


def test_a_footnote_stands_at_the_end_of_its_section() -> None:
    notes = (
        '<w:footnotes xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:footnote w:id="2">'
        "<w:p><w:r><w:footnoteRef/></w:r><w:r><w:t>先到先得。</w:t></w:r></w:p></w:footnote></w:footnotes>"
    )
    reference = '<w:p><w:r><w:t>限五十人</w:t></w:r><w:r><w:footnoteReference w:id="2"/></w:r><w:r><w:t>。</w:t></w:r></w:p>'
    document = read_docx(
        docx(paragraph("甲", "1") + reference + paragraph("续。") + paragraph("乙", "1"), footnotes__xml=notes), "a"
    )
    assert told(document) == [
        ("heading", "甲"),
        ("paragraph", "限五十人[1]。"),
        ("paragraph", "续。"),
        ("note", "先到先得。"),
        ("heading", "乙"),
    ]
    assert document.parts[1].block.pieces[1] == Inline("[1]", note="[1]")


def test_links_are_read_from_elements_and_from_fields() -> None:
    field = (
        '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>HYPERLINK "https://b.cn/"</w:instrText></w:r>'
        '<w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>乙</w:t></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r>'
    )
    body = f'<w:p><w:hyperlink r:id="l1"><w:r><w:t>甲</w:t></w:r></w:hyperlink>{field}<w:r><w:t>丙</w:t></w:r></w:p>'
    document = read_docx(docx(body, relations=relation("l1", "hyperlink", "https://a.cn/", external=True)), "a.docx")
    assert document.parts[0].block.inlines == (
        Inline("甲", link="https://a.cn/"),
        Inline("乙", link="https://b.cn/"),
        Inline("丙"),
    )


def cells(*texts: str, properties: str = "") -> str:
    return "<w:tr>" + "".join(f"<w:tc><w:tcPr>{properties}</w:tcPr>{paragraph(text)}</w:tc>" for text in texts) + "</w:tr>"


def test_a_table_is_a_table_and_merged_cells_are_one() -> None:
    merged = (
        f'<w:tr><w:tc><w:tcPr><w:vMerge w:val="restart"/></w:tcPr>{paragraph("甲")}</w:tc><w:tc>{paragraph("乙")}</w:tc></w:tr>'
        f"<w:tr><w:tc><w:tcPr><w:vMerge/></w:tcPr>{paragraph('')}</w:tc><w:tc>{paragraph('丙')}</w:tc></w:tr>"
    )
    (part,) = read_docx(docx(f"<w:tbl>{cells('日期', '地点')}{merged}</w:tbl>"), "a.docx").parts
    assert [[(cell.text, cell.rows) for cell in row] for row in part.block.rows] == [
        [("日期", 1), ("地点", 1)],
        [("甲", 2), ("乙", 1)],
        [("丙", 1)],
    ]


def test_a_table_of_one_column_is_text() -> None:
    assert read(f"<w:tbl>{cells('甲')}{cells('乙')}</w:tbl>") == [("paragraph", "甲"), ("paragraph", "乙")]


DRAWING = (
    '<w:p><w:r><w:t>如图</w:t></w:r><w:r><w:drawing><wp:inline><wp:docPr id="1" name="图片 1" descr="会场平面图"/>'
    '<a:graphic><a:blip r:embed="p1"/></a:graphic></wp:inline></w:drawing></w:r></w:p>'
)


def test_pictures_are_taken_from_the_file() -> None:
    content = docx(DRAWING, relations=relation("p1", "image", "media/image1.png"), media_of_image1__png=b"octets")
    document = read_docx(content, "a.docx")
    assert told(document) == [("paragraph", "如图"), ("image", "会场平面图")]
    assert document.images == {"word/media/image1.png": b"octets"}


def test_a_picture_on_the_web_keeps_its_address_and_has_no_octets() -> None:
    document = read_docx(
        docx(DRAWING, relations=relation("p1", "image", "https://evil.example/x.png", external=True)), "a.docx"
    )
    assert document.parts[1].block.picture is not None
    assert document.parts[1].block.picture.source == "https://evil.example/x.png"
    assert document.images == {}


def test_the_text_of_a_box_is_read_once_though_it_is_written_twice() -> None:
    box = f"<w:txbxContent>{paragraph('框内文字')}</w:txbxContent>"
    body = (
        f'<w:p><w:r><mc:AlternateContent><mc:Choice Requires="wps"><w:drawing>{box}</w:drawing></mc:Choice>'
        f"<mc:Fallback><w:pict>{box}</w:pict></mc:Fallback></mc:AlternateContent></w:r></w:p>"
    )
    assert read(body) == [("paragraph", "框内文字")]


def test_macros_objects_templates_comments_and_hidden_text_are_dropped_and_named() -> None:
    body = (
        paragraph("正文。")
        + paragraph("暗语", letters="<w:vanish/>")
        + '<w:p><w:r><w:object><o:OLEObject ProgID="Excel.Sheet.12"/></w:object></w:r><w:r><w:commentReference w:id="0"/></w:r></w:p>'
    )
    rels = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="r1" Type="x/attachedTemplate" Target="https://evil.example/t.dotm" TargetMode="External"/></Relationships>'
    )
    document = read_docx(docx(body, vbaProject__bin=b"x", settings__xml="<s/>", _rels_of_settings__xml__rels=rels), "a.docx")
    assert told(document) == [("paragraph", "正文。")]
    said = " ".join(document.warnings)
    for what in ("macros", "Excel.Sheet.12", "https://evil.example/t.dotm", "1 comments", "暗语"):
        assert what in said


def test_a_line_break_begins_a_block_and_a_quote_is_a_quote() -> None:
    body = "<w:p><w:r><w:t>时间：周五</w:t><w:br/><w:t>地点：东楼</w:t></w:r></w:p>" + paragraph("学无止境。", "q")
    assert read(body) == [("paragraph", "时间：周五"), ("paragraph", "地点：东楼"), ("quote", "学无止境。")]


def test_bold_comes_from_the_style_or_from_the_letters() -> None:
    body = "<w:p><w:r><w:rPr><w:b/></w:rPr><w:t>注意：</w:t></w:r><w:r><w:t>请于周五前</w:t></w:r></w:p>"
    (part,) = read_docx(docx(body), "a.docx").parts
    assert part.block.inlines == (Inline("注意：", strong=True), Inline("请于周五前"))


def test_heads_and_feet_of_pages_are_furniture() -> None:
    header = f'<w:hdr xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">{paragraph("内部资料")}</w:hdr>'
    content = docx(paragraph("正文。"), relations=relation("h1", "header", "header1.xml"), header1__xml=header)
    assert read_docx(content, "a.docx").furniture == ("内部资料",)


def test_every_kind_of_block_has_a_place() -> None:
    assert {kind for kind, _ in read(paragraph("甲", "1") + paragraph("乙。"))} <= {kind.value for kind in BlockKind}


def test_the_list_of_the_example_is_one_that_word_numbers() -> None:
    document = read_docx((PROJECT / "examples" / "2026-11.docx").read_bytes(), "2026-11.docx")
    items = [part.block for part in document.parts if part.block.kind is BlockKind.ITEM]
    assert [item.marker for item in items] == ["1.", "2.", "3.", "4."]
    assert items[3].text == "对外提供数据应当登记用途和期限，到期复核。"


@pytest.mark.parametrize("start", ["x", "", "-3", "9" * 5000, "1" + 12 * "0"])
def test_a_list_that_begins_with_no_number_begins_with_one(start: str) -> None:
    numbering = NUMBERING.replace('<w:start w:val="1"/>', f'<w:start w:val="{start}"/>')
    document = read_docx(docx(numbered("甲", 1) + numbered("乙", 1), numbering__xml=numbering), "a.docx")
    assert [part.block.marker for part in document.parts] == ["（一）", "（二）"]


@pytest.mark.parametrize("form", ["lowerLetter", "upperLetter", "lowerRoman", "upperRoman"])
def test_a_number_that_is_too_large_for_letters_is_printed_in_figures(form: str) -> None:
    assert printed(999_999_999, form) == "999999999"


@pytest.mark.parametrize("claimed", ["x", "-1", "9" * 5000])
def test_levels_and_widths_that_are_no_numbers_are_not_there(claimed: str) -> None:
    wide = f'<w:tc><w:tcPr><w:gridSpan w:val="{claimed}"/></w:tcPr>{paragraph("丙")}</w:tc>'
    body = paragraph("甲", properties=f'<w:numPr><w:ilvl w:val="{claimed}"/><w:numId w:val="1"/></w:numPr>')
    body += paragraph("乙", properties=f'<w:outlineLvl w:val="{claimed}"/>') + f"<w:tbl><w:tr>{wide}{wide}</w:tr></w:tbl>"
    document = read_docx(docx(body, numbering__xml=NUMBERING), "a.docx")
    assert [(part.block.kind, part.block.level) for part in document.parts] == [
        (BlockKind.ITEM, 0),
        (BlockKind.PARAGRAPH, 0),
        (BlockKind.TABLE, 0),
    ]
    assert [cell.columns for cell in document.parts[2].block.rows[0]] == [1, 1]


@pytest.mark.parametrize(
    "headline",
    [
        lambda text: paragraph(text, properties='<w:jc w:val="center"/>'),
        lambda text: paragraph("") + paragraph(text),
        lambda text: "<w:p><w:r><w:br w:type='page'/></w:r></w:p>" + paragraph(text),
        lambda text: paragraph(text, properties="<w:pageBreakBefore/>"),
    ],
)
def test_headlines_that_nothing_but_their_place_tells_are_found_beside_those_with_sources(
    headline: Callable[[str], str],
) -> None:
    text = paragraph("十一月六日，各会员单位的代表在西安开会，商定共建中试平台。") * 3
    masthead = "".join(map(paragraph, ("东江省科学技术协会", "科协简报", "2023年第9期（总第128期）", "2023年8月3日")))
    body = masthead + headline("省科协召开院所工作会议") + paragraph("（来源：科技日报）") + text
    body += headline("市科协开展科普活动") + paragraph("加强组织领导") + text
    body += headline("区科协调研企业需求") + paragraph("（来源：科技日报）") + text
    reading = read_document(read_docx(docx(body), "a.docx"), "a.docx")
    titles = ["省科协召开院所工作会议", "市科协开展科普活动", "区科协调研企业需求"]
    assert [article.title for article in reading.issue.articles] == titles


def test_sub_headings_less_far_apart_than_headlines_with_sources_are_none() -> None:
    text = paragraph("十一月六日，各会员单位的代表在西安开会，商定共建中试平台。") * 3
    masthead = "".join(map(paragraph, ("东江省科学技术协会", "科协简报", "2023年第9期（总第128期）", "2023年8月3日")))
    middle = '<w:jc w:val="center"/>'
    body = masthead
    for title in ("省科协召开院所工作会议", "区科协调研企业需求"):
        body += paragraph("") + paragraph(title, properties=middle) + paragraph("（来源：科技日报）") + text
        body += paragraph("") + paragraph("各单位加强组织领导和工作机制") + text
    reading = read_document(read_docx(docx(body), "a.docx"), "a.docx")
    assert [article.title for article in reading.issue.articles] == ["省科协召开院所工作会议", "区科协调研企业需求"]


FRONT = "".join(map(paragraph, ("东江省科学技术协会", "科协简报", "2023年第9期（总第128期）", "2023年8月3日")))
SAID = paragraph("十一月六日，各会员单位的代表在西安开会，商定共建中试平台。")


@pytest.mark.parametrize(
    "captioned",
    [
        paragraph("会议现场之一", properties='<w:jc w:val="center"/>')
        + "<w:tbl>"
        + "<w:tr>"
        + "<w:tc><w:p/></w:tc>" * 2
        + "</w:tr></w:tbl>",
        paragraph("表1 参会单位情况一览", properties='<w:jc w:val="center"/>'),
        paragraph("图为会议现场照片", properties='<w:jc w:val="center"/>'),
        paragraph("") + paragraph("东江省科学技术协会办公室") + paragraph("2023年8月1日"),
        paragraph("") + paragraph("东江省科学技术协会办公室"),
    ],
)
def test_captions_and_signatures_that_stand_apart_are_no_headlines(captioned: str) -> None:
    titles = ["省科协召开院所工作会议", "区科协调研企业需求"]
    body = FRONT
    for title in titles:
        body += paragraph("") + paragraph(title) + paragraph("（来源：科技日报）") + SAID * 4 + captioned
        body += SAID * 2 if "办公室" not in captioned else ""
    reading = read_document(read_docx(docx(body), "a.docx"), "a.docx")
    assert [article.title for article in reading.issue.articles] == titles
