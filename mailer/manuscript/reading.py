"""Reads a manuscript back: nothing is guessed, and what is not said is not there."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from urllib.parse import parse_qs, unquote

import yaml
from markdown_it.token import Token

from mailer.block import Block, BlockKind, Picture
from mailer.importers.html import read_html_text
from mailer.importers.markdown import FRONT_MATTER, MarkdownParser
from mailer.issue import Article, ContentsEntry, Issue
from mailer.json_values import as_object, as_text
from mailer.manuscript.form import ARTICLE_FIELDS, AUTHORS_JOINT, FENCE, LINES, PICTURE_SCHEME, VERSION, VERSION_FIELD
from subscribers.errors import InputError

_VERSION = re.compile(rf"^{VERSION_FIELD}: *['\"]?{VERSION}['\"]? *$", re.MULTILINE)
_PICTURE = re.compile(
    r"^\[(?P<sha256>[0-9a-f]{64})\]: data:image/(?:png|jpeg);base64,(?P<content>[A-Za-z0-9+/]*)=*$", re.MULTILINE
)
_COMMENT = re.compile(rf"<!-- (?P<name>{'|'.join(ARTICLE_FIELDS)}): (?P<value>.*?) -->")
_ONLY_COMMENTS = re.compile(r"\s*(?:<!--.*?-->\s*)+", re.DOTALL)


def is_manuscript(text: str) -> bool:
    """Whether a file is a manuscript, and not Markdown of another kind."""
    front = FRONT_MATTER.match(text)
    return front is not None and _VERSION.search(front["yaml"]) is not None


def read_manuscript(text: str, name: str) -> Issue:
    """The issue in a manuscript. Raises InputError, with `name`, cause and cure, where it is not whole."""
    text = _PICTURE.sub("", text.replace("\r\n", "\n"))
    front = FRONT_MATTER.match(text)
    if front is None:
        raise InputError(f"{name}: the front matter at its top is gone. `jianbao issue export REF --to md` shows the form.")
    try:
        said = as_object(yaml.load(front["yaml"], Loader=yaml.BaseLoader))  # noqa: S506 (BaseLoader makes strings and nothing else)
        leveled = said.get("levels") == "yes"
        articles = tuple(_articles(text[front.end() :], leveled=leveled))
        day = said.get("date")
        return Issue(
            publisher=as_text(said.get("publisher", "")),
            title=as_text(said.get("title", "")),
            kind=as_text(said.get("kind", "")),
            year=int(as_text(said["year"])),
            number=int(as_text(said["number"])),
            total_number=_whole(said, "total_number"),
            date=None if day is None else date.fromisoformat(as_text(day)),
            articles=articles,
            last_number=_whole(said, "last_number"),
            last_total_number=_whole(said, "last_total_number"),
            contents=tuple(_entry(as_object(entry)) for entry in _listed(said, "contents")),
            **{field: tuple(map(as_text, _listed(said, field))) for field in LINES},
        )
    except (yaml.YAMLError, TypeError, ValueError, KeyError) as error:
        cause = f"{error} is missing" if isinstance(error, KeyError) else str(error).split("\n", maxsplit=1)[0]
        raise InputError(
            f"{name}: it is not a whole issue: {cause}. `jianbao issue export REF --to md` shows the form."
        ) from error


def pictures_in(text: str) -> dict[str, bytes]:
    """The pictures at the end of a manuscript, by the hashes that it gives them; nothing of them has been looked at."""
    found = {picture["sha256"]: picture["content"] for picture in _PICTURE.finditer(text.replace("\r\n", "\n"))}
    return {
        sha256: base64.b64decode(content + "=" * (-len(content) % 4))
        for sha256, content in found.items()
        if len(content) % 4 != 1
    }


def _whole(said: Mapping[str, object], name: str) -> int | None:
    return int(as_text(said[name])) if name in said else None


def _listed(said: Mapping[str, object], name: str) -> list[object]:
    found = said.get(name, [])
    if not isinstance(found, list):
        raise TypeError(f"{name} is no list")
    return found


def _entry(said: Mapping[str, object]) -> ContentsEntry:
    column = said.get("column")
    return ContentsEntry(as_text(said["line"]), as_text(said["title"]), None if column is None else as_text(column))


def _articles(body: str, *, leveled: bool) -> Iterator[Article]:
    parser = MarkdownParser()
    tokens = parser.parse(body)
    starts = [index for index, token in enumerate(tokens) if _is_headline(token)]
    for position, start in enumerate(starts, start=1):
        end = starts[position] if position < len(starts) else len(tokens)
        fields, rest = _fields(tokens[start + 3 : end])
        yield Article(
            position=position,
            title=fields.get("title", _text(tokens[start + 1])),
            blocks=_blocks(parser, rest, leveled=leveled),
            column=fields.get("column"),
            source_line=fields.get("source_line"),
            source=fields.get("source"),
            authors=tuple(fields["authors"].split(AUTHORS_JOINT)) if "authors" in fields else (),
            column_line=fields.get("column_line"),
        )


def _is_headline(token: Token) -> bool:
    return token.type == "heading_open" and token.tag == "h1" and token.level == 0


def _text(token: Token) -> str:
    return "".join(child.content for child in token.children or () if child.type in ("text", "text_special"))


def read_headline(markdown: str) -> str:
    """The headline that a line says."""
    tokens = MarkdownParser().parse(markdown)
    return _text(tokens[1]) if len(tokens) == 3 and _is_headline(tokens[0]) else ""


def _fields(tokens: Sequence[Token]) -> tuple[dict[str, str], Sequence[Token]]:
    """What the comments below a headline say, and the tokens below them."""
    end = 0
    while end < len(tokens) and tokens[end].type == "html_block" and _ONLY_COMMENTS.fullmatch(tokens[end].content):
        end += 1
    said = "".join(token.content for token in tokens[:end])
    return {comment["name"]: _value(comment["value"]) for comment in _COMMENT.finditer(said)}, tokens[end:]


def _value(written: str) -> str:
    return as_text(json.loads(written)) if written.startswith('"') else written


def read_blocks(markdown: str, *, leveled: bool) -> tuple[Block, ...]:
    """The blocks of a piece of a manuscript."""
    parser = MarkdownParser()
    return _blocks(parser, parser.parse(markdown), leveled=leveled)


def _blocks(parser: MarkdownParser, tokens: Sequence[Token], *, leveled: bool) -> tuple[Block, ...]:
    blocks: list[Block] = []
    plain: list[Token] = []
    for token in tokens:
        if token.type == "fence" and token.info.strip() == FENCE and token.level == 0:
            blocks += _rendered(parser, plain, leveled=leveled)
            plain = []
            blocks.append(Block.from_json(json.loads(token.content)))
        else:
            plain.append(token)
    return (*blocks, *_rendered(parser, plain, leveled=leveled))


def _rendered(parser: MarkdownParser, tokens: Sequence[Token], *, leveled: bool) -> Iterator[Block]:
    if not tokens:
        return
    page = parser.renderer.render(list(tokens), parser.options, {})
    for part in read_html_text(f"<div>{page}</div>", "", {}).parts:
        block = part.block
        if block.kind is BlockKind.HEADING:
            block = replace(block, level=block.level - (1 if leveled else 2))
        yield block if block.picture is None else replace(block, picture=_picture(block.picture.source))


def _picture(address: str) -> Picture:
    """The picture that an address of ours names; any other address is that of one that is not kept."""
    scheme, _, rest = address.partition(":")
    if scheme != PICTURE_SCHEME:
        return Picture(address)
    sha256, _, query = rest.partition("?")
    said = {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}
    width, height = (int(said[name]) if name in said else None for name in ("width", "height"))
    return Picture(said.get("source", ""), unquote(sha256) or None, width, height)
