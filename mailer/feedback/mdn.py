"""What a reader's program tells of a message that it got (RFC 8098), and refusals that Dovecot sends in this form."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailer.feedback.address import typed_address
from mailer.feedback.mime import Part, fields_of_report

# Dovecot's LDA and Pigeonhole: `rejection_reason`, "Your message to <%t> was automatically rejected:%n%r".
_REFUSED = re.compile(r"\bwas automatically rejected:?\s*\n+\s*(.{1,400})", re.IGNORECASE | re.DOTALL)

_FIELD = re.compile(r"^(?:Reporting-UA|Original-Recipient|Final-Recipient|Disposition) ?:", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Disposition:
    """One disposition; `type_` is displayed, deleted, dispatched, processed, denied, failed …"""

    recipient: str
    original_recipient: str
    message_id: str
    type_: str


def read_disposition(message: Part) -> Disposition | None:
    """What the message's disposition notification says; None where it carries none."""
    fields = fields_of_report(message, "disposition-notification", _FIELD)
    if fields is None:
        return None
    return Disposition(
        recipient=typed_address(fields.get("final-recipient")),
        original_recipient=typed_address(fields.get("original-recipient")),
        message_id=fields.get("original-message-id").strip().strip("<>"),
        type_=fields.get("disposition").rpartition(";")[2].strip().lower().partition("/")[0],
    )


def refusal_in(text: str) -> str:
    """The reason that Dovecot gives for refusing a message in the reader's name; "" where the text is no such refusal."""
    found = _REFUSED.search(text)
    return found[1].strip().partition("\n\n")[0] if found else ""
