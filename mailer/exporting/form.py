"""What pages and Word files show of an issue beside the text of its articles."""

from __future__ import annotations

from dataclasses import dataclass

from mailer.block import BlockKind
from mailer.importers.marked import NO_TITLE, Passport, shown_line
from mailer.issue import Issue
from mailer.render.page import Entry, entries
from mailer.text_part import date_line, printable


@dataclass(frozen=True, slots=True)
class Form:
    """Lines as they are shown: the masthead's by what they are, the contents, the heading of the column above each article or ""."""

    masthead: tuple[tuple[str, str], ...]
    entries: tuple[Entry, ...]
    unplaced: tuple[str, ...]
    titles: tuple[str, ...]
    columns: tuple[str, ...]
    colophon: tuple[str, ...]
    running_head: str
    leveled: bool


def form_of(issue: Issue) -> Form:
    """How an issue is shown."""
    masthead = {
        "publisher": issue.publisher,
        "title": issue.title or issue.kind,
        "kind": issue.kind_below,
        "number": "　".join(filter(None, (issue.number_line, date_line(issue)))),
    }
    names = [None, *(article.column for article in issue.articles)]
    columns = (
        article.column_line or (article.column if article.column != before else None)
        for article, before in zip(issue.articles, names, strict=False)
    )
    return Form(
        masthead=tuple((name, line(text)) for name, text in masthead.items() if line(text)),
        entries=entries(issue),
        unplaced=tuple(filter(None, map(line, issue.unplaced))),
        titles=tuple(line(article.title) or NO_TITLE for article in issue.articles),
        columns=tuple(line(column or "") for column in columns),
        colophon=tuple(filter(None, map(line, issue.colophon))),
        running_head=line(f"{issue.publisher}《{issue.title or issue.kind}》{issue.year}年第{issue.numbers}期"),
        leveled=any(block.level for article in issue.articles for block in article.blocks if block.kind is BlockKind.HEADING),
    )


def line(text: str) -> str:
    """A text as a page shows it, on one line."""
    return shown_line(printable(text))


def passport_for(issue: Issue, form: Form, pictures: tuple[str, ...]) -> Passport:
    """What the file says beside what it shows, as long as nobody has seen how it reads."""
    columns: dict[str, tuple[str | None, str | None]] = {}
    for article, shown in zip(issue.articles, form.columns, strict=True):
        if shown:
            columns.setdefault(shown, (article.column, article.column_line))
    return Passport(
        issue=issue.without_articles(),
        masthead=tuple(text for _, text in form.masthead),
        titles=tuple(article.title for article in issue.articles),
        leveled=form.leveled,
        columns=columns,
        pictures=pictures,
    )
