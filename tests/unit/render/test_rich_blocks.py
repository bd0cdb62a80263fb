"""Every kind of block, in the page and in the text part."""

import re

import lxml.html
import pytest

from mailer.block import Block, BlockKind, Cell, Inline, Picture, image, table, text_block
from mailer.edition import Field, fill
from mailer.render import SHIPPED, render, theme_names
from tests.unit.render.issues import IMPRINT, VALUES, article, issue

RICH = issue(
    article(
        1,
        "学术月通知",
        text_block(BlockKind.HEADING, [Inline("安排")], level=2),
        text_block(
            BlockKind.PARAGRAPH,
            [
                Inline("注意：", strong=True),
                Inline("请于"),
                Inline("周五", emphasis=True),
                Inline("前到"),
                Inline("报名页", link="https://www.example.cn/apply"),
                Inline("登记"),
                Inline("[1]", note="1"),
                Inline("，来信", link="javascript:alert(1)"),
            ],
        ),
        text_block(BlockKind.ITEM, [Inline("讲座")], marker="1."),
        text_block(BlockKind.ITEM, [Inline("夜间场")], level=1),
        text_block(BlockKind.PARAGRAPH, [Inline("在东楼")], level=2),
        text_block(BlockKind.QUOTE, [Inline("学无止境。")]),
        table([(Cell("日期", header=True), Cell("地点", header=True)), (Cell("周五", columns=2),)]),
        image(Picture("plan.png"), "会场平面图"),
        text_block(BlockKind.RULE, []),
        text_block(BlockKind.NOTE, [Inline("限五十人。")], marker="[1]"),
    )
)


def _html() -> str:
    return fill(render(RICH, imprint=IMPRINT).html, VALUES)


def _text() -> str:
    return fill(render(RICH, imprint=IMPRINT).text, VALUES)


def test_what_is_strong_stays_strong() -> None:
    assert "<strong>注意：</strong>请于<em>周五</em>前到" in _html()


def test_words_that_lead_to_an_address_are_a_counted_link() -> None:
    assert f'<a href="{VALUES[Field.CLICK_URL]}.0"' in _html()
    assert ">报名页</a>" in _html()


@pytest.mark.parametrize(
    "words", ["www.example.cn", "https://www.example.cn", " HTTP://www.example.cn/ ", "www.example.cn（官网）"]
)
def test_a_counted_link_never_has_an_address_for_its_words(words: str) -> None:
    """Word links an address by itself, and with another address than it shows: what counts it would look like phishing."""
    link = text_block(BlockKind.PARAGRAPH, [Inline("见"), Inline(words, link="https://www.example.cn/"), Inline("。")])
    pages = [
        fill(render(issue(article(1, "通知", link)), imprint=IMPRINT, tracking=counted).html, VALUES)
        for counted in (True, False)
    ]
    counted, plain = (re.findall(r"<p[^>]*>见(.*?)。</p>", page)[0] for page in pages)
    assert re.findall("<a [^>]*>(.*?)</a>", counted) == ["〔打开网页〕"]
    assert f">{words}</span>" in counted
    assert re.findall("<a [^>]*>(.*?)</a>", plain) == [words]


def test_an_address_that_is_no_web_page_s_is_text() -> None:
    assert "javascript" not in _html()
    assert "，来信" in _html()


def test_a_table_is_a_table() -> None:
    assert ">日期</th>" in _html()
    assert 'colspan="2"' in _html()


@pytest.mark.parametrize(
    ("rows", "scopes"),
    [
        ([("", "2022", "2023"), ("论文", 10, 12), ("专利", 1, 3)], ["col", "col", "row", "row"]),
        ([("单位", 1, "电话", 2), ("地址", 3, "邮编", 4)], ["row", "row", "row", "row"]),
        ([("论文", 10), ("专利", 1)], ["row", "row"]),
        ([("论文", "专利")], ["col", "col"]),
    ],
)
def test_the_head_of_a_table_says_whether_it_heads_its_column_or_its_row(
    rows: list[tuple[str | int]], scopes: list[str]
) -> None:
    """Heads are the words here, and what they head the numbers."""
    cells = [tuple(Cell(str(text), header=isinstance(text, str)) for text in row) for row in rows]
    page = fill(render(issue(article(1, "统计", table(cells)))).html, VALUES)
    assert re.findall('<th scope="([a-z]+)"', page) == scopes


@pytest.mark.parametrize("theme", theme_names([SHIPPED]))
def test_english_is_said_to_be_so_wherever_it_stands_in_a_chinese_page(theme: str) -> None:
    words = "Open data for research"
    blocks = (
        text_block(BlockKind.HEADING, [Inline(f"{words} 1")]),
        text_block(BlockKind.PARAGRAPH, [Inline(f"{words} 2")]),
        text_block(BlockKind.ITEM, [Inline(f"{words} 3")]),
        text_block(BlockKind.ITEM, [Inline(f"{words} 4")], marker="(1)"),
        text_block(BlockKind.QUOTE, [Inline(f"{words} 5")]),
        text_block(BlockKind.NOTE, [Inline(f"{words} 6")], marker="[1]"),
        table([(Cell(f"{words} 7", header=True), Cell("中文", header=True)), (Cell(f"{words} 8"), Cell("中文"))]),
    )
    page = fill(render(issue(article(1, words, *blocks), article(2, "中文", *blocks)), theme=theme, limit=0).html, VALUES)
    body = lxml.html.document_fromstring(page.encode()).body
    found = body.xpath(f"//body//*[starts-with(normalize-space(text()), '{words}') and not(contains(text(), '；'))]")
    assert len(found) > 2
    assert {element.xpath("ancestor-or-self::*[@lang][1]/@lang")[0] for element in found} == {"en"}


def test_a_date_or_a_short_heading_in_a_table_is_not_broken() -> None:
    rows = [(Cell("截止日期", header=True), Cell("未见截止日期的不刊", header=True)), (Cell("12.27"), Cell("无"))]
    unbroken = '<{0} {1}style="[^"]*word-break:keep-all[^"]*">{2}</{0}>'
    page = fill(render(issue(article(1, "日程", table(rows)))).html, VALUES)
    assert re.search(unbroken.format("th", 'scope="col" class="[^"]*" ', "截止日期"), page)
    assert re.search(unbroken.format("td", 'class="[^"]*" ', "12.27"), page)
    assert not re.search(unbroken.format("th", 'scope="col" class="[^"]*" ', "未见截止日期的不刊"), page)


def test_a_wide_table_keeps_names_and_numbers_whole_and_slides_where_it_does_not_fit() -> None:
    row = ("李小明", "1,250.00", "承担单位", "备注", "—")
    page = fill(render(issue(article(1, "日程", table([tuple(map(Cell, row))] * 2)))).html, VALUES).partition("</head>")[2]
    styles = {text: re.findall(rf'<td class="[^"]*" style="([^"]*)">{text}</td>', page)[0] for text in row}
    assert {text for text, style in styles.items() if "word-break:keep-all" in style} == {"李小明", "备注", "—"}
    assert {text for text, style in styles.items() if "word-break:normal" in style} == {"1,250.00", "承担单位"}
    assert 'class="slide" tabindex="0"' in page


@pytest.mark.parametrize(
    ("row", "slides"),
    [
        (("1,250.00", "承担单位", "备注", "—"), False),
        (("截止日期", "往期讲座", "开展日期", "刊载日期"), True),
        (("仪器共享平台的建设与运行维护", "云南省农业科学院", "12,345,678.90", "2021.01—2023.12"), False),
        (("lizhongguo@institute.example.cn", f"https://www.example.cn/{'a' * 90}"), False),
        (("Intelligent microscopy", "12,345,678.90", "communication"), True),
    ],
)
def test_a_table_slides_where_its_words_and_numbers_take_more_than_a_small_phone_has(row: tuple[str], slides: bool) -> None:
    page = fill(render(issue(article(1, "日程", table([tuple(map(Cell, row))])))).html, VALUES).partition("</head>")[2]
    assert ("tabindex" in page) is slides


@pytest.mark.parametrize("theme", theme_names([SHIPPED]))
def test_word_gives_a_picture_the_line_that_it_needs(theme: str) -> None:
    """In a line of exactly 28 pixels Outlook shows a picture's lowest 28, as mjml#2946 and Cerberus#135 tell."""
    picture = image(Picture("plan.png", "a" * 64, 600, 400), "会场平面图")
    page = fill(render(issue(article(1, "通知", picture)), theme=theme, pictures="https://a.cn/i/").html, VALUES)
    (parent,) = lxml.html.document_fromstring(page.encode()).xpath("//img[@alt='会场平面图']/..")
    for_word = re.findall(r"<!--\[if mso\]>(.*?)<!\[endif\]-->", page, re.DOTALL)[0]
    rules = re.findall(r"^(.*)\{.*mso-line-height-rule:([a-z-]+)", for_word, re.MULTILINE)
    assert (parent.tag, parent.get("class")) == ("p", "picture")
    assert rules == [(".article p,.article li", "exactly"), (".article .picture", "at-least")]


@pytest.mark.parametrize("theme", theme_names([SHIPPED]))
def test_the_widest_picture_fits_beside_what_word_leaves_at_its_sides(theme: str) -> None:
    picture = image(Picture("plan.png", "a" * 64, 1200, 800), "会场平面图")
    articles = (article(1, "通知", picture), article(2, "通知", text_block(BlockKind.PARAGRAPH, [Inline("字" * 900)])))
    page = fill(render(issue(*articles), theme=theme, pictures="https://a.cn/i/").html, VALUES)
    for_word = re.findall(r"<!--\[if mso\]>(.*?)<!\[endif\]-->", page, re.DOTALL)[0]
    side = int(re.findall(r"\.side\{padding-left:(\d+)px", for_word)[-1])
    (shown,) = lxml.html.document_fromstring(page.encode()).xpath("//img[@alt='会场平面图']")
    beside = [int(cell.get("width")) for cell in shown.xpath("ancestor::td[1]/preceding-sibling::td")]
    assert 2 * side + sum(beside) + int(shown.get("width")) <= 680


def test_an_article_does_not_end_in_a_rule_of_its_own_above_the_page_s() -> None:
    rule, text_ = text_block(BlockKind.RULE, []), text_block(BlockKind.PARAGRAPH, [Inline("讲座。")])
    assert _lines_in(rule, text_, rule, rule) == _lines_in(text_)
    assert _lines_in(text_, rule, text_) == _lines_in(text_, text_) + 1


def _lines_in(*blocks: Block) -> int:
    return fill(render(issue(article(1, "甲", *blocks))).html, VALUES).count('<table role="presentation"')


def test_the_text_part_tells_the_same_in_plain_text() -> None:
    body = _text().partition(f"学术月通知\n{'=' * 13}\n")[2].partition("=" * 76)[0]
    assert body.split("\n") == [
        "",
        "安排",
        "----",
        "",
        "　　注意：请于周五前到报名页（https://www.example.cn/apply）登记[1]，来信",
        "",
        "  1. 讲座",
        "    - 夜间场",
        "",
        "    在东楼",
        "",
        "> 学无止境。",
        "",
        "日期 | 地点",
        "周五",
        "",
        "〔图：会场平面图〕",
        "",
        "* * *",
        "",
        "[1] 限五十人。",
        "",
        "",
    ]


@pytest.mark.parametrize("theme", theme_names([SHIPPED]))
@pytest.mark.parametrize(
    ("title", "kind", "shown"),
    [("信息集锦", "简报", 1), ("科研动态", "动态", 0), ("科技工作简报", "工作简报", 0), ("", "简报", 0)],
)
def test_a_kind_that_the_title_says_is_not_said_again(theme: str, title: str, kind: str, shown: int) -> None:
    edition = render(issue(title=title, kind=kind), theme=theme, imprint=IMPRINT)
    page, text = fill(edition.html, VALUES), fill(edition.text, VALUES)
    assert len(re.findall(rf">\s*{kind}\s*<", page.split("本期目录")[0].split("<body")[1])) == shown + (not title)
    assert text.splitlines()[1] == "　".join(filter(None, (title or kind, kind if shown else "")))


def test_an_item_of_a_list_within_a_list_has_its_bullet() -> None:
    items = (
        text_block(BlockKind.ITEM, [Inline("讲座")], marker="1."),
        text_block(BlockKind.ITEM, [Inline("夜间场")], level=1),
        text_block(BlockKind.ITEM, [Inline("★ 贵宾场")], level=1),
    )
    page = fill(render(issue(article(1, "学术月通知", *items)), imprint=IMPRINT).html, VALUES)
    assert re.findall(r'<p[^>]*class="item"[^>]*>([^<]*)</p>', page) == ["1. 讲座", "• 夜间场", "★ 贵宾场"]
    # Word drops a paragraph's padding.
    assert re.findall(r'<p class="item" style="[^"]*margin-left:(\d+)px">', page) == ["56", "56"]
