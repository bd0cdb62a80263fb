"""Facts out of delivery status notifications: the fields first, and the words beside them as a second witness."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from mailer.feedback.bounce import is_forwarded, may_be_bounce
from mailer.feedback.bounced import bounced
from mailer.feedback.dsn import STATUS_TYPES, DeliveryStatus, RecipientStatus, read_delivery_status, read_fields_in_text
from mailer.feedback.fact import Fact, Facts, Form, Happening
from mailer.feedback.judging import Judge, Said
from mailer.feedback.opened import Opened, moment
from mailer.feedback.recipients import Named, named_in
from mailer.feedback.returned import evidence_of

_HAPPENINGS: Mapping[str, Happening] = MappingProxyType(
    {
        "failed": Happening.BOUNCED,
        "delayed": Happening.DEFERRED,
        "delivered": Happening.DELIVERED,
        "relayed": Happening.DELIVERED,
        "expanded": Happening.DELIVERED,
    }
)
# What an unknown action means, by the class of the status (RFC 3463 §3).
_BY_STATUS: Mapping[str, Happening] = MappingProxyType({"2": Happening.DELIVERED, "4": Happening.DEFERRED})
_QUOTED = re.compile(r"^(?:> ?)+", re.MULTILINE)
_LOCAL_PART = re.compile(r"[\w.+\-]{1,64}")
_MOST_RECIPIENTS = 200


def facts_of_status(opened: Opened, judge: Judge) -> Facts | None:
    """The facts of a message that has RFC 3464's fields, in a part of their own or among its words; None where it has none."""
    reports = [read_delivery_status(part) for part in opened.message.walk() if part.type in STATUS_TYPES]
    if not any(report.recipients for report in reports) and may_be_bounce(opened.message, opened.subject):
        reports += read_fields_in_text(opened.text)
    elif not reports and is_forwarded(opened.subject):
        reports += read_fields_in_text(_QUOTED.sub("", f"{opened.text}\n{opened.below}"))
    facts = tuple(fact for report in reports for fact in _facts(report, opened, judge))
    return Facts(Form.DSN, facts, opened.subject) if facts else None


def _facts(report: DeliveryStatus, opened: Opened, judge: Judge) -> Iterator[Fact]:
    evidence = evidence_of(opened.message, opened.returned, reporter=report.reporter, envelope_id=report.envelope_id)
    named = named_in(opened.text, opened.message.fields, frozenset())
    alone = len(report.recipients) == 1
    for status in report.recipients[:_MOST_RECIPIENTS]:
        recipient = _recipient(status, opened, named if alone else [])
        if recipient:
            said = _said(recipient, status, named, opened.text if alone else "")
            fact = bounced(said, _happening(status), evidence, judge)
            original, led_to, remote = status.original_recipient, status.led_to, status.remote_host
            yield replace(fact, original_recipient=original, led_to=led_to, remote_host=remote, at=moment(status.at))


def _recipient(status: RecipientStatus, opened: Opened, named: list[Named]) -> str:
    """The recipient's whole address. Some servers leave out their own domain, or write no address at all; "" is nobody's."""
    domain = opened.domain_of_author
    completed = f"{status.recipient}@{domain}" if domain and _LOCAL_PART.fullmatch(status.recipient) else status.recipient
    candidates = (completed, status.original_recipient, *(one.address for one in named if len(named) == 1))
    return next((address for address in candidates if "@" in address), "")


def _said(recipient: str, status: RecipientStatus, named: list[Named], whole: str) -> Said:
    """What the report says of the recipient. `whole` is all its text where it is about nobody else."""
    about = {recipient.lower(), status.original_recipient.lower()}
    block = next((one.words for one in named if one.address.lower() in about and one.words), "")
    diagnostic = status.diagnostic or status.remark or (block if status.status.endswith(".0.0") else "")
    return Said(recipient, diagnostic, status.status, whole or block, witnessed=bool(whole))


def _happening(status: RecipientStatus) -> Happening:
    return _HAPPENINGS.get(status.action) or _BY_STATUS.get(status.status[:1], Happening.BOUNCED)
