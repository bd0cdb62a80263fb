"""What a report returns of our message, and what of it shows whose delivery it was. It is never read for reasons."""

from __future__ import annotations

import re

from mailer.feedback.address import ADDRESS, addr_spec
from mailer.feedback.bounce import has_null_sender
from mailer.feedback.fact import Evidence
from mailer.feedback.mime import Fields, Part, parse_fields
from mailer.feedback.tokens import tokens_in

RETURNED_TYPES = frozenset(
    {
        "message/rfc822",
        "message/global",
        "message/global-headers",
        "message/rfc822-headers",
        "message/partial",
        "text/rfc822-headers",
        "text/rfc822-header",
        "text/rfc822",
        "message/news",
    }
)
_ARRIVED_BY = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to")
_WITH_TOKENS = (
    "message-id",
    "x-failed-recipients",
    "list-unsubscribe",
    "return-path",
    "in-reply-to",
    "references",
    "sender",
    "from",
)
_MOST_ADDRESSES = 20
_IDENTIFIER = re.compile(r"<([^<>\s]{3,250})>")


def returned_header(message: Part) -> Fields:
    """The header of the returned message, where a part of its own carries it."""
    return parse_fields(returned_octets(message))


def returned_octets(message: Part) -> bytes:
    """The returned message, as far as it was returned, from the first part that has something of it."""
    contents = (part.octets.lstrip(b"\n ") for part in message.walk() if part.type in RETURNED_TYPES)
    return next((content for content in contents if content), b"")


def evidence_of(message: Part, returned: Fields, *, reporter: str = "", envelope_id: str = "") -> Evidence:
    """All that may show whose delivery a report is about; the report's own recipients come first, for VERP names them."""
    arrived_for = _addresses(message.fields, _ARRIVED_BY)
    in_header = [value for name in _WITH_TOKENS for value in returned.all(name)]
    answered = [message.fields.get("in-reply-to"), message.fields.get("references")]
    identifiers = _IDENTIFIER.findall(" ".join([returned.get("message-id"), *answered]))
    return Evidence(
        tokens=tokens_in(*arrived_for, envelope_id, *in_header, *answered),
        message_ids=tuple(dict.fromkeys(identifiers)),
        envelope_id=envelope_id,
        returned_from=addr_spec(returned.get("from")),
        returned_to=_addresses(returned, ("to",)),
        reporter=reporter or addr_spec(message.fields.get("from")),
        arrived_for=arrived_for,
        null_sender=has_null_sender(message.fields) if message.fields.get("return-path") else None,
    )


def _addresses(fields: Fields, names: tuple[str, ...]) -> tuple[str, ...]:
    found = (address for name in names for value in fields.all(name) for address in ADDRESS.findall(value))
    return tuple(dict.fromkeys(found))[:_MOST_ADDRESSES]
