"""What a message that came back says: one road for every form, from the surest to the vaguest."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from mailer.feedback.dsn import STATUS_TYPES, RecipientStatus, read_delivery_status
from mailer.feedback.fact import Evidence, Fact, FactClass, Facts, Form, Happening
from mailer.feedback.judging import Judge
from mailer.feedback.mime import parse
from mailer.feedback.returned import evidence_of, returned_header

_HAPPENINGS: Mapping[str, Happening] = {
    "failed": Happening.BOUNCED,
    "delayed": Happening.DEFERRED,
    "delivered": Happening.DELIVERED,
    "relayed": Happening.DELIVERED,
    "expanded": Happening.DELIVERED,
}


def read_message(content: bytes, judge: Judge) -> Facts:
    """What the message says, as facts; none where it is no report or nobody can read it. Never raises."""
    message = parse(content)
    subject = message.fields.words("subject")
    status = next((part for part in message.walk() if part.type in STATUS_TYPES), None)
    if status is None:
        return Facts(Form.OTHER, subject=subject)
    report = read_delivery_status(status)
    evidence = evidence_of(message, returned_header(message), reporter=report.reporter, envelope_id=report.envelope_id)
    facts = tuple(_fact(recipient, evidence, judge) for recipient in report.recipients)
    return Facts(Form.DSN, facts, subject)


def _fact(status: RecipientStatus, evidence: Evidence, judge: Judge) -> Fact:
    happening = _HAPPENINGS.get(status.action, Happening.BOUNCED)
    ruling = judge.of_words(f"{status.diagnostic or status.status}", status.recipient)
    match happening:
        case Happening.BOUNCED:
            class_ = ruling.class_
        case Happening.DELIVERED:
            class_ = FactClass.DELIVERED
        case _:
            class_ = FactClass.SOFT
    return Fact(
        happening,
        status.recipient or status.original_recipient,
        class_,
        ruling.meaning,
        ruling.rule,
        ruling.known,
        original_recipient=status.original_recipient,
        status=status.status,
        diagnostic=status.diagnostic,
        remote_host=status.remote_host,
        at=moment(status.at),
        evidence=evidence,
    )


def moment(written: str) -> datetime | None:
    """The time in a date field (RFC 5322 §3.3); None where it is none."""
    try:
        parsed = parsedate_to_datetime(written)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
