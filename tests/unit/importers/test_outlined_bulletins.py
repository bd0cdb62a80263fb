"""Whole bulletins whose headlines are headings, as Word makes them, with contents in many forms."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import FrameType

import pytest

from mailer.block import Block, BlockKind, Cell, table
from mailer.importers.bulletin import read_document
from mailer.importers.document import Document, Part
from mailer.importers.reading import Reading
from subscribers.errors import InputError

TITLES = ("三十家院所共建中试平台", "两部门启动数字化转型试点", "深化院所改革的几点思考")
COLUMNS = ("协会动态", "政策速递", "专家观点")
TEXT = "十一月六日，三十家院所的代表在西安开会，商定共建中试平台。" * 3
MASTHEAD = ["西北科研院所联谊会", "科技信息", "简报", "2026年第11期（总第228期）", "2026年11月20日"]


def read(*said: str | Block | Sequence[str]) -> Reading:
    """The reading of blocks: a paragraph, or, where `#` stands before it, a heading; a table where there are several texts."""
    blocks = [each if isinstance(each, Block) else _block(each) for each in said]
    return read_document(Document(tuple(Part(block, f"paragraph {n}") for n, block in enumerate(blocks, 1))), "x.docx")


def _block(said: str | Sequence[str]) -> Block:
    if not isinstance(said, str):
        return table(tuple(Cell(text) for text in row.split("|")) for row in said)
    text = said.lstrip("#")
    level = len(said) - len(text)
    return Block(BlockKind.HEADING, text.strip(), level=level) if level else Block(BlockKind.PARAGRAPH, text)


def articles(level: str = "#", *, titles: Sequence[str] = TITLES) -> list[str]:
    return [said for title in titles for said in (f"{level} {title}", "（来源：科技日报）", TEXT)]


def announced(reading: Reading) -> list[str]:
    return [entry.title for entry in reading.issue.contents]


@pytest.mark.parametrize(
    "contents",
    [
        ["目　录", *(f"{title} {page}" for page, title in enumerate(TITLES, 1))],
        ["目　录", *(f"{title}………………{page}" for page, title in enumerate(TITLES, 1))],
        ["## 目　录", *(f"{n}. {title}……{n}" for n, title in enumerate(TITLES, 1))],
        ["# 目录", *(f"#### {n}. {title}……{n}" for n, title in enumerate(TITLES, 1))],
        ["目录", *(said for column, title in zip(COLUMNS, TITLES, strict=True) for said in (f"【{column}】", f"{title}……1"))],
        ["目录", *(said for column, title in zip(COLUMNS, TITLES, strict=True) for said in (f"#### {column}", f"{title}……1"))],
        ["目录", [f"{title}|{page}" for page, title in enumerate(TITLES, 1)]],
        [["目录|", *(f"{title}|{page}" for page, title in enumerate(TITLES, 1))]],
        ["目录", [f"{n}|{title}|{3 * n}" for n, title in enumerate(TITLES, 1)]],
        [f"★{title}" for title in TITLES],
        [f"{title}……{page}" for page, title in enumerate(TITLES, 1)],
    ],
)
def test_contents_below_the_masthead_are_contents_whatever_their_form(contents: list[str]) -> None:
    reading = read(*MASTHEAD, *contents, *articles())
    assert list(reading.issue.masthead) == MASTHEAD
    assert announced(reading) == list(TITLES)
    assert [article.title for article in reading.issue.articles] == list(TITLES)
    assert reading.warnings == ()


def test_columns_are_headings_in_the_text_though_the_contents_have_none() -> None:
    body = [said for column, title in zip(COLUMNS, TITLES, strict=True) for said in (f"# 【{column}】", f"## {title}", TEXT)]
    reading = read(*MASTHEAD, "目录", *(f"{title}……1" for title in TITLES), *body)
    assert [(article.title, article.column) for article in reading.issue.articles] == list(zip(TITLES, COLUMNS, strict=True))
    assert announced(reading) == list(TITLES)


def test_the_contents_give_a_headline_without_its_number() -> None:
    numbered = [f"{number}、{title}" for number, title in zip("一二三", TITLES, strict=True)]
    reading = read(*MASTHEAD, "目录", *(f"{n}. {title}" for n, title in enumerate(TITLES, 1)), *articles(titles=numbered))
    assert [article.title for article in reading.issue.articles] == numbered
    assert reading.warnings == ()


@pytest.mark.parametrize(("below", "contents"), [("##", True), ("##", False), ("#", True)])
def test_sections_right_below_headlines_are_no_articles(below: str, contents: bool) -> None:
    body = [said for title in TITLES for said in (f"# {title}", f"{below} 一、基本情况", TEXT, f"{below} 二、下一步工作", TEXT)]
    reading = read(*MASTHEAD, *(["目录", *TITLES] if contents else []), *body)
    assert [article.title for article in reading.issue.articles] == list(TITLES)
    assert {len(article.blocks) for article in reading.issue.articles} == {4}


def test_headlines_that_the_contents_tell_of_may_have_unequal_levels() -> None:
    body = [said for level, title in zip(("##", "#", "###"), TITLES, strict=True) for said in (f"{level} {title}", TEXT)]
    reading = read(*MASTHEAD, "目录", *TITLES, *body)
    assert [article.title for article in reading.issue.articles] == list(TITLES)
    assert reading.issue.unplaced == ()


def test_a_masthead_in_a_table_is_read_row_by_row() -> None:
    rows = [
        "2026年第11期|（总第228期）",
        "主办：西北科研院所联谊会|承办：西北科研院所联谊会秘书处",
        "地址：陕西省西安市雁塔区科技路1208号|电话：029-88886666　传真：029-88887777",
        "责任编辑：周敏|2026年11月20日",
    ]
    issue = read("# 科技信息简报", rows, "目录", *TITLES, *articles()).issue
    assert (issue.number, issue.total_number, str(issue.date)) == (11, 228, "2026-11-20")
    assert issue.publisher == "西北科研院所联谊会"
    assert len(issue.masthead) == 5


def test_a_table_of_an_article_stays_one() -> None:
    rows = ["期次|日期", "第1期|2026年1月5日"]
    issue = read(*MASTHEAD, "目录", *TITLES, *articles(), rows).issue
    assert issue.articles[-1].blocks[-1].kind is BlockKind.TABLE


@pytest.mark.parametrize(
    "rows", [["期次|日期", "第1期|2026年1月5日", "第2期|2026年2月5日"], ["期次|日期", "第1期|2026年1月5日"]]
)
def test_a_table_below_the_first_headline_stays_one_whatever_it_numbers(rows: list[str]) -> None:
    first, *others = articles()
    issue = read(*MASTHEAD, first, "培训安排如下：", rows, *others).issue
    assert [block.kind for block in issue.articles[0].blocks[:2]] == [BlockKind.PARAGRAPH, BlockKind.TABLE]


def test_a_masthead_may_be_set_like_the_headlines() -> None:
    reading = read("# 科技信息", *(f"## {line}" for line in MASTHEAD[2:]), "## 西北科研院所联谊会", *articles("##"))
    assert len(reading.issue.masthead) == 5
    assert [article.title for article in reading.issue.articles] == list(TITLES)


@pytest.mark.parametrize("number", ["{:02}", "{}", "{}.", "PART {}"])
def test_a_number_above_a_headline_is_its_beginning(number: str) -> None:
    body = [said for n, title in enumerate(TITLES, 1) for said in (f"## {number.format(n)}", f"## {title}", TEXT)]
    reading = read(*MASTHEAD, *body)
    assert [article.title for article in reading.issue.articles] == [f"{number.format(n)} {t}" for n, t in enumerate(TITLES, 1)]
    assert reading.warnings == ()


def test_an_article_of_many_paragraphs_takes_no_more_for_each() -> None:
    assert calls_to_read(*many(600)) < 2.5 * calls_to_read(*many(300))


def many(paragraphs: int) -> list[str]:
    return [f"# {TITLES[0]}", *["好的"] * paragraphs]


def test_contents_of_many_sentences_take_no_more_for_each() -> None:
    assert calls_to_read(*announcing(160)) < 2.5 * calls_to_read(*announcing(80))


def announcing(number: int) -> list[str]:
    titles = [f"“把第{n}篇论文写在大地上。”" for n in range(number)]
    return ["目录", *(f"### {title}" for title in titles), *articles("###", titles=titles)]


def calls_to_read(*said: str) -> int:
    """How many functions are called, Python's own among them."""
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        read(*MASTHEAD, *said)
    finally:
        sys.setprofile(before)
    return calls


SHORT = [
    *(["各单位报名情况如下：", ["单位|人数", "甲院|3"]], ["定于8月5日在昆明开会。"], ["（来源：科技日报）", "详见附件"]),
    *(
        ["（略）", "中国科学院", "2023年8月1日"],
        ["## 一、时间", "8月5日上午。", "## 二、地点", "昆明。"],
        ["欢迎报名", "第3期"],
    ),
]


@pytest.mark.parametrize("text", SHORT)
@pytest.mark.parametrize("headline", ["# 会议报名情况", "# 简讯"])
def test_a_short_first_article_below_the_masthead_is_no_masthead(text: list[str], headline: str) -> None:
    reading = read(*MASTHEAD, headline, *text, *articles())
    assert [article.title for article in reading.issue.articles] == [headline[2:], *TITLES]
    assert reading.issue.masthead == tuple(MASTHEAD)
    assert reading.issue.title == "科技信息"


def test_nor_is_one_that_begins_with_a_list() -> None:
    items = [Block(BlockKind.ITEM, said) for said in ("八月五日：学术报告会", "八月九日：参观")]
    reading = read(*MASTHEAD, "# 近期活动安排", *items, *articles())
    assert [article.title for article in reading.issue.articles] == ["近期活动安排", *TITLES]


@pytest.mark.parametrize("text", [["定于8月5日在昆明开会。"], ["我院举办第5期培训班"], ["报名时间：2026年8月5日"]])
def test_nor_where_front_matter_says_which_issue_it_is(text: list[str]) -> None:
    said = ["# 会议通知", *text, *articles()]
    blocks = [_block(each) for each in said]
    fields = {"number": "11", "year": "2026", "date": "2026-11-20"}
    document = Document(tuple(Part(block, f"line {n}") for n, block in enumerate(blocks, 1)), fields)
    assert [article.title for article in read_document(document, "x.md").issue.articles] == ["会议通知", *TITLES]


@pytest.mark.parametrize("below", ["2026年11月20日", "西北科研院所联谊会主办", "内部资料　注意保存"])
def test_the_bulletins_heading_below_its_number_is_its_title(below: str) -> None:
    reading = read("2026年第11期", "2026年11月20日", "# 科技信息", below, *articles())
    assert reading.issue.title == "科技信息"
    assert [article.title for article in reading.issue.articles] == list(TITLES)


def test_an_article_of_numbered_sections_alone_is_no_bulletins_title() -> None:
    reading = read(*MASTHEAD, "# 关于报名的通知", TEXT, "## 一、时间", TEXT, "## 二、地点", TEXT)
    assert [article.title for article in reading.issue.articles] == ["关于报名的通知"]


def test_contents_end_above_the_text_whatever_their_numbers_look_like() -> None:
    titles = ("3项成果入选年度十大进展", *TITLES)
    contents = ["目录", *(f"{number}．{title}\t{number}" for number, title in enumerate(titles, 1))]
    reading = read(*MASTHEAD, *contents, *articles("##", titles=titles))
    assert [article.title for article in reading.issue.articles] == list(titles)
    assert announced(reading) == list(titles)


def test_a_headline_with_a_sentence_in_it_does_not_end_contents_whose_columns_are_headings() -> None:
    titles = (TITLES[0], "“把论文写在大地上。”——记一位老专家", TITLES[2])
    contents = ["目录", "### 协会动态", *titles[:2], "### 专家观点", titles[2]]
    text = [said for title in titles for said in (f"### {title}", TEXT)]
    reading = read(*MASTHEAD, *contents, "## 协会动态", *text[:4], "## 专家观点", *text[4:])
    assert [article.title for article in reading.issue.articles] == list(titles)
    assert announced(reading) == list(titles)


def test_an_article_that_begins_with_its_sections_is_no_column_beside_others() -> None:
    sections = [said for number in "一二三" for said in (f"### 第{number}，强化组织领导", TEXT)]
    reading = read(*MASTHEAD, *articles("##", titles=TITLES[:1]), "## 学习贯彻全会精神，推动高质量发展", *sections)
    assert [article.title for article in reading.issue.articles] == [TITLES[0], "学习贯彻全会精神，推动高质量发展"]


@pytest.mark.parametrize("column", ["### 【{}】", "## 【{}】", "# 【{}】", "【{}】", "### {}", "## {}", "# {}"])
def test_columns_may_be_set_as_large_as_the_headlines_or_smaller(column: str) -> None:
    text = [
        said
        for name, pair in zip(COLUMNS, (TITLES[:2], TITLES[2:]), strict=False)
        for said in (column.format(name), *articles("##", titles=pair))
    ]
    reading = read(*MASTHEAD, *text)
    assert [(article.column, article.title, len(article.blocks)) for article in reading.issue.articles] == [
        (COLUMNS[0], TITLES[0], 1),
        (COLUMNS[0], TITLES[1], 1),
        (COLUMNS[1], TITLES[2], 1),
    ]
    assert [article.column_line for article in reading.issue.articles[::2]] == [
        column.strip("# ").format(c) for c in COLUMNS[:2]
    ]
    assert reading.warnings == ()
    assert reading.issue.kind == "简报"


@pytest.mark.parametrize(
    "last", ["责任编辑：王某", "【责任编辑：王某】", "【编者按】", "### 附：参会单位名单以及联系方式一览表"]
)
def test_other_lines_above_a_headline_are_no_columns(last: str) -> None:
    reading = read(*MASTHEAD, "## " + TITLES[0], TEXT, TEXT, last, *articles("##", titles=TITLES[1:]))
    assert [article.column for article in reading.issue.articles] == [None, None, None]


@pytest.mark.parametrize("last", ["【全文完】", "〔本刊编辑部〕", "### 相关链接"])
def test_nor_is_what_ends_each_article(last: str) -> None:
    reading = read(*MASTHEAD, *(said for title in TITLES for said in (f"## {title}", TEXT, TEXT, last)))
    assert [article.column for article in reading.issue.articles] == [None, None, None]
    assert {article.blocks[-1].text for article in reading.issue.articles} == {last.strip("# ")}


def test_a_notice_in_brackets_stays_in_the_masthead() -> None:
    reading = read(*MASTHEAD, "【内部资料 注意保存】", *articles())
    assert reading.issue.masthead[-1] == "【内部资料 注意保存】"
    assert reading.issue.articles[0].column is None


@pytest.mark.parametrize("contents", [[], ["目录", *TITLES]])
def test_a_headline_in_two_paragraphs_is_one(contents: list[str]) -> None:
    halves = [f"# {TITLES[0][:5]}", f"# {TITLES[0][5:]}"]
    reading = read(*MASTHEAD, *contents, *halves, TEXT, *articles(titles=TITLES[1:]))
    assert [article.title for article in reading.issue.articles] == list(TITLES)
    told = f"x.docx: paragraph 6: the headline {TITLES[0]!r} was put together of 2 paragraphs. "
    assert [warning.startswith(told) for warning in reading.warnings] == ([] if contents else [True])


def test_but_not_two_that_the_contents_tell_of() -> None:
    reading = read(*MASTHEAD, "目录", *TITLES, f"# {TITLES[0]}", *articles(titles=TITLES[1:]))
    assert [article.title for article in reading.issue.articles] == list(TITLES)
    assert "has no text" in "".join(reading.warnings)


@pytest.mark.parametrize("first", [[TEXT], []])
def test_numbered_sections_set_like_the_headlines_are_no_articles(first: list[str]) -> None:
    sections = ["# 一、加强组织领导", TEXT, "# 二、健全工作机制", TEXT]
    text = [said for n, title in enumerate(TITLES) for said in (f"# {title}", *(first if n == 1 else [TEXT]), *sections)]
    reading = read(*MASTHEAD, *text)
    assert [article.title for article in reading.issue.articles] == list(TITLES)
    assert [block.text for block in reading.issue.articles[0].blocks if block.kind is BlockKind.HEADING] == [
        "一、加强组织领导",
        "二、健全工作机制",
    ]


@pytest.mark.parametrize(("lead", "found"), [([], 9), ([TEXT], 12)])
def test_numbered_headlines_below_columns_are_articles(lead: list[str], found: int) -> None:
    text = [
        said
        for c in COLUMNS
        for said in (f"# {c}", *lead, *(f for n, t in enumerate(TITLES, 1) for f in (f"# {n}. {c}{t}", TEXT)))
    ]
    assert len(read(*MASTHEAD, *text).issue.articles) == found


def test_a_masthead_of_several_headings_may_have_a_date_and_no_number() -> None:
    reading = read("## 西北科研院所联谊会", "# 科技信息", "特刊", "2026年11月20日", *articles("##"))
    assert (reading.issue.publisher, reading.issue.title, str(reading.issue.date)) == (
        "西北科研院所联谊会",
        "科技信息",
        "2026-11-20",
    )
    assert [article.title for article in reading.issue.articles] == list(TITLES)
    assert "has no issue number; the next one is taken" in reading.warnings[0]


def test_but_a_date_below_an_articles_headline_is_that_articles() -> None:
    with pytest.raises(InputError, match="no issue number"):
        read("# 西北科研院所联谊会", "# " + TITLES[0], "2026年11月20日", TEXT, *articles(titles=TITLES[1:]))


def test_a_column_is_called_without_the_stars_at_either_side() -> None:
    reading = read(*MASTHEAD, *(said for c, t in zip(COLUMNS, TITLES, strict=True) for said in (f"### ★{c}★", f"## {t}", TEXT)))
    assert [(article.column, article.column_line) for article in reading.issue.articles] == [(c, f"★{c}★") for c in COLUMNS]
