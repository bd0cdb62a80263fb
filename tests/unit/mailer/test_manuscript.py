"""An issue as one Markdown file, and back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from mailer.block import Block, BlockKind, Cell, Inline, Picture, image, table, text_block
from mailer.issue import Article, ContentsEntry, Issue
from mailer.manuscript import is_manuscript, read_manuscript, write_manuscript
from subscribers.errors import InputError
from tests.unit.render.issues import SAMPLE

SIGNS = st.text(st.sampled_from("甲乙，。：（）“”0123.-+#*_[]()<>&|!~`\\/ 　AaB=$\u00a0😀"), max_size=12)
WORDS = st.one_of(
    SIGNS, st.sampled_from(["**注意：**请于", "1. 报名", "- 甲", "https://a.cn/x_y?a=1&copy=2", "--", "```", "<b>甲</b>"])
)
LINKS = st.none() | st.sampled_from(["https://a.cn/", "https://a.cn/x?a=1&b=(2)", "mailto:a@b.cn"])
INLINES = st.lists(
    st.builds(Inline, WORDS, st.booleans(), st.booleans(), LINKS, st.sampled_from([None, None, "[1]"])), max_size=4
)
ROWS = st.lists(
    st.lists(st.builds(Cell, WORDS, header=st.booleans()), min_size=1, max_size=3).map(tuple), min_size=1, max_size=3
)
PICTURES = st.builds(
    Picture, WORDS, st.none() | st.just("ab" * 32), st.none() | st.integers(1, 2000), st.none() | st.integers(1, 9)
)
BLOCKS = st.one_of(
    st.builds(
        text_block,
        st.sampled_from(BlockKind),
        INLINES,
        level=st.integers(0, 3),
        marker=st.sampled_from(["", "1.", "2.", "（一）", "[1]"]),
    ),
    st.builds(table, ROWS),
    st.builds(image, PICTURES, WORDS),
)
LINES = st.lists(WORDS, max_size=3).map(tuple)
ARTICLES = st.builds(
    Article,
    st.just(1),
    WORDS,
    st.lists(BLOCKS, max_size=6).map(tuple),
    st.none() | WORDS,
    st.none() | WORDS,
    st.none() | WORDS,
    st.lists(st.sampled_from(["张伟", "李 娜"]), max_size=2).map(tuple),
    st.none() | WORDS,
)
ISSUES = st.builds(
    Issue,
    publisher=WORDS,
    title=WORDS,
    kind=WORDS,
    year=st.integers(1990, 2100),
    number=st.integers(1, 400),
    total_number=st.none() | st.integers(1, 999),
    date=st.none() | st.dates(date(1990, 1, 1)),
    articles=st.lists(ARTICLES, max_size=3).map(
        lambda articles: tuple(replace(article, position=number) for number, article in enumerate(articles, 1))
    ),
    contents=st.lists(st.builds(ContentsEntry, WORDS, WORDS, st.none() | WORDS), max_size=2).map(tuple),
    masthead=LINES,
    contents_headings=LINES,
    colophon=LINES,
    furniture=LINES,
    unplaced=LINES,
)


@given(ISSUES)
@settings(max_examples=150, phases=[Phase.explicit, Phase.generate])
def test_what_is_written_is_read_back_as_it_was(issue: Issue) -> None:
    written = write_manuscript(issue)
    assert is_manuscript(written)
    assert read_manuscript(written, "a.md") == issue


def test_a_usual_issue_is_plain_markdown() -> None:
    written = write_manuscript(SAMPLE)
    assert "```" not in written
    assert "## 会议日程" in written
    assert "- （二）下午：分组讨论。" in written.replace("-   ", "- ")


def test_an_edited_text_is_an_edited_issue() -> None:
    written = (
        write_manuscript(SAMPLE).replace("昆明市", "大理市").replace("## 会议日程", "## 日程\n\n**注意：**请于周五前报名。")
    )
    article = read_manuscript(written, "a.md").articles[0]
    assert "大理市" in article.blocks[0].text
    assert article.blocks[1:3] == (
        Block(BlockKind.HEADING, "日程"),
        text_block(BlockKind.PARAGRAPH, [Inline("注意：", strong=True), Inline("请于周五前报名。")]),
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [("year: 2023\n", "", "year"), ("number: 9\n", "number: neun\n", "neun"), ("date: '2023-08-03'", "date: morgen", "morgen")],
)
def test_one_that_is_not_whole_is_refused_with_the_cure(old: str, new: str, said: str) -> None:
    written = write_manuscript(SAMPLE)
    assert old in written
    with pytest.raises(InputError, match="issue export") as refused:
        read_manuscript(written.replace(old, new, 1), "a.md")
    assert said in str(refused.value)
