"""A theme's style sheet, taken apart: what goes into the elements, and what only some mail programs read.

One sheet, `style.css`, serves every program. Its plain rules go into the elements, which every program shows. Widths and `:hover` have a
`<style>` of their own: Gmail drops a whole block at one thing in it that it does not know. What stands in `@enhance` and in other
`@media` comes last, and what stands in `@outlook` where only Word reads it. The dark scheme needs no rule at all: the sheet is
filled with the light and with the dark colours, and wherever the two differ, the dark one is written for those who ask for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import tinycss2
from tinycss2.ast import AtRule, Declaration, Node, ParseError, QualifiedRule

from subscribers.errors import InputError

_WIDTHS = re.compile(r"\s*(?:screen and )?\((?:max|min)-width:\s*\d+px\)\s*")
_CAREFUL_PSEUDO = re.compile(r":hover\b")
_GROUND = frozenset({"background", "background-color"})


@dataclass(frozen=True, slots=True)
class StyleSheet:
    """The parts of a sheet, each as CSS."""

    inline: str
    careful: str
    enhanced: str
    outlook: str


@dataclass(frozen=True, slots=True)
class _Rule:
    selectors: str
    declarations: tuple[tuple[str, str, bool], ...]

    def __str__(self) -> str:
        body = ";".join(f"{name}:{value}{' !important' if important else ''}" for name, value, important in self.declarations)
        return f"{self.selectors}{{{body}}}"


@lru_cache(32)
def take_apart(light: str, dark: str, name: str) -> StyleSheet:
    """The parts of a sheet that was filled with light and with dark colours. InputError names the line of what is no CSS."""
    inline: list[str] = []
    careful: list[str] = []
    enhanced: list[str] = []
    outlook: list[str] = []
    for node in _nodes(tinycss2.parse_stylesheet(light, skip_comments=True, skip_whitespace=True), name):
        match node:
            case QualifiedRule():
                rule = _rule(node, name)
                (careful if _CAREFUL_PSEUDO.search(rule.selectors) else inline).append(str(rule))
            case AtRule(lower_at_keyword="outlook"):
                outlook += map(str, _rules_in(node, name))
            case AtRule(lower_at_keyword="enhance"):
                enhanced += map(str, _rules_in(node, name))
            case AtRule(lower_at_keyword="media"):
                condition = tinycss2.serialize(node.prelude)
                within = "\n".join(map(str, _rules_in(node, name)))
                careful_one = _WIDTHS.fullmatch(condition)
                (careful if careful_one else enhanced).append(f"@media{condition}{{\n{within}\n}}")
            case _:
                raise InputError(f"{name}:{node.source_line}: {node.type} has no place in a theme. Use rules and @media.")
    darkened = list(_darkened(light, dark, name))
    if darkened:
        enhanced += ["@media (prefers-color-scheme:dark){", *map(str, darkened), "}", *_for_outlooks_apps(darkened)]
    return StyleSheet(*("\n".join(part) for part in (inline, careful, enhanced, outlook)))


def _darkened(light: str, dark: str, name: str) -> Iterator[_Rule]:
    """For each rule of the sheet what differs in the dark, which has to win against the styles in the elements."""
    for bright, dim in zip(_plain_rules(light, name), _plain_rules(dark, name), strict=True):
        pairs = zip(bright.declarations, dim.declarations, strict=True)
        different = tuple((after[0], after[1], True) for before, after in pairs if before != after)
        if different:
            yield _Rule(dim.selectors, different)


def _for_outlooks_apps(rules: list[_Rule]) -> Iterator[str]:
    """Outlook's apps mark what they recolour: data-ogsc for text and borders, data-ogsb for grounds."""
    for mark, wanted in (("[data-ogsb]", True), ("[data-ogsc]", False)):
        for rule in rules:
            declarations = tuple(each for each in rule.declarations if (each[0] in _GROUND) is wanted)
            if declarations:
                selectors = ",".join(f"{mark} {selector.strip()}" for selector in rule.selectors.split(","))
                yield str(_Rule(selectors, declarations))


def _plain_rules(css: str, name: str) -> Iterator[_Rule]:
    for node in _nodes(tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True), name):
        if isinstance(node, QualifiedRule):
            yield _rule(node, name)


def _rules_in(node: AtRule, name: str) -> Iterator[_Rule]:
    content = tinycss2.parse_rule_list(node.content or [], skip_comments=True, skip_whitespace=True)
    return (_rule(inner, name) for inner in _nodes(content, name))


def _rule(node: Node, name: str) -> _Rule:
    if not isinstance(node, QualifiedRule):
        raise InputError(f"{name}:{node.source_line}: a rule is wanted here. Write `selector{{property:value}}`.")
    content = tinycss2.parse_blocks_contents(node.content, skip_comments=True, skip_whitespace=True)
    declarations = tuple(_declaration(inner, name) for inner in _nodes(content, name))
    return _Rule(" ".join(tinycss2.serialize(node.prelude).split()), declarations)


def _declaration(node: Node, name: str) -> tuple[str, str, bool]:
    if not isinstance(node, Declaration):
        raise InputError(f"{name}:{node.source_line}: a declaration is wanted here. Write `property:value;`.")
    value = tinycss2.serialize(node.value).strip()
    if "url(" in value.lower() or "expression(" in value.lower():
        raise InputError(f"{name}:{node.source_line}: {node.name} asks for something to be fetched or run. Use a colour.")
    return node.lower_name, value, node.important


def _nodes(nodes: list[Node], name: str) -> Iterator[Node]:
    for node in nodes:
        if isinstance(node, ParseError):
            raise InputError(f"{name}:{node.source_line}: {node.message}. Write CSS that mail programs understand.")
        yield node
