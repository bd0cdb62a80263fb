"""An issue rendered once: what authors write is data, what differs by recipient is a hole, and nothing else varies."""

import html
import re
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree  # type: ignore[import-untyped]

from mailer.edition import Edition, Field, Hole, fill, joined, split_at_markers
from mailer.render import render
from mailer.text_part import printable
from tests.unit.render.issues import IMPRINT, SAMPLE, VALUES, article, heading, issue, item, paragraph

SIZE_LIMIT = 55_000


def page(edition: Edition) -> str:
    return fill(edition.html, VALUES, escape=html.escape)


def tree(edition: Edition) -> etree._Element:
    return etree.fromstring(page(edition), etree.HTMLParser())


def shown(element: etree._Element) -> str:
    return "".join("".join(str(text) for text in element.itertext()).split())


@pytest.fixture(scope="module")
def sample() -> Edition:
    return render(SAMPLE, imprint=IMPRINT)


def test_the_same_issue_gives_the_same_hash(sample: Edition) -> None:
    assert render(SAMPLE, imprint=IMPRINT).sha256 == sample.sha256
    assert render(replace(SAMPLE, number=10), imprint=IMPRINT).sha256 != sample.sha256
    assert Edition.from_json(sample.to_json()) == sample


def test_every_recipients_place_is_a_hole(sample: Edition) -> None:
    holes = [segment.field for segment in sample.html if isinstance(segment, Hole)]

    assert set(holes) == set(Field) - {Field.SALUTATION}
    assert holes.count(Field.UNSUBSCRIBE_URL) >= 2
    assert "hole" not in "".join(segment for segment in sample.html if isinstance(segment, str))


def test_links_are_counted_through_their_number_and_never_show_another_address(sample: Edition) -> None:
    root = tree(sample)
    counted = root.xpath(f"//a[starts-with(@href, '{VALUES[Field.CLICK_URL]}')]")

    assert sample.links == ("https://www.example.cn/notice/2023-07.html",)
    assert [link.get("href") for link in counted] == [f"{VALUES[Field.CLICK_URL]}.0"]
    assert not [link for link in root.iter("a") if "://" in "".join(link.itertext())]
    assert "https://www.example.cn/notice/2023-07.html" in shown(root)


def test_without_tracking_there_is_no_pixel_and_links_lead_straight_there() -> None:
    edition = render(SAMPLE, tracking=False, imprint=IMPRINT)

    assert edition.links == ()
    assert "<img" not in page(edition)
    assert '<a href="https://www.example.cn/notice/2023-07.html"' in page(edition)
    assert Field.CLICK_URL not in {segment.field for segment in edition.html if isinstance(segment, Hole)}


def test_the_pixel_stands_near_the_top_where_clipping_does_not_lose_it(sample: Edition) -> None:
    text = page(sample)
    body = text.index("<body")

    assert text.count("<img") == 1
    assert text.index("<img") - body < 1200
    assert re.search(r'<img src="https://mail\.example\.cn/o/[a-z0-9]+\.gif" alt="" width="1" height="1"', text)


HOSTILE = [
    "{{ 7 * 7 }}",
    "{% for x in y %}",
    "{# remark",
    "<script>alert(1)</script>",
    "</title></style><b>",
    "&amp; &lt; &nbsp;",
    "<!-- --> <![CDATA[x]]>",
    "'\"`=",
    "color:red !important;}",
    "%recipient%",
    "![endif]-->",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_authors_write_is_data_wherever_it_stands(text: str) -> None:
    edition = render(
        issue(
            article(1, text, paragraph(text), heading(text), item(text), item(f"1. {text}"), column=text, source_line=text),
            publisher=text,
            title=text,
            kind=text,
            colophon=(text,),
        ),
        imprint=replace(IMPRINT, sender=text, contact=text, reason=text),
    )
    root = tree(edition)

    assert shown(root.find(".//h1")) == "".join(text.split())
    for path in (
        "//p[not(@class) or @class='latin']",
        "//h3",
        "//li",
        "//p[@class='source muted']",
        "//p[@class='kicker accent']",
    ):
        assert "".join(text.split()) in [shown(element) for element in root.xpath(path)], path
    assert not root.xpath("//script")


@settings(max_examples=15, deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_any_text_comes_out_as_it_went_in(text: str) -> None:
    root = tree(render(issue(article(1, "标题", paragraph(f"始{text}终"))), imprint=IMPRINT, tracking=False))
    paragraphs = [shown(element) for element in root.xpath("//td[contains(@class, 'article')]/p")]

    assert paragraphs == ["".join(f"始{printable(text)}终".split())]


def test_half_characters_and_controls_are_left_out() -> None:
    edition = render(issue(article(1, "标\x00题\ud800", paragraph("甲\x85乙\ufffe丙\n丁"))), imprint=IMPRINT)

    assert ">标题</h2>" in page(edition)
    assert "甲 乙丙 丁" in page(edition)
    assert edition.subject.isprintable()


def test_a_text_that_holds_the_markers_of_another_issue_is_still_text(sample: Edition) -> None:
    stolen = "hole" + "0" * 32 + "unsubscribeurlend"
    edition = render(issue(article(1, "标题", paragraph(stolen))), imprint=IMPRINT)

    assert stolen in page(edition)


def test_the_head_says_what_mail_programs_ask(sample: Edition) -> None:
    text = page(sample)

    assert text.startswith('<!DOCTYPE html>\n<html lang="zh-CN"')
    assert '<meta charset="utf-8">' in text
    assert f"<title>{html.escape(SAMPLE.subject)}</title>" in text
    assert '<meta name="color-scheme" content="light dark">' in text
    assert "@media (prefers-color-scheme:dark)" in text
    assert "[data-ogsc]" in text
    assert text.count("<!--[if mso]>") == text.count("<![endif]-->") == 3


def test_the_outline_has_one_title_and_no_skipped_level(sample: Edition) -> None:
    levels = [int(element.tag[1]) for element in tree(sample).xpath("//h1 | //h2 | //h3 | //h4")]

    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_the_preheader_is_the_first_text_and_hidden(sample: Edition) -> None:
    body = tree(sample).find(".//body")
    first = next(element for element in body.iter() if element.text and element.text.strip())

    assert sample.preheader.startswith("联谊会召开科研院所社团工作会议；加快完善")
    assert first.text.startswith(sample.preheader)
    assert "display:none" in first.get("style")


def test_layout_tables_say_so_and_carry_their_width(sample: Edition) -> None:
    tables = tree(sample).xpath("//table")

    assert tables
    assert all(table.get("role") == "presentation" and table.get("width") for table in tables)
    assert all(table.get("cellpadding") == table.get("cellspacing") == table.get("border") == "0" for table in tables)


def test_there_is_nothing_that_mail_programs_strip(sample: Edition) -> None:
    styles = " ".join(tree(sample).xpath("//@style"))

    assert not tree(sample).xpath("//form | //script | //iframe | //link | //input | //svg | //object")
    assert not re.search(r"rgba?\(|var\(|\burl\(|\d(?:rem|vw)|display:flex|position:|float:", styles)
    assert not re.search(r"#[0-9a-f]{3}\b(?![0-9a-f])|#fff(?:fff)?\b|#000(?:000)?\b", styles)


def test_the_way_out_and_the_sender_stand_at_both_ends(sample: Edition) -> None:
    text = page(sample)
    masthead, end = text.index("<h1"), text.rindex("<h3")

    for words in (VALUES[Field.UNSUBSCRIBE_URL], VALUES[Field.VIEW_URL], IMPRINT.sender):
        assert words in text[:masthead]
        assert words in text[end:]
    assert VALUES[Field.INSTITUTE] in text[end:]
    assert VALUES[Field.ADDRESS] in text[end:]
    assert IMPRINT.contact in text[end:]


@pytest.mark.parametrize(("publisher", "line"), [("", "网页版 | 退订"), ("联合会", "联合会 | 网页版 | 退订")])
def test_the_first_line_begins_with_the_sender_where_one_is_known(publisher: str, line: str) -> None:
    (top,) = tree(render(replace(SAMPLE, publisher=publisher))).xpath("//td[contains(@class, 'top')]")
    assert " ".join("".join(top.itertext()).split()) == line


def test_contents_lead_to_the_browser_edition_and_to_no_anchor_inside_the_mail(sample: Edition) -> None:
    hrefs = tree(sample).xpath("//a/@href")

    assert f"{VALUES[Field.VIEW_URL]}#article-2" in hrefs
    assert not [href for href in hrefs if href.startswith("#")]


def test_a_long_issue_stays_below_what_gmail_cuts() -> None:
    text = "深化一行一策合作，差异化的科技金融服务模式持续优化。" * 8
    long = issue(*(article(number, f"第{number}篇文章的标题", *[paragraph(text)] * 9) for number in range(1, 5)))
    characters = sum(len(block.text) for each in long.articles for block in each.blocks)

    assert characters > 7_000  # as many as a printed issue has
    assert len(page(render(long, imprint=IMPRINT)).encode()) < SIZE_LIMIT


def test_a_headline_breaks_where_its_sense_does() -> None:
    ours = "中国科学技术院所联谊会"
    titles = (
        "院所联谊会 召开工作会议",
        "科技部：将加快完善服务体系",
        f"{ours}召开会议",
        f"{ours}：关于召开会议的通知",
        f"{ours}、中国科学院联合举办研讨会",
        "成果转化 28 条",
    )
    edition = render(issue(*(article(number, title) for number, title in enumerate(titles, 1))), imprint=IMPRINT)
    headlines = tree(edition).xpath("//h2[@id]")

    assert [[span.text for span in headline] for headline in headlines[:5]] == [
        ["院所联谊会", "召开工作会议"],
        ["科技部：", "将加快完善服务体系"],
        [ours, "召开会议"],
        [f"{ours}：", "关于召开会议的通知"],
        [],
    ]
    assert tuple("".join(headline.itertext()) for headline in headlines) == titles


def test_an_issue_without_title_or_date_has_a_title_all_the_same() -> None:
    edition = render(issue(title="", publisher="", total_number=None, date=None), imprint=IMPRINT)

    assert shown(tree(edition).find(".//h1")) == "简报"


def test_segments_are_split_and_joined_in_normal_form() -> None:
    segments = split_at_markers("甲M1乙M2", {"M1": Field.ADDRESS, "M2": Field.INSTITUTE})

    assert segments == ("甲", Hole(Field.ADDRESS), "乙", Hole(Field.INSTITUTE))
    assert joined("甲", "", "乙", Hole(Field.ADDRESS), "丙") == ("甲乙", Hole(Field.ADDRESS), "丙")
    assert fill(segments, {Field.ADDRESS: "a", Field.INSTITUTE: "<b>"}, escape=html.escape) == "甲a乙&lt;b&gt;"
