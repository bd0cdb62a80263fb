"""Reads back what `mailer/exporting` wrote: marks say what each block is, so that nothing is guessed, also after somebody has edited it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mailer.block import Block, BlockKind, Inline, text_block
from mailer.importers.document import Document, Part
from mailer.importers.lines import key
from mailer.importers.marks import PASSPORT, Mark
from mailer.importers.sources import parse_source
from mailer.issue import Article, Issue
from mailer.json_values import as_flag, as_list, as_object, as_text, as_text_or_none, as_texts

VERSION = 1
NO_TITLE = "…"  # in place of a headline that shows nothing
_HEADLINE_LEVEL = 2  # what an editor sets as Heading 1 is a headline, too


@dataclass(frozen=True, slots=True)
class Passport:
    """What an exported file says of its issue beside what it shows.

    `issue` has everything but the articles. `masthead` are the lines shown above the contents, `titles` the headlines. `leveled` says
    that sub-headings have levels. `columns` are, by what is shown, a column's name and its heading as printed. `pictures` are the hashes
    of the pictures within. `exact` are, by the digest of how it reads, the articles of which the format cannot say everything; `whole`
    is such a digest of all articles, where not even their number can be read; the issue then has them.
    """

    issue: Issue
    masthead: tuple[str, ...]
    titles: tuple[str, ...]
    leveled: bool
    columns: Mapping[str, tuple[str | None, str | None]]
    pictures: tuple[str, ...]
    exact: Mapping[str, Article] = field(default_factory=dict)
    whole: str = ""

    def to_text(self) -> str:
        """The passport as a line of JSON, in ASCII."""
        said: dict[str, object] = {
            "version": VERSION,
            "issue": self.issue.to_json(),
            "masthead": list(self.masthead),
            "titles": list(self.titles),
            "leveled": self.leveled,
            "columns": {shown: list(named) for shown, named in self.columns.items()},
            "pictures": list(self.pictures),
            "exact": {digest: article.to_json() for digest, article in self.exact.items()},
            "whole": self.whole,
        }
        return json.dumps(said)

    @classmethod
    def from_text(cls, text: str) -> Passport | None:
        """The passport that `to_text` wrote; None for anything else."""
        try:
            said = as_object(json.loads(text))
            if said["version"] != VERSION:
                return None
            columns = {shown: as_list(named) for shown, named in as_object(said["columns"]).items()}
            return cls(
                issue=Issue.from_json(said["issue"]),
                masthead=as_texts(said["masthead"]),
                titles=as_texts(said["titles"]),
                leveled=as_flag(said["leveled"]),
                columns={shown: (as_text_or_none(name), as_text_or_none(line)) for shown, (name, line) in columns.items()},
                pictures=as_texts(said["pictures"]),
                exact={digest: Article.from_json(article) for digest, article in as_object(said["exact"]).items()},
                whole=as_text(said["whole"]),
            )
        except (ValueError, TypeError, KeyError, RecursionError):
            return None


def passport_of(document: Document) -> Passport | None:
    """The passport that a file brings along, or None."""
    said = document.fields.get(PASSPORT)
    return None if said is None else Passport.from_text(said)


def known_pictures(document: Document) -> frozenset[str]:
    """The hashes of the pictures that an exported file says it has."""
    try:
        return frozenset(as_texts(as_object(json.loads(document.fields.get(PASSPORT, "{}"))).get("pictures", [])))
    except (ValueError, TypeError, RecursionError):
        return frozenset()


def read_marked(document: Document) -> Issue | None:
    """The issue in a file that was exported; None for any other, and where its masthead was rewritten: that has to be read anew."""
    passport = passport_of(document)
    if passport is None or tuple(_shown(document.parts, Mark.MASTHEAD)) != passport.masthead:
        return None
    articles = marked_articles(document.parts, passport)
    if not articles and passport.titles:
        return None
    if passport.whole and passport.whole == digest(articles):
        return passport.issue
    articles = tuple(
        replace(passport.exact.get(digest([article]), article), position=number) for number, article in enumerate(articles, 1)
    )
    issue = replace(
        passport.issue,
        articles=articles,
        colophon=_lines(document.parts, Mark.COLOPHON, passport.issue.colophon),
        unplaced=(
            *_lines(document.parts, Mark.UNPLACED, passport.issue.unplaced),
            *(shown_line(part.block.text) for part in above_headlines(document) if part.block.text.strip()),
        ),
    )
    if tuple(article.title for article in articles) != passport.titles:
        issue = replace(issue, contents=(), contents_headings=())  # they are made of the headlines
    return issue


def above_headlines(document: Document) -> list[Part]:
    """What somebody has written, or put in, between the masthead or the contents and the first headline, where no article takes it up. A
    sentence is none of the contents, though an editor who goes on below them writes it in their style."""
    parts, passport = document.parts, passport_of(document)
    first = next((index for index, part in enumerate(parts) if _is_head(part)), 0)
    told = [part.block.text for part in parts if _is_head(part)]
    if passport is not None:  # What was printed there need not be any headline as it is now.
        told += (*passport.titles, *passport.issue.contents_headings)
        told += (each for entry in passport.issue.contents for each in (entry.title, entry.column or ""))
    endings = tuple(set(map(key, told)) - {""})
    return [
        part
        for part in parts[:first]
        if (not part.mark and (part.block.text.strip() or part.block.picture))
        or (
            part.mark == Mark.CONTENTS
            and "。" in part.block.text
            and (said := key(part.block.text))
            and not said.endswith(endings)
        )
    ]


def shown_line(text: str) -> str:
    """A line as it reads where it is shown: white space is one space."""
    return " ".join(text.split())


def digest(articles: Sequence[Article]) -> str:
    """What tells articles apart, wherever they stand."""
    said = [replace(article, position=0).to_json() for article in articles]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]


def _shown(parts: Sequence[Part], mark: Mark) -> Iterator[str]:
    return (shown_line(part.block.text) for part in parts if part.mark == mark)


def _lines(parts: Sequence[Part], mark: Mark, before: tuple[str, ...]) -> tuple[str, ...]:
    """The lines of that mark; as they were where they are shown as before."""
    found = tuple(_shown(parts, mark))
    return before if found == tuple(filter(None, map(shown_line, before))) else found


@dataclass
class _Draft:
    """An article while it is read."""

    title: str
    column: str | None
    column_line: str | None
    sources: list[str] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)

    def article(self) -> Article:
        """The article that was read."""
        line = " ".join(self.sources) or None
        source, authors = parse_source(line) if line else (None, ())
        return Article(0, self.title, tuple(self.blocks), self.column, line, source, authors, self.column_line)


def marked_articles(parts: Sequence[Part], passport: Passport) -> tuple[Article, ...]:
    """The articles as their marks say; `position` is 0 in each."""
    drafts: list[_Draft] = []
    column: str | None = None
    column_line: str | None = None
    for part in parts:
        block = part.block
        if part.mark == Mark.COLUMN:
            column, column_line = passport.columns.get(block.text, (block.text, block.text))
        elif _is_head(part):
            drafts.append(_Draft(block.text, column, column_line))
            column_line = None
        elif not drafts or part.mark in (Mark.MASTHEAD, Mark.CONTENTS, Mark.UNPLACED, Mark.COLOPHON):
            continue
        elif part.mark == Mark.SOURCE:
            drafts[-1].sources.append(block.text)
        else:
            drafts[-1].blocks.append(_body(part, leveled=passport.leveled))
    return tuple(draft.article() for draft in drafts)


def _is_head(part: Part) -> bool:
    block = part.block
    set_by_hand = not part.mark and block.kind is BlockKind.HEADING and block.level <= _HEADLINE_LEVEL
    return part.mark == Mark.HEADLINE or set_by_hand


def _body(part: Part, *, leveled: bool) -> Block:
    block = part.block
    if part.mark == Mark.NOTE:
        return _note(block)
    return replace(block, level=0) if block.kind is BlockKind.HEADING and not leveled else block


def _note(block: Block) -> Block:
    """A footnote whose marker stands before its text."""
    first, *rest = block.pieces
    if first.note is None:
        return replace(block, kind=BlockKind.NOTE)
    said = [Inline(rest[0].text.lstrip(), rest[0].strong, rest[0].emphasis, rest[0].link), *rest[1:]] if rest else []
    return text_block(BlockKind.NOTE, said, marker=first.note)
