"""A masthead of several headings, each in its size, as paper has it."""

from __future__ import annotations

import pytest

from mailer.block import Block, BlockKind
from mailer.importers.outline import outline_of


def heading(level: int, text: str) -> Block:
    return Block(BlockKind.HEADING, text, level=level)


def paragraph(text: str) -> Block:
    return Block(BlockKind.PARAGRAPH, text)


BODY = [
    heading(2, "三十家院所共建中试平台"),
    paragraph("十一月六日，" * 30),
    heading(2, "近期活动"),
    paragraph("十二月二十日。" * 30),
]


@pytest.mark.parametrize("levels", [(3, 1, 2), (4, 1, 3), (1, 2, 3), (2, 1, 2)])
def test_publisher_title_and_kind_are_one_masthead_down_to_the_contents(levels: tuple[int, int, int]) -> None:
    names = [heading(level, said) for level, said in zip(levels, ("青禾科研院所联谊会", "信息集锦", "简报"), strict=True)]
    blocks = [
        *names,
        paragraph("2026年第11期（总第228期）"),
        paragraph("本期目录"),
        paragraph("1．三十家院所共建中试平台"),
        *BODY,
    ]
    outline = outline_of(blocks)
    assert outline is not None
    assert (outline.masthead, outline.contents) == (4, (4, 6))
    assert [section.title for section in outline.sections] == [6, 8]
    assert blocks[outline.title or 0].level == 1
