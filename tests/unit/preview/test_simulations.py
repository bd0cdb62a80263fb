"""What the simulations take out of a page, and what they leave."""

from __future__ import annotations

import html
import re
from functools import cache

import pytest
from lxml import html as lxml_html

from mailer.client_support import support_table
from mailer.client_support.features import features_of
from mailer.edition import fill
from mailer.preview.simulations import ABOUT, Scheme, View, simulated
from mailer.render import render, theme_names
from mailer.render.sample import SAMPLE
from mailer.render.theme import SHIPPED
from tests.unit.render.issues import IMPRINT, VALUES

PAGE = """<!DOCTYPE html><html lang="zh-CN"><head><title>题</title><style>.a:hover{color:#111111}.a{color:#222222;border-radius:3px}
@media screen and (max-width:480px){.a{color:#333333}}
@media (prefers-color-scheme:dark){.a{color:#eeeeee}}</style>
<!--[if mso]><xml><o:x>96</o:x></xml><style>.a{color:#444444}</style><![endif]--></head>
<body><img src="https://mail.example.cn/o/t.gif" alt="" width="1" height="1">
<img src="https://mail.example.cn/p.png" alt="图" width="9" height="9">
<p class="a" id="b" style="margin:0;max-height:0;text-wrap:balance">文</p></body></html>"""


@cache
def mail(theme: str) -> str:
    return fill(render(SAMPLE, theme=theme, imprint=IMPRINT).html, VALUES, escape=html.escape)


def text(page: str) -> str:
    return "".join("".join(lxml_html.document_fromstring(page).find("body").itertext()).split())


@pytest.mark.parametrize("view", View)
@pytest.mark.parametrize("name", theme_names([SHIPPED]))
def test_no_view_loses_a_word(name: str, view: View) -> None:
    assert text(simulated(mail(name), view)) == text(mail(name))


@pytest.mark.parametrize("view", View)
def test_the_pixel_is_not_asked_for(view: View) -> None:
    assert "/o/t.gif" not in simulated(PAGE, view)


def test_as_sent_nothing_else_is_changed() -> None:
    shown = simulated(PAGE, View.AS_SENT, Scheme.DARK)

    assert "border-radius:3px" in shown
    assert 'class="a" id="b"' in shown
    assert "<!--[if mso]>" in shown


def test_pictures_off_leaves_their_words() -> None:
    shown = simulated(PAGE, View.NO_PICTURES)

    assert "p.png" not in shown
    assert 'alt="图"' in shown


def test_gmail_takes_out_what_it_does_not_support() -> None:
    shown = simulated(PAGE, View.GMAIL)

    assert ":hover" not in shown
    assert "text-wrap" not in shown
    assert "prefers-color-scheme" not in shown
    assert "#eeeeee" not in shown
    assert "max-width:480px" in shown
    assert "border-radius" in shown


@pytest.mark.parametrize(
    ("css", "slug"),
    [
        (".a{--ink:#111111}", "css-variables"),
        (".a::before{color:#111111}", "css-pseudo-element-before"),
        (".a:after{color:#111111}", "css-pseudo-element-after"),
        (".a{border-top-left-radius:3px}", "css-border-radius"),
        (".a{overflow-x:auto}", "css-overflow"),
    ],
)
def test_what_a_style_asks_for_is_told_by_the_name_that_the_table_has(css: str, slug: str) -> None:
    page = lxml_html.document_fromstring(
        PAGE.replace("</head>", f"<style>{css}</style></head>").replace("border-radius:3px", "")
    )
    assert slug in features_of(page)
    assert slug in support_table().features


def test_outlook_opens_what_is_written_for_word() -> None:
    shown = simulated(PAGE, View.OUTLOOK_WINDOWS)

    assert "#444444" in shown
    assert "<!--[if" not in shown
    assert "96" not in shown
    assert "@media" not in shown
    assert "border-radius" not in shown
    assert "max-height" not in shown


@pytest.mark.parametrize("view", [View.QQ, View.NETEASE])
def test_chinese_webmail_is_assumed_to_leave_only_the_elements_own_styles(view: View) -> None:
    shown = simulated(PAGE, view)

    assert "<style" not in shown
    assert "class=" not in shown
    assert 'style="margin:0' in shown
    assert "assumed" in ABOUT[view].source


def test_the_scheme_is_the_readers_whatever_the_browsers_is() -> None:
    assert re.search(r"@media\s+all\s*{", simulated(PAGE, View.AS_SENT, Scheme.DARK))
    assert re.search(r"@media\s+not all\s*{", simulated(PAGE, View.AS_SENT, Scheme.LIGHT))


def test_what_is_left_asks_nothing_more_of_gmail() -> None:
    left = features_of(lxml_html.document_fromstring(simulated(PAGE, View.GMAIL)))

    assert "css-pseudo-class-hover" not in left
    assert "css-text-wrap" not in left
