"""Whether the contents name the articles that there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from mailer.issue import Issue
from mailer.preflight.finding import Fault, error, warning
from mailer.proofreading.guide import Guide
from mailer.proofreading.passages import name_of


def contents_and_articles(issue: Issue, guide: Guide) -> Iterator[Fault]:
    """Every line of the contents is an article's, every article is in the contents, in the same order, and none is empty."""
    if not issue.articles:
        yield error("issue", "it has no article", "Look at what was read: `jianbao issue show`.")
    for article in issue.articles:
        if not article.blocks:
            yield error(name_of(article), "has a headline and no text", "Mend the file and import it again.")
    titles = [_bare(article.title) for article in issue.articles]
    for title, number in Counter(titles).items():
        if number > 1 and title:
            yield warning("articles", f"{number} have the same headline “{title[:30]}”", "See whether one was read twice.")
    if not issue.contents:
        return
    named = [_bare(entry.title) for entry in issue.contents]
    for entry in issue.contents:
        if _bare(entry.title) not in titles:
            yield warning("contents", f"“{entry.title}” is no article's headline", "Make the two the same, letter by letter.")
    for article in issue.articles:
        if _bare(article.title) not in named:
            yield warning(
                name_of(article), "is not in the contents", "Add it to the contents, or see whether it is an article."
            )
    if [title for title in titles if title in named] != [title for title in named if title in titles]:
        yield warning("contents", "the articles stand in another order", "Bring one of the two into the other's order.")


def _bare(title: str) -> str:
    """A headline without its spaces: where lines were broken there are some."""
    return "".join(title.split())
