"""A long issue is cut at its articles, each with a link to the rest; the whole is in the browser."""

from __future__ import annotations

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from mailer.block import Block, BlockKind, Cell, Inline, table, text_block
from mailer.edition import Edition, Field, fill
from mailer.issue import Issue
from mailer.render import HTML_LIMIT, render
from mailer.render.cutting import Cut
from tests.unit.render.issues import IMPRINT, SAMPLE, VALUES, article, heading, issue, item, paragraph

SENTENCE = "深化一行一策合作，差异化的科技金融服务模式持续优化。"
LONG = issue(*(article(number, f"第{number}篇文章的标题", *[paragraph(SENTENCE * 9)] * 20) for number in range(1, 9)))


def page(edition: Edition, *, browser: bool = False) -> str:
    return fill(edition.browser if browser else edition.html, VALUES, escape=html.escape)


def links(content: str) -> list[tuple[str, str]]:
    root = etree.fromstring(content, etree.HTMLParser())
    return [(each.get("href"), "".join(each.itertext())) for each in root.iter("a")]


@pytest.mark.parametrize("theme", ["official", "modern", "digest", "bilingual"])
def test_a_long_issue_is_cut_to_what_gmail_shows_and_is_whole_in_the_browser(theme: str) -> None:
    edition = render(LONG, theme=theme, imprint=IMPRINT)
    mail, whole = page(edition), page(edition, browser=True)

    assert len(mail.encode()) <= HTML_LIMIT
    assert theme == "digest" or len(mail.encode()) > 0.9 * HTML_LIMIT
    assert whole.count(SENTENCE) == 9 * 20 * 8
    for each in LONG.articles:
        assert each.title in mail
        assert f"{VALUES[Field.VIEW_URL]}#article-{each.position}" in {href for href, _ in links(mail)}
        assert f'id="article-{each.position}"' in whole
    assert SENTENCE * 20 not in mail


def test_the_link_says_what_it_leads_to() -> None:
    mail = page(render(LONG, imprint=IMPRINT))

    assert (f"{VALUES[Field.VIEW_URL]}#article-3", "阅读全文：第3篇文章的标题") in links(mail)


def test_the_text_part_says_what_the_page_says() -> None:
    text = fill(render(LONG, theme="digest", imprint=IMPRINT).text, VALUES)

    assert f"阅读全文：\n{VALUES[Field.VIEW_URL]}#article-3\n" in text
    assert text.count(SENTENCE) <= 8 * 5
    assert "阅读全文" not in fill(render(SAMPLE, imprint=IMPRINT).text, VALUES)


def test_a_limit_of_nothing_cuts_nothing_and_a_short_issue_is_never_cut() -> None:
    assert page(render(LONG, imprint=IMPRINT, limit=0)).count(SENTENCE) == 9 * 20 * 8
    assert render(SAMPLE, imprint=IMPRINT).page == ()
    assert "阅读全文" not in page(render(SAMPLE, imprint=IMPRINT))


def test_what_was_cut_is_part_of_the_hash_and_of_what_is_kept() -> None:
    edition = render(LONG, imprint=IMPRINT)

    assert Edition.from_json(edition.to_json()) == edition
    assert edition.sha256 != render(LONG, imprint=IMPRINT, limit=60_000).sha256


def test_one_paragraph_of_a_book_and_hundreds_of_articles_are_cut_too() -> None:
    book = page(render(issue(article(1, "一段", paragraph(SENTENCE * 4_000))), imprint=IMPRINT))
    many = page(render(issue(*(article(n, f"第{n}篇", paragraph(SENTENCE)) for n in range(1, 401))), imprint=IMPRINT))

    assert len(book.encode()) <= HTML_LIMIT
    assert SENTENCE in book
    assert len(many.encode()) <= HTML_LIMIT
    assert "第1篇" in many
    assert "其余文章见网页版" in many


def cut(*blocks: Block, characters: int) -> list[str]:
    return [block.text for block in Cut(characters).kept(blocks)]


def test_a_paragraph_ends_with_a_sentence_or_with_an_ellipsis() -> None:
    assert cut(paragraph(SENTENCE * 3), characters=60) == [SENTENCE * 2]
    assert cut(paragraph("一" * 20 + "，" + "二" * 20 + "，" + "三" * 40), characters=50) == [
        "一" * 20 + "，" + "二" * 20 + "……"
    ]
    assert cut(paragraph("一" * 90), characters=40) == ["一" * 40 + "……"]


def test_nothing_is_announced_that_does_not_follow() -> None:
    assert cut(paragraph(SENTENCE), heading("二"), paragraph(SENTENCE * 9), characters=len(SENTENCE) + 8) == [SENTENCE]


def test_a_table_keeps_its_head_and_the_rows_that_fit() -> None:
    rows = [(Cell("名", header=True), Cell("日期", header=True)), *[(Cell("会议" * 5), Cell("10.19"))] * 9]
    (kept,) = Cut(40).kept((table(rows),))

    assert len(kept.rows) == 3
    assert kept.rows[0][0].header


def test_what_stands_out_still_does() -> None:
    block = text_block(BlockKind.PARAGRAPH, [Inline("注意：", strong=True), Inline(SENTENCE * 9)])
    (kept,) = Cut(60).kept((block,))

    assert kept.pieces[0] == Inline("注意：", strong=True)


TEXTS = st.text(st.sampled_from("一二三。，；！.a \n"), max_size=80)


@given(
    st.lists(st.builds(lambda make, text: make(text), st.sampled_from([paragraph, heading, item]), TEXTS)), st.integers(0, 200)
)
def test_what_is_kept_is_the_beginning(blocks: list[Block], characters: int) -> None:
    kept = Cut(characters).kept(tuple(blocks))
    said = "".join(block.text for block in kept).removesuffix("……")

    assert "".join(block.text for block in blocks).startswith(said)
    assert len(said) <= max(characters, 0)


def test_the_same_issue_is_cut_the_same() -> None:
    assert render(LONG, imprint=IMPRINT).sha256 == render(Issue.from_json(LONG.to_json()), imprint=IMPRINT).sha256
