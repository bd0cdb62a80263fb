"""Rules for the page of a mail, each with a page that breaks it alone."""

from __future__ import annotations

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.client_support import Client, Support, support_table
from mailer.client_support.refresh import kept
from mailer.edition import fill
from mailer.page_rules import RULES, check_page
from mailer.render import SHIPPED, find_theme, render, theme_names
from mailer.render.sample import SAMPLE
from tests.unit.render.issues import IMPRINT, VALUES

DEGRADES = {"html-doctype": "", "html-style": "", "html-meta-color-scheme": ""}
PAGE = """<!DOCTYPE html><html lang="zh-CN" dir="ltr"><head><title>信息集锦</title><style>p{color:#333333}</style>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"></head>
<body><div lang="zh-CN"><div style="display:none">先看要闻</div><h1>信息集锦</h1><h2>标题</h2>
<p style="color:#333333;background-color:#fefefe">开放共享没有捷径，要把账目算清楚。</p></div></body></html>"""
NESTED = '<table role="presentation" cellpadding="0" cellspacing="0" border="0"><tr><td>'

FAULTY = [
    ("head", '<meta name="viewport" content="width=device-width">', ""),
    ("head", '<meta name="color-scheme" content="light dark">', ""),
    ("head", ' dir="ltr"', ""),
    ("head", '<div lang="zh-CN">', "<div>"),
    ("preheader", '<div style="display:none">先看要闻</div>', "<p>网页版</p>"),
    ("layout_tables", "<h2>", NESTED * 7 + "</td></tr></table>" * 7 + "<h2>"),
    ("layout_tables", "<h2>", '<table width="900"><tr><td>宽</td></tr></table><h2>'),
    ("layout_tables", "<h2>", '<table role="presentation"><tr><td>缝</td></tr></table><h2>'),
    ("plain_styles", "color:#333333;", "color:#333333;padding:calc(2px + 3px);"),
    ("plain_styles", "<h2>", '<table><tr><td style="margin:8px 0 0">格</td></tr></table><h2>'),
    ("legible_letters", "color:#333333;", "color:#333333;font-size:14px;"),
    ("legible_letters", "<h2>", '<p style="font-size:11px">小得看不清的一段话，在手机上尤其如此。</p><h2>'),
    ("legible_letters", "color:#333333;", "color:#333333;text-align:justify;"),
    ("legible_letters", "color:#333333;", "color:#333333;letter-spacing:2px;"),
    ("no_harsh_pair", "color:#333333;background-color:#fefefe", "color:#000000;background-color:#ffffff"),
    ("links_and_tables_speak", "<h2>", '<a href="https://example.cn/" style="color:#003366">点击这里</a><h2>'),
    ("links_and_tables_speak", "<h2>", '<a href="https://example.cn/" style="color:#003366" title="去">会场图</a><h2>'),
    ("links_and_tables_speak", "<h2>", "<table><tr><th>日期</th><th>地点</th></tr></table><h2>"),
    ("outline", '<html lang="zh-CN"', "<html"),
    ("outline", "<title>信息集锦</title>", ""),
    ("outline", "<h1>信息集锦</h1>", ""),
    ("outline", "<h2>标题</h2>", "<h3>标题</h3>"),
    ("outline", "<h2>", "<table><tr><td><table></table></td></tr></table><h2>"),
    ("no_active_content", "<h2>", '<a href="https://example.cn/" style="color:#003366" onclick="go()">去</a><h2>'),
    ("no_active_content", "<h2>", "<script>go()</script><h2>"),
    ("no_active_content", "color:#333333}", "background:#fefefe url(https://example.cn/x.png)}"),
    ("contrast", "color:#333333;", "color:#999999;"),
    (
        "contrast",
        "p{color:#333333}",
        "@media (prefers-color-scheme:dark){p{color:#444444;background-color:#222222 !important}}",
    ),
    ("contrast", "<h2>", '<p bgcolor="#222222">暗</p><h2>'),
    ("client_support", "color:#333333;", "color:#333333;border-radius:4px;"),
    ("client_support", "p{color", "p:hover{color"),
    ("client_support", "<h2>", '<div style="display:flex">排</div><h2>'),
]


def names(page: str, degrades: dict[str, str]) -> set[str]:
    return {finding.rule for finding in check_page(page, degrades)}


def test_a_clean_page_passes_every_rule() -> None:
    assert check_page(PAGE, DEGRADES) == ()


@pytest.mark.parametrize(("rule", "old", "new"), FAULTY, ids=[f"{number}-{each[0]}" for number, each in enumerate(FAULTY)])
def test_a_faulty_page_breaks_exactly_its_rule(rule: str, old: str, new: str) -> None:
    assert old in PAGE
    media = {"css-at-media": "", "css-at-media-prefers-color-scheme": "", "css-background-image": ""}

    assert names(PAGE.replace(old, new), DEGRADES | media) == {rule}


def test_every_rule_has_a_page_that_breaks_it() -> None:
    assert {rule for rule, *_ in FAULTY} == {rule.__name__ for rule in RULES}


def test_what_a_theme_gives_a_reason_for_is_no_finding() -> None:
    page = PAGE.replace("color:#333333;", "color:#333333;border-radius:4px;")

    assert check_page(page, DEGRADES | {"css-border-radius": "corners are square"}) == ()


def test_large_type_needs_less() -> None:
    small, large = (PAGE.replace("color:#333333;", f"color:#8a8a8a;font-size:{size}px;") for size in (16, 24))

    assert names(small, DEGRADES) == {"contrast"}
    assert names(large, DEGRADES) == set()


@pytest.mark.parametrize("name", theme_names([SHIPPED]))
def test_every_shipped_theme_passes_and_asks_little_of_programs(name: str) -> None:
    theme = find_theme(name, [SHIPPED])
    edition = render(SAMPLE, theme=theme, imprint=IMPRINT)
    for segments in (edition.html, edition.browser):
        page = fill(segments, VALUES, escape=html.escape)
        assert check_page(page, theme.degrades) == ()
        lacking = {finding.cure for finding in check_page(page, {}) if finding.rule == "client_support"}
        assert len(lacking) <= 8


def test_the_kept_data_know_what_is_known() -> None:
    table = support_table()

    assert table.updated >= "2026-01-01"
    assert table.unknown_to("css-border-radius", *Client) == [Client.OUTLOOK_WINDOWS]
    assert Client.QQ in table.unknown_to("html-style", *Client)
    assert table.features["css-margin"].support[Client.GMAIL] is Support.PARTLY


def test_the_newest_word_and_the_poorest_platform_count() -> None:
    stats = {
        "gmail": {"ios": {"2019": "n", "2024": "y #1"}, "android": {"2020": "a #2"}},
        "outlook": {"windows": {"2019": "n"}},
    }
    document = {
        "last_update_date": "2026-05-13 14:45:41 +0000",
        "data": [{"slug": "css-gap", "title": "gap", "category": "css", "stats": stats}, {"slug": "amp", "category": "others"}],
    }

    assert kept(document)["features"] == {
        "css-gap": {"title": "gap", "gmail": "a", "outlook-windows": "n", "outlook": "u", "apple-mail": "u"}
    }


@given(st.text(max_size=200))
def test_any_markup_gets_an_answer(markup: str) -> None:
    check_page(f"<p>{markup}", {})
    check_page(f'<p style="{markup}">x', {})
    check_page(f"<style>{markup}</style><p>x", {})
