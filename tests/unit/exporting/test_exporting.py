"""What is exported for people imports back to the same issue, and what somebody has changed in it is what has changed."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import date

import docx
import pytest
from docx.text.paragraph import Paragraph
from hypothesis import Phase, example, given, settings
from PIL import Image

from mailer.block import Block, BlockKind, Cell, Inline, Picture, cell, image, table, text_block
from mailer.exporting import Dress, write_docx, write_page
from mailer.importers.bulletin import read_document
from mailer.importers.document import Document
from mailer.importers.files import read_file
from mailer.importers.formats import Format
from mailer.importers.marked import read_marked
from mailer.issue import Article, ContentsEntry, Issue
from mailer.manuscript import read_manuscript, write_manuscript
from mailer.printing import print_pdf
from mailer.render import SHIPPED, find_theme
from tests.paths import CORPORA
from tests.unit.mailer.test_manuscript import ISSUES as ANY_ISSUE

FORMS = (Format.HTML, Format.DOCX)
EVERYTHING = Issue(
    publisher="青禾科研院所联谊会",
    title="信息集锦",
    kind="简报",
    year=2026,
    number=11,
    total_number=228,
    date=date(2026, 11, 20),
    articles=(
        Article(
            1,
            "三十家院所共建中试平台",
            (
                text_block(
                    BlockKind.PARAGRAPH, [Inline("注意：", strong=True), Inline("请于周五前"), Inline("报名", emphasis=True)]
                ),
                Block(BlockKind.HEADING, "日程"),
                Block(BlockKind.ITEM, "上午"),
                Block(BlockKind.ITEM, "报到", level=1),
                Block(BlockKind.PARAGRAPH, "在一楼", level=2),
                Block(BlockKind.ITEM, "下午", marker="1."),
                Block(BlockKind.ITEM, "晚上", marker="2."),
                Block(BlockKind.ITEM, "散会", marker="（三）"),
                Block(BlockKind.QUOTE, "开放共享没有捷径。"),
                text_block(
                    BlockKind.PARAGRAPH,
                    [Inline("见"), Inline("网页", link="https://a.example/x?a=1&b=2"), Inline("[1]", note="[1]")],
                ),
                Block(BlockKind.RULE, ""),
                table(
                    [
                        (cell([Inline("院所")], header=True), cell([Inline("数")], header=True)),
                        (cell([Inline("昆明"), Inline("所", strong=True)], rows=2), cell([Inline("3")])),
                        (cell([Inline("4")]),),
                        (cell([Inline("合计 7")], columns=2),),
                    ]
                ),
                Block(BlockKind.NOTE, "见附件。", marker="[1]"),
            ),
            column="要闻",
            source_line="（来源：科技日报 作者：张伟）",
            source="科技日报",
            authors=("张伟",),
            column_line="【要闻】",
        ),
        Article(2, "近期活动", (Block(BlockKind.PARAGRAPH, "十二月二十日。"),), column="要闻"),
    ),
    contents=(
        ContentsEntry("★三十家院所共建中试平台", "三十家院所共建中试平台", "要闻"),
        ContentsEntry("近期活动", "近期活动", "要闻"),
    ),
    masthead=("青禾科研院所联谊会", "信息集锦"),
    colophon=("主编：王明",),
)


def written(issue: Issue, form: Format, pictures: Mapping[str, bytes] | None = None) -> bytes:
    if form is Format.DOCX:
        return write_docx(issue, pictures or {}, Dress("#b3151c"))
    return write_page(issue, pictures or {}, find_theme("official", (SHIPPED,))).encode()


def read(content: bytes, form: Format) -> Document:
    return read_file(content, form, f"a.{form.value}")


@pytest.mark.parametrize("form", FORMS)
def test_an_issue_with_everything_in_it_is_read_back_by_its_marks_alone(form: Format) -> None:
    document = read(written(EVERYTHING, form), form)
    assert read_marked(document) == EVERYTHING
    assert '"exact": {}' in document.fields["jianbao"]


@pytest.mark.parametrize("form", FORMS)
def test_any_issue_is_read_back_as_it_was(form: Format) -> None:
    @given(ANY_ISSUE)
    @example(EVERYTHING)
    @settings(max_examples=60 if form is Format.HTML else 12, phases=[Phase.explicit, Phase.generate], deadline=None)
    def holds(issue: Issue) -> None:
        assert read_marked(read(written(issue, form), form)) == issue

    holds()


@pytest.mark.skipif(CORPORA is None, reason="the corpora lie beside the project and are not here")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["2024-10-18.md", "2024-12-02.html"])
def test_a_real_issue_is_read_back_as_it_was(name: str, form: Format) -> None:
    assert CORPORA is not None
    source = CORPORA / "issues" / name
    kind = Format.MARKDOWN if source.suffix == ".md" else Format.HTML
    issue = read_document(read_file(source.read_bytes(), kind, name), name).issue
    assert read_marked(read(written(issue, form), form)) == issue


HUGE = 10**12
ABSURD = {
    "a cell over columns without end": [table([(Cell("甲", columns=100_000), Cell("乙")), (Cell("丙"),)])],
    "a cell over rows without end": [table([(Cell("甲", rows=HUGE), Cell("乙")), (Cell("丙"),)])],
    "a cell over nothing, downwards": [table([(Cell("甲", columns=0, rows=HUGE), Cell("乙")), (Cell("丙"),)])],
    "a cell of less than nothing": [table([(Cell("甲", columns=-5, rows=-5), Cell("乙"))])],
    "many wide cells": [table([tuple(Cell("甲", columns=HUGE) for _ in range(200))])],
    "a list that begins far out": [
        Block(BlockKind.ITEM, "甲", marker=f"{HUGE}."),
        Block(BlockKind.ITEM, "乙", marker=f"{HUGE + 1}."),
    ],
    "a list that begins beyond any number": [Block(BlockKind.ITEM, "甲", marker="9" * 5000 + ".")],
    "an item in lists without end": [Block(BlockKind.ITEM, "甲", level=HUGE), Block(BlockKind.PARAGRAPH, "乙", level=HUGE)],
    "an item of less than no list": [Block(BlockKind.ITEM, "甲", level=-7)],
    "a heading below all others": [Block(BlockKind.HEADING, "甲", level=HUGE)],
}


@pytest.mark.parametrize("blocks", ABSURD.values(), ids=ABSURD)
def test_sizes_that_no_page_has_are_not_believed_by_any_form(blocks: list[Block]) -> None:
    issue = replace(EVERYTHING, articles=(replace(EVERYTHING.articles[0], blocks=tuple(blocks)),))
    for form in FORMS:
        assert read_marked(read(written(issue, form), form)) == issue
    manuscript = write_manuscript(issue)
    assert read_manuscript(manuscript, "a.md") == issue
    assert len(manuscript) < 50_000


@pytest.mark.debian("chromium")
def test_nor_on_paper() -> None:
    blocks = tuple(block for some in ABSURD.values() for block in some)
    issue = replace(EVERYTHING, articles=(replace(EVERYTHING.articles[0], blocks=blocks),))
    assert print_pdf(written(issue, Format.HTML).decode(), lambda: b"").startswith(b"%PDF")


def photograph() -> tuple[Picture, bytes]:
    octets = io.BytesIO()
    Image.effect_mandelbrot((40, 30), (-2, -1.5, 1, 1.5), 50).convert("RGB").save(octets, "JPEG")
    content = octets.getvalue()
    return Picture("word/media/image7.jpeg", hashlib.sha256(content).hexdigest(), 40, 30), content


@pytest.mark.parametrize("form", FORMS)
def test_a_picture_comes_back_octet_by_octet_with_what_it_shows(form: Format) -> None:
    picture, content = photograph()
    assert picture.sha256 is not None
    article = replace(
        EVERYTHING.articles[0], blocks=(image(picture, "会场"), image(Picture("https://a.example/x.png"), "远方"))
    )
    issue = replace(EVERYTHING, articles=(article,))
    document = read(written(issue, form, {picture.sha256: content}), form)
    assert read_marked(document) == issue
    assert document.images == {picture.sha256: content}


@pytest.mark.parametrize("form", FORMS)
def test_a_picture_that_is_not_what_a_file_says_of_it_is_made_fit_like_any_other(form: Format) -> None:
    _, content = photograph()
    claimed = "ab" * 32
    issue = replace(EVERYTHING, articles=(Article(1, "甲", (image(Picture("a.jpg", claimed, 40, 30), "会场"),)),))
    assert claimed not in read(written(issue, form, {claimed: content}), form).images


def test_what_is_changed_in_word_is_what_has_changed() -> None:
    document = docx.Document(io.BytesIO(written(EVERYTHING, Format.DOCX)))
    for paragraph in document.paragraphs:
        if paragraph.text == "近期活动" and paragraph.style is not None and paragraph.style.name == "Bulletin Headline":
            paragraph.runs[0].text = "近期会议"
        if paragraph.text == "十二月二十日。":
            heading, text = Paragraph(deepcopy(paragraph._p), paragraph._parent), deepcopy(paragraph._p)
            paragraph._p.addnext(heading._p)
            heading.style = document.styles["Heading 1"]
            heading.runs[0].text = "增补一篇"
            heading._p.addnext(text)
    changed = io.BytesIO()
    document.save(changed)
    issue = read_marked(read(changed.getvalue(), Format.DOCX))
    assert issue is not None
    assert [article.title for article in issue.articles] == ["三十家院所共建中试平台", "近期会议", "增补一篇"]
    assert issue.articles[0] == EVERYTHING.articles[0]
    assert issue.articles[2].blocks == EVERYTHING.articles[1].blocks
    assert (issue.contents, issue.colophon, issue.masthead) == ((), EVERYTHING.colophon, EVERYTHING.masthead)


@pytest.mark.parametrize("style", ["Normal", "Bulletin Contents"])
@pytest.mark.parametrize("title", ["近期活动", ""])
def test_what_is_written_above_the_first_headline_in_word_is_kept_and_told(style: str, title: str) -> None:
    *others, last = EVERYTHING.articles
    issue = replace(EVERYTHING, articles=(*others, replace(last, title=title)))
    document = docx.Document(io.BytesIO(written(issue, Format.DOCX)))
    headlines = (each for each in document.paragraphs if each.style is not None and each.style.name == "Bulletin Headline")
    next(headlines).insert_paragraph_before("编者按：本期刊发会议综述。", style=style)
    changed = io.BytesIO()
    document.save(changed)
    reading = read_document(read(changed.getvalue(), Format.DOCX), "a.docx")
    assert reading.issue == replace(issue, unplaced=(*issue.unplaced, "编者按：本期刊发会议综述。"))
    assert "'编者按：本期刊发会议综述。' stands above the first headline" in reading.warnings[0]


@pytest.mark.parametrize("form", [Format.DOCX, Format.HTML])
@pytest.mark.parametrize("title", ["近期活动", ""])
def test_contents_are_no_text_though_there_is_a_sentence_in_them(form: Format, title: str) -> None:
    first, last = EVERYTHING.articles
    entry = replace(EVERYTHING.contents[0], title="“把论文写在大地上。”——记一位老专家")
    issue = replace(EVERYTHING, contents=(entry, *EVERYTHING.contents[1:]), articles=(first, replace(last, title=title)))
    reading = read_document(read(written(issue, form), form), f"a.{form.value}")
    assert (reading.issue.unplaced, reading.warnings) == (issue.unplaced, ())


def test_a_rewritten_masthead_is_read_anew() -> None:
    page = written(EVERYTHING, Format.HTML).decode().replace(">2026年第11期（总第228期）", ">2026年第12期（总第229期）")
    document = read(page.encode(), Format.HTML)
    assert read_marked(document) is None
    issue = read_document(document, "a.html").issue
    assert (issue.number, issue.total_number, [article.title for article in issue.articles]) == (
        12,
        229,
        ["三十家院所共建中试平台", "近期活动"],
    )


def test_text_that_looks_like_the_page_is_text() -> None:
    hostile = '</style><script>alert(1)</script>"><img src=x onerror=alert(1)>'
    article = Article(1, hostile, (text_block(BlockKind.PARAGRAPH, [Inline(hostile, link='https://a.example/"><script>')]),))
    page = written(replace(EVERYTHING, publisher=hostile, title=hostile, articles=(article,)), Format.HTML).decode()
    assert "<script" not in page
    assert "<img" not in page
