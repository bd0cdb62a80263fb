"""Delivery status notifications: fields made for programs, one block for the message and one for each recipient (RFC 3464)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mailer.feedback.address import typed_address
from mailer.feedback.mime import Fields, Part, parse_fields

STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
_BLOCK_END = re.compile(r"\n[ \t]*\n")
_OF_RECIPIENT = ("final-recipient", "original-recipient", "action", "diagnostic-code")
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.]\d)")
_DIAGNOSTIC_TYPE = re.compile(r"^\s*(?:smtp|x-[\w\-]+|unix|dns|lmtp|local)\s*;\s*", re.IGNORECASE)
# What is written for RFC 3464 §2.3.3's words; "deliverable" is Postfix's answer to a probe.
_ACTIONS: Mapping[str, str] = MappingProxyType(
    {
        "failure": "failed",
        "fail": "failed",
        "error": "failed",
        "expired": "failed",
        "delay": "delayed",
        "deliverable": "delivered",
    }
)


@dataclass(frozen=True, slots=True)
class RecipientStatus:
    """What a DSN says of one recipient, as its fields have it; `action` is in lower case, `remark` what stands in brackets
    behind the status, `led_to` the mailbox behind an alias as sendmail names it."""

    recipient: str
    original_recipient: str
    led_to: str
    action: str
    status: str
    remark: str
    diagnostic: str
    remote_host: str
    at: str


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """A whole DSN: who reports, the envelope's id, and each recipient."""

    reporter: str
    envelope_id: str
    recipients: tuple[RecipientStatus, ...]


def read_delivery_status(part: Part) -> DeliveryStatus:
    """The blocks of a message/delivery-status part. The block for the message may be missing, as NetEase leaves it out."""
    return _read(part.text)


def _read(text: str) -> DeliveryStatus:
    blocks = [parse_fields(block.strip("\n")) for block in _BLOCK_END.split(text) if block.strip()]
    of_message = [block for block in blocks if not _is_recipient_s(block)]
    return DeliveryStatus(
        reporter=next((_after_type(block.get("reporting-mta")) for block in of_message if "reporting-mta" in block), ""),
        envelope_id=next((block.get("original-envelope-id") for block in of_message if "original-envelope-id" in block), ""),
        recipients=tuple(_recipient(block) for block in blocks if _is_recipient_s(block)),
    )


def _is_recipient_s(block: Fields) -> bool:
    return any(name in block for name in _OF_RECIPIENT)


def _recipient(block: Fields) -> RecipientStatus:
    status = _STATUS.search(block.get("status"))
    remark = re.search(r"\((.+)\)", block.get("status"))
    action = block.get("action").strip().lower().partition(" ")[0]
    return RecipientStatus(
        recipient=typed_address(block.get("final-recipient")),
        original_recipient=typed_address(block.get("original-recipient")),
        led_to=typed_address(block.get("x-actual-recipient")),
        action=_ACTIONS.get(action, action),
        status=status[1] if status else "",
        remark=" ".join([remark[1] if remark else "", block.get("x-powermta-bouncecategory")]).strip(),
        diagnostic=_DIAGNOSTIC_TYPE.sub("", " ".join(block.all("diagnostic-code"))),
        remote_host=_after_type(block.get("remote-mta")),
        at=block.get("last-attempt-date") or block.get("arrival-date"),
    )


def _after_type(value: str) -> str:
    return value.rpartition(";")[2].strip()


def read_fields_in_text(text: str) -> list[DeliveryStatus]:
    """The same fields where a server writes them among its words: Amazon WorkMail, and reports whose MIME is broken."""
    start = _FIRST_FIELD.search(text)
    if start is None:
        return []
    fields = _BROKEN_FOLD.sub(r"\1 \2", text[start.start() :])
    report = _read(fields)
    return [report] if report.recipients else []


_FIRST_FIELD = re.compile(r"^(?:Reporting-MTA|Final-Recipient|Original-Recipient|Action) ?:", re.MULTILINE | re.IGNORECASE)
_BROKEN_FOLD = re.compile(r"(Diagnostic-Code ?:[^\n]*)\n(?=[^\n:]{1,200}\n)(\S)", re.IGNORECASE)
