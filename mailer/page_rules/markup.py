"""What a page is made of: its outline, nothing that runs or fetches, and no feature that a program lacks without a word on it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise

from lxml.html import HtmlElement

from mailer.client_support import TITLES, Client, support_table
from mailer.client_support.features import features_of
from mailer.preflight.finding import Fault, error, warning

_ACTIVE = frozenset(
    {
        *("script", "iframe", "object", "embed", "form", "input", "button"),
        *("link", "base", "frame", "applet", "svg", "video", "audio"),
    }
)
_FETCHES = re.compile(r"url\(|@import|expression\(|javascript:", re.IGNORECASE)
_JUDGED = (Client.GMAIL, Client.OUTLOOK_WINDOWS, Client.QQ, Client.NETEASE)


def outline(root: HtmlElement, degrades: Mapping[str, str]) -> Iterator[Fault]:
    """A language, a title, one h1, and no level left out: what a screen reader goes by."""
    if not root.get("lang"):
        yield error("text/html", "the page does not say its language", 'Write <html lang="zh-CN">.')
    if not (root.findtext(".//title") or "").strip():
        yield error("text/html", "the page has no title", "Write <title>{{ issue.subject }}</title>.")
    levels = [int(each.tag[1]) for each in root.iter("h1", "h2", "h3", "h4", "h5", "h6")]
    if levels.count(1) != 1:
        yield error("text/html", f"{levels.count(1)} headings of the first level", "Let the bulletin's title be the only h1.")
    for before, after in pairwise(levels):
        if after > before + 1:
            yield warning("text/html", f"h{after} follows h{before}", "Leave no level out: the outline is read aloud.")
            break
    unsaid = [
        table for table in root.iter("table") if table.get("role") != "presentation" and table.find(".//table") is not None
    ]
    if unsaid:
        yield warning(_place(unsaid[0]), "a table for layout that does not say so", 'Write role="presentation".')


def no_active_content(root: HtmlElement, degrades: Mapping[str, str]) -> Iterator[Fault]:
    """Nothing runs, nothing is asked, nothing is fetched but pictures: programs strip it, and filters count it."""
    for element in root.iter():
        if not isinstance(element.tag, str):
            continue
        handlers = [name for name, _ in element.items() if name.lower().startswith("on")]
        if element.tag in _ACTIVE or handlers:
            yield error(_place(element), f"<{element.tag}{' ' + handlers[0] if handlers else ''}>", "Take it out.")
        if _FETCHES.search(element.get("style", "") + (element.text or "" if element.tag == "style" else "")):
            yield error(_place(element), "a style that fetches or runs something", "Use colours, and pictures as <img>.")


def client_support(root: HtmlElement, degrades: Mapping[str, str]) -> Iterator[Fault]:
    """Each feature that Gmail, Outlook for Windows or (assumed) QQ and 163 lack is one of which somebody said why nothing is lost."""
    table = support_table()
    for slug, place in features_of(root).items():
        lacking = table.unknown_to(slug, *_JUDGED)
        if lacking and slug not in degrades:
            programs = ", ".join(TITLES[client] for client in lacking)
            yield warning(
                f"text/html {place}",
                f"{table.features[slug].title} is not in {programs} (caniemail, {table.updated})",
                f"Do without it, or say under [degrades] in theme.toml why nothing is lost: {slug}.",
            )


def _place(element: HtmlElement) -> str:
    return f"text/html line {element.sourceline}"
