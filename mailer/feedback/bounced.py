"""The fact that one recipient's mail came back, judged."""

from __future__ import annotations

from dataclasses import replace

from mailer.feedback.fact import Evidence, Fact, FactClass, Happening
from mailer.feedback.judging import Judge, Said
from mailer.feedback.opened import brief


def bounced(said: Said, happening: Happening, evidence: Evidence, judge: Judge) -> Fact:
    """What was said, as a fact: a delivery stays one, and everything else gets the class that the words bear out."""
    fact = Fact(
        happening, said.recipient, status=said.status, diagnostic=brief(said.diagnostic or said.words), evidence=evidence
    )
    if happening is Happening.DELIVERED:
        return replace(fact, class_=FactClass.DELIVERED)
    ruling = judge.of_report(replace(said, passing=said.passing or happening is Happening.DEFERRED))
    return replace(fact, class_=ruling.class_, meaning=ruling.meaning, rule=ruling.rule, known=ruling.known)
