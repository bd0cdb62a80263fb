"""Running text as a block has it: on one line, white space collapsed, nothing between two lines of Chinese."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from mailer.block import Inline

_BLANK = re.compile(r"[ \t\r\n\f\v]+")
_EDGES = " \t\r\n\f\v\u00a0\u3000\u200b\ufeff"
_WIDE = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff“”‘’—…]")
_BEHIND = re.compile(r"[，。；、！？：）》”’」】]+(?=\w)")
_ADDRESS = re.compile(r"https?://\S+\Z")


def flowing(inlines: Iterable[Inline]) -> list[Inline]:
    """The pieces of a paragraph as one line of text.

    A bare address is parted by a space from a letter behind it, and so is the sign of punctuation behind it from the next word, because
    mail programs make links of addresses by themselves, up to the next space.
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
            is_behind = not pending and bool(found) and not kept and _is_bare(found[-1])
            pending = ""
            kept.append(_apart(text) if is_behind else text)
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


def parted(inlines: Iterable[Inline]) -> list[Inline]:
    """Pieces that are one line already, their bare addresses parted from what stands behind them as `flowing` does."""
    found: list[Inline] = []
    for inline in inlines:
        is_behind = bool(found) and _is_bare(found[-1]) and inline.link is None
        found.append(replace(inline, text=_apart(inline.text)) if is_behind else inline)
    return found


def _apart(text: str) -> str:
    """What stands directly behind an address."""
    if text[0].isalnum():
        return f" {text}"
    sign = _BEHIND.match(text)
    return text if sign is None else f"{sign.group()} {text[sign.end() :]}"


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
