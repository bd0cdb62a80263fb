"""What a report claims about our mail, and what of it we can verify by itself: pure.

A report is the claim of a stranger. What proves something in it is our own token, which only who got the mail, or carried it, can know.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from mailer.feedback import Fact, Facts, Form
from mailer.feedback.tokens import tokens_in
from mailer.feedback_models import Trust
from mailer.returns.answers import answer_in
from mailer.returns.arrivals import Arrival
from mailer.tokens import Purpose, Tokens
from subscribers.address import parse_address
from subscribers.errors import InputError

_PURPOSES = (Purpose.BOUNCE, Purpose.UNSUBSCRIBE)  # of those tokens that stand in our header
_RETURN_PATHS = frozenset({Purpose.BOUNCE, Purpose.PROBE})


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


@lru_cache(maxsize=1024)
def canonical(text: str) -> str | None:
    """The form by which addresses are compared; None for what is none."""
    try:
        return parse_address(text).canonical if text else None
    except InputError:
        return None
