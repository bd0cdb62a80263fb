"""How text is set in HTML, as its elements and the styles in them say."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from lxml import html

from mailer.block import Inline
from mailer.importers.look import Look
from mailer.importers.shifted import Shift

_STRONG = frozenset({"b", "strong"})
_EMPHASIS = frozenset({"i", "em", "cite", "dfn", "var"})
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all", re.IGNORECASE)
_BOLD = re.compile(r"font-weight\s*:\s*(?:bold|bolder|[6-9]00)", re.IGNORECASE)
_NOT_BOLD = re.compile(r"font-weight\s*:\s*(?:normal|[1-5]00)", re.IGNORECASE)
_ITALIC = re.compile(r"font-style\s*:\s*(?:italic|oblique)", re.IGNORECASE)
_SIZE = re.compile(r"font-size\s*:\s*(?P<size>\d+(?:\.\d+)?)\s*(?P<unit>pt|px)", re.IGNORECASE)
_SHIFTED = re.compile(r"vertical-align\s*:\s*(?P<shift>super|sub|baseline)", re.IGNORECASE)
_KEEPS_LINES = re.compile(r"white-space\s*:\s*(?P<said>pre(?:-wrap|-line)?|break-spaces|normal|nowrap)\b", re.IGNORECASE)
_SHIFTS = {"sup": Shift.RAISED, "super": Shift.RAISED, "sub": Shift.LOWERED, "baseline": Shift.NONE}
_CENTRED = re.compile(r"text-align\s*:\s*center", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Style:
    """What holds for the text in an element."""

    strong: bool = False
    emphasis: bool = False
    link: str | None = None
    note: str | None = None
    size: float | None = None
    centred: bool = False
    shift: Shift = Shift.NONE
    keeps_lines: bool = False


def is_hidden(element: html.HtmlElement) -> bool:
    """Whether an element is there and not shown."""
    return element.get("hidden") is not None or _HIDDEN.search(element.get("style") or "") is not None


def styled(element: html.HtmlElement, tag: str, style: Style) -> Style:
    """The style of the text in an element."""
    css = element.get("style") or ""
    strong = style.strong or tag in _STRONG or _BOLD.search(css) is not None
    strong = strong and _NOT_BOLD.search(css) is None
    size = _SIZE.search(css)
    points = style.size if size is None else float(size["size"]) * (0.75 if size["unit"].lower() == "px" else 1.0)
    centred = style.centred or tag == "center" or (element.get("align") or "").lower() == "center" or bool(_CENTRED.search(css))
    emphasis = style.emphasis or tag in _EMPHASIS or _ITALIC.search(css) is not None
    placed = _SHIFTED.search(css)
    shift = _SHIFTS.get(tag, style.shift) if placed is None else _SHIFTS[placed["shift"].lower()]
    spaced = _KEEPS_LINES.search(css)
    kept = style.keeps_lines or tag == "pre" if spaced is None else spaced["said"].lower() not in ("normal", "nowrap")
    return replace(style, strong=strong, emphasis=emphasis, size=points, centred=centred, shift=shift, keeps_lines=kept)


def look_of(pending: Iterable[tuple[Inline, Style]]) -> Look:
    """How a block looks whose text is set like this."""
    said = [(inline, style) for inline, style in pending if inline.text.strip()]
    sizes = [style.size for _, style in said if style.size is not None]
    bold = all(inline.strong for inline, _ in said)
    return Look(size=max(sizes, default=None), bold=bold, centred=all(style.centred for _, style in said))
