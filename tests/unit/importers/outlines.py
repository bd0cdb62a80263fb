"""An issue written down so that a person can compare it with the page at a glance."""

from __future__ import annotations

from mailer.block import BlockKind
from mailer.issue import Article, Issue

SIGNS = {BlockKind.PARAGRAPH: "p", BlockKind.HEADING: "h", BlockKind.ITEM: "i"}


def outline(issue: Issue) -> str:
    """The masthead in one line, then each article: title, column, source, authors, and its blocks; then the rest."""
    day = issue.date.isoformat() if issue.date else "-"
    lines = [" | ".join([issue.ref, str(issue.total_number or "-"), day, issue.publisher, issue.title, issue.kind])]
    lines += [line for article in issue.articles for line in _article(article)]
    for sign, texts in (("colophon", issue.colophon), ("furniture", issue.furniture), ("unplaced", issue.unplaced)):
        lines += [f"{sign}: {text}" for text in texts]
    return "\n".join(lines)


def _article(article: Article) -> list[str]:
    said = [article.column or "-", article.source or "-", "、".join(article.authors) or "-"]
    return [f"# {article.title} | " + " | ".join(said), *(f"{SIGNS[block.kind]} {block.text}" for block in article.blocks)]
