"""What a message that came back says: one road for every form, from the surest to the vaguest."""

from __future__ import annotations

from dataclasses import replace

from mailer.feedback.address import addr_spec
from mailer.feedback.aggregate import is_aggregate
from mailer.feedback.arf import complaint_in
from mailer.feedback.autoreply import is_autoreply
from mailer.feedback.bounce import is_forwarded, of_mail_system
from mailer.feedback.bounced import bounced
from mailer.feedback.fact import Fact, FactClass, Facts, Form, Happening
from mailer.feedback.judging import Judge, Said
from mailer.feedback.mdn import read_disposition, refusal_in
from mailer.feedback.noticed import facts_of_notice, names_somebody
from mailer.feedback.opened import Opened, brief, moment, open_message
from mailer.feedback.reported import facts_of_status
from mailer.feedback.returned import evidence_of, returned_octets
from mailer.feedback.webhooks.amazon_ses import facts_in_mail


def read_message(content: bytes, judge: Judge) -> Facts:
    """What the message says, as facts; none where it is no report or nobody can read it. Never raises."""
    return _facts(open_message(content), judge, inside=False)


def _facts(opened: Opened, judge: Judge, *, inside: bool) -> Facts:
    """`inside` is whether the message was found in another."""
    for read in (_complaint, _disposition, facts_of_status, _aggregate, _service, _autoreply):
        if (facts := read(opened, judge)) is not None:
            return facts
    hands_on = of_mail_system(opened.message.fields) or is_forwarded(opened.subject)
    handed_on = _report_inside(opened, judge) if hands_on and not inside and not names_somebody(opened) else None
    return handed_on or facts_of_notice(opened, judge) or Facts(Form.OTHER, subject=opened.subject)


def _complaint(opened: Opened, _: Judge) -> Facts | None:
    complaint = complaint_in(opened.message, opened.returned)
    if complaint is None:
        return None
    evidence = evidence_of(opened.message, opened.returned, reporter=complaint.reporter, envelope_id=complaint.envelope_id)
    fact = Fact(
        complaint.happening,
        "",
        complaint.class_,
        feedback_type=complaint.feedback_type,
        at=moment(complaint.at),
        evidence=evidence,
    )
    facts = tuple(replace(fact, recipient=recipient) for recipient in complaint.recipients or ("",))
    return Facts(Form.ARF, facts, opened.subject)


def _disposition(opened: Opened, judge: Judge) -> Facts | None:
    found = read_disposition(opened.message)
    if found is None:
        return None
    evidence = evidence_of(opened.message, opened.returned)
    if found.message_id:
        evidence = replace(evidence, message_ids=tuple(dict.fromkeys([found.message_id, *evidence.message_ids])))
    if reason := refusal_in(opened.text):
        fact = bounced(Said(found.recipient, reason), Happening.BOUNCED, evidence, judge)
        return Facts(Form.DSN, (fact,), opened.subject)
    fact = Fact(
        Happening.DISPLAYED,
        found.recipient or addr_spec(opened.message.fields.get("from")),
        FactClass.DELIVERED,
        original_recipient=found.original_recipient,
        diagnostic=found.type_,
        evidence=evidence,
    )
    return Facts(Form.MDN, (fact,), opened.subject)


def _aggregate(opened: Opened, _: Judge) -> Facts | None:
    if not is_aggregate(opened.message, opened.subject):
        return None
    fact = Fact(Happening.REPORTED, "", FactClass.REPORT, evidence=evidence_of(opened.message, opened.returned))
    return Facts(Form.AGGREGATE, (fact,), opened.subject)


def _service(opened: Opened, judge: Judge) -> Facts | None:
    """Amazon's notifications, where SNS sends them by mail."""
    return facts_in_mail(opened.text, judge) if opened.text.lstrip().startswith("{") else None


def _autoreply(opened: Opened, _: Judge) -> Facts | None:
    if not is_autoreply(opened.message.fields, opened.subject):
        return None
    author = addr_spec(opened.message.fields.get("from"))
    evidence = evidence_of(opened.message, opened.returned)
    fact = Fact(Happening.AUTORESPONDED, author, FactClass.AUTOREPLY, diagnostic=brief(opened.text), evidence=evidence)
    return Facts(Form.AUTOREPLY, (fact,), opened.subject)


def _report_inside(opened: Opened, judge: Judge) -> Facts | None:
    """The report that a mail system returns to us because it could not hand it on. It is looked into once."""
    content = returned_octets(opened.message) or opened.below
    if not content or not of_mail_system(opened.returned):
        return None
    found = _facts(open_message(content), judge, inside=True)
    return found if found.facts and found.form in (Form.DSN, Form.NOTICE) else None
