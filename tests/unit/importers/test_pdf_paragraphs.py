"""Lines of a PDF become paragraphs: by the margin they reach, and where that leaves it open by how they begin and end."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from mailer.importers.pdf.columns import Printed, Region, read_regions
from mailer.importers.pdf.furniture import strip_furniture
from mailer.importers.pdf.lines import Words, rows_of
from mailer.importers.pdf.page import Box, Glyph, Page
from mailer.importers.pdf.paragraphs import read_paragraphs
from mailer.importers.pdf.reading import read_pdf
from mailer.importers.pdf.setting import setting_of
from tests.unit.importers.test_pdf_text import pdf

SIZE = 10.0
LEFT = 50.0
PAGE = (-math.inf, math.inf)


def line(text: str, *, width: float | None = None, left: float = LEFT, size: float = SIZE) -> Words:
    """A line of signs, each as wide as it is, or stretched to a `width` in points."""
    widths = [size if sign >= "\u2e80" else size / 2 for sign in text]
    stretch = 0.0 if width is None else (width - sum(widths)) / max(1, len(text) - 1)
    glyphs = []
    at = left
    for sign, wide in zip(text, widths, strict=True):
        if sign != " ":
            glyphs.append(Glyph(sign, at, at + wide, 0.0, size))
        at += wide + stretch
    return Words(tuple(glyphs))


def region(lines: Sequence[Words], between: tuple[float, float] = PAGE, page: int = 1) -> Region:
    printed = []
    for number, words in enumerate(lines):
        height = 700 - 15.0 * number
        glyphs = tuple(Glyph(g.text, g.left, g.right, height, g.size, g.bold) for g in words.glyphs)
        moved = Words(glyphs)
        printed.append(Printed(moved.box, words=moved))
    return Region(page, between, min(w.left for w in lines), max(w.right for w in lines), tuple(printed))


def read(*regions: Region) -> list[str]:
    return ["".join(words.text for words in paragraph.words) for paragraph in read_paragraphs(regions, setting_of(regions))]


WORD = re.compile(r"[（“]?(?:[!-~]+|.)[，。、）”；]*")


def wrapped(text: str, width: float = 250.0) -> list[str]:
    """The lines of a paragraph that is set ragged: no longer than `width`, no word cut, no sign of punctuation first."""
    lines = [""]
    for word in WORD.findall(text):
        if line(lines[-1] + word).right - LEFT > width:
            lines.append("")
        lines[-1] += word
    return lines


PARAGRAPHS = [
    "会议由秘书长主持，来自七个省市的五十位代表参加了会议并就下一步的工作作了发言。",
    "各单位要高度重视、精心组织，确保各项工作在规定的时间内完成。",
    "第13期培训班定于8月12日开班，请有意参加的单位在8月5日之前把回执发给秘书处。",
    "本次活动共有323名代表参加，是历次活动中规模最大的一次，得到了各方好评。",
]
RAGGED = [text for paragraph in PARAGRAPHS for text in wrapped(paragraph)]


def test_lines_of_chinese_end_in_one_place_by_themselves_and_that_is_no_margin() -> None:
    assert len({line(text).right for text in RAGGED}) > 4
    assert read(region([line(text) for text in RAGGED])) == PARAGRAPHS


def test_a_line_that_was_stretched_goes_on_and_one_that_was_not_ends() -> None:
    lines = [line(text, width=250) for text in ("甲" * 25, "乙" * 24, "丙" * 25, "丁" * 24)]
    ended = [line("戊" * 24), line("己" * 10)]  # one sign short, and not stretched
    assert [len(text) for text in read(region([*lines, *ended]))] == [25 + 24 + 25 + 24 + 24, 10]


def test_the_number_that_is_due_begins_a_paragraph_though_the_line_above_is_full() -> None:
    full = "是关于某某问题的若干研究进展与社会各界的看法之一"
    lines = [f"{number}.{full}" for number in (1, 2, 3, 4)]
    assert read(region([line(text) for text in lines])) == lines


def test_a_list_of_facts_stays_one_though_a_line_is_full() -> None:
    facts = ["征文内容：阅读各类图书后撰写的论文感想文以及评论等", "截止时间：即日起至十二月", "投稿方式：发到编辑部邮箱"]
    assert read(region([line(text) for text in (*RAGGED, *facts)]))[-3:] == facts


def test_a_time_of_day_is_no_label() -> None:
    lines = [
        line(text, width=250)
        for text in ("甲" * 24, "乙" * 24, "本周的读书会将于本月十一日在图书馆举行（周三）", "19:00" + "丙" * 20)
    ]
    assert len(read(region([*lines, line("丁" * 3)]))) == 1


def test_an_opening_bracket_stays_with_what_it_opens() -> None:
    lines = [*RAGGED, "要想参与请先加入本协会的会员联络大群", "（384452694999）并查看公告。"]
    assert read(region([line(text) for text in lines]))[-1] == lines[-2] + lines[-1]


def test_one_sign_goes_down_with_the_address_behind_it() -> None:
    lines = [*RAGGED, "转发推文即可参与抽奖，奖品丰厚，详", "见https://mp.weixin.example/s/VcZzXLQGK95ZI"]
    assert read(region([line(text) for text in lines]))[-1] == lines[-2] + lines[-1]


def test_a_page_of_contents_has_the_margins_of_the_other_pages() -> None:
    contents = [line(text, left=LEFT + 40) for text in ("活动预告", "征稿启事", "讲座", "通知公告")]
    facts = [line("编辑部招聘人才，工作轻松，可联系小祥"), line("想订阅本消息的读者可加群：849644979")]
    first, second = region([*contents, *facts]), region([line(text) for text in RAGGED], page=2)
    assert read(first, second)[4:6] == ["编辑部招聘人才，工作轻松，可联系小祥", "想订阅本消息的读者可加群：849644979"]


def test_columns_have_margins_of_their_own_and_not_those_of_the_pages_without() -> None:
    long = [line(text, width=250) for text in ("甲" * 25, "乙" * 24, "丙" * 25)]
    narrow = [line(text, width=110) for text in ("丁" * 11, "戊" * 10, "己" * 11)]
    texts = read(region([*long, line("庚。")]), region([*narrow, line("辛。")], (-math.inf, 170.0), page=2))
    assert [len(text) for text in texts] == [76, 34]


def test_what_could_not_be_broken_goes_on_below_the_margin_it_sticks_out_of() -> None:
    lines = [line(text, width=250) for text in ("甲" * 25, "乙" * 24, "丙" * 25)]
    overfull = line("参与方式是先加入会员联络大群（384452694384452694000000）")
    assert overfull.right > LEFT + 250 + SIZE
    assert len(read(region([*lines, overfull, line("并按照公告报名。")]))) == 1


def test_a_full_stop_that_hangs_out_by_chance_ends_the_paragraph() -> None:
    lines = [line(text, width=250) for text in ("甲" * 25, "乙" * 24, "丙" * 25)]
    ended = line("丁" * 24 + "。", width=251.5)  # no typesetter lets a sign hang so
    assert read(region([*lines, ended, line("己" * 8)]))[-1] == "己" * 8


def test_a_label_below_an_address_begins_anew() -> None:
    lines = [*RAGGED, "详情请见推文https://mp.weixin.example/s/VcZzXLQG", "注：数模社发布了平台。"]
    assert read(region([line(text) for text in lines]))[-1] == lines[-1]


def test_a_large_title_in_one_column_does_not_put_two_lines_of_the_other_in_one() -> None:
    def at(text: str, left: float, height: float, size: float) -> list[Glyph]:
        return [Glyph(g.text, g.left, g.right, height, size) for g in line(text, left=left, size=size).glyphs]

    rows = rows_of([*at("活动", 50, 594.7, 24.8), *at("留学生", 250, 604.6, 12), *at("比赛，", 250, 585.8, 12)])
    texts = ["".join(glyph.text for glyph in row) for row in rows]
    assert "".join(texts).index("留学生") < "".join(texts).index("比赛，")
    assert not any("留比" in text for text in texts)


def test_what_is_raised_stays_in_its_line() -> None:
    base = line("限五十人。", size=12)
    raised = Glyph("1", base.glyphs[3].right - 1, base.glyphs[3].right + 3, 4.0, 7.0)
    (row,) = rows_of([raised, *base.glyphs])
    assert len(row) == 6


def test_a_line_drawn_across_the_page_parts_the_masthead_from_the_columns() -> None:
    def at(text: str, left: float, height: float) -> list[Glyph]:
        return [Glyph(g.text, g.left, g.right, height, SIZE) for g in line(text, left=left).glyphs]

    masthead = [*at("2024.9.27", 50, 740), *at("“秉中持正、求新博闻。”", 240, 740)]
    left = [glyph for number in range(12) for glyph in at("甲" * 15, 50, 700 - 15.0 * number)]
    right = [glyph for number in range(12) for glyph in at("乙" * 15, 240, 700 - 15.0 * number)]
    rule = Box(50, 720, 390, 720.4)
    page = Page(1, 440, 800, (*masthead, *left, *right), (rule,), (), "")
    said = ["".join(line.words.text for line in region.lines if line.words is not None) for region in read_regions([page])]
    assert said[:2] == ["2024.9.27", "“秉中持正、求新博闻。”"]
    assert said[2:] == ["甲" * 180, "乙" * 180]


def placed(text: str, left: float, height: float) -> list[Glyph]:
    return [Glyph(g.text, g.left, g.right, height, SIZE) for g in line(text, left=left).glyphs]


def tables_of(glyphs: list[Glyph]) -> list[list[list[str]]]:
    page = Page(1, 600, 800, tuple(glyphs), (), (), "")
    grids = [line.grid for region in read_regions([page]) for line in region.lines if line.grid is not None]
    return [[["".join(words.text for words in cell) for cell in row] for row in grid.cells] for grid in grids]


def test_a_table_without_lines_is_read_by_the_places_of_its_words_though_cells_go_on_below() -> None:
    above = placed("各项活动的时间安排如下，请各单位按时参加。", 50, 740)
    heads = [*placed("活动", 80, 700), *placed("开展", 250, 700), *placed("刊载", 330, 700)]
    rows = [("读书会", "3.22", "3.4", 680.0), ("讲座", "3.24", "3.7", 660.0), ("征文", "5.16", "3.10", 605.0)]
    body = [
        glyph
        for texts in rows
        for left, text in zip((50, 250, 330), texts, strict=False)
        for glyph in placed(text, left, texts[3])
    ]
    long = [
        *placed("明清之际宝华山律宗", 50, 638),
        *placed("3.25", 250, 632),
        *placed("3.18", 330, 632),
        *placed("的复兴", 50, 626),
    ]
    assert tables_of([*above, *heads, *body, *long]) == [
        [
            ["活动", "开展", "刊载"],
            ["读书会", "3.22", "3.4"],
            ["讲座", "3.24", "3.7"],
            ["明清之际宝华山律宗的复兴", "3.25", "3.18"],
            ["征文", "5.16", "3.10"],
        ]
    ]


def test_three_columns_of_text_are_no_table() -> None:
    texts = ("请各单位于周五前，", "报名时附上回执一份", "会议由秘书长主持。")
    heights = [700 - 15.0 * number for number in range(12)]
    glyphs = [
        g for height in heights for left, text in zip((50, 200, 350), texts, strict=True) for g in placed(text, left, height)
    ]
    assert tables_of(glyphs) == []


def test_one_of_them_is_doubted() -> None:
    rows = "".join(
        f"BT /F 12 Tf {left} {700 - 20 * number} Td ({text}) Tj ET "
        for number, texts in enumerate((("Event", "Date", "Place"), ("Talk", "3.22", "Hall"), ("Walk", "3.24", "Park")))
        for left, text in zip((72, 200, 300), texts, strict=True)
    )
    document = read_pdf(pdf(rows.encode()), "a.pdf")
    (part,) = document.parts
    assert [[cell.text for cell in row] for row in part.block.rows] == [
        ["Event", "Date", "Place"],
        ["Talk", "3.22", "Hall"],
        ["Walk", "3.24", "Park"],
    ]
    assert "no lines part the columns of a table" in document.doubts[0]


def test_a_quotation_mark_stays_with_what_stands_at_either_side() -> None:
    lines = [*RAGGED, "邮件的标题应当按照要求统一命名为学院+‘挑战", "杯’proposal并发送。"]
    assert read(region([line(text) for text in lines]))[-1] == lines[-2] + lines[-1]


def pages(heads: Sequence[str], feet: Sequence[str], *, size: float = SIZE, apart: float = 15) -> list[Page]:
    """Pages of text, lines 15 points apart down to 80, with such a line of a size so far above and below; an empty one is none."""
    signs = "为深入落实部署会员单位近日分别召开议由秘书长主持各方代表参加讨论下一步将细化工抓好作"
    found = []
    for number, (head, foot) in enumerate(zip(heads, feet, strict=True), 1):
        rows = enumerate(range(80, 741, 15), 7 * number)
        glyphs = [g for row, height in rows for g in placed(signs[row % 40 :] + signs[: row % 37], LEFT, height)]
        for said, height in ((head, 740 + apart), (foot, 80 - apart)):
            glyphs += (
                [Glyph(g.text, g.left, g.right, height, size) for g in line(said, left=LEFT, size=size).glyphs] if said else []
            )
        found.append(Page(number, 600, 800, tuple(glyphs), (), (), ""))
    return found


def test_a_signature_at_the_foot_of_most_pages_is_text() -> None:
    assert strip_furniture(pages([""] * 4, ["", "秘书处办公室", "秘书处办公室", "秘书处办公室"])).furniture == ()


def test_a_line_that_others_have_other_text_beside_is_text() -> None:
    feet = ["学会供稿", "学会供稿", "会议研究了三项议题，通过了决议。", "学会供稿", "与会代表参观了实验室和展厅。", "学会供稿"]
    assert strip_furniture(pages([""] * 6, feet, size=SIZE / 2)).furniture == ()


def test_running_heads_of_sections_make_no_text_of_the_one_on_every_other_page() -> None:
    heads = ["", "科技简报第9期", "学术活动", "科技简报第9期", "科研进展", "科技简报第9期"]
    stripped = strip_furniture(pages(heads, [""] * 6, size=SIZE - 2, apart=25))
    assert stripped.furniture == tuple((number, "科技简报第9期") for number in (2, 4, 6))


def test_a_smaller_line_on_all_pages_but_the_first_is_a_running_head() -> None:
    stripped = strip_furniture(pages(["机密文件", *["科技简报第9期"] * 3], [""] * 4, size=SIZE - 2))
    assert stripped.furniture == tuple((number, "科技简报第9期") for number in (2, 3, 4))
