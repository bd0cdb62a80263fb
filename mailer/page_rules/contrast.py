"""Whether every word stands out from its ground, in the light and in the dark scheme (WCAG 2.2, 1.4.3)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import tinycss2
from cssselect import SelectorError
from lxml.cssselect import CSSSelector
from lxml.html import HtmlElement
from tinycss2.ast import AtRule, Declaration, QualifiedRule
from tinycss2.color3 import RGBA, parse_color

from mailer.preflight.finding import Fault, warning

_LEAST = 4.5
_LEAST_OF_LARGE = 3.0  # from 24 px, or 18.66 px in bold
_DARK = re.compile(r"prefers-color-scheme\s*:\s*dark", re.IGNORECASE)
_UNSEEN = frozenset({"head", "style", "script", "title"})

Declared = dict[str, str]


@dataclass(frozen=True, slots=True)
class _Look:
    """What an element inherits: both colours, and whether its type is large."""

    ink: RGBA
    ground: RGBA
    size: float
    bold: bool


def contrast(root: HtmlElement, degrades: Mapping[str, str]) -> Iterator[Fault]:
    """One finding for each pair of colours that is too weak, in each scheme."""
    for scheme, dark in (("light", {}), ("dark", _dark_rules(root))):
        if scheme == "dark" and not dark:
            continue
        seen: set[tuple[RGBA, RGBA]] = set()
        start = _Look(parse_color("#000000"), parse_color("#ffffff"), 16, bold=False)
        for element, look in _texts(root, start, dark):
            ratio = _ratio(look.ink, look.ground)
            large = look.size >= 24 or (look.bold and look.size >= 18.66)
            pair = (look.ink, look.ground)
            if ratio < (_LEAST_OF_LARGE if large else _LEAST) and pair not in seen:
                seen.add(pair)
                yield warning(
                    f"text/html line {element.sourceline}, {scheme}",
                    f"{_hex(look.ink)} on {_hex(look.ground)} is a contrast of {ratio:.1f}: “{_words(element)}”",
                    "Make it 4.5 or more: a darker or a lighter colour.",
                )


def _texts(element: HtmlElement, inherited: _Look, dark: Mapping[HtmlElement, Declared]) -> Iterator[tuple[HtmlElement, _Look]]:
    """Each element with words of its own that are seen, and how they look."""
    if not isinstance(element.tag, str) or element.tag in _UNSEEN or element.get("aria-hidden") == "true":
        return
    declared = _declared(element.get("style", "")) | dark.get(element, {})
    if declared.get("display") == "none":
        return
    look = _look(element, declared, inherited)
    if (element.text or "").strip(" \n\xa0\u200c") or any((child.tail or "").strip() for child in element):
        yield element, look
    for child in element:
        yield from _texts(child, look, dark)


def _look(element: HtmlElement, declared: Declared, inherited: _Look) -> _Look:
    ground = declared.get("background-color") or declared.get("background") or element.get("bgcolor")
    size = re.fullmatch(r"([\d.]+)px", declared.get("font-size", ""))
    weight = declared.get("font-weight", "bold" if element.tag in ("b", "strong", "h1", "h2", "h3", "th") else "")
    return _Look(
        ink=_colour(declared.get("color")) or (_LINK if element.tag == "a" and "color" not in declared else inherited.ink),
        ground=_colour(ground) or inherited.ground,
        size=float(size[1]) if size else inherited.size,
        bold=weight in ("bold", "600", "700", "800", "900") if weight else inherited.bold,
    )


_LINK = parse_color("#0000ee")  # what programs give a link that has no colour


def _dark_rules(root: HtmlElement) -> dict[HtmlElement, Declared]:
    """What the rules for the dark scheme say of each element; later ones win."""
    found: dict[HtmlElement, Declared] = {}
    for style in root.iter("style"):
        for node in tinycss2.parse_stylesheet(style.text or "", skip_comments=True, skip_whitespace=True):
            if isinstance(node, AtRule) and node.lower_at_keyword == "media" and _DARK.search(tinycss2.serialize(node.prelude)):
                for rule in tinycss2.parse_rule_list(node.content or [], skip_comments=True, skip_whitespace=True):
                    if isinstance(rule, QualifiedRule):
                        declared = _of_nodes(tinycss2.parse_blocks_contents(rule.content))
                        for element in _selected(root, tinycss2.serialize(rule.prelude)):
                            found[element] = found.get(element, {}) | declared
    return found


def _selected(root: HtmlElement, selector: str) -> list[HtmlElement]:
    try:
        return list(CSSSelector(selector, translator="html")(root))
    except SelectorError:
        return []


def _declared(style: str) -> Declared:
    return _of_nodes(tinycss2.parse_blocks_contents(style))


def _of_nodes(nodes: list[object]) -> Declared:
    return {node.lower_name: tinycss2.serialize(node.value).strip().lower() for node in nodes if isinstance(node, Declaration)}


def _colour(text: str | None) -> RGBA | None:
    colour = parse_color(text) if text else None
    return colour if isinstance(colour, RGBA) and colour.alpha == 1 else None


def _ratio(one: RGBA, other: RGBA) -> float:
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: RGBA) -> float:
    red, green, blue = (
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in (colour.red, colour.green, colour.blue)
    )
    return float(0.2126 * red + 0.7152 * green + 0.0722 * blue)


def _hex(colour: RGBA) -> str:
    return "#" + "".join(f"{round(each * 255):02x}" for each in (colour.red, colour.green, colour.blue))


def _words(element: HtmlElement) -> str:
    return " ".join("".join(element.itertext()).split())[:20]
