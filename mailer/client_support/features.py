"""What a page asks of the program that shows it: the features of CSS and HTML in it, by caniemail's names."""

from __future__ import annotations

import re
from collections.abc import Iterator

import tinycss2
from lxml.html import HtmlElement
from tinycss2.ast import AtRule, Declaration, Node, QualifiedRule

_LONGHANDS = re.compile(
    r"(margin|padding|list-style|text-decoration|outline|background)(?:-.*)?|border(?!-(?:radius|spacing|collapse|image)).*"
)
_CORNER = re.compile(r"border-(?:top|bottom)-(?:left|right)-radius")
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_LISTS = frozenset({"ul", "ol", "li", "dl", "dt", "dd"})
_SEMANTIC = frozenset(
    {"article", "aside", "details", "figcaption", "figure", "footer", "header", "main", "mark", "nav", "section"}
)
_ATTRIBUTES = frozenset(
    {
        "align",
        "background",
        "cellpadding",
        "cellspacing",
        "dir",
        "height",
        "lang",
        "role",
        "srcset",
        "target",
        "valign",
        "width",
    }
)
_OWN_FEATURE = frozenset(
    {
        "css-background-color",
        "css-background-image",
        "css-background-position",
        "css-background-repeat",
        "css-background-size",
        "css-list-style-type",
        "css-list-style-image",
        "css-list-style-position",
        "css-text-decoration-color",
        "css-text-decoration-line",
        "css-text-decoration-style",
        "css-outline-offset",
    }
)
_UNITS = frozenset({"em", "rem", "vw", "vh", "vmin", "vmax", "ch", "ex", "pt", "pc", "cm", "mm", "in", "px"})
_PSEUDO = re.compile(r"(?<!:):([a-z-]+)")
_PSEUDO_ELEMENT = re.compile(r"::?(before|after|first-letter|first-line|marker|placeholder)\b")
_MEDIA = {
    "prefers-color-scheme": "css-at-media-prefers-color-scheme",
    "prefers-reduced-motion": "css-at-media-prefers-reduced-motion",
}


def features_of(root: HtmlElement) -> dict[str, str]:
    """Each feature that a page uses, and where it is used first: `style attribute`, `style element` or the element."""
    found: dict[str, str] = {}
    if root.getroottree().docinfo.doctype:
        found["html-doctype"] = "document"
    for element in root.iter():
        if not isinstance(element.tag, str):
            continue
        place = f"<{element.tag}>"
        for slug in element_features(element.tag, dict(element.items())):
            found.setdefault(slug, place)
        for slug in _of_declarations(tinycss2.parse_blocks_contents(element.get("style", ""))):
            found.setdefault(slug, f"style of {place}")
        if element.tag == "style":
            for slug in _of_rules(tinycss2.parse_stylesheet(element.text or "", skip_comments=True, skip_whitespace=True)):
                found.setdefault(slug, "<style>")
    return found


def element_features(tag: str, attributes: dict[str, str]) -> Iterator[str]:
    """What an element and its attributes ask for."""
    yield f"html-{tag}"
    for kind, tags in (("html-h1-h6", _HEADINGS), ("html-lists", _LISTS), ("html-semantics", _SEMANTIC)):
        if tag in tags:
            yield kind
    for name, value in attributes.items():
        if name in _ATTRIBUTES or name.startswith("aria-"):
            yield f"html-{name}"
        if name == "href" and value.startswith("#"):
            yield "html-anchor-links"
        if name == "name" and value == "color-scheme":
            yield "html-meta-color-scheme"


def _of_rules(nodes: list[Node]) -> Iterator[str]:
    for node in nodes:
        match node:
            case QualifiedRule():
                yield from selector_features(tinycss2.serialize(node.prelude))
                yield from _of_declarations(tinycss2.parse_blocks_contents(node.content))
            case AtRule():
                yield from at_rule_features(node)
                yield from _of_rules(tinycss2.parse_rule_list(node.content or [], skip_comments=True, skip_whitespace=True))


def at_rule_features(node: AtRule) -> Iterator[str]:
    """What an at-rule itself asks for, such as a media query."""
    yield f"css-at-{node.lower_at_keyword}"
    condition = tinycss2.serialize(node.prelude)
    yield from (slug for word, slug in _MEDIA.items() if word in condition)


def selector_features(selectors: str) -> Iterator[str]:
    """What the selectors of a rule ask for."""
    if "[" in selectors:
        yield "css-selector-attribute"
    yield from (f"css-pseudo-class-{name}" for name in _PSEUDO.findall(selectors))
    yield from (f"css-pseudo-element-{name}" for name in _PSEUDO_ELEMENT.findall(selectors))


def _of_declarations(nodes: list[Node]) -> Iterator[str]:
    return (slug for node in nodes if isinstance(node, Declaration) for slug in declaration_features(node))


def declaration_features(node: Declaration) -> Iterator[str]:
    """What one declaration asks for."""
    yield _of_property(node.lower_name)
    value = tinycss2.serialize(node.value).strip().lower()
    if node.lower_name == "display":
        yield f"css-display-{value}"
    for token in node.value:
        if token.type == "dimension" and token.lower_unit in _UNITS:
            yield f"css-unit-{token.lower_unit}"
        elif token.type == "percentage":
            yield "css-unit-percent"
        elif token.type == "function":
            yield from (f"css-{token.lower_name}", f"css-function-{token.lower_name}")
    if node.important:
        yield "css-important"


def _of_property(name: str) -> str:
    """`css-margin` for `margin-left`; what caniemail keeps apart stays apart."""
    slug = f"css-{name}"
    if slug in _OWN_FEATURE:
        return slug
    if name.startswith("--"):
        return "css-variables"
    if _CORNER.fullmatch(name):
        return "css-border-radius"
    if name in ("overflow-x", "overflow-y"):
        return "css-overflow"
    if found := _LONGHANDS.fullmatch(name):
        return f"css-{found[1] or 'border'}"
    return slug
