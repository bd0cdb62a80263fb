"""What an editor would mark: every rule of proofreading with what it finds, and what it lets be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.block import Block, BlockKind, Cell, Inline, Picture, image, table, text_block
from mailer.inspection import guide_of
from mailer.issue import ContentsEntry, Issue
from mailer.preflight import Finding, Level
from mailer.proofreading import RULES, Guide, Spacing, pictures_are_light, pictures_are_there, proofread
from mailer.proofreading.guide import read_words
from mailer.proofreading.links import addresses
from mailer.settings import read_settings
from subscribers.errors import InputError
from tests.unit.render.issues import SAMPLE, article, heading, issue, paragraph

GUIDE = Guide(words=read_words(), hosts=frozenset({"example.cn", "example.org"}))


def of_text(text: str) -> Issue:
    return issue(article(1, "标题", paragraph(text)))


def linked(text: str, link: str) -> Issue:
    return issue(article(1, "标题", text_block(BlockKind.PARAGRAPH, [Inline("见"), Inline(text, link=link), Inline("。")])))


def found(shown: Issue, guide: Guide = GUIDE) -> list[Finding]:
    return list(proofread(shown, guide))


FAULTY: list[tuple[str, Issue]] = [
    ("subject_does_not_shout", replace(of_text("文"), title="信息集锦！")),
    ("subject_does_not_shout", replace(of_text("文"), title="BREAKING NEWS")),
    ("subject_does_not_shout", replace(of_text("文"), title="", kind="")),
    ("subject_does_not_shout", replace(of_text("文"), number=0)),
    ("contents_and_articles", issue()),
    ("contents_and_articles", issue(article(1, "标题"))),
    ("contents_and_articles", issue(article(1, "甲", paragraph("文")), contents=(ContentsEntry("★乙", "乙"), ContentsEntry("甲", "甲")))),
    (
        "contents_and_articles",
        issue(
            article(1, "甲", paragraph("文")),
            article(2, "乙", paragraph("文")),
            contents=(ContentsEntry("甲", "甲"),),
        ),
    ),
    ("contents_and_articles", issue(article(1, "甲", paragraph("文")), article(2, "甲", paragraph("文")))),
    (
        "contents_and_articles",
        issue(
            article(1, "甲", paragraph("文")),
            article(2, "乙", paragraph("文")),
            contents=(ContentsEntry("乙", "乙"), ContentsEntry("甲", "甲")),
        ),
    ),
    ("pictures_say_what_they_show", issue(article(1, "标题", image(Picture("a/plan.png"), " ")))),
    ("pictures_say_what_they_show", issue(article(1, "标题", image(Picture("a/plan.png"), "plan.png")))),
    ("pictures_are_shown_whole", issue(article(1, "标题", image(Picture("a.png", "a" * 64, 1132, 3500), "一图读懂")))),
    ("links_lead_where_they_say", linked("https://www.most.gov.cn/", "https://www.example.cn/")),
    ("links_lead_where_they_say", linked("most.gov.cn", "https://www.example.cn/")),
    ("links_lead_where_they_say", linked("点击这里", "https://www.example.cn/")),
    ("links_lead_where_they_say", linked("通知", "javascript:alert(1)")),
    ("links_lead_where_they_say", linked("通知", "https://www.example.cn/a b")),
    ("links_lead_where_they_say", linked("通知", "https://user@www.example.cn/")),
    ("links_lead_where_they_say", linked("通知", "http://192.168.1.8/notice")),
    ("links_lead_where_they_say", linked("通知", "https://intranet/notice")),
    ("links_lead_where_they_say", linked("通知", "https://elsewhere.com/")),
    ("links_lead_where_they_say", linked("来信", "mailto:nobody")),
    ("links_lead_where_they_say", of_text("见http://10.0.0.1/notice，谢谢")),
    ("personal_data", of_text("身份证号11010519491231002X，请核对")),
    ("personal_data", of_text("联系人李某，手机13800138000。")),
    ("personal_data", of_text("联系人李某，手机+86 138-0013-8000。")),
    ("personal_data", of_text("汇款至6222 0210 0111 6245 702。")),
    ("personal_data", issue(article(1, "标题", table([(Cell("13800138000"),)])))),
    ("doubtful_words", of_text("扫码领红包，先到先得")),
    ("doubtful_words", of_text("会议地点待补充。")),
    ("typography", of_text("会议在昆明召开,交流了经验。")),
    ("typography", of_text("会议在昆明召开，，交流了经验。")),
    ("typography", of_text("会议在昆明召开。。")),
    ("typography", of_text("２０２３年的会议")),
    ("typography", of_text("会议、培训...")),
    ("typography", of_text("他说\"好\"。")),
    ("typography", of_text("会议 ，培训")),
    ("typography", of_text("会议召开）。")),
    ("typography", of_text("科技--创新")),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "shown"), FAULTY, ids=[f"{number}-{rule}" for number, (rule, _) in enumerate(FAULTY)])
def test_a_faulty_issue_breaks_exactly_its_rule(rule: str, shown: Issue) -> None:
    findings = found(shown)

    assert {finding.rule for finding in findings} == {rule}, findings
    assert all(finding.place and finding.message and finding.cure for finding in findings)


@pytest.mark.parametrize("address", ["https://www.xn--fsqu00a.xn--fiqs8s/", "https://example.org/"])
def test_hosts_that_links_may_lead_to_may_be_given_in_chinese(address: str) -> None:
    guide = guide_of(read_settings({"JIANBAO_LINK_HOSTS": "例子.中国 Example.ORG"}, Path("none")))
    assert proofread(linked("通知", address), guide) == ()


def test_every_rule_has_an_issue_that_breaks_it() -> None:
    assert {rule for rule, _ in FAULTY} == {rule.__name__ for rule in RULES}


def test_a_good_issue_breaks_none() -> None:
    assert found(SAMPLE) == []


@pytest.mark.parametrize(
    "text",
    [
        "办公室电话010-68598000，传真010-68598001。",
        "项目编号110105194912310021，金额1178.6亿元。",  # as long as an identity number, with a wrong check digit
        "促进科技—产业—金融良性循环……他说：“好！”——全场鼓掌。",
        "放大比例1：18，（13场）；《条例》第3.2条",
        "“上一段没有结束。",
        "见https://www.example.cn/a,b;c?d=1:2，谢谢",
        "GDP growth was 5.2%, up from 3.0% (2022): a good year.",
        'Dr. Wang said: "fine", and left...',
    ],
)
def test_what_is_right_is_let_be(text: str) -> None:
    ok = {'Dr. Wang said: "fine", and left...': {"typography"}}
    assert {finding.rule for finding in found(of_text(text))} <= ok.get(text, set())


def test_a_link_may_show_its_own_address_and_a_mailbox_is_a_target() -> None:
    assert found(linked("www.example.cn/notice", "https://example.cn/notice")) == []
    assert found(linked("office@example.cn", "mailto:office@example.cn")) == []


@pytest.mark.parametrize("name", ["form.pdf", "2023-09.xlsx", "Annex1.v2.DOCX"])
def test_the_name_of_a_file_is_no_address(name: str) -> None:
    assert found(linked(name, f"https://www.example.cn/files/{name}")) == []


def test_numbers_of_persons_are_not_repeated_in_the_finding() -> None:
    (finding,) = found(of_text("身份证号11010519491231002X，请核对"))

    assert finding.level is Level.ERROR
    assert "1949" not in str(finding)
    assert "article 1 (标题), paragraph 1" in finding.place


@pytest.mark.parametrize(
    ("spacing", "text", "number"),
    [
        (Spacing.NONE, "共有 36 只子基金", 1),
        (Spacing.NONE, "共有36只子基金", 0),
        (Spacing.SPACE, "共有36只子基金", 1),
        (Spacing.SPACE, "共有 36 只子基金", 0),
        (Spacing.ANY, "共有 36只子基金", 0),
    ],
)
def test_spaces_are_by_the_houses_rule(spacing: Spacing, text: str, number: int) -> None:
    assert len(found(of_text(text), Guide(spacing=spacing))) == number


def test_one_kind_of_fault_is_said_once_with_how_often_it_stands() -> None:
    (finding,) = found(issue(article(1, "标题", *[paragraph("好,好")] * 40)))

    assert "40 times in all" in finding.message


def test_a_list_of_ones_own_adds_words_and_takes_words_out(tmp_path: Path) -> None:
    own = tmp_path / "words.toml"
    own.write_text(
        '[[words]]\nkind = "usage"\nwhy = "we say otherwise"\ninstead = "会员单位"\nlevel = "error"\nwords = ["会员企业"]\n'
        '[[words]]\nkind = "allowed"\nwords = ["独一无二"]\n'
    )
    guide = Guide(words=read_words(own))

    (finding,) = found(of_text("各会员企业：本刊独一无二。"), guide)
    assert (finding.level, finding.cure) == (Level.ERROR, "会员单位.")


@pytest.mark.parametrize(
    "content", ["words = 3", "[[words]]\nkind = 1", '[[words]]\nkind = "a"\nwords = ["b"]\nlevel = "bad"', "="]
)
def test_a_faulty_list_is_refused_with_its_name(content: str, tmp_path: Path) -> None:
    own = tmp_path / "words.toml"
    own.write_text(content)
    with pytest.raises(InputError, match=r"words\.toml"):
        read_words(own)


def test_addresses_are_told_once_each() -> None:
    shown = issue(
        article(1, "标题", paragraph("见https://example.cn/a与https://example.cn/a。"), heading("https://example.cn/b"))
    )

    assert addresses(shown) == ("https://example.cn/a", "https://example.cn/b")


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=60), max_size=4))
def test_any_text_gets_an_answer(texts: list[str]) -> None:
    blocks: list[Block] = [paragraph(text) for text in texts]
    proofread(issue(article(1, "".join(texts), *blocks)), GUIDE)


def test_a_picture_that_is_empty_or_lost_keeps_an_issue_back() -> None:
    pictures = (Picture("a.png", "a", 40, 30), Picture("b.png", "b", 40, 30), Picture("c.png", "c", 40, 30), Picture("d.png"))
    shown = issue(article(1, "标题", *(image(picture, "会场") for picture in pictures)))
    missing = pictures_are_there(shown, {"a": b"octets", "b": b""})
    assert [(finding.level, finding.place) for finding in missing] == [
        (Level.ERROR, "article 1 (标题), image 2"),
        (Level.ERROR, "article 1 (标题), image 3"),
    ]


def test_a_picture_that_outlook_shows_whole_is_let_be() -> None:
    assert found(issue(article(1, "标题", image(Picture("a.png", "a" * 64, 1132, 3400), "一图读懂")))) == []


def test_a_heavy_picture_and_many_that_are_light_keep_readers_waiting() -> None:
    shown = issue(article(1, "标题", *(image(Picture("a.png", sha256), "会场") for sha256 in "abcdef")))
    assert pictures_are_light(shown, dict.fromkeys("abcdef", b"x" * 150_000)) == ()
    (heavy,) = pictures_are_light(shown, {"a": b"x" * 250_000})
    assert (heavy.rule, heavy.place) == ("pictures_are_light", "article 1 (标题), image 1")
    (together,) = pictures_are_light(shown, dict.fromkeys("abcdef", b"x" * 190_000))
    assert "1140 KB together" in together.message
