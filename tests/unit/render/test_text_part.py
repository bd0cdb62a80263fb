"""The text edition: lines that a mail program of any age can show, and nothing of the issue lost."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.block import BlockKind, Inline, text_block
from mailer.edition import Edition, Field, Hole, Imprint, fill
from mailer.text_part import COLUMNS, own_marker, printable, text_edition, told, width, wrap
from tests.unit.render.issues import IMPRINT, SAMPLE, VALUES, article, heading, issue, item, paragraph

CLOSING = "，。、；：？！）》」』”’】,.!?)"
OPENING = "（《「『“‘【("
CHINESE = st.text(
    "信息集锦联谊会召开科研院所社团工作会议一二三ABCdef 0123456789，。、；：？！“”‘’（）《》【】—…·%　", max_size=300
)
ANYTHING = st.text(max_size=200)


def compact(text: str) -> str:
    return "".join(text.split())


@given(st.one_of(CHINESE, ANYTHING), st.integers(20, COLUMNS))
def test_wrapping_loses_no_character(text: str, columns: int) -> None:
    lines = wrap(text, columns=columns, first="　　")

    assert compact("".join(lines)) == compact(printable(text))


@given(CHINESE, st.integers(20, COLUMNS))
def test_no_line_is_too_wide_unless_it_is_one_unbreakable_word(text: str, columns: int) -> None:
    for line in wrap(text, columns=columns):
        assert width(line) <= columns or len(wrap(line, columns=1)) == 1


@given(CHINESE)
def test_no_line_begins_with_a_closing_mark_or_ends_with_an_opening_one(text: str) -> None:
    lines = wrap(text, columns=24)

    assert not [line for line in lines[1:] if line[0] in CLOSING]
    assert not [line for line in lines[:-1] if line[-1] in OPENING]


@given(st.lists(st.from_regex(r"[A-Za-z0-9:/._-]{1,30}", fullmatch=True), min_size=1, max_size=30))
def test_latin_words_and_urls_are_never_cut(text: list[str]) -> None:
    lines = wrap(" ".join(text), columns=32)

    assert " ".join(lines).split() == " ".join(text).split()


def test_a_url_longer_than_a_line_stays_whole() -> None:
    url = "https://www.example.cn/" + "a" * 90

    assert wrap(f"通知全文见{url}，报名截止7月15日。") == ("通知全文见", f"{url}，", "报名截止7月15日。")


def test_a_dash_and_an_ellipsis_stay_together() -> None:
    for text in ("十个字符十个字符十个——说明", "十个字符十个字符十个……说明"):
        for columns in range(20, 30):
            joined_lines = "\n".join(wrap(text, columns=columns))
            assert "—\n—" not in joined_lines
            assert "…\n…" not in joined_lines


@pytest.mark.parametrize(
    ("text", "columns"), [("简报", 4), ("No.9", 4), ("“总”", 6), ("ñ", 1), ("e\u0301", 1), ("㈠", 2), ("", 0)]
)
def test_width_counts_columns(text: str, columns: int) -> None:
    assert width(text) == columns


@given(ANYTHING)
def test_what_is_printable_has_neither_line_breaks_nor_controls(text: str) -> None:
    assert not [character for character in printable(text) if unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}]


@pytest.mark.parametrize(
    ("text", "marker"),
    [
        ("（一）上午", "（一）"),
        ("(3) 下午", "(3) "),
        ("1. 推动", "1. "),
        ("十二、配合", "十二、"),
        ("① 加强", "① "),
        ("• 加强", "• "),
        ("1.5万元", ""),
        ("2023年", ""),
        ("一是坚持", ""),
        ("-5℃以下", ""),
    ],
)
def test_items_keep_the_number_they_bring(text: str, marker: str) -> None:
    assert own_marker(text) == marker


def test_the_text_edition_is_set_like_a_printed_page() -> None:
    text = fill(text_edition(SAMPLE, IMPRINT), VALUES)
    lines = text.split("\n")

    assert lines[:4] == [
        "中国科学技术院所联谊会",
        "信息集锦　简报",
        "2023年第9期（总第190期）" + " " * 40 + "2023年8月3日",
        "=" * 76,
    ]
    assert "1. 联谊会召开科研院所社团工作会议\n" + "=" * 33 in text
    assert "会议日程\n--------\n" in text
    assert "\n　　7月20日至21日，" in text
    assert "\n  - 推动科技信贷服务水平不断提升\n" in text
    assert "\n  （二）下午：分组讨论。\n" in text
    assert "https://www.example.cn/notice/2023-07.html，" in text
    assert max(map(width, lines)) <= 76


def test_every_word_of_the_issue_is_in_the_text_edition() -> None:
    text = compact(fill(text_edition(SAMPLE, IMPRINT), VALUES))

    for each in SAMPLE.articles:
        assert compact(each.title) in text
        assert compact(each.source_line or "") in text
        for block in each.blocks:
            assert compact(block.text) in text
    assert all(compact(line) in text for line in SAMPLE.colophon)


def test_the_text_edition_has_only_the_recipients_own_addresses_as_holes() -> None:
    holes = {segment.field for segment in text_edition(SAMPLE, IMPRINT) if isinstance(segment, Hole)}

    assert holes == {Field.VIEW_URL, Field.UNSUBSCRIBE_URL, Field.INSTITUTE, Field.ADDRESS}


def test_an_issue_with_little_in_it_still_makes_a_text() -> None:
    bare = issue(publisher="", title="", total_number=None, date=None)
    text = fill(text_edition(bare, Imprint()), VALUES)

    assert text.startswith("简报\n2023年第9期\n")
    assert "退订" in text


def test_segments_are_in_normal_form() -> None:
    segments = text_edition(issue(article(1, "标题", heading("一"), item("1. 甲"), paragraph("乙"))), IMPRINT)

    assert all(segments)
    assert not [1 for one, two in pairwise(segments) if isinstance(one, str) and isinstance(two, str)]
    assert Edition.from_json(Edition("s", (), segments, ()).to_json()).text == segments


@pytest.mark.parametrize("link", ["mailto:office@example.cn", "MAILTO:office@example.cn?subject=%E6%8A%A5"])
def test_behind_words_that_lead_to_a_mailbox_stands_its_address_and_no_more(link: str) -> None:
    assert told(text_block(BlockKind.PARAGRAPH, [Inline("来信", link=link)])) == "来信（office@example.cn）"
    assert told(text_block(BlockKind.PARAGRAPH, [Inline("office@example.cn", link=link)])) == "office@example.cn"


def test_an_address_that_has_a_mailbox_in_it_is_told_whole() -> None:
    link = "https://example.cn/share?by=mailto:office@example.cn&issue=9"
    assert told(text_block(BlockKind.PARAGRAPH, [Inline("转寄", link=link)])) == f"转寄（{link}）"
