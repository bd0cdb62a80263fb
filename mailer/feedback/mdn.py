"""What a reader's program tells of a message that it got (RFC 8098), and refusals that Dovecot sends in this form."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailer.feedback.address import typed_address
from mailer.feedback.mime import Fields, Part, parse_fields

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
    """What the message's disposition notification says; None where it carries none.

    Some call the part with the fields plain text, and only the whole a disposition notification.
    """
    part = next((part for part in message.walk() if part.type == "message/disposition-notification"), None)
    if part is not None:
        fields = parse_fields(part.text.lstrip("\n"))
    elif message.parameters.get("report-type", "").lower() == "disposition-notification":
        texts = (part.text for part in message.walk() if part.type.startswith("text"))
        named = next(filter(None, (_FIELD.search(text) for text in texts)), None)
        fields = parse_fields(named.string[named.start() :]) if named else Fields([])
    else:
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
