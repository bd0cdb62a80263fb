"""Writes an issue as a manuscript. Each piece of Markdown is read back before it is written; what is not the same stands as JSON."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence

import yaml

from mailer.block import Block, BlockKind, Inline, picture_type
from mailer.issue import Article, Issue
from mailer.manuscript.form import ARTICLE_FIELDS, AUTHORS_JOINT, LINES, VERSION, VERSION_FIELD
from mailer.manuscript.markup import fenced, inline_markup, markup
from mailer.manuscript.reading import read_blocks, read_headline

_WIDEST = 10_000
_APART = "<!-- -->"


def write_manuscript(issue: Issue, pictures: Mapping[str, bytes] | None = None) -> str:
    """The issue as Markdown with front matter: articles as sections, everything else at the top.

    `pictures` (octets by hash) stand at its end, where Markdown shows nothing of them; without them it only names its pictures.
    """
    leveled = any(block.level for article in issue.articles for block in article.blocks if block.kind is BlockKind.HEADING)
    front = yaml.safe_dump(_front_matter(issue, leveled=leveled), allow_unicode=True, sort_keys=False, width=_WIDEST)
    articles = "\n".join(_article(article, leveled=leveled) for article in issue.articles)
    return f"---\n{front}---\n\n{articles}{''.join(_pictures(pictures or {}))}"


def _pictures(pictures: Mapping[str, bytes]) -> Iterator[str]:
    for sha256, content in sorted(pictures.items()):
        yield f"\n[{sha256}]: data:{picture_type(content)};base64,{base64.b64encode(content).decode()}\n"


def _front_matter(issue: Issue, *, leveled: bool) -> dict[str, object]:
    said: dict[str, object] = {
        VERSION_FIELD: VERSION,
        "publisher": issue.publisher,
        "title": issue.title,
        "kind": issue.kind,
        "year": issue.year,
        "number": issue.number,
        "last_number": issue.last_number,
        "total_number": issue.total_number,
        "last_total_number": issue.last_total_number,
        "date": issue.date.isoformat() if issue.date else None,
        "levels": "yes" if leveled else None,
    }
    said |= {name: list(getattr(issue, name)) for name in LINES if getattr(issue, name)}
    if issue.contents:
        entries = (entry.to_json() for entry in issue.contents)
        said["contents"] = [{name: value for name, value in entry.items() if value is not None} for entry in entries]
    return {name: value for name, value in said.items() if value is not None}


def _article(article: Article, *, leveled: bool) -> str:
    head = f"# {inline_markup((Inline(article.title),))}"
    fields = {name: getattr(article, name) for name in ARTICLE_FIELDS if name != "title"}
    fields["authors"] = AUTHORS_JOINT.join(article.authors) or None
    if "\n" in article.title or read_headline(head) != article.title:  # a headline that Markdown cannot say
        head, fields = "# …", {"title": article.title, **fields}
    comments = [f"<!-- {name}: {_commented(value)} -->" for name, value in fields.items() if value is not None]
    return "\n".join([head, *comments, "", "\n\n".join(_pieces(article.blocks, leveled=leveled)), ""])


def _pieces(blocks: Sequence[Block], *, leveled: bool) -> Iterator[str]:
    """The blocks in Markdown that reads back the same: all at once, or group by group, or each by itself."""
    whole = markup(blocks, leveled=leveled)
    if read_blocks(whole, leveled=leveled) == tuple(blocks):
        yield whole
        return
    before: BlockKind | None = None
    for group in _groups(blocks):
        if before is BlockKind.ITEM and group[0].kind is BlockKind.ITEM:
            yield _APART  # two lists that stand below each other would be one
        written = markup(group, leveled=leveled)
        if read_blocks(written, leveled=leveled) == tuple(group):
            yield written
        else:
            yield from map(fenced, group)
        before = group[0].kind


def _groups(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    """Neighbours that belong to one list; every other block by itself."""
    group: list[Block] = []
    for block in blocks:
        inside = block.level > 0 and block.kind in (BlockKind.ITEM, BlockKind.PARAGRAPH)
        goes_on = group and group[0].kind is BlockKind.ITEM and (block.kind is BlockKind.ITEM or inside)
        if group and not goes_on:
            yield group
            group = []
        group.append(block)
    if group:
        yield group


def _commented(text: str) -> str:
    """Text within a comment: as it is, or as JSON where it could be taken for the comment's end, or for JSON."""
    plain = text == " ".join(text.split(" ")).strip() and text.isprintable() and "--" not in text and ">" not in text
    if plain and text and text[0] != '"' and text[-1] != "-":
        return text
    return json.dumps(text).replace("-", "\\u002d").replace(">", "\\u003e")
