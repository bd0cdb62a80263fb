"""Whether the subject, which the issue's title and number make, is one that filters let through."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mailer.issue import Issue
from mailer.preflight.finding import Fault, error, warning
from mailer.proofreading.guide import Guide

_MOST_CAPITALS = 3


def subject_does_not_shout(issue: Issue, guide: Guide) -> Iterator[Fault]:
    """It begins with the publication's name, says the number, and has neither exclamation marks nor words in capitals alone."""
    if not (issue.title or issue.kind).strip():
        yield error("subject", "the publication has no title", "Set it in the masthead, or `jianbao issue edit`.")
    if issue.number < 1:
        yield error("subject", "the issue has no number", "Write it into the masthead, like 2023年第9期.")
    capitals = sum(map(len, re.findall("[A-Z]{2,}", issue.subject)))
    if re.search("[!！]", issue.subject) or (capitals > _MOST_CAPITALS and not re.search("[a-z\u3400-\u9fff]", issue.title)):
        yield warning(
            "subject", f"“{issue.subject}” shouts", "Leave out exclamation marks and words in capitals: filters count them."
        )
