"""Whose delivery a fact speaks of, and what shows it: pure, over what has been looked up.

A report is the claim of a stranger. What we can verify in it is our own token, which only who got the mail, or carried it, can know;
then the name that the relay gave our message when it took it. An address alone shows nothing, unless a mail service vouches for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from mailer.feedback import Fact, FactClass, Facts, Form, Happening
from mailer.feedback.tokens import tokens_in
from mailer.feedback_models import Standing, Trust, Way
from mailer.judgement import Finding, finding_of
from mailer.reply import Confidence, Meaning
from mailer.returns.answers import answer_in
from mailer.returns.arrivals import Arrival
from mailer.tokens import Purpose, Tokens
from subscribers.address import parse_address
from subscribers.errors import InputError

LATEST = timedelta(days=30)  # after the mailing began; what comes later is a replay, or about a mailbox of another time
_PURPOSES = (Purpose.BOUNCE, Purpose.UNSUBSCRIBE)  # of those tokens that stand in our header
_RETURN_PATHS = frozenset({Purpose.BOUNCE, Purpose.PROBE})
_SHORTEST_SERVICE_ID = 8
_SERVICE_ID_ENDS = "."  # SendGrid's sg_message_id is the name in its 250, then a dot and the name of a filter.


@dataclass(frozen=True, slots=True)
class Sent:
    """A delivery as it is needed to place a fact. `reply` is what the relay answered to the message; `began_at` is of its mailing."""

    id: int
    subscriber_id: int
    address: str
    reply: str | None
    began_at: datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """A mail that asked whether an address works. `reply` is what the relay answered to it."""

    id: int
    subscriber_id: int
    address: str
    reply: str | None
    began_at: datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """What a fact claims: the delivery or the probe that one of its tokens names, or else what a delivery may be looked up by.

    `forged` says that it was written to a return path of ours that none of us made.
    """

    fact: Fact
    arrival: Arrival
    delivery_id: int | None
    trust: Trust
    forged: bool
    alone: bool  # the only fact of its message
    probe_id: int | None = None

    @property
    def address(self) -> str | None:
        """The recipient's address in canonical form; None where the report names none."""
        return canonical(self.fact.original_recipient) or canonical(self.fact.recipient)


@dataclass(frozen=True, slots=True)
class Placed:
    """A fact with its delivery or its probe, if it has one, and whether it counts."""

    claim: Claim
    sent: Sent | None
    trust: Trust
    standing: Standing
    finding: Finding | None
    asked: Asked | None = None

    @property
    def subscriber_id(self) -> int | None:
        """Whom it is about."""
        about = self.sent or self.asked
        return about.subscriber_id if about else None

    @property
    def key(self) -> str:
        """What the same event has in common, however often and by whatever way it is told."""
        fact = self.claim.fact
        if self.sent is not None and self.standing is not Standing.FOREIGN:
            return f"d{self.sent.id}:{fact.happening}:{self.finding or ''}" + (":old" if self.standing is Standing.OLD else "")
        if self.asked is not None:
            return f"q{self.asked.id}:{fact.happening}:{self.finding or ''}"
        at = fact.at.isoformat() if fact.at else ""
        parts = (
            self.standing,
            fact.happening,
            self.claim.address or fact.recipient,
            fact.status,
            fact.event_id,
            at,
            fact.diagnostic,
        )
        return "\n".join(parts)


def claims_of(facts: Facts, arrival: Arrival, bounce_domain: str, tokens: Tokens) -> list[Claim]:
    """What each fact of an arrival claims, its tokens verified."""
    alone = len(facts.facts) == 1
    signed = facts.form is Form.WEBHOOK
    if (answer := answer_in(facts, arrival)) is not None:
        claim = _claim(answer, arrival, bounce_domain, tokens, alone=True, signed=False)
        return [] if claim.probe_id is None else [claim]
    return [_claim(fact, arrival, bounce_domain, tokens, alone=alone, signed=signed) for fact in facts.facts]


def _claim(fact: Fact, arrival: Arrival, bounce_domain: str, tokens: Tokens, *, alone: bool, signed: bool) -> Claim:
    arrived_for = (*arrival.envelope_to, *fact.evidence.arrived_for)
    written_to = tokens_in(*arrived_for)
    delivery_id, trust, probe_id = _number_in(written_to, (Purpose.BOUNCE,), tokens), Trust.VERP, None
    if delivery_id is None:
        delivery_id, trust = _number_in(fact.evidence.tokens, _PURPOSES, tokens), Trust.RETURNED
    if delivery_id is None and (probe_id := _number_in(written_to, (Purpose.PROBE,), tokens)) is not None:
        trust = Trust.VERP
    elif delivery_id is None:
        probe_id = _number_in(fact.evidence.tokens, (Purpose.PROBE,), tokens)
    nothing = delivery_id is None and probe_id is None
    forged = nothing and any(is_return_path(address, bounce_domain) for address in arrived_for)
    if signed:
        trust = Trust.SIGNED
    return Claim(fact, arrival, delivery_id, Trust.NONE if nothing and not signed else trust, forged, alone, probe_id)


def is_return_path(address: str, bounce_domain: str) -> bool:
    """Whether the address has the form of our return paths, whoever wrote it."""
    local, _, domain = address.lower().rpartition("@")
    return bool(bounce_domain) and domain == bounce_domain.lower() and local.startswith(f"{Purpose.BOUNCE}-")


def names_our_mail(address: str, tokens: Tokens) -> bool:
    """Whether the address is a return path that we wrote, of a delivery or of a probe."""
    purpose, _, token = address.lower().rpartition("@")[0].partition("-")
    return purpose in _RETURN_PATHS and tokens.verify(Purpose(purpose), token) is not None


def _number_in(candidates: Iterable[str], purposes: Sequence[Purpose], tokens: Tokens) -> int | None:
    for candidate in candidates:
        for purpose in purposes:
            if (number := tokens.verify(purpose, candidate)) is not None:
                return number
    return None


def place(
    claim: Claim, by_id: Mapping[int, Sent], by_address: Mapping[str, Collection[Sent]], probes: Mapping[int, Asked]
) -> Placed:
    """The fact with the delivery that it speaks of, and whether it counts.

    `by_id` are deliveries that tokens name, `by_address` those of the last weeks to the addresses that were named, `probes` both.
    """
    if claim.delivery_id is not None:
        sent = by_id.get(claim.delivery_id)
        return _unplaced(claim, Standing.FOREIGN) if sent is None else _placed(claim, sent, claim.trust)
    if claim.probe_id is not None:
        asked = probes.get(claim.probe_id)
        return _unplaced(claim, Standing.FOREIGN) if asked is None else _of_probe(claim, asked, claim.trust)
    if claim.forged:
        return _unplaced(claim, Standing.FORGED)
    theirs: list[Sent | Asked] = [*by_address.get(claim.address or "", ())]
    theirs += [asked for asked in probes.values() if claim.address is not None and canonical(asked.address) == claim.address]
    named = [mail for mail in theirs if _is_named(mail, claim.fact.evidence.message_ids)]
    if named:
        return _of_mail(claim, named, Trust.SIGNED if claim.trust is Trust.SIGNED else Trust.SERVICE_ID)
    before = [mail for mail in theirs if mail.began_at <= (claim.fact.at or claim.arrival.received_at)]
    vouched_for = claim.trust is Trust.SIGNED or claim.arrival.way is Way.LIST
    if not vouched_for or not before:
        return _unplaced(claim, Standing.UNMATCHED)
    return _of_mail(claim, before, Trust.ADDRESS)


def _of_mail(claim: Claim, mails: Iterable[Sent | Asked], trust: Trust) -> Placed:
    """The fact as one about the last of these mails."""
    last = max(mails, key=lambda mail: mail.began_at)
    return _of_probe(claim, last, trust) if isinstance(last, Asked) else _placed(claim, last, trust)


def _of_probe(claim: Claim, asked: Asked, trust: Trust) -> Placed:
    """What is told of a probe is for staff to judge, but a complaint is a complaint, whatever mail it is about."""
    finding = _finding(claim.fact, certain=trust is not Trust.ADDRESS)
    standing = Standing.WAITING if finding is Finding.COMPLAINT else Standing.PROBED
    return Placed(claim, None, trust, standing, finding, asked)


def _is_named(mail: Sent | Asked, message_ids: Iterable[str]) -> bool:
    """Whether the relay's answer for the mail has one of these names."""
    reply = mail.reply or ""
    names = (part for name in message_ids for part in (name, name.partition("@")[0], name.partition(_SERVICE_ID_ENDS)[0]))
    return any(len(name) >= _SHORTEST_SERVICE_ID and name in reply for name in names)


def _unplaced(claim: Claim, standing: Standing) -> Placed:
    return Placed(claim, None, Trust.NONE, standing, None)


def _placed(claim: Claim, sent: Sent, trust: Trust) -> Placed:
    named = {address for text in (claim.fact.recipient, claim.fact.original_recipient) if (address := canonical(text))}
    matches = canonical(sent.address) in named
    if claim.arrival.received_at - sent.began_at > LATEST:
        return Placed(claim, sent, trust, Standing.OLD, None)
    if not matches and named and not claim.alone and claim.fact.happening is Happening.BOUNCED:
        return Placed(claim, sent, trust, Standing.FOREIGN, None)  # another recipient's, in a report about several
    finding = _finding(claim.fact, certain=matches and trust is not Trust.ADDRESS)
    return Placed(claim, sent, trust, Standing.NOTED if finding is None else Standing.WAITING, finding)


_FINDINGS: Mapping[Happening, Finding] = {
    Happening.COMPLAINED: Finding.COMPLAINT,
    Happening.DELIVERED: Finding.DELIVERED,
    Happening.AUTORESPONDED: Finding.ALIVE,
    Happening.ANSWERED: Finding.ALIVE,
    Happening.DISPLAYED: Finding.ALIVE,
    # A service that did not even try says nothing of the address.
    Happening.REJECTED: Finding.OURS,
    Happening.FAILED: Finding.OURS,
}


def _finding(fact: Fact, *, certain: bool) -> Finding | None:
    if fact.happening is not Happening.BOUNCED:
        return _FINDINGS.get(fact.happening)
    explicit = fact.known and fact.class_ is FactClass.HARD
    return finding_of(fact.meaning or Meaning.AMBIGUOUS, Confidence.EXPLICIT if explicit else Confidence.LOW, certain=certain)


@lru_cache(maxsize=1024)
def canonical(text: str) -> str | None:
    """The form by which addresses are compared; None for what is none."""
    try:
        return parse_address(text).canonical if text else None
    except InputError:
        return None
