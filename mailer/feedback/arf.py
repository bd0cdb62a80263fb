"""Complaints: somebody pressed "this is spam", and their provider tells us in fields made for programs (RFC 5965, RFC 6591)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailer.feedback.address import ADDRESS, addr_spec, typed_address
from mailer.feedback.fact import FactClass, Happening
from mailer.feedback.mime import Fields, Part, fields_of_report
from mailer.feedback.tokens import tokens_in

# The types that say nothing against our mailing this person (RFC 5965 §7.3, RFC 6430, RFC 6591, RFC 9991).
ASK_NOTHING = frozenset({"not-spam", "auth-failure", "dmarc", "virus"})
_MICROSOFT = re.compile(r"complaint about message from ", re.IGNORECASE)
_REPORTER = "staff@hotmail.com"
_FIELD = re.compile(r"^(?:Feedback-Type|User-Agent|Version) ?:", re.IGNORECASE | re.MULTILINE)  # The report's own first ones.
_RECIPIENTS = ("original-rcpt-to", "removal-recipient", "x-original-rcpt-to")


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a feedback report says; `recipients` is empty where the provider hides who complained."""

    feedback_type: str
    recipients: tuple[str, ...]
    reporter: str
    envelope_id: str
    at: str

    @property
    def class_(self) -> FactClass:
        """A complaint, or a report that asks nothing of the address."""
        return FactClass.REPORT if self.feedback_type in ASK_NOTHING else FactClass.COMPLAINT

    @property
    def happening(self) -> Happening:
        """What happened."""
        return Happening.REPORTED if self.feedback_type in ASK_NOTHING else Happening.COMPLAINED


def complaint_in(message: Part, returned: Fields) -> Complaint | None:
    """The complaint that a message carries; None where it carries none.

    Microsoft's Junk Mail Reporting Program sends the message alone, under a subject of its own; Apple Mail asks to be taken off
    a list by a letter with a field that says so: one that has our token for its subject needs no more, like those of other programs.
    """
    fields = fields_of_report(message, "feedback-report", _FIELD)
    if fields is not None:
        return _read(fields, returned)
    if message.fields.get("x-apple-unsubscribe").strip().lower() == "true" and not tokens_in(message.fields.get("subject")):
        author = addr_spec(message.fields.get("from"))
        return Complaint("opt-out", (author,) if author else (), "Apple Mail", "", message.fields.get("date"))
    if _MICROSOFT.match(message.fields.get("subject")) and addr_spec(message.fields.get("from")).lower() == _REPORTER:
        return _read(Fields([]), returned)
    return None


def _read(fields: Fields, returned: Fields) -> Complaint:
    """The report's fields; the recipient is sought in the returned header where they name none."""
    named = [typed_address(value) for name in _RECIPIENTS for value in fields.all(name)]
    recipients = [address for address in named if "@" in address]
    for name in ("x-apparently-to", "delivered-to", "x-original-to", "x-hmxmroriginalrecipient", "to", "cc"):
        if recipients:
            break
        recipients = [address for value in returned.all(name) for address in ADDRESS.findall(value)]
    return Complaint(
        feedback_type=fields.get("feedback-type").strip().lower() or "abuse",
        recipients=tuple(dict.fromkeys(recipients))[:100],
        reporter=fields.get("reporting-mta").rpartition(";")[2].strip() or fields.get("user-agent"),
        envelope_id=fields.get("original-envelope-id"),
        at=fields.get("arrival-date") or fields.get("received-date"),
    )
