"""What is made of an address whose mail comes back: pure, from what its last issues brought and one new fact.

It is scored by the issue and not by the message: a monthly bulletin knows no "five in a week". A finding counts 1/n where n issues of
its kind, one after another, end an address; at 1 it ends. A mailbox that is full, and still full 30 days later, ends too. What is the
sender's own doing – content, rate, reputation, authentication – counts nothing, and one delivered issue makes good what went before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType

from mailer.models import DeliveryState
from mailer.reply import Confidence, Meaning
from subscribers.errors import InputError
from subscribers.models import SuppressionReason


class Finding(StrEnum):
    """What one issue showed of an address, or what somebody said of it, the worst first."""

    COMPLAINT = "complaint"
    GONE = "gone"  # no such mailbox, in words that leave no other reading
    REFUSED = "refused"  # its owner, or the owner's server, does not want our mail
    DOUBTFUL = "doubtful"  # perhaps gone: a code alone, a dead domain, a mailbox that is locked
    FULL = "full"
    PASSING = "passing"  # what should have passed by itself, and did not until we gave up
    OURS = "ours"  # our content, rate, reputation, authentication: no matter of the address
    DELIVERED = "delivered"
    ALIVE = "alive"  # its owner did something, or its mailbox answered by itself
    REINSTATED = "reinstated"  # staff say that it is to be written to again


_WORST = {finding: place for place, finding in enumerate(Finding)}

_FINDINGS: Mapping[Meaning, Finding] = MappingProxyType(
    {
        Meaning.ACCEPTED: Finding.DELIVERED,
        Meaning.UNKNOWN_USER: Finding.GONE,
        # A domain may be out of order for a day, and a mailbox unlocked again.
        Meaning.DOMAIN_DEAD: Finding.DOUBTFUL,
        Meaning.MAILBOX_DISABLED: Finding.DOUBTFUL,
        Meaning.AMBIGUOUS: Finding.DOUBTFUL,
        Meaning.MAILBOX_FULL: Finding.FULL,
        Meaning.TRANSIENT: Finding.PASSING,
        Meaning.RECIPIENT_RATE: Finding.PASSING,
        Meaning.REFUSED_BY_RECIPIENT: Finding.REFUSED,
        Meaning.CONNECTION_RATE: Finding.OURS,
        Meaning.SENDER_RATE: Finding.OURS,
        Meaning.CONTENT: Finding.OURS,
        Meaning.REPUTATION: Finding.OURS,
        Meaning.AUTHENTICATION: Finding.OURS,
        Meaning.ACCOUNT: Finding.OURS,
        Meaning.PROTOCOL: Finding.OURS,
    }
)

# Issues of such a kind in a row that end an address, as shipped. Staff may have others, for everything or for one list.
_STRIKES: Mapping[Finding, int] = MappingProxyType(
    {
        Finding.COMPLAINT: 1,
        Finding.GONE: 1,
        Finding.REFUSED: 2,
        Finding.DOUBTFUL: 2,
        Finding.FULL: 3,
        Finding.PASSING: 4,
    }
)
COUNTED = frozenset(_STRIKES)
# Between the first and the last of them, with none delivered in between, it ends too, however few there were.
_LONGEST: Mapping[Finding, timedelta] = MappingProxyType({Finding.FULL: timedelta(days=30)})
_RULE = re.compile(r"(?P<strikes>[1-9]\d{0,2})(?:/(?P<days>[1-9]\d{0,2})d)?", re.ASCII)
_ENDS_AS: Mapping[Finding, SuppressionReason] = MappingProxyType(
    {
        Finding.COMPLAINT: SuppressionReason.COMPLAINT,
        Finding.REFUSED: SuppressionReason.REFUSED,
        Finding.FULL: SuppressionReason.SOFT_BOUNCE,
        Finding.PASSING: SuppressionReason.SOFT_BOUNCE,
    }
)
# Two issues of one day meet the same passing fault.
_APART = timedelta(hours=24)
_MOST_STRIKES = 100
_END = Fraction(1)

# What a later fact makes of a delivery that a server had accepted, or whose reply was lost.
_STATES: Mapping[Finding, DeliveryState] = MappingProxyType(
    {
        Finding.COMPLAINT: DeliveryState.COMPLAINED,
        Finding.GONE: DeliveryState.BOUNCED,
        Finding.REFUSED: DeliveryState.BOUNCED,
        Finding.DOUBTFUL: DeliveryState.BOUNCED,
        Finding.FULL: DeliveryState.BOUNCED,
        Finding.PASSING: DeliveryState.BOUNCED,
        Finding.OURS: DeliveryState.FAILED,
        Finding.DELIVERED: DeliveryState.ACCEPTED,
    }
)
_LEFT_US = frozenset({DeliveryState.ACCEPTED, DeliveryState.IN_DOUBT})


@dataclass(frozen=True, slots=True)
class Policy:
    """How many issues in a row, with a finding of each kind, end an address; None where that kind never does.

    Of the kinds in `longest` fewer do, but two at least, where the first and the last are so far apart.
    """

    strikes: Mapping[Finding, int | None] = field(default_factory=lambda: _STRIKES)
    longest: Mapping[Finding, timedelta] = field(default_factory=lambda: _LONGEST)

    @classmethod
    def parse(cls, text: str) -> Policy:
        """`full=5/60d passing=never`: what differs from the policy as shipped. InputError says what is wrong."""
        strikes: dict[Finding, int | None] = dict(_STRIKES)
        longest = dict(_LONGEST)
        for part in text.split():
            name, equals, number = part.partition("=")
            if not equals or name not in {finding.value for finding in _STRIKES}:
                kinds = ", ".join(_STRIKES)
                raise InputError(
                    f"{part!r} is no rule for bounces. Give one like full=3 or passing=never; the kinds are {kinds}."
                )
            rule = _RULE.fullmatch(number)
            if number != "never" and (rule is None or int(rule["strikes"]) > _MOST_STRIKES):
                raise InputError(
                    f"{part!r}: give a number of issues from 1 to {_MOST_STRIKES}, or never; 3/30d if so many days end it too."
                )
            finding = Finding(name)
            strikes[finding] = int(rule["strikes"]) if rule else None
            longest.pop(finding, None)
            if rule and rule["days"]:
                longest[finding] = timedelta(days=int(rule["days"]))
        return cls(MappingProxyType(strikes), MappingProxyType(longest))

    def weight(self, finding: Finding) -> Fraction:
        """What one issue with that finding counts."""
        strikes = self.strikes.get(finding)
        return Fraction(1, strikes) if strikes else Fraction(0)


@dataclass(frozen=True, slots=True)
class Mark:
    """What one issue, which began at `at`, showed of an address; or, with no issue, what became known at that time."""

    finding: Finding
    at: datetime
    issue_id: int | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a history comes to: the score, below 1 as long as the address lives, and the finding that ended it."""

    score: Fraction
    ended_by: Finding | None

    @property
    def suppression(self) -> SuppressionReason | None:
        """Why nobody writes to the address any more; None where it lives."""
        return None if self.ended_by is None else _ENDS_AS.get(self.ended_by, SuppressionReason.HARD_BOUNCE)


@dataclass(frozen=True, slots=True)
class Decision:
    """What one fact changed: the score before, what the history comes to with it, and why in words."""

    before: Fraction
    judgement: Judgement
    because: str


def finding_of(meaning: Meaning, confidence: Confidence, *, certain: bool = True) -> Finding:
    """What an address has shown by a reply of that meaning. Not `certain`: it is not sure whose word it is, or for whom."""
    finding = _FINDINGS[meaning]
    if finding is Finding.GONE and (confidence is Confidence.LOW or not certain):
        return Finding.DOUBTFUL
    return finding


def worst(findings: Iterable[Finding]) -> Finding:
    """The worst of what one issue brought: it counts once, however often it was said."""
    return min(findings, key=_WORST.__getitem__)


def judge(history: Iterable[Mark], policy: Policy) -> Judgement:
    """What a history comes to, in whatever order its marks became known: they are taken by time, one for each issue."""
    score, ended_by, counted_at = Fraction(0), None, None
    since: dict[Finding, datetime] = {}
    for mark in sorted(_one_for_each_issue(history), key=lambda mark: mark.at):
        match mark.finding:
            case Finding.REINSTATED:
                score, ended_by, counted_at = Fraction(0), None, None
                since.clear()
            case Finding.DELIVERED | Finding.ALIVE:
                # Nobody comes back by himself from a complaint, or from an end that staff have been told of.
                score, counted_at = (score, counted_at) if ended_by else (Fraction(0), None)
                since.clear()
            case finding if policy.weight(finding):
                if policy.weight(finding) < _END and counted_at is not None and mark.at - counted_at < _APART:
                    continue
                lasted = mark.at - since.setdefault(finding, mark.at)
                weight = _END if lasted >= policy.longest.get(finding, timedelta.max) else policy.weight(finding)
                score, counted_at = min(score + weight, _END), mark.at
                ended_by = ended_by or (finding if score >= _END else None)
                if finding is Finding.COMPLAINT and score >= _END:
                    ended_by = finding
    return Judgement(score, ended_by)


def decide(history: Sequence[Mark], fact: Mark, policy: Policy) -> Decision:
    """What one more fact makes of the address."""
    # That the issue seemed delivered until now says nothing any more.
    others = [mark for mark in history if mark.issue_id != fact.issue_id or mark.finding is not Finding.DELIVERED]
    before, after = judge(others, policy), judge([*history, fact], policy)
    return Decision(before.score, after, _because(before, after, fact, policy))


def state_after(sent: DeliveryState, findings: Sequence[Finding]) -> DeliveryState:
    """The state of a delivery that ended as `sent` on the wire, once `findings` have come back for it.

    A mailbox from which somebody complains has got the mail. What was never sent, or was refused at once, stays as it is.
    """
    if Finding.COMPLAINT in findings and sent in _LEFT_US | {DeliveryState.BOUNCED}:
        return DeliveryState.COMPLAINED
    telling = [finding for finding in findings if finding in _STATES]
    if sent not in _LEFT_US or not telling:
        return sent
    return _STATES[worst(telling)]


def _one_for_each_issue(history: Iterable[Mark]) -> list[Mark]:
    of_issue: dict[int, Mark] = {}
    others = []
    for mark in history:
        if mark.issue_id is None:
            others.append(mark)
            continue
        known = of_issue.get(mark.issue_id, mark)
        of_issue[mark.issue_id] = Mark(worst([known.finding, mark.finding]), min(known.at, mark.at), mark.issue_id)
    return [*of_issue.values(), *others]


def _because(before: Judgement, after: Judgement, fact: Mark, policy: Policy) -> str:
    if fact.finding in (Finding.DELIVERED, Finding.ALIVE, Finding.REINSTATED):
        return f"{fact.finding}: score {before.score} → {after.score}"
    strikes = policy.strikes.get(fact.finding)
    if not strikes:
        return f"{fact.finding}: never counts against an address"
    if before.ended_by is not None:
        return f"{fact.finding}: the address had ended already ({before.ended_by})"
    if after.ended_by is not None:
        counted = before.score + policy.weight(fact.finding) >= _END
        days = policy.longest.get(fact.finding, timedelta()).days
        how = f"counts 1/{strikes}" if counted else f"for {days} days and more"
        return f"{fact.finding} {how}: score {before.score} → {after.score}, the address ends"
    if after.score == before.score:
        return f"{fact.finding}: counts once for an issue and a day; score stays {after.score}"
    return f"{fact.finding} counts 1/{strikes}: score {before.score} → {after.score}"
