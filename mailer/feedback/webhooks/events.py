"""What all services' events have in common, made into facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from mailer.feedback.fact import Evidence, Fact, FactClass, Happening
from mailer.feedback.judging import Judge
from mailer.feedback.tokens import tokens_in
from mailer.reply import Meaning

_CLASSES: Mapping[Happening, FactClass] = MappingProxyType(
    {
        Happening.BOUNCED: FactClass.SOFT,
        Happening.DEFERRED: FactClass.SOFT,
        Happening.DELIVERED: FactClass.DELIVERED,
        Happening.COMPLAINED: FactClass.COMPLAINT,
        Happening.AUTORESPONDED: FactClass.AUTOREPLY,
        Happening.REPORTED: FactClass.REPORT,
    }
)


def sealed(fact: Fact, judge: Judge, *, message_ids: tuple[str, ...], hard: bool = False) -> Fact:
    """The fact with its class, its meaning and what our delivery is found by.

    `hard` is whether the service calls the bounce hard, `message_ids` are the service's and our own, as far as it tells them.
    """
    named = tuple(dict.fromkeys(identifier.strip().strip("<>") for identifier in message_ids if identifier))
    found = Evidence(tokens=tokens_in(*named, *fact.metadata.values()), message_ids=named)
    fact = replace(fact, class_=_CLASSES.get(fact.happening), evidence=found)
    match fact.happening:
        case Happening.BOUNCED:
            ruling = judge.of_service(fact.diagnostic, fact.recipient, hard=hard)
            return replace(fact, class_=ruling.class_, meaning=ruling.meaning, rule=ruling.rule, known=ruling.known)
        case Happening.DEFERRED:
            ruling = judge.of_service(fact.diagnostic, fact.recipient, hard=False)
            return replace(fact, meaning=ruling.meaning if ruling.known else Meaning.TRANSIENT, rule=ruling.rule)
        case _:
            return fact
