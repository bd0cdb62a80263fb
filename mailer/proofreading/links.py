"""Where an issue's links lead, as far as can be told without asking anybody."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass

from mailer.block import Inline
from mailer.issue import Issue
from mailer.preflight.finding import Fault, error, warning
from mailer.preflight.urls import host_of, is_web, split_url, within
from mailer.proofreading.guide import Guide
from mailer.proofreading.passages import name_of

_BARE = re.compile(r"https?://[!#-;=?-~]+", re.IGNORECASE)  # it ends where Chinese text goes on
_HOST_AS_TEXT = re.compile(r"\s*(?:https?://)?((?:[a-z0-9-]+\.)+[a-z]{2,})(?:[/:?#]\S*)?\s*", re.IGNORECASE)
_FILE = re.compile(
    r"\s*[a-z0-9.-]+\.(?:pdf|ofd|docx?|wps|xlsx?|et|csv|pptx?|txt|zip|rar|7z|jpe?g|png|gif|mp[34])\s*", re.IGNORECASE
)
_NOT_ASCII = re.compile(r"[^!-~]")
# They hide where they lead, and filters refuse them for that (docs of SURBL and Spamhaus DBL, "abused redirectors").
_SHORTENERS = frozenset(
    {"t.cn", "dwz.cn", "url.cn", "suo.im", "sourl.cn", "bit.ly", "tinyurl.com", "goo.gl", "t.co", "ow.ly", "is.gd", "rb.gy"}
)
_SAID_NOTHING = frozenset({"点击这里", "点此", "这里", "此处", "链接", "click here", "here", "link", "戳这里", "点我"})


@dataclass(frozen=True, slots=True)
class _Link:
    place: str
    url: str
    text: str


def links_lead_where_they_say(issue: Issue, guide: Guide) -> Iterator[Fault]:
    """Links can be followed, lead to public sites of the guide's hosts, say where they lead, and show no other address."""
    for link in _links(issue):
        yield from _target(link, guide)
        if link.text.strip().lower() in _SAID_NOTHING:
            yield warning(
                link.place, f"the link “{link.text.strip()}” does not say where it leads", "Link the words that name it."
            )
        shown = None if _FILE.fullmatch(link.text) else _HOST_AS_TEXT.fullmatch(link.text)
        if shown and is_web(link.url) and not _same_site(shown[1].lower(), host_of(link.url)):
            yield error(
                link.place,
                f"the text shows {shown[1]}, and the link leads to {host_of(link.url)}",
                "Let the text be the address, or words: filters take it for phishing.",
            )


def _target(link: _Link, guide: Guide) -> Iterator[Fault]:
    host, shown = host_of(link.url), link.url[:60]
    if link.url.lower().startswith("mailto:"):
        if "@" not in link.url:
            yield error(link.place, f"{shown!r} names no mailbox", "Write mailto:name@host.")
    elif not is_web(link.url) or _NOT_ASCII.search(link.url):
        yield error(link.place, f"{shown!r} is no web address", "Write https://host/path, other letters as %XX.")
    elif "@" in split_url(link.url).netloc:
        yield error(link.place, f"{shown!r} has a name before its host", "Take it out: that is what phishing looks like.")
    elif _is_private(host):
        yield error(link.place, f"{host} is not on the public net", "Give an address that readers can reach.")
    elif guide.hosts and not any(within(host, allowed) for allowed in guide.hosts):
        yield warning(link.place, f"{host} is not among JIANBAO_LINK_HOSTS", "See whether it is meant, and add it there.")
    elif host in _SHORTENERS:
        yield warning(link.place, f"{host} hides where it leads", "Give the address itself: providers refuse mail for these.")


def _links(issue: Issue) -> Iterator[_Link]:
    for article in issue.articles:
        for number, block in enumerate(article.blocks, 1):
            place = f"{name_of(article)}, {block.kind} {number}"
            cells = [piece for row in block.rows for cell in row for piece in cell.inlines or (Inline(cell.text),)]
            yield from _in_pieces(place, cells if block.rows else list(block.pieces))


def _in_pieces(place: str, pieces: list[Inline]) -> Iterator[_Link]:
    for piece in pieces:
        if piece.link is not None:
            yield _Link(place, piece.link.strip(), piece.text)
        else:
            yield from (_Link(place, found.group().rstrip(".,;:!?'*_~)"), "") for found in _BARE.finditer(piece.text))


def _same_site(shown: str, host: str) -> bool:
    return within(host, shown.removeprefix("www.")) or within(shown, host.removeprefix("www."))


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith((".local", ".localhost", ".internal", ".lan"))


def addresses(issue: Issue) -> tuple[str, ...]:
    """Every web address that the issue links to, once each, in the order of reading."""
    return tuple(dict.fromkeys(link.url for link in _links(issue) if is_web(link.url)))
