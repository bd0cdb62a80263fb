"""One real issue, extracted from the PDF that staff made, page breaks in the middle of words and all."""

from __future__ import annotations

from datetime import date

import pytest

from mailer.block import BlockKind
from mailer.importers.reading import Reading
from mailer.importers.text import read_text_issue
from tests.paths import BULLETINS
from tests.unit.importers.test_reading_any_bulletin import assert_holds_the_whole_file, squeeze

pytestmark = pytest.mark.skipif(BULLETINS is None, reason="the folder with the real bulletin is not here")


@pytest.fixture(scope="module")
def raw() -> str:
    assert BULLETINS is not None
    return (BULLETINS / "2023-09.txt").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def reading(raw: str) -> Reading:
    return read_text_issue(raw.encode(), "2023-09.txt")


def test_nothing_is_lost_and_nothing_is_doubtful(reading: Reading, raw: str) -> None:
    assert_holds_the_whole_file(reading, raw)
    assert reading.warnings == ()
    assert reading.issue.unplaced == ()
    assert reading.issue.furniture == ()


def test_the_masthead_is_read(reading: Reading) -> None:
    issue = reading.issue
    assert (issue.year, issue.number, issue.total_number, issue.date) == (2023, 9, 190, date(2023, 8, 3))
    assert (issue.publisher, issue.title, issue.kind) == ("中国科学技术院所联谊会", "信息集锦", "简报")
    assert (issue.ref, issue.subject) == ("2023-09", "【信息集锦】2023年第9期（总第190期）")


def test_the_four_articles_have_the_titles_of_the_contents(reading: Reading) -> None:
    assert [article.title for article in reading.issue.articles] == [entry.title for entry in reading.issue.contents]
    assert [article.position for article in reading.issue.articles] == [1, 2, 3, 4]


def test_sources_and_authors_are_told_apart(reading: Reading) -> None:
    assert [(article.source, article.authors) for article in reading.issue.articles] == [
        (None, ()),
        ("中国高新技术产业导报", ()),
        ("科技日报", ("钮钦", "刘冬梅")),
        ("中国高新技术产业导报", ()),
    ]
    assert reading.issue.articles[2].source_line == "（来源：科技日报 作者：钮 钦 刘冬梅）"


def test_nearly_the_whole_file_is_in_paragraphs_each_of_which_stands_in_the_file(reading: Reading, raw: str) -> None:
    texts = [squeeze(block.text) for article in reading.issue.articles for block in article.blocks]
    assert all(text in squeeze(raw) for text in texts)
    assert sum(map(len, texts)) >= 0.93 * len(squeeze(raw))
    assert {block.kind for article in reading.issue.articles for block in article.blocks} == {BlockKind.PARAGRAPH}


@pytest.mark.parametrize(
    ("article", "count"), [(0, 3), (1, 15), (2, 9), (3, 9)], ids=["conference", "finance", "innovation", "Chengdu"]
)
def test_each_article_has_the_paragraphs_it_was_written_in(reading: Reading, article: int, count: int) -> None:
    blocks = reading.issue.articles[article].blocks
    assert len(blocks) == count
    assert all(block.text[-1] in "。”：）" for block in blocks)


@pytest.mark.parametrize(
    "healed", ["云南分院有限公司考察座谈", "与中国农业银行紧扣", "在全球合作交流中架设新桥梁", "尽职免责机制。"]
)
def test_page_breaks_are_healed(reading: Reading, healed: str) -> None:
    assert any(healed in block.text for article in reading.issue.articles for block in article.blocks)


def test_the_same_articles_are_found_without_the_contents(reading: Reading, raw: str) -> None:
    contents = raw.index("【本期目录】")
    text = raw[:contents] + raw[raw.index("中国科学技术院所联谊会 召开") :]
    again = read_text_issue(text.encode(), "2023-09.txt").issue
    assert [squeeze(article.title) for article in again.articles] == [squeeze(a.title) for a in reading.issue.articles]
    assert [article.blocks for article in again.articles] == [article.blocks for article in reading.issue.articles]
