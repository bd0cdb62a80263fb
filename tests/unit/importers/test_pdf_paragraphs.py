"""Lines of a PDF become paragraphs: by the margin they reach, and where that leaves it open by how they begin and end."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from mailer.importers.pdf.columns import Printed, Region
from mailer.importers.pdf.lines import Words
from mailer.importers.pdf.page import Glyph
from mailer.importers.pdf.paragraphs import read_paragraphs
from mailer.importers.pdf.setting import setting_of

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
