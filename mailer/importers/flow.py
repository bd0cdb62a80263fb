"""Running text as a block has it: on one line, white space collapsed, nothing between two lines of Chinese."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from mailer.block import Inline

_BLANK = re.compile(r"[ \t\r\n\f\v]+")
_EDGES = " \t\r\n\f\v\u00a0\u3000\u200b\ufeff"
_WIDE = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff“”‘’—…]")
_ADDRESS = re.compile(r"https?://\S+\Z")


def flowing(inlines: Iterable[Inline]) -> list[Inline]:
    """The pieces of a paragraph as one line of text.

    A bare address is parted by a space from a letter behind it, because mail programs make links of addresses by themselves.
    """
    found: list[Inline] = []
    pending = ""
    for inline in inlines:
        kept: list[str] = []
        for blank, text in _tokens(inline.text):
            if blank:
                pending += blank
                continue
            if pending and (found or kept):
                last = kept[-1] if kept else found[-1].text
                kept.append(_gap(pending, last, text))
            elif found and not kept and _is_bare(found[-1]) and text[0].isalnum():
                kept.append(" ")
            pending = ""
            kept.append(text)
        text = "".join(kept)
        if text:
            if found and text[0] == " " and inline.link is not None and inline.link != found[-1].link:
                found.append(Inline(" "))
                text = text[1:]
            found.append(replace(inline, text=text))
    return _stripped(found)


def _tokens(text: str) -> Iterable[tuple[str, str]]:
    at = 0
    for blank in _BLANK.finditer(text):
        if blank.start() > at:
            yield "", text[at : blank.start()]
        yield blank.group(), ""
        at = blank.end()
    if at < len(text):
        yield "", text[at:]


def _gap(blank: str, before: str, after: str) -> str:
    broken = "\n" in blank or "\r" in blank
    if broken and before and _WIDE.match(before[-1]) and _WIDE.match(after[0]):
        return ""
    return " "


def _is_bare(inline: Inline) -> bool:
    return inline.link is not None and _ADDRESS.match(inline.text) is not None


def _stripped(inlines: list[Inline]) -> list[Inline]:
    """The pieces without white space at either end of the line."""
    while inlines and not inlines[0].text.lstrip(_EDGES):
        inlines = inlines[1:]
    while inlines and not inlines[-1].text.rstrip(_EDGES):
        inlines = inlines[:-1]
    if inlines:
        inlines[0] = replace(inlines[0], text=inlines[0].text.lstrip(_EDGES))
        inlines[-1] = replace(inlines[-1], text=inlines[-1].text.rstrip(_EDGES))
    return inlines
