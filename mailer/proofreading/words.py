"""Words that somebody should look at."""

from __future__ import annotations

from collections.abc import Iterator

from mailer.issue import Issue
from mailer.preflight.finding import Fault
from mailer.proofreading.guide import Guide
from mailer.proofreading.passages import passages


def doubtful_words(issue: Issue, guide: Guide) -> Iterator[Fault]:
    """Each word of the guide's list, where it stands for the first time."""
    texts = list(passages(issue))
    for word in guide.words:
        places = [passage for passage in texts if word.word in passage.text]
        if places:
            often = f", and in {len(places) - 1} more places" if len(places) > 1 else ""
            start = places[0].text.index(word.word)
            shown = places[0].around(start, start + len(word.word))
            cure = f"{word.instead[:1].upper()}{word.instead[1:]}." if word.instead else "Look at it."
            yield Fault(word.level, places[0].place, f"{word.kind}: {shown}{often}; {word.why}", cure)
