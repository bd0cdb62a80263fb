"""The blocks that an article is made of."""

from hypothesis import given
from hypothesis import strategies as st

from mailer.block import Block, BlockKind, Cell, Inline, Picture, cell, image, table, text_block

_INLINES = st.lists(
    st.builds(Inline, st.text(max_size=5), st.booleans(), st.booleans(), st.none() | st.just("https://a.cn/"), st.none())
)
_ROWS = st.lists(st.lists(st.builds(cell, _INLINES, header=st.booleans(), columns=st.integers(1, 3)), max_size=3).map(tuple))
_BLOCKS = st.one_of(
    st.builds(text_block, st.sampled_from(BlockKind), _INLINES, level=st.integers(0, 4), marker=st.sampled_from(["", "1."])),
    st.builds(table, _ROWS),
    st.builds(image, st.builds(Picture, st.text(), st.none() | st.just("ab" * 32)), st.text()),
)


@given(_BLOCKS)
def test_a_block_comes_back_from_json_as_it_was(block: Block) -> None:
    assert Block.from_json(block.to_json()) == block


@given(_INLINES)
def test_the_pieces_joined_are_the_text(inlines: list[Inline]) -> None:
    block = text_block(BlockKind.PARAGRAPH, inlines)
    assert block.text == "".join(inline.text for inline in inlines) == "".join(piece.text for piece in block.pieces)


def test_neighbours_that_look_alike_are_one_piece() -> None:
    block = text_block(BlockKind.PARAGRAPH, [Inline("注", strong=True), Inline("意", strong=True), Inline("：请")])
    assert block.inlines == (Inline("注意", strong=True), Inline("：请"))


def test_plain_text_needs_no_pieces() -> None:
    assert text_block(BlockKind.PARAGRAPH, [Inline("一"), Inline("二")]) == Block(BlockKind.PARAGRAPH, "一二")


def test_a_table_s_plain_text_is_that_of_its_cells() -> None:
    assert table([(Cell("甲"), Cell("乙")), (Cell(""), Cell("丁"))]).text == "甲　乙　丁"


def test_what_was_stored_before_there_were_pieces_is_read() -> None:
    assert Block.from_json({"kind": "item", "text": "甲"}) == Block(BlockKind.ITEM, "甲")
