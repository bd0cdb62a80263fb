"""One article from a document: everything in it lands once, or is named."""

from __future__ import annotations

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from mailer.block import Block, BlockKind, Picture, image
from mailer.importers.document import Document, Part
from mailer.importers.single import read_single
from subscribers.errors import InputError

TEXT = "开放共享没有捷径。"


def document(*blocks: Block, **fields: str) -> Document:
    return Document(tuple(Part(block, f"line {line}") for line, block in enumerate(blocks, 1)), fields)


def heading(text: str, level: int = 1) -> Block:
    return Block(BlockKind.HEADING, text, level=level)


def paragraph(text: str) -> Block:
    return Block(BlockKind.PARAGRAPH, text)


WORDS = st.text("甲乙丙丁，。：（）来源a1", min_size=1, max_size=60).filter(lambda text: text.strip() != "")
BLOCKS = st.lists(
    st.builds(
        Block, st.sampled_from([BlockKind.HEADING, BlockKind.PARAGRAPH, BlockKind.QUOTE]), WORDS, level=st.integers(1, 3)
    ),
    min_size=1,
    max_size=6,
)


def size(text: str) -> int:
    return len("".join(text.split()))


@given(BLOCKS, st.none() | st.just("另一个题目"))
def test_every_character_lands_once_or_is_named(blocks: list[Block], title: str | None) -> None:
    given_document = document(*blocks)
    try:
        read = read_single(given_document, "a.docx", title=title)
    except InputError:
        reject()
    article = read.article
    landed = "".join([article.title, article.source_line or "", *(block.text for block in article.blocks), *read.warnings])
    for block in blocks:
        for character in set("".join(block.text.split())):
            assert landed.count(character) >= block.text.count(character)
    below = "".join([article.source_line or "", *(block.text for block in article.blocks)])
    gone = [text for block in blocks if (text := block.text.strip()) == article.title or repr(text) in "".join(read.warnings)]
    missing = size("".join(block.text for block in blocks)) - size(below)
    assert missing in {0, *map(size, gone)}


def test_the_headings_of_an_article_come_to_stand_below_its_headline() -> None:
    article = read_single(document(heading("三地开放仪器"), heading("背景"), paragraph(TEXT)), "a.md").article
    assert (article.title, [block.kind for block in article.blocks]) == (
        "三地开放仪器",
        [BlockKind.HEADING, BlockKind.PARAGRAPH],
    )
    assert article.blocks[0].level == 3


def test_front_matter_says_headline_source_and_authors() -> None:
    article = read_single(document(paragraph(TEXT), title="题目", 来源="院报", 作者="张伟、李芳"), "a.md").article
    assert (article.title, article.source, article.authors) == ("题目", "院报", ("张伟", "李芳"))
    assert article.source_line == "来源：院报 作者：张伟、李芳"


def test_without_a_headline_the_name_of_the_file_is_taken_and_said_so() -> None:
    read = read_single(document(paragraph(TEXT)), "3-开放日.txt")
    assert (read.article.title, read.article.blocks[0].text) == ("3-开放日", TEXT)
    assert read.warnings[0].startswith("3-开放日.txt: no headline stands at its top")


def test_the_one_heading_above_all_others_is_the_headline_whatever_stands_before_it() -> None:
    blocks = (Block(BlockKind.ITEM, "首页", marker="•"), heading("题目"), paragraph(TEXT), heading("一", 2), heading("二", 2))
    article = read_single(document(*blocks), "a.html").article
    assert (article.title, [block.text for block in article.blocks]) == ("题目", ["首页", TEXT, "一", "二"])


def test_a_heading_below_a_text_is_no_headline() -> None:
    read = read_single(document(paragraph(TEXT * 10), heading("背景"), paragraph(TEXT)), "开放日.docx")
    assert (read.article.title, len(read.article.blocks)) == ("开放日", 3)


def test_a_picture_above_the_headline_is_kept() -> None:
    read = read_single(document(image(Picture("a.png"), "会场"), paragraph("题目"), paragraph(TEXT)), "a.docx")
    assert read.article.title == "题目"
    assert [block.text for block in read.article.blocks] == ["会场", TEXT]


@pytest.mark.parametrize("blocks", [(), (heading("题目"),)])
def test_a_file_without_text_is_refused(blocks: tuple[Block, ...]) -> None:
    with pytest.raises(InputError, match=r"a\.md: there is no text .*Check the file"):
        read_single(document(*blocks), "a.md")


@pytest.mark.parametrize("above", ["2023年08月01日 09:30 来源：新华网", "（来源：新华网）"])
def test_a_source_above_the_headline_is_none(above: str) -> None:
    read = read_single(document(paragraph(above), paragraph("院所联合攻关"), paragraph(TEXT)), "a.txt")
    assert (read.article.title, read.article.source_line) == ("院所联合攻关", above)
    assert [block.text for block in read.article.blocks] == [TEXT]


def test_the_headline_of_a_page_is_its_one_heading_of_the_first_level() -> None:
    blocks = (
        paragraph("首页 > 新闻"),
        heading("院所联合攻关"),
        paragraph("2023-08-01 09:30 来源：新华网"),
        paragraph(TEXT),
        heading("概况", 2),
    )
    read = read_single(document(*blocks), "a.html")
    assert (read.article.title, read.article.source) == ("院所联合攻关", "新华网")
    assert "首页 > 新闻" in [block.text for block in read.article.blocks]


def test_a_subtitle_belongs_to_the_headline() -> None:
    read = read_single(
        document(paragraph("院所联合攻关"), paragraph("——东江省的经验"), paragraph("（来源：新华网）"), paragraph(TEXT)),
        "a.txt",
    )
    assert (read.article.title, read.article.source) == ("院所联合攻关——东江省的经验", "新华网")
