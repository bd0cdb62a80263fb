"""Paragraphs, sub-headings and items, put together again after pages and margins cut them."""

from __future__ import annotations

import pytest

from mailer.block import BlockKind
from mailer.importers.blocks import habits_of, read_blocks
from mailer.importers.lines import join_lines, split_lines

PAR, HEAD, ITEM = BlockKind.PARAGRAPH, BlockKind.HEADING, BlockKind.ITEM
LONG = "为推动科技创新和产业创新深度融合，各院所加强协同，完善机制，取得了一批重要成果，有力支撑了高质量发展，得到社会各界的广泛关注和好评"


def read(text: str) -> list[tuple[BlockKind, str]]:
    lines = split_lines(text)
    return [(block.kind, join_lines(block.lines)) for block in read_blocks(lines, habits_of(lines))]


@pytest.mark.parametrize("between", ["\n\n", "\n\n\n\n", "\n\f", "\n\n\f\n\n"])
@pytest.mark.parametrize("cut", [30, 41, 50, 60])
def test_a_page_break_within_a_sentence_is_healed(between: str, cut: int) -> None:
    text = LONG + "。"
    assert read(f"{text}\n\n{text[:cut]}{between}{text[cut:]}\n\n{text}") == [(PAR, text)] * 3


@pytest.mark.parametrize(
    "end", ["。", "！", "？", "……", "；", "：", "。”", "！’”", "。）", "】", "（张伟）", ".", "!", "?", ";", ":"]
)
def test_a_closed_paragraph_stays_apart(end: str) -> None:
    assert read(f"{LONG}{end}\n\n{LONG}。") == [(PAR, LONG + end), (PAR, LONG + "。")]


@pytest.mark.parametrize("end", ["，", "、", "“揭榜挂帅”", "《若干措施》", "——", "100", "GDP"])
def test_an_open_paragraph_goes_on(end: str) -> None:
    assert read(f"{LONG}{end}\n\n{LONG}。") == [(PAR, LONG + end + LONG + "。")]


@pytest.mark.parametrize("begin", ["，", "。", "、", "”", "》", "）", "的", "了"])
def test_what_no_paragraph_begins_with_goes_on(begin: str) -> None:
    assert read(f"{LONG}（一期）\n\n{begin}{LONG}。") == [(PAR, f"{LONG}（一期）{begin}{LONG}。")]


def test_a_number_is_healed_where_a_page_break_went_through_it() -> None:
    assert read(f"{LONG}，共计1178.\n\n6亿元。") == [(PAR, f"{LONG}，共计1178.6亿元。")]
    assert read(f"{LONG}，放大比例1：\n\n18。") == [(PAR, f"{LONG}，放大比例1：18。")]
    assert read(f"{LONG}，到20\n\n23年底。") == [(PAR, f"{LONG}，到2023年底。")]


def test_a_first_line_that_a_page_break_cut_off_is_no_heading() -> None:
    first = "参会代表还到中国机械总院集团云南分院有"
    assert read(f"{LONG}。\n\n{first}\n\n限公司考察座谈。") == [(PAR, LONG + "。"), (PAR, first + "限公司考察座谈。")]


@pytest.mark.parametrize(
    "heading",
    ["一、总体要求", "（一）提高站位，增强责任", "1. 主要做法", "第一部分 总则", "①背景", "主要做法", "锚定目标，勇毅前行"],
)
def test_a_sub_heading_stays_apart(heading: str) -> None:
    assert read(f"{LONG}。\n\n{heading}\n\n{LONG}。") == [(PAR, LONG + "。"), (HEAD, heading), (PAR, LONG + "。")]


def test_a_heading_is_directly_above_its_text() -> None:
    text = f"一、总体要求\n{LONG}。\n二、主要做法\n{LONG}。"
    assert read(text) == [
        (HEAD, "一、总体要求"),
        (PAR, LONG + "。"),
        (HEAD, "二、主要做法"),
        (PAR, LONG + "。"),
    ]


@pytest.mark.parametrize("style", ["{}. ", "{}、", "（{}）", "{}）", "{}．"])
@pytest.mark.parametrize("gap", ["\n", "\n\n"])
def test_numbered_lists_are_items(style: str, gap: str) -> None:
    items = [
        style.format(number) + text for number, text in enumerate(["推进平台建设；", "组织学术论坛；", LONG + "。"], start=1)
    ]
    assert read(f"有关安排如下：{gap}" + gap.join(items)) == [(PAR, "有关安排如下："), *((ITEM, item) for item in items)]


def test_a_list_without_punctuation_is_one() -> None:
    assert read("1. 平台建设\n\n2. 学术论坛\n\n3. 年度报告") == [
        (ITEM, "1. 平台建设"),
        (ITEM, "2. 学术论坛"),
        (ITEM, "3. 年度报告"),
    ]


def test_an_item_that_a_page_break_cut_is_healed() -> None:
    assert read(f"1. {LONG}。\n\n2. {LONG[:20]}\n\n{LONG[20:]}。\n\n3. {LONG}。") == [
        (ITEM, f"{n}. {LONG}。") for n in (1, 2, 3)
    ]


def test_a_number_in_the_running_text_begins_no_item() -> None:
    assert read(f"{LONG}，包括\n\n3、4号楼。") == [(PAR, f"{LONG}，包括3、4号楼。")]
    assert read(f"{LONG}，占比\n\n1.5个百分点。") == [(PAR, f"{LONG}，占比1.5个百分点。")]
    assert read(f"{LONG}，\n\n7. 建设平台。") == [(PAR, f"{LONG}，7. 建设平台。")]


def wrap(text: str, width: int) -> list[str]:
    return [text[start : start + width] for start in range(0, len(text), width)]


@pytest.mark.parametrize("width", [19, 26, 31])
def test_wrapped_lines_are_joined_and_short_ones_end_paragraphs(width: int) -> None:
    texts = [LONG + "。", LONG[:40] + "。" + LONG + "。", LONG[10:] + "。"]
    assert read("\n".join(line for text in texts for line in wrap(text, width))) == [(PAR, text) for text in texts]


def test_an_indent_begins_a_paragraph() -> None:
    text = "近日，院所联合攻关取得突破，成果发布会在昆明召开。"  # its lines end full, so that only the indent tells
    lines = ["　　" + text[:11], text[11:]]
    assert read("\n".join(lines * 4)) == [(PAR, text)] * 4


def test_one_line_a_paragraph_is_kept() -> None:
    texts = ["近日，会议召开。", LONG + "。", "会议指出，要加强协同。", LONG + "。"]
    assert read("\n".join(texts)) == [(PAR, text) for text in texts]


def test_names_below_each_other_stay_a_list() -> None:
    assert read(f"{LONG}。\n\n东江省科学院\n\n西江省科学院\n\n南江省科学院") == [
        (PAR, LONG + "。"), (PAR, "东江省科学院"), (PAR, "西江省科学院"), (PAR, "南江省科学院"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "joined"),
    [
        (["科技", "创新"], "科技创新"),
        (["科技", "innovation"], "科技innovation"),
        (["open", "innovation"], "open innovation"),
        (["an example,", "and more"], "an example, and more"),
        (["co-", "operation"], "co-operation"),
        (["see https://example.org/a", "b/c"], "see https://example.org/ab/c"),
        (["到20", "23年"], "到2023年"),
        (["in 20", "23 cases"], "in 20 23 cases"),
        (["共 36", "家"], "共 36家"),
        (["28 条", "措施 共 3 项"], "28 条措施 共 3 项"),
        (["（第", "9 期）"], "（第9 期）"),
    ],
)
def test_lines_are_joined_with_a_space_between_latin_words_only(lines: list[str], joined: str) -> None:
    assert join_lines(split_lines("\n".join(lines))) == joined


@pytest.mark.parametrize("end", ["\n", "\v", "\u2028", "\x85", "\x1e"])
@pytest.mark.parametrize("indent", ["", "　　"])
def test_paragraphs_stay_apart_whatever_ends_their_lines(end: str, indent: str) -> None:
    """Word saves as \\v what authors end with Shift and Enter."""
    assert read(end.join(f"{indent}{LONG}。" for _ in range(3))) == [(PAR, f"{LONG}。")] * 3
