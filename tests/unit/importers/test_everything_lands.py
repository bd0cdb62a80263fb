"""Whatever a document holds, every character of it lands in the issue once, in order."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.block import Block, BlockKind, Cell, Inline, Picture, image, table, text_block
from mailer.importers.bulletin import read_document
from mailer.importers.document import Document, Part
from mailer.importers.reading import Reading
from subscribers.errors import InputError

WORDS = st.sampled_from(
    [
        *("信息集锦", "2023年第9期（总第190期）", "2023年8月3日", "中国科学技术院所联谊会", "目录", "本期导读", "政策动态"),
        *(
            "关于举办学术月的通知",
            "联谊会召开会议",
            "加快完善科技金融服务体系",
            "附录",
            "（来源：科技日报　作者：张伟）",
            "编辑：秘书处　电话：010-0000",
        ),
        *(
            "各会员单位请于周五前报名。",
            "一、总体要求",
            "（二）工作安排：",
            "1. 报名",
            "会议由秘书长主持，来自七个省市的代表",
            "——访某研究所所长",
        ),
        *(
            "。",
            "—",
            "注：",
            "Nobel prize, English Learning",
            "https://www.example.cn/a?b=1",
            "😀𠮷",
            "   ",
            "★ 联谊会召开会议 ...... 3",
        ),
    ]
)
INLINES = st.lists(
    st.builds(Inline, WORDS, st.booleans(), st.booleans(), st.none() | st.just("https://a.cn/")), min_size=1, max_size=3
)
BLOCKS = st.one_of(
    st.builds(text_block, st.just(BlockKind.HEADING), INLINES, level=st.integers(1, 4)),
    st.builds(text_block, st.just(BlockKind.PARAGRAPH), INLINES),
    st.builds(text_block, st.just(BlockKind.ITEM), INLINES, level=st.integers(0, 2), marker=st.sampled_from(["", "1."])),
    st.builds(text_block, st.sampled_from([BlockKind.QUOTE, BlockKind.NOTE]), INLINES),
    st.builds(table, st.lists(st.lists(st.builds(Cell, WORDS), min_size=1, max_size=3).map(tuple), min_size=1, max_size=2)),
    st.builds(image, st.builds(Picture, st.just("a.png")), st.sampled_from(["", "平面图"])),
    st.just(Block(BlockKind.RULE, "")),
)
HEAD = [
    Part(Block(BlockKind.HEADING, "信息集锦", level=1), "line 1"),
    Part(Block(BlockKind.PARAGRAPH, "2023年第9期 2023年8月3日"), "line 2"),
]
PARTS = st.lists(BLOCKS, min_size=1, max_size=14).map(lambda blocks: [Part(block, "line 3") for block in blocks])


def squeezed(text: str) -> str:
    return "".join(text.split())


def check(document: Document, reading: Reading) -> None:
    assert squeezed("".join(piece.text for piece in reading.pieces)) == squeezed(
        "".join(part.block.text for part in document.parts)
    )
    for piece in reading.pieces:
        assert squeezed(piece.text) in squeezed(reading.held(piece))
    for article in reading.issue.articles:
        for block in article.blocks:
            assert not block.inlines or "".join(inline.text for inline in block.inlines) == block.text


@given(PARTS)
@settings(max_examples=150)
def test_nothing_is_lost_and_nothing_comes_twice(parts: list[Part]) -> None:
    document = Document((*HEAD, *parts))
    with suppress(InputError):
        check(document, read_document(document, "a.md"))


@given(PARTS)
@settings(max_examples=150)
def test_nor_where_nothing_is_marked_as_a_heading(parts: list[Part]) -> None:
    plain = [part for part in (*HEAD, *parts) if part.block.kind is not BlockKind.HEADING]
    document = Document((Part(Block(BlockKind.PARAGRAPH, "信息集锦"), "line 1"), *plain))
    with suppress(InputError):
        check(document, read_document(document, "a.md"))
