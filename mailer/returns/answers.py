"""What somebody answered by hand to the mail that asks whether an address works: pure, from the letter's octets."""

from __future__ import annotations

from mailer.feedback import Evidence, Fact, FactClass, Facts, Form, Happening
from mailer.feedback.address import addr_spec
from mailer.feedback.bounce import of_mail_system
from mailer.feedback.opened import open_message
from mailer.feedback.tokens import tokens_in
from mailer.feedback_models import Way
from mailer.returns.arrivals import Arrival

LETTERS = frozenset({Way.FILE, Way.MAILBOX, Way.LISTENER})


def answer_in(facts: Facts, arrival: Arrival) -> Fact | None:
    """The letter as an answer, where it names in its header what it answers; None where it is a report, or no letter of a person's.

    Whether that was a mail of ours its tokens say once they are verified. What the letter quotes is not read.
    """
    if arrival.way not in LETTERS or facts.form is not Form.OTHER or facts.facts or arrival.null_sender:
        return None
    fields = open_message(arrival.content).message.fields
    tokens = tokens_in(fields.get("in-reply-to"), fields.get("references"))
    if not tokens or of_mail_system(fields) or fields.get("return-path").replace(" ", "") == "<>":
        return None
    author = addr_spec(fields.get("from"))
    return Fact(Happening.ANSWERED, author, FactClass.DELIVERED, diagnostic=facts.subject, evidence=Evidence(tokens=tokens))
