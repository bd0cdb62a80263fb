"""Reads Markdown as people write it in Chinese, with front matter, tables and footnotes: by way of HTML, whose reader it shares."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, MutableMapping
from dataclasses import replace
from typing import Any

import yaml
from markdown_it import MarkdownIt
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Scanned
from markdown_it.token import Token
from mdit_py_plugins.footnote import footnote_plugin

from mailer.importers.document import Document
from mailer.importers.html import read_html_text
from subscribers.encoding import decode
from subscribers.errors import InputError

FRONT_MATTER = re.compile(r"\A---[ \t]*\n(?P<yaml>(?:[^\n]*\n){0,200}?)(?:---|\.\.\.)[ \t]*(?:\n|\Z)")
DEEPEST = 100  # lists and quotes in each other, each list counting twice
_LARGEST_FRONT_MATTER = 20_000
_WIDE_SIGNS = "“”‘’—…·"


class _State(StateInline):
    """What is written in Chinese has no spaces between words, so that `**注意：**请于` has none around its stars either."""

    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:
        scanned = super().scanDelims(start, canSplitWord)
        if self.src[start] == "_":
            return scanned
        end = start + scanned.length
        before = self.src[max(0, start - 2) : start] or " "
        after = self.src[end : end + 1] if end < self.posMax else " "
        return Scanned(
            scanned.can_open or (_is_wide(before[-1]) and not after.isspace()),
            scanned.can_close or ((_is_wide(after) or _is_wide(before[0])) and not before[-1].isspace()),
            scanned.length,
        )


class _Inline(ParserInline):
    def parse(self, src: str, md: MarkdownIt, env: MutableMapping[str, Any], tokens: list[Token]) -> list[Token]:
        state = _State(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


class MarkdownParser(MarkdownIt):
    """CommonMark with tables, footnotes and HTML; which links are kept is for the reader of HTML to say."""

    def __init__(self) -> None:
        super().__init__("commonmark", {"html": True, "maxNesting": DEEPEST})
        self.enable(["table", "strikethrough"]).use(footnote_plugin)
        inline = _Inline()
        inline.ruler, inline.ruler2 = self.inline.ruler, self.inline.ruler2
        self.inline = inline

    def validateLink(self, url: str) -> bool:
        return True


def read_markdown(content: bytes, name: str, files: Mapping[str, bytes] | None = None) -> Document:
    """The blocks of a Markdown file; `files` are those beside it, by name. Raises InputError where it is no text."""
    text = decode(content, name).removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    fields: Mapping[str, str] = {}
    first = 0
    front = FRONT_MATTER.match(text)
    if front is not None:
        fields = _fields(front["yaml"], name)
        first = text.count("\n", 0, front.end())
        text = text[front.end() :]
    parser = MarkdownParser()
    tokens = parser.parse(text)
    deep = next((token for token in tokens if token.level >= DEEPEST - 1 and token.map is not None), None)
    if deep is not None and deep.map is not None:  # what lies deeper was dropped by the parser without a word
        raise InputError(
            f"{name}:{deep.map[0] + 1 + first}: lists or quotes are nested deeper than any text's. Write them flat."
        )
    for token in tokens:
        if token.map is not None and token.nesting >= 0 and token.type != "inline":
            token.attrSet("data-line", str(token.map[0] + 1 + first))
    html = parser.renderer.render(tokens, parser.options, {})
    return replace(read_html_text(html, name, files or {}), fields=fields)


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF" or character in _WIDE_SIGNS


def _fields(written: str, name: str) -> Mapping[str, str]:
    """The front matter: names and what stands behind them, on one line each."""
    if len(written) > _LARGEST_FRONT_MATTER:
        raise InputError(f"{name}:1: the front matter is no list of names and values. Write lines like number: 9.")
    try:
        said = yaml.load(written, Loader=yaml.BaseLoader)  # noqa: S506 (BaseLoader makes strings and nothing else)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = 2 + (mark.line if mark is not None else 0)
        raise InputError(f"{name}:{line}: the front matter cannot be read. Write lines like number: 9.") from error
    if said is None or said == "":
        return {}
    if not isinstance(said, dict):
        raise InputError(f"{name}:2: the front matter is no list of names and values. Write lines like number: 9.")
    return {str(key).strip(): value.strip() for key, value in said.items() if isinstance(value, str)}
