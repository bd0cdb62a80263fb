"""Proofreading: what an editor would mark in an issue before it is printed. One function a rule, all of them pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mailer.issue import Issue
from mailer.preflight import Finding
from mailer.preflight.finding import Fault
from mailer.proofreading.contents import contents_and_articles
from mailer.proofreading.guide import Guide, Spacing
from mailer.proofreading.links import links_lead_where_they_say
from mailer.proofreading.personal import personal_data
from mailer.proofreading.pictures import (
    pictures_are_light,
    pictures_are_shown_whole,
    pictures_are_there,
    pictures_say_what_they_show,
)
from mailer.proofreading.subject import subject_does_not_shout
from mailer.proofreading.typography import typography
from mailer.proofreading.words import doubtful_words

__all__ = ["RULES", "Guide", "Spacing", "pictures_are_light", "pictures_are_there", "proofread"]

RULES: tuple[Callable[[Issue, Guide], Iterator[Fault]], ...] = (
    subject_does_not_shout,
    contents_and_articles,
    pictures_say_what_they_show,
    pictures_are_shown_whole,
    links_lead_where_they_say,
    personal_data,
    doubtful_words,
    typography,
)


def proofread(issue: Issue, guide: Guide) -> tuple[Finding, ...]:
    """All that the guide has against the issue, in the order of the rules."""
    return tuple(
        Finding(rule.__name__, fault.level, fault.place, fault.message, fault.cure)
        for rule in RULES
        for fault in rule(issue, guide)
    )
