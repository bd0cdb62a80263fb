"""Facts out of bounces in words alone: whom they name, and what they say of each."""

from __future__ import annotations

from mailer.feedback.address import speaks_for
from mailer.feedback.bounce import is_bounce_s, is_evident, is_mail_system_s, may_be_bounce, names_a_bounce
from mailer.feedback.bounced import bounced
from mailer.feedback.fact import Evidence, Fact, Facts, Form, Happening
from mailer.feedback.judging import Judge, Said, quoted_reply
from mailer.feedback.opened import Opened
from mailer.feedback.recipients import Named, any_in, local_parts_in, named_in
from mailer.feedback.returned import evidence_of

_NO_CODE = "basic:none"  # the rule of words without any
_OPENING = 2_000  # Where many are named and none has words of its own, the reason stands at the beginning.
# What reports say of a fault that passes.
_PASSING = (
    "warning message only", "will be retried", "has been delayed", "still being retried", "not yet been delivered",
    "will keep trying", "continue to try", "continue trying", "已延迟", "尚未送达", "继续尝试", "繼續嘗試", "自动重试",
    "wurde verzögert", "a été retardé", "遅延してい", "지연되",
)  # fmt: skip


def facts_of_notice(opened: Opened, judge: Judge) -> Facts | None:
    """The facts of a mail system's notice; None where none speaks, or it names nobody."""
    if not may_be_bounce(opened.message, opened.subject):
        return None
    evidence = evidence_of(opened.message, opened.returned)
    named = _named(opened, evidence)
    passing = any(words in opened.text[:3_000].lower() for words in _PASSING)
    happening = Happening.DEFERRED if passing else Happening.BOUNCED
    facts = [bounced(_said(one, opened, alone=len(named) == 1), happening, evidence, judge) for one in named]
    if not _is_one(opened) and not _says_so(opened, facts):
        return None  # An answer of a person or a machine has a null sender too, and "returned" in its subject.
    return Facts(Form.NOTICE, tuple(facts), opened.subject) if facts else None


def _is_one(opened: Opened) -> bool:
    """Whether the form alone shows a bounce; else something has to be said of mail that is understood."""
    return is_evident(opened.message, opened.subject) or len(opened.returned) > 0


def _says_so(opened: Opened, facts: list[Fact]) -> bool:
    """Whether what a mail system says of somebody shows it: words that are understood or, under such notices' subject, a server's code."""
    spoken = is_mail_system_s(opened.message.fields) or is_bounce_s(opened.subject)
    by_code = names_a_bounce(opened.subject)
    return spoken and any(fact.known or (by_code and fact.rule != _NO_CODE) for fact in facts)


def names_somebody(opened: Opened) -> bool:
    """Whether the notice's own words name a recipient."""
    return bool(named_in(opened.text, opened.message.fields, frozenset()))


def _named(opened: Opened, evidence: Evidence) -> list[Named]:
    """From the plainest form in which somebody is named to the guess that the returned message was for somebody."""
    ours = frozenset(address.lower() for address in (*evidence.arrived_for, evidence.returned_from) if address)
    found = named_in(opened.text, opened.message.fields, ours) or local_parts_in(opened.text, opened.domain_of_author)
    if found := found or any_in(opened.text, ours):
        return found
    return [Named(address, "") for address in evidence.returned_to] if len(evidence.returned_to) == 1 else []


def _said(named: Named, opened: Opened, *, alone: bool) -> Said:
    """The words about a recipient; all the text where it is about nobody else and only there a reply is quoted."""
    text = opened.text
    around = text if alone else named.words
    quoted_around = not quoted_reply(named.words).code and quoted_reply(around).code
    own = around if quoted_around else named.words
    own_server = is_mail_system_s(opened.message.fields) and speaks_for(opened.domain_of_author, named.address)
    return Said(named.address, own or (text if alone else text[:_OPENING]), words=around, at_home=own_server)
