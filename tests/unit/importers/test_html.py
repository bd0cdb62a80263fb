"""HTML: pages, and what Word and WPS save as such."""

import base64

import pytest

from mailer.block import BlockKind, Inline, Picture
from mailer.importers.document import Document
from mailer.importers.html import read_html
from tests.unit.importers.documents import told


def read(text: str, **files: bytes) -> Document:
    return read_html(text.encode(), "a.html", files)


def test_what_stands_outside_of_paragraphs_is_read_too() -> None:
    assert told(read("<div>甲<p>乙</p>丙<ul><li>丁</li></ul>戊</div>")) == [
        ("paragraph", "甲"),
        ("paragraph", "乙"),
        ("paragraph", "丙"),
        ("item", "丁"),
        ("paragraph", "戊"),
    ]


def test_scripts_frames_and_hidden_text_are_left_out_and_named() -> None:
    document = read('<p>正文</p><script>alert(1)</script><iframe src="https://a.cn/"></iframe><p style="display:none">暗语</p>')
    assert told(document) == [("paragraph", "正文")]
    assert [said in " ".join(document.warnings) for said in ("a script", "a frame", "暗语")] == [True, True, True]


def test_event_handlers_and_styles_that_fetch_leave_no_trace() -> None:
    document = read('<p onclick="steal()" style="background:url(https://evil.example/x.png)">正文</p>')
    assert document.parts[0].block.to_json() == {"kind": "paragraph", "text": "正文"}


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (
            "https://例子.中国:8080/通知?年=2023#一",
            "https://xn--fsqu00a.xn--fiqs8s:8080/%E9%80%9A%E7%9F%A5?%E5%B9%B4=2023#%E4%B8%80",
        ),
        (" https://www.a.cn/报名 表.doc\u3000", "https://www.a.cn/%E6%8A%A5%E5%90%8D%20%E8%A1%A8.doc"),
        ("https:// www.a.cn/\n  a%20b;c=[1]", "https://www.a.cn/a%20b;c=[1]"),
        ("https://a_b.例子/", "https://a_b.%E4%BE%8B%E5%AD%90/"),
        ("mailto: a@b.cn", "mailto:a@b.cn"),
    ],
)
def test_an_address_with_chinese_or_spaces_in_it_is_written_as_programs_read_it(written: str, kept: str) -> None:
    assert read(f'<p>见<a href="{written}">通知</a></p>').parts[0].block.inlines[1].link == kept


def test_links_of_unknown_kinds_are_text() -> None:
    document = read(
        '<p><a href="java\tscript:alert(1)">一</a><a href="data:text/html,x">二</a><a href="https://a.cn/">三</a></p>'
    )
    assert document.parts[0].block.inlines == (Inline("一二"), Inline("三", link="https://a.cn/"))
    assert len(document.warnings) == 2


def test_an_address_with_a_name_before_its_host_is_no_link() -> None:
    assert read('<p><a href="https://bank.cn@evil.example/">银行</a></p>').parts[0].block.inlines == ()


def test_a_table_that_only_places_things_is_not_there() -> None:
    assert told(read("<table><tr><td><h1>标题</h1><p>正文</p></td></tr></table>")) == [
        ("heading", "标题"),
        ("paragraph", "正文"),
    ]


def test_cells_stretch_over_columns_and_rows() -> None:
    (part,) = read('<table><tr><td rowspan="2">甲</td><td colspan="3">乙</td></tr><tr><td>丙</td></tr></table>').parts
    assert [[(cell.text, cell.columns, cell.rows) for cell in row] for row in part.block.rows] == [
        [("甲", 1, 2), ("乙", 3, 1)],
        [("丙", 1, 1)],
    ]


def test_a_picture_in_the_page_is_taken_out_of_it() -> None:
    octets = b"\x89PNG..."
    document = read(f'<p><img alt="图" src="data:image/png;base64,{base64.b64encode(octets).decode()}"></p>')
    (part,) = document.parts
    assert part.block.kind is BlockKind.IMAGE
    assert document.images == {part.block.picture.source if part.block.picture else "": octets}


def test_a_pixel_that_counts_readers_is_dropped() -> None:
    assert told(read('<p>甲<img src="https://t.example/p.gif" width="1" height="1"></p>')) == [("paragraph", "甲")]


WORD = """<html xmlns:o="urn:schemas-microsoft-com:office:office"><body lang=ZH-CN>
<p class=MsoNormal align=center><b><span style='font-size:22.0pt;font-family:宋体'>工作通知</span></b><o:p></o:p></p>
<p class=MsoNormal style='text-indent:21.0pt'><span style='font-size:10.5pt'>请各单位
于周五前<span lang=EN-US>reply</span>。</span></p>
<p class=MsoNormal align=center><b><span style='font-size:22.0pt'>学术月</span></b></p>
<p class=MsoNormal><span style='font-size:10.5pt'>详见附件。</span></p></body></html>"""


def test_what_word_calls_filtered_has_headings_by_their_look() -> None:
    assert told(read(WORD)) == [
        ("heading", "工作通知"),
        ("paragraph", "请各单位于周五前reply。"),
        ("heading", "学术月"),
        ("paragraph", "详见附件。"),
    ]


def test_the_lists_that_word_writes_as_paragraphs_are_lists() -> None:
    gap = "<span style='font:7.0pt'>&nbsp;&nbsp;&nbsp; </span>"
    blocks = [
        part.block
        for part in read(
            f"<p class=MsoListParagraph style='mso-list:l0 level1 lfo1'>（一）{gap}<b>甲</b>乙</p>"
            f"<p class=MsoListParagraph style='mso-list:l0 level2 lfo1'>·{gap}丙</p><p class=MsoNormal>丁</p>"
        ).parts
    ]
    assert [(block.kind.value, block.marker, block.level, block.text) for block in blocks] == [
        ("item", "（一）", 0, "甲乙"),
        ("item", "", 1, "丙"),
        ("paragraph", "", 0, "丁"),
    ]
    assert blocks[0].inlines[0] == Inline("甲", strong=True)


def test_a_page_in_gb2312_is_read_as_it_says() -> None:
    page = '<html><head><meta charset="gb2312"></head><body><p>科研院所</p></body></html>'.encode("gb2312")
    assert told(read_html(page, "a.html")) == [("paragraph", "科研院所")]


def test_what_stands_behind_a_bare_address_is_parted_from_it() -> None:
    link = '<a href="https://a.cn/x">https://a.cn/x</a>'
    body = f"<p>详见：{link}。项目截止时间为周五。</p><p>见{link}截止到周五。</p><p>见{link}。</p><p>见<a href='https://a.cn/x'>原文</a>。请看。</p>"
    assert [text for _, text in told(read_html(body.encode(), "a.html"))] == [
        "详见：https://a.cn/x。 项目截止时间为周五。",
        "见https://a.cn/x 截止到周五。",
        "见https://a.cn/x。",
        "见原文。请看。",
    ]


@pytest.mark.parametrize("start", ["abc", "", "--5", "1.5", "9" * 5000, "1" + 12 * "0"])
def test_a_list_that_begins_with_no_number_begins_with_one(start: str) -> None:
    document = read(f'<ol start="{start}"><li>甲</li><li value="{start}">乙</li></ol>')
    assert [part.block.marker for part in document.parts] == ["1.", "2."]


def test_a_list_may_begin_below_one() -> None:
    assert [part.block.marker for part in read('<ol start="-1"><li>甲</li><li>乙</li></ol>').parts] == ["-1.", "0."]


@pytest.mark.parametrize(
    ("claimed", "columns", "rows"), [("abc", 1, 1), ("9" * 5000, 1, 1), ("0", 1, 1), ("100000", 100, 65_534)]
)
def test_a_cell_is_no_larger_than_a_table_can_be(claimed: str, columns: int, rows: int) -> None:
    (part,) = read(f'<table><tr><td colspan="{claimed}" rowspan="{claimed}">甲</td><td>乙</td></tr></table>').parts
    assert (part.block.rows[0][0].columns, part.block.rows[0][0].rows) == (columns, rows)


def test_a_line_number_that_is_none_is_not_believed() -> None:
    assert told(read('<p data-line="abc">甲</p>')) == [("paragraph", "甲")]


def test_an_article_of_wechat_is_read_though_a_script_would_have_to_show_it() -> None:
    page = '<div id="js_content" style="visibility: hidden; opacity: 0"><p>要闻</p><img data-src="https://mmbiz.qpic.cn/a" alt="会场"></div>'
    document = read_html(page.encode(), "a.html")
    assert [part.block.text for part in document.parts] == ["要闻", "会场"]
    assert document.parts[1].block.picture == Picture("https://mmbiz.qpic.cn/a")
    assert document.warnings == ()


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        *(
            ("10<sup>9</sup>元", "10⁹元"),
            ("CO<sub>2</sub>", "CO₂"),
            ("1<sup>st</sup>", "1st"),
            ("所说<sup>[1]</sup>", "所说[1]"),
        ),
        *(
            ('<span style="vertical-align: super">-3</span>', "⁻³"),
            ("<sup>2<span style='vertical-align:baseline'>0</span></sup>", "²0"),
        ),
    ],
)
def test_what_stands_above_or_below_the_line_stays_there(written: str, read_as: str) -> None:
    assert told(read(f"<p>{written}</p>")) == [("paragraph", read_as)]


def test_what_a_ruby_has_above_its_letters_stands_in_brackets_behind_them() -> None:
    assert told(read("<ruby>漢<rp>(</rp><rt>hàn</rt><rp>)</rp>字<rt>zì</rt></ruby>")) == [("paragraph", "漢（hàn）字（zì）")]


def test_the_caption_of_a_table_stands_above_it() -> None:
    page = "<table><caption>表1　报名情况</caption><tr><td>甲院</td><td>3</td></tr></table>"
    assert told(read(page)) == [("paragraph", "表1　报名情况"), ("table", "甲院　3")]


@pytest.mark.parametrize("around", ["<pre>{}</pre>", '<p style="white-space: pre-wrap">{}</p>'])
def test_lines_that_are_kept_as_they_are_stay_apart(around: str) -> None:
    assert told(read(around.format("甲院：三人\n乙所：四人\n"))) == [("paragraph", "甲院：三人"), ("paragraph", "乙所：四人")]


def test_what_is_written_in_the_fields_of_a_form_is_text() -> None:
    form = (
        '<p>姓名：<input value="张三">，是否参会：<input type="radio" checked>是 <input type=radio>否</p>'
        '<p><input type="hidden" value="token"><input type="submit" value="提交">下周五截止。</p>'
    )
    assert [part.block.text for part in read_html(form.encode(), "a.html").parts] == [
        "姓名：张三，是否参会：☑是 ☐否",
        "下周五截止。",
    ]
