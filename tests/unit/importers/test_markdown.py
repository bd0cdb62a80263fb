"""Markdown as people write it in Chinese."""

import pytest

from mailer.block import BlockKind, Inline
from mailer.importers.bulletin import read_document
from mailer.importers.document import Document
from mailer.importers.markdown import read_markdown
from subscribers.errors import InputError
from tests.unit.importers.documents import told


def read(text: str) -> Document:
    return read_markdown(text.encode(), "a.md")


def inlines(text: str) -> tuple[Inline, ...]:
    return read(text).parts[0].block.pieces


@pytest.mark.parametrize(
    ("text", "strong", "rest"),
    [
        ("**注意：**请于周五前", "注意：", "请于周五前"),
        ("**“重点”**内容", "“重点”", "内容"),
        ("**（一）**报名", "（一）", "报名"),
        ("**时间:**12月", "时间:", "12月"),
    ],
)
def test_bold_needs_no_spaces_around_it_in_chinese(text: str, strong: str, rest: str) -> None:
    assert inlines(text) == (Inline(strong, strong=True), Inline(rest))


def test_bold_within_chinese_begins_before_a_quotation_mark() -> None:
    assert inlines("请看**“重点”**。") == (Inline("请看"), Inline("“重点”", strong=True), Inline("。"))


def test_an_underscore_within_a_name_is_no_emphasis() -> None:
    assert inlines("文件名_a_b_c在此") == (Inline("文件名_a_b_c在此"),)


def test_a_lone_star_stays() -> None:
    assert told(read("3 * 4 = 12，5*6"))[0] == ("paragraph", "3 * 4 = 12，5*6")


def test_lines_of_chinese_are_joined_without_a_space_and_words_with_one() -> None:
    assert told(read("第一行\n第二行 one\ntwo")) == [("paragraph", "第一行第二行 one two")]


def test_a_hard_break_begins_a_block() -> None:
    assert told(read("时间：周五  \n地点：东楼")) == [("paragraph", "时间：周五"), ("paragraph", "地点：东楼")]


def test_lists_are_nested_and_counted() -> None:
    blocks = [part.block for part in read("3. 甲\n4. 乙\n   - 丙\n\n   续丙\n").parts]
    assert [(block.text, block.marker, block.level, block.kind) for block in blocks] == [
        ("甲", "3.", 0, BlockKind.ITEM),
        ("乙", "4.", 0, BlockKind.ITEM),
        ("丙", "", 1, BlockKind.ITEM),
        ("续丙", "", 1, BlockKind.PARAGRAPH),
    ]


def test_a_footnote_is_referred_to_and_stands_below() -> None:
    blocks = [part.block for part in read("限五十人[^1]。\n\n[^1]: 先到先得。\n").parts]
    assert blocks[0].pieces[1] == Inline("[1]", note="[1]")
    assert (blocks[1].kind, blocks[1].marker, blocks[1].text) == (BlockKind.NOTE, "[1]", "先到先得。")


def test_a_table_keeps_rows_and_head() -> None:
    (block,) = (part.block for part in read("| 日期 | 地点 |\n|---|---|\n| 周五 | [东楼](https://a.cn/) |\n").parts)
    assert [[(cell.text, cell.header) for cell in row] for row in block.rows] == [
        [("日期", True), ("地点", True)],
        [("周五", False), ("东楼", False)],
    ]
    assert block.rows[1][1].inlines == (Inline("东楼", link="https://a.cn/"),)


def test_quotes_rules_and_pictures_are_what_they_are() -> None:
    assert told(read("> 学无止境。\n\n---\n\n![平面图](plan.png)\n")) == [
        ("quote", "学无止境。"),
        ("rule", ""),
        ("image", "平面图"),
    ]


def test_an_address_in_brackets_ends_where_letters_follow() -> None:
    assert told(read("详见<https://a.cn/x>截止周五")) == [("paragraph", "详见https://a.cn/x 截止周五")]


def test_a_link_that_runs_something_is_text_and_is_named() -> None:
    document = read("[点我](<javascript:alert(1)>)")
    assert document.parts[0].block.inlines == ()
    assert "javascript:alert(1)" in document.warnings[0]


def test_each_block_says_its_line() -> None:
    assert [part.where for part in read("---\nnumber: 3\n---\n\n# 甲\n\n乙\n").parts] == ["line 5", "line 7"]


FRONT = "---\npublisher: 联谊会\ntitle: 信息集锦\nkind: 简报\nyear: 2023\nnumber: 9\ntotal_number: 190\ndate: 2023-08-03\n---\n"


def test_front_matter_is_the_masthead() -> None:
    issue = read_document(read(FRONT + "# 一篇\n\n正文在此。\n\n# 又一篇\n\n正文。\n"), "a.md").issue
    said = (issue.publisher, issue.title, issue.kind, issue.ref, issue.total_number, str(issue.date))
    assert said == ("联谊会", "信息集锦", "简报", "2023-09", 190, "2023-08-03")
    assert [article.title for article in issue.articles] == ["一篇", "又一篇"]


def test_an_issue_that_says_neither_number_nor_date_has_the_date_of_its_file_s_name() -> None:
    reading = read_document(read("# 一篇\n\n正文在此，说得很长。\n\n# 又一篇\n\n正文。\n"), "简报2024-09-27.md")
    assert (str(reading.issue.date), reading.issue.number) == ("2024-09-27", 0)
    assert "the file's name" in reading.warnings[1]


@pytest.mark.parametrize(
    ("front", "said"),
    [
        ("number: neun", "number: 'neun'"),
        ("date: 2023-13-01", "2023-13-01"),
        ("number: [", "front matter cannot be read"),
        ("- 9", "no list of names"),
    ],
)
def test_front_matter_that_cannot_be_is_refused_with_the_cure(front: str, said: str) -> None:
    with pytest.raises(InputError, match=r"(?i)write") as refused:
        read_document(read(f"---\n{front}\n---\n# 甲\n\n乙。\n"), "a.md")
    assert said in str(refused.value)
