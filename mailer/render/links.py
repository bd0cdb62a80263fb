"""The links in what authors write: found, numbered, and nothing else of the text changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit

from mailer.block import Inline, Inlines, Picture
from mailer.text_part import printable

# The characters of RFC 3986 §2 without the brackets: a bare URL ends where Chinese text or its punctuation goes on.
_URL = re.compile(r"(?<![A-Za-z0-9])https?://[A-Za-z0-9\-._~:/?#@!$&'()*+,;=%]+", re.IGNORECASE)
_WIDEST = 566  # points: the text of a card of 680 with the widest margins that a theme has
_SENTENCE_END = ".,;:!?'*_~"
_LOOKS_LIKE_ADDRESS = re.compile(r"\s*(?:https?://|www\.)\S", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Link:
    """A URL that an author wrote; `number` is its place in `Edition.links`, or None where clicks are not counted.

    `label` is what is shown in place of the URL, and empty where it is the URL.
    """

    url: str
    number: int | None
    label: str = ""

    @property
    def shows_address(self) -> bool:
        """Whether what is shown is an address: Word makes a link of `www.example.cn` by itself."""
        return not self.label or _LOOKS_LIKE_ADDRESS.match(self.label) is not None


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture that is shown: its address, its size on the page."""

    address: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Emphasised:
    """Text and links that stand out, or refer to the footnote of that marker."""

    pieces: Pieces
    strong: bool
    emphasis: bool
    note: str | None


Pieces: TypeAlias = "tuple[str | Link | Emphasised, ...]"


class LinkTable:
    """Gives every different URL of an issue its number, in the order of reading, and every picture its address.

    `pictures` stands before a picture's hash: the address of a folder on the web, or `cid:`; where it is empty, none is shown.
    """

    def __init__(self, *, tracking: bool, pictures: str = "") -> None:
        self._tracking = tracking
        self._pictures = pictures
        self._numbers: dict[str, int] = {}

    @property
    def links(self) -> tuple[str, ...]:
        """The numbered URLs, by number."""
        return tuple(self._numbers)

    def picture(self, picture: Picture | None) -> Shown | None:
        """A picture as the page shows it, in points of a screen; None where it is not shown."""
        if picture is None or not self._pictures or picture.sha256 is None or not picture.width or not picture.height:
            return None
        width = min(picture.width, _WIDEST)
        return Shown(f"{self._pictures}{picture.sha256}", width, max(1, round(picture.height * width / picture.width)))

    def pieces(self, text: str) -> Pieces:
        """`text` cut into plain text and links; joined again it is the same text."""
        return tuple(self._pieces(printable(text)))

    def inline_pieces(self, inlines: Inlines) -> Pieces:
        """A block's text, its links, and what stands out in it; what is shown, joined again, is the same text."""
        return tuple(piece for inline in inlines for piece in self._inline_pieces(inline))

    def _inline_pieces(self, inline: Inline) -> Pieces:
        pieces = self.pieces(inline.text) if inline.link is None else self._linked(inline.text, inline.link)
        if inline.strong or inline.emphasis or inline.note is not None:
            return (Emphasised(pieces, inline.strong, inline.emphasis, inline.note),)
        return pieces

    def _linked(self, text: str, address: str) -> Pieces:
        label = printable(text)
        if address.lower().startswith("mailto:"):
            return (Link(address, None, label),)
        if not _URL.match(address) or not _is_web_address(address):
            return self.pieces(text)
        return (Link(address, self._number(address), "" if label == address else label),)

    def _number(self, url: str) -> int | None:
        return self._numbers.setdefault(url, len(self._numbers)) if self._tracking else None

    def _pieces(self, text: str) -> Iterator[str | Link]:
        position = 0
        for found in _URL.finditer(text):
            url = _without_sentence_end(found.group())
            if not _is_web_address(url):
                continue
            if position < found.start():
                yield text[position : found.start()]
            yield Link(url, self._number(url))
            position = found.start() + len(url)
        if position < len(text):
            yield text[position:]


def _without_sentence_end(url: str) -> str:
    while url[-1] in _SENTENCE_END or (url[-1] == ")" and url.count(")") > url.count("(")):
        url = url[:-1]
    return url


def _is_web_address(url: str) -> bool:
    """Whether it is one that a bulletin needs; a name and an @ before the host is what phishing looks like."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.hostname) and "@" not in parts.netloc
