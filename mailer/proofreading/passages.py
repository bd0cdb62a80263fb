"""The passages of an issue: every text that a reader sees, and where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mailer.issue import Article, Issue

_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Passage:
    """A text, and where it stands as staff would say it."""

    place: str
    text: str

    def around(self, start: int, end: int) -> str:
        """What stands there with a few characters beside it, in quotation marks."""
        before, after = max(0, start - 6), min(len(self.text), end + 6)
        return f"“{'…' if before else ''}{self.text[before:after]}{'…' if after < len(self.text) else ''}”"


def name_of(article: Article) -> str:
    """`article 2 (成都出台推动科技…)`."""
    title = " ".join(article.title.split())
    return f"article {article.position} ({title[:_SHOWN]}{'…' if len(title) > _SHOWN else ''})"


def passages(issue: Issue) -> Iterator[Passage]:
    """Headlines, blocks and colophon, in the order of reading; a table's cells are passages of their own."""
    for article in issue.articles:
        name = name_of(article)
        yield Passage(f"{name}, headline", article.title)
        for number, block in enumerate(article.blocks, 1):
            place = f"{name}, {block.kind} {number}"
            if block.rows:
                yield from (Passage(place, cell.text) for row in block.rows for cell in row)
            else:
                yield Passage(place, block.text)
    yield from (Passage("colophon", line) for line in issue.colophon)
