"""What a message that came back says: one road for every form, from the surest to the vaguest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import MappingProxyType

from mailer.feedback.address import addr_spec
from mailer.feedback.aggregate import is_aggregate
from mailer.feedback.arf import complaint_in
from mailer.feedback.autoreply import is_autoreply
from mailer.feedback.bounce import is_forwarded, may_be_bounce, of_mail_system
from mailer.feedback.dsn import STATUS_TYPES, DeliveryStatus, RecipientStatus, read_delivery_status, read_fields_in_text
from mailer.feedback.fact import Evidence, Fact, FactClass, Facts, Form, Happening
from mailer.feedback.judging import Judge, Said, quoted_reply
from mailer.feedback.mdn import read_disposition, refusal_in
from mailer.feedback.mime import Fields, Part, parse, parse_fields
from mailer.feedback.notice import report_text
from mailer.feedback.recipients import Named, any_in, local_parts_in, named_in
from mailer.feedback.returned import evidence_of, returned_header, returned_octets
from mailer.feedback.webhooks.amazon_ses import facts_in_mail

_HAPPENINGS: Mapping[str, Happening] = MappingProxyType(
    {
        "failed": Happening.BOUNCED,
        "delayed": Happening.DEFERRED,
        "delivered": Happening.DELIVERED,
        "relayed": Happening.DELIVERED,
        "expanded": Happening.DELIVERED,
    }
)
_LONGEST_DIAGNOSTIC = 600
_PASSING = ("warning message only", "will be retried", "has been delayed", "still being retried", "not yet been delivered")


@dataclass(frozen=True, slots=True)
class _Read:
    """A message on its way: its tree, its subject, the words of the report, the header that it returns, and what stands from
    there on in the same part. `inside` is true of a report that was found in another."""

    message: Part
    subject: str
    text: str
    returned: Fields
    below: str
    judge: Judge
    inside: bool


def read_message(content: bytes, judge: Judge) -> Facts:
    """What the message says, as facts; none where it is no report or nobody can read it. Never raises."""
    return _read(content, judge, inside=False)


def _read(content: bytes | str, judge: Judge, *, inside: bool) -> Facts:
    message = parse(content)
    text, below = report_text(message)
    returned = returned_header(message)
    if not len(returned):
        returned = parse_fields(below)
    read = _Read(message, message.fields.words("subject"), text, returned, below, judge, inside)
    for reader in (_complaint, _delivery_status, _disposition, _aggregate, _service, _autoreply, _notice):
        if (facts := reader(read)) is not None:
            return facts
    return Facts(Form.OTHER, subject=read.subject)


def _service(read: _Read) -> Facts | None:
    """Amazon's notifications, where SNS sends them by mail."""
    return facts_in_mail(read.text, read.judge) if read.text.lstrip().startswith("{") else None


def _complaint(read: _Read) -> Facts | None:
    complaint = complaint_in(read.message, read.returned)
    if complaint is None:
        return None
    evidence = evidence_of(read.message, read.returned, reporter=complaint.reporter, envelope_id=complaint.envelope_id)
    return Facts(
        Form.ARF,
        tuple(
            Fact(
                complaint.happening,
                recipient,
                complaint.class_,
                feedback_type=complaint.feedback_type,
                at=moment(complaint.at),
                evidence=evidence,
            )
            for recipient in complaint.recipients or ("",)
        ),
        read.subject,
    )


def _delivery_status(read: _Read) -> Facts | None:
    reports = [read_delivery_status(part) for part in read.message.walk() if part.type in STATUS_TYPES]
    if not any(report.recipients for report in reports) and may_be_bounce(read.message, read.subject):
        reports += read_fields_in_text(read.text)
    elif not reports and is_forwarded(read.subject):
        reports += read_fields_in_text(re.sub(r"^(?:> ?)+", "", f"{read.text}\n{read.below}", flags=re.MULTILINE))
    facts = [fact for report in reports for fact in _facts_of(report, read)]
    return Facts(Form.DSN, tuple(facts), read.subject) if facts else None


def _facts_of(report: DeliveryStatus, read: _Read) -> Iterable[Fact]:
    evidence = evidence_of(read.message, read.returned, reporter=report.reporter, envelope_id=report.envelope_id)
    named = named_in(read.text, read.message.fields, frozenset())
    blocks = {one.address.lower(): one.words for one in named}
    alone = len(report.recipients) == 1
    for status in report.recipients:
        recipient = _whole(status.recipient, read) or status.original_recipient
        if "@" not in recipient and alone and len(named) == 1:
            recipient = named[0].address
        if "@" not in recipient:
            continue
        block = blocks.get(recipient.lower(), "") or blocks.get(status.original_recipient.lower(), "")
        diagnostic = status.diagnostic or status.remark or (block if status.status.endswith(".0.0") else "")
        said = Said(recipient, diagnostic, status.status, read.text if alone else block, witnessed=alone)
        yield _bounce(said, _happening(status), evidence, read.judge, status)


def _happening(status: RecipientStatus) -> Happening:
    if status.action in _HAPPENINGS:
        return _HAPPENINGS[status.action]
    return {"2": Happening.DELIVERED, "4": Happening.DEFERRED}.get(status.status[:1], Happening.BOUNCED)


def _bounce(said: Said, happening: Happening, evidence: Evidence, judge: Judge, status: RecipientStatus | None = None) -> Fact:
    diagnostic = _brief(said.diagnostic or said.words)
    fact = Fact(happening, said.recipient, status=said.status, diagnostic=diagnostic, evidence=evidence)
    if status is not None:
        original, remote, at = status.original_recipient, status.remote_host, moment(status.at)
        fact = replace(fact, original_recipient=original, remote_host=remote, at=at)
    if happening is Happening.DELIVERED:
        return replace(fact, class_=FactClass.DELIVERED)
    ruling = judge.of_report(replace(said, passing=said.passing or happening is Happening.DEFERRED))
    return replace(fact, class_=ruling.class_, meaning=ruling.meaning, rule=ruling.rule, known=ruling.known)


def _whole(recipient: str, read: _Read) -> str:
    """The recipient with its domain: some servers leave out their own."""
    domain = _domain_of_author(read)
    return f"{recipient}@{domain}" if domain and re.fullmatch(r"[\w.+\-]{1,64}", recipient) else recipient


def _domain_of_author(read: _Read) -> str:
    return addr_spec(read.message.fields.get("from")).rpartition("@")[2]


def _disposition(read: _Read) -> Facts | None:
    part = _part(read.message, "message/disposition-notification")
    if part is None:
        return None
    found = read_disposition(part)
    evidence = evidence_of(read.message, read.returned)
    if found.message_id:
        evidence = replace(evidence, message_ids=tuple(dict.fromkeys([found.message_id, *evidence.message_ids])))
    if reason := refusal_in(read.text):
        fact = _bounce(Said(found.recipient, reason), Happening.BOUNCED, evidence, read.judge)
        return Facts(Form.DSN, (fact,), read.subject)
    fact = Fact(Happening.DISPLAYED, found.recipient, FactClass.DELIVERED, original_recipient=found.original_recipient)
    return Facts(Form.MDN, (replace(fact, diagnostic=found.type_, evidence=evidence),), read.subject)


def _aggregate(read: _Read) -> Facts | None:
    if not is_aggregate(read.message, read.subject):
        return None
    fact = Fact(Happening.REPORTED, "", FactClass.REPORT, evidence=evidence_of(read.message, read.returned))
    return Facts(Form.AGGREGATE, (fact,), read.subject)


def _autoreply(read: _Read) -> Facts | None:
    if not is_autoreply(read.message.fields, read.subject):
        return None
    author = addr_spec(read.message.fields.get("from"))
    evidence = evidence_of(read.message, read.returned)
    fact = Fact(Happening.AUTORESPONDED, author, FactClass.AUTOREPLY, diagnostic=_brief(read.text), evidence=evidence)
    return Facts(Form.AUTOREPLY, (fact,), read.subject)


def _notice(read: _Read) -> Facts | None:
    if not may_be_bounce(read.message, read.subject):
        return None
    evidence = evidence_of(read.message, read.returned)
    ours = frozenset(address.lower() for address in (*evidence.arrived_for, evidence.returned_from) if address)
    named = named_in(read.text, read.message.fields, ours)
    if not named and (inner := _report_inside(read)) is not None:
        return inner
    named = named or local_parts_in(read.text, _domain_of_author(read)) or any_in(read.text, ours) or _from_returned(evidence)
    passing = any(words in read.text[:3_000].lower() for words in _PASSING)
    happening = Happening.DEFERRED if passing else Happening.BOUNCED
    facts = []
    for recipient in named:
        words = read.text if len(named) == 1 else recipient.words
        said = Said(recipient.address, _diagnostic(recipient.words, words) or read.text, words=words, passing=passing)
        facts.append(_bounce(said, happening, evidence, read.judge))
    return Facts(Form.NOTICE, tuple(facts), read.subject) if facts else None


def _diagnostic(own: str, around: str) -> str:
    """The words about a recipient; those around them where only there a reply is quoted."""
    return around if not quoted_reply(own).code and quoted_reply(around).code else own


def _report_inside(read: _Read) -> Facts | None:
    """The report that this one returns, where a mail system only hands it on. It is looked into once."""
    if read.inside or not of_mail_system(read.returned):
        return None
    below = returned_octets(read.message) or read.below
    found = _read(below, read.judge, inside=True) if below else None
    return found if found is not None and found.facts and found.form in (Form.DSN, Form.NOTICE) else None


def _from_returned(evidence: Evidence) -> list[Named]:
    """Whom the returned message was for, where the words of a mail system name nobody."""
    return [Named(address, "") for address in evidence.returned_to] if len(evidence.returned_to) == 1 else []


def _brief(words: str) -> str:
    """Words for people, on one line and not too many."""
    return " ".join(words[:4_000].split())[:_LONGEST_DIAGNOSTIC]


def _part(message: Part, type_: str) -> Part | None:
    return next((part for part in message.walk() if part.type == type_), None)


def moment(written: str) -> datetime | None:
    """The time in a date field (RFC 5322 §3.3); None where it is none."""
    try:
        parsed = parsedate_to_datetime(written)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
