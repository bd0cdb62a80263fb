"""The mail that asks whether a sign-up is meant: nothing in it is the applicant's, so that it carries nobody's words (docs/admins.md)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from mailer.dkim import SignatureForm, Signer
from mailer.encoding.base64_form import CRLF, encoded_lines
from mailer.headers import addr_spec, mailbox_field, structured_field, unstructured_field
from mailer.letterhead import Letterhead
from mailer.message import Message
from mailer.render import TEMPLATES
from mailer.tokens import Purpose

_SUBJECTS = {"zh": "请确认订阅《{}》", "en": "Please confirm: 《{}》"}


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What the mail says: to whom, which list, how long the link is good for; `token` is the sign-up's."""

    key: int
    address: str
    token: str
    list_name: str
    language: str
    days: int
    date: datetime


def compose_confirmation(confirmation: Confirmation, letterhead: Letterhead, signers: Sequence[Signer]) -> Message:
    """The message; the same one each time, so that a second copy can be told as one. InputError where it cannot be addressed."""
    address = addr_spec(confirmation.address)
    subject = _SUBJECTS[confirmation.language].format(confirmation.list_name)
    message_id = f"<s-{confirmation.token[-16:]}@{letterhead.domain}>"
    boundary = f"=_{hashlib.sha256(confirmation.token.encode()).hexdigest()[:24]}"
    fields = [
        structured_field("Date", format_datetime(confirmation.date)),
        mailbox_field("From", letterhead.organisation or letterhead.from_name, letterhead.sender),
        unstructured_field("Subject", subject),
        structured_field("MIME-Version", "1.0"),
        structured_field("Content-Language", "en" if confirmation.language == "en" else "zh-CN"),
        # RFC 3834 §5: an answer to what somebody did on a page, so that no other machine answers it.
        structured_field("Auto-Submitted", "auto-generated"),
        structured_field("X-Auto-Response-Suppress", "OOF, AutoReply"),
        structured_field("Content-Type", f'multipart/alternative; boundary="{boundary}"'),
        mailbox_field("To", "", address),
        f"Message-ID: {message_id}".encode(),
    ]
    body = CRLF.join([*_parts(confirmation, letterhead, subject, boundary), f"--{boundary}--\r\n".encode()])
    digest = hashlib.sha256(body).digest()
    time = int(confirmation.date.timestamp())
    signatures = [SignatureForm(signer, fields, (), time=time).sign((), digest) for signer in signers]
    return Message(
        key=confirmation.key,
        sender=letterhead.sender,
        recipient=address,
        message_id=message_id,
        content=CRLF.join([*signatures, *fields, b"", body]),
        smtputf8=not address.isascii(),
        envelope_id=message_id.strip("<>").partition("@")[0],
    )


def _parts(confirmation: Confirmation, letterhead: Letterhead, subject: str, boundary: str) -> list[bytes]:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    values = {
        "language": confirmation.language,
        "subject": subject,
        "list_name": confirmation.list_name,
        "publisher": letterhead.organisation or letterhead.from_name,
        "url": f"{letterhead.web}/{Purpose.CONFIRM}/{confirmation.token}",
        "days": confirmation.days,
    }
    lines = []
    for kind, ending in (("plain", "txt"), ("html", "html")):
        text = environment.get_template(f"notices/confirm.{ending}").render(values).strip() + "\n"
        head = f"--{boundary}\r\nContent-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n"
        lines += [head.encode(), encoded_lines(text.replace("\n", "\r\n").encode())]
    return lines
