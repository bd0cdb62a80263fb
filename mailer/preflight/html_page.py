"""What an HTML part shows and points to."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
_UNSEEN = frozenset({"style", "script", "title", "head"})


@dataclass(slots=True)
class Anchor:
    """A link: its target, the text that can be clicked, whether the reader sees it, its line, and what is seen above it, in characters."""

    href: str
    visible: bool
    line: int
    at: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class Image:
    """An image: its attributes and its line."""

    attributes: dict[str, str]
    line: int


@dataclass(slots=True)
class Page:
    """An HTML document's facts; `text` is what a reader sees, `charset` what its meta element says."""

    anchors: list[Anchor] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    text: str = ""
    charset: str = ""


def read_page(html: str) -> Page:
    """Read an HTML document; faulty HTML gives what can be found in it."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    reader.page.text = "".join(reader.words)
    return reader.page


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self.words: list[str] = []
        self._open: list[tuple[str, bool]] = []
        self._anchor: Anchor | None = None
        self._seen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        hidden = tag in _UNSEEN or "hidden" in attributes or bool(_HIDDEN.search(attributes.get("style", "")))
        if tag not in _VOID:
            self._open.append((tag, hidden))
        match tag:
            case "a" if "href" in attributes:
                self._anchor = Anchor(attributes["href"].strip(), self._visible(), self.getpos()[0], self._seen)
                self.page.anchors.append(self._anchor)
            case "img":
                self.page.images.append(Image(attributes, self.getpos()[0]))
            case "meta" if "charset" in attributes:
                self.page.charset = attributes["charset"]
            case "br" | "p" | "td" | "div" | "li" | "h1" | "h2" | "h3":
                self.words.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._anchor = None
        if any(tag == name for name, _ in self._open):
            while self._open.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        if self._anchor:
            self._anchor.text += data
        if self._visible():
            self.words.append(data)
            self._seen += len(data)

    def _visible(self) -> bool:
        return not any(hidden for _, hidden in self._open)
