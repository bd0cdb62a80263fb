"""How an issue comes about: what comes next, articles put in, moved and taken out, what is corrected said at its top."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from mailer.block import Block, BlockKind
from mailer.issue import Article, ContentsEntry, Issue
from subscribers.errors import InputError

CORRECTION = "更正"


@dataclass(frozen=True, slots=True)
class Numbers:
    """Which issue of a publication it is, by its last number where it has two; those of the past may lack a total number and a date."""

    year: int
    number: int
    total_number: int | None
    date: date | None


def next_numbers(past: Iterable[Numbers], today: date, day: date | None = None) -> Numbers:
    """What the issue after those of the past is called, if it appears on that day, or else on the one that the last two lead to."""
    known = sorted(past, key=lambda numbers: (numbers.year, numbers.number))
    chosen = day or _next_date(sorted({numbers.date for numbers in known if numbers.date is not None}), today)
    number = max((numbers.number for numbers in known if numbers.year == chosen.year), default=0) + 1
    total = known[-1].total_number if known else None
    return Numbers(chosen.year, number, None if total is None else total + 1, chosen)


def _next_date(dates: Sequence[date], today: date) -> date:
    """As long after the last date as that came after the one before, on the same day of the month where those were; never past."""
    if len(dates) < 2:
        return today
    before, last = dates[-2:]
    if before.day != last.day:
        return max(today, last + (last - before))
    months = last.month - 1 + (last.year - before.year) * 12 + last.month - before.month
    year, month = last.year + months // 12, months % 12 + 1
    return max(today, date(year, month, min(last.day, monthrange(year, month)[1])))


def added(issue: Issue, article: Article) -> Issue:
    """The issue with an article more, at its end."""
    return _with_articles(issue, (*issue.articles, article))


def moved(issue: Issue, position: int, to: int) -> Issue:
    """The issue with an article in another place."""
    articles = list(issue.articles)
    article = articles.pop(_index(issue, position))
    articles.insert(_index(issue, to), article)
    return _with_articles(issue, articles)


def removed(issue: Issue, position: int) -> tuple[Issue, Article]:
    """The issue without an article, and that."""
    articles = list(issue.articles)
    article = articles.pop(_index(issue, position))
    return _with_articles(issue, articles), article


def corrected(before: Issue, after: Issue, why: str) -> Issue:
    """The issue as it is to be, and at its top, in an article of its own, what has been corrected, earlier corrections included."""
    notes = _correction(after) or _correction(before)
    note = notes[0] if notes else Article(1, CORRECTION, ())
    if why not in {block.text for block in note.blocks}:
        note = replace(note, blocks=(*note.blocks, Block(BlockKind.PARAGRAPH, why)))
    articles = (note, *after.articles[len(_correction(after)) :])
    contents = after.contents
    if contents and contents[0].title != CORRECTION:
        contents = (ContentsEntry(CORRECTION, CORRECTION), *contents)
    numbered = tuple(replace(article, position=position) for position, article in enumerate(articles, start=1))
    return replace(after, articles=numbered, contents=contents)


def _correction(issue: Issue) -> tuple[Article, ...]:
    """The article that says what has been corrected, where there is one."""
    return issue.articles[:1] if issue.articles and issue.articles[0].title == CORRECTION else ()


def _index(issue: Issue, position: int) -> int:
    if not 1 <= position <= len(issue.articles):
        count = len(issue.articles)
        there = f"its articles are 1 to {count}" if count else "it has none"
        raise InputError(f"issue {issue.ref} has no article {position}; {there}. `jianbao article list` shows them.")
    return position - 1


def _with_articles(issue: Issue, articles: Sequence[Article]) -> Issue:
    """The issue of these articles in this order. Printed contents go, so that they are made of the headlines; the first of each
    column carries the column's heading."""
    headings = {article.column: article.column_line for article in articles if article.column_line is not None}
    before = [None, *(article.column for article in articles)]
    placed = tuple(
        replace(article, position=position, column_line=headings.get(article.column) if article.column != column else None)
        for position, (article, column) in enumerate(zip(articles, before, strict=False), start=1)
    )
    return replace(issue, articles=placed, contents=(), contents_headings=())
