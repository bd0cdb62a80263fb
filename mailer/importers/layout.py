"""What each line of a bulletin is: masthead, contents, article, colophon, or what the pages brought along."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mailer.importers.articles import ArticleLines, read_article
from mailer.importers.blocks import habits_of
from mailer.importers.colophon import colophon_start
from mailer.importers.columns import column_starts
from mailer.importers.contents import (
    Contents,
    find_heading,
    first_text,
    read_contents,
    read_contents_without_heading,
    titles_announced,
)
from mailer.importers.furniture import page_numbers, rules, running_heads
from mailer.importers.headlines import Headline, find_announced, find_by_look, find_unannounced
from mailer.importers.lines import Line, key, without
from mailer.importers.masthead import masthead_length
from mailer.importers.notes import note_start, run_in_end
from mailer.importers.sources import glued_source
from mailer.importers.spans import Spans


@dataclass(frozen=True, slots=True)
class Layout:
    """The lines of a whole bulletin, by what they are."""

    masthead: tuple[Line, ...]
    contents: Contents | None
    unplaced: tuple[Line, ...]
    articles: tuple[ArticleLines, ...]
    colophon: tuple[Line, ...]
    furniture: tuple[Line, ...]


def lay_out(lines: Iterable[Line]) -> Layout:
    """What each line of a bulletin is. Every line is in the layout once."""
    text, furniture = _without_furniture([part for line in lines for part in _parts(line)])
    spans = Spans(text)
    heading = find_heading(text)
    first = masthead_length(text) if heading is None else heading
    contents = read_contents_without_heading(text, spans, first) if heading is None else read_contents(text, spans, heading)
    body = contents.end if contents else first
    headlines, end = _headlines(text, spans, contents, body)
    articles = _articles(text, contents, headlines, first=body, end=end)
    begin = min((line for article in articles for line in (*article.column, *article.title)), key=_order, default=None)
    unplaced = [line for line in text[body:end] if begin is None or _order(line) < _order(begin)]
    return Layout(tuple(text[:first]), contents, tuple(unplaced), articles, tuple(text[end:]), furniture)


def _parts(line: Line) -> Iterator[Line]:
    """The line, cut where a label or a headline ends that its text follows, and where a source line stands behind a sentence."""
    while (cut := note_start(line.text) or run_in_end(line.text) or glued_source(line.text)) is not None:
        head, line = line.cut(cut)
        yield head
    yield line


def _without_furniture(lines: list[Line]) -> tuple[list[Line], tuple[Line, ...]]:
    """The lines without page numbers, rules and running heads, and those."""
    furniture: list[Line] = []
    for find, page_break in ((page_numbers, True), (rules, False), (_heads, True)):
        found = find(lines)
        furniture += [lines[index] for index in found]
        lines = without(lines, found, page_break=page_break)
    return lines, tuple(sorted(furniture, key=_order))


def _heads(lines: Sequence[Line]) -> set[int]:
    heading = find_heading(lines)
    if heading is None:
        masthead = masthead_length(lines)
        return running_heads(lines, (), masthead=masthead, text=masthead)
    text = first_text(lines, heading + 1)
    return running_heads(lines, titles_announced(lines, heading + 1, text), masthead=heading, text=text)


def _headlines(lines: Sequence[Line], spans: Spans, contents: Contents | None, first: int) -> tuple[list[Headline], int]:
    """The headlines from line `first` on, and the line where the colophon begins."""
    announced = find_announced(lines, spans, contents.entries, first) if contents else []
    end = colophon_start(lines, announced[-1].end if announced else first + 1)
    if not announced:
        return find_by_look(lines[:end], habits_of(lines[first:end]), first, end), end
    found = announced + find_unannounced(lines, announced, first, end)
    return sorted(found, key=lambda headline: headline.start), end


def _articles(
    lines: Sequence[Line], contents: Contents | None, headlines: Sequence[Headline], *, first: int, end: int
) -> tuple[ArticleLines, ...]:
    entries = contents.entries if contents else ()
    titles = {index - first for headline in headlines for index in range(headline.start, headline.end)}
    habits = habits_of(without(lines[first:end], titles, page_break=False))
    known = frozenset(key(entry.column) for entry in entries if entry.column) if contents else None
    starts = column_starts(lines, headlines, first, known)
    return tuple(
        read_article(
            lines, headline, None if headline.entry is None else entries[headline.entry], habits, column=start, end=below
        )
        for start, headline, below in zip(starts, headlines, [*starts, end][1:], strict=True)
    )


def _order(line: Line) -> tuple[int, int]:
    return line.number, line.offset
