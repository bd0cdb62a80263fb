"""The pages: readable in light and dark, their one style allowed by its hash, an address shown no further than its owner needs."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import HTMLResponse

from mailer.archive import Archive
from mailer.leaving import Recipient
from mailer.page_templates import TEMPLATES
from mailer.preferences import ListChoice, Preferences
from mailer.web.forms import Form
from mailer.web.language import Language
from mailer.web.pages import Pages
from mailer.web.security import page_policy

RECIPIENT = Recipient(1, 1, "zhangsan@cas.example.org", None, None, 1, (1,), "信息集锦", "中国科学技术院所联谊会", 2023, 9)
PAGES = Pages()
NOW = datetime(2023, 8, 3, tzinfo=UTC)
LISTS = (ListChoice(1, "《会员》", True, (30, 90), 30), ListChoice(2, "《通知》", False, (), None))
PREFERENCES: dict[str, Any] = {
    "recipient": RECIPIENT,
    "present": Preferences(1, None, None, None, None, True, LISTS),
    "done": "saved",
    "fault": "",
    "typed": Form(()),
    "leave": "../u/token",
}
ARCHIVE = Archive("bulletin", "《信息集锦》", "《简报》", RECIPIENT.publisher, "official", {}, None, ())
ALL = {
    f"{name} {language}": page
    for language in Language
    for name, page in {
        "leave": PAGES.show("leave", language, recipient=RECIPIENT, preferences="../p/token", switch=True),
        "receipt": PAGES.show("receipt", language, recipient=RECIPIENT, received_at=None, switch=True),
        "received": PAGES.show("receipt", language, recipient=RECIPIENT, received_at=NOW),
        "preferences": PAGES.show("preferences", language, **PREFERENCES),
        "at fault": PAGES.show("preferences", language, **PREFERENCES | {"fault": "successor", "done": ""}),
        "archive": PAGES.show("archive", language, archive=ARCHIVE, titles=[]),
        "goodbye": PAGES.show("goodbye", language, recipient=RECIPIENT, token="token"),
        "restored": PAGES.show("restored", language, recipient=RECIPIENT, restored=True, preferences="../../p/token"),
        "not restored": PAGES.show("restored", language, recipient=RECIPIENT, restored=False, preferences=""),
        **{f"notice {status}": PAGES.notice(status, language) for status in (400, 404, 405, 410, 413, 418, 500, 503)},
    }.items()
}


def _text(page: HTMLResponse) -> str:
    return bytes(page.body).decode()


@pytest.mark.parametrize("language", Language)
def test_a_publication_without_a_publisher_speaks_for_itself(language: Language) -> None:
    nobodys = replace(RECIPIENT, publisher="")
    pages = (
        PAGES.show("leave", language, recipient=nobodys, preferences="../p/token", switch=True),
        PAGES.show("receipt", language, recipient=nobodys, received_at=NOW),
        PAGES.show("archive", language, archive=replace(ARCHIVE, publisher=""), titles=[]),
    )
    for page in pages:
        first = " ".join(_text(page).partition("<p")[2].partition(">")[2].partition("</p>")[0].split())
        assert re.search({"zh": "^本刊", "en": "[Tt]he (?:editors|office)"}[language.value], first), first


@pytest.mark.parametrize("name", ALL)
def test_the_policy_allows_exactly_the_style_that_the_page_has(name: str) -> None:
    styles = re.findall(r"<style>(.*?)</style>", _text(ALL[name]), re.DOTALL)
    assert len(styles) == 1
    assert ALL[name].headers["content-security-policy"] == page_policy(styles[0])
    assert "style=" not in _text(ALL[name])


@pytest.mark.parametrize("name", ALL)
def test_a_page_has_one_heading_which_is_its_title(name: str) -> None:
    title = re.findall(r"<title>(.+?)</title>", _text(ALL[name]))
    assert title == re.findall(r"<h1>(.+?)</h1>", _text(ALL[name]))
    assert len(title) == 1


@pytest.mark.parametrize("name", ALL)
def test_a_page_says_which_language_it_speaks_and_speaks_no_other(name: str) -> None:
    tag = ALL[name].headers["content-language"]
    words = re.sub(
        r"《.*?》|“.*?”|<span lang=.*?</span>|<footer.*?</footer>|<style.*?</style>",
        "",
        _text(ALL[name]).replace(RECIPIENT.publisher, ""),
        flags=re.DOTALL,
    )
    assert f'<html lang="{tag}">' in words
    assert bool(re.search(r"[\u4e00-\u9fff]", words)) == (tag == "zh-CN")


def test_an_error_keeps_its_status_and_its_headers() -> None:
    answer = PAGES.notice(405, Language.CHINESE, {"Allow": "POST"})
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def _luminance(colour: str) -> float:
    """The relative luminance of WCAG 2.2."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "back"), [("ink", "card"), ("muted", "card"), ("red", "card"), ("on-red", "red")])
def test_text_stands_out_from_what_is_behind_it(scheme: int, front: str, back: str) -> None:
    rule = re.findall(r":root\{(.*?)\}", (TEMPLATES / "pages" / "page.css").read_text())[scheme]
    colours = dict(re.findall(r"--([\w-]+):(#[0-9a-f]{6})", rule))
    brighter, darker = sorted((_luminance(colours[front]), _luminance(colours[back])), reverse=True)
    assert (brighter + 0.05) / (darker + 0.05) >= 4.5


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("zhangsan@cas.example.org", "z***n@cas.example.org"),
        ("li@cas.example.org", "l***@cas.example.org"),
        ("张三丰院长@例子.中国", "张***长@例子.中国"),
        ("erased", "***@erased"),
    ],
)
def test_a_masked_address_is_known_to_its_owner_alone(address: str, masked: str) -> None:
    assert replace(RECIPIENT, address=address).masked_address == masked


@given(local=st.text(st.characters(codec="utf-8", exclude_characters="@"), max_size=64))
def test_no_more_than_two_characters_of_the_name_are_shown(local: str) -> None:
    shown = replace(RECIPIENT, address=f"{local}@x.org").masked_address.removesuffix("@x.org").replace("***", "", 1)
    assert len(shown) <= 2
