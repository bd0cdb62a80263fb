"""Whether pictures can be understood without being seen."""

from __future__ import annotations

from collections.abc import Iterator

from mailer.block import BlockKind
from mailer.issue import Issue
from mailer.preflight.finding import Fault, warning
from mailer.proofreading.guide import Guide
from mailer.proofreading.passages import name_of


def pictures_say_what_they_show(issue: Issue, guide: Guide) -> Iterator[Fault]:
    """Each picture has words that stand for it: many readers see no picture before they ask for it, and some never."""
    for article in issue.articles:
        for number, block in enumerate(article.blocks, 1):
            if block.kind is BlockKind.IMAGE and block.picture is not None:
                source, words = block.picture.source.rpartition("/")[2], block.text.strip()
                if not words or words == source or words.lower() in ("image", "图片", "picture", "img"):
                    yield warning(
                        f"{name_of(article)}, {block.kind} {number}",
                        f"the picture {source[:40]} has no words that say what it shows",
                        "Write them into the file, or with `jianbao issue edit`.",
                    )
