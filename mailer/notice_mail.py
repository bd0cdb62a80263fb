"""Mail to one person that is no issue: whether a sign-up is meant, and whether an address that ended works again.

Nothing in it is an applicant's, so that it carries nobody's words (docs/admins.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from mailer.dkim import SignatureForm, Signer, Unsigned
from mailer.encoding.base64_form import CRLF, encoded_lines
from mailer.headers import addr_spec, mailbox_field, structured_field, unstructured_field
from mailer.letterhead import Letterhead
from mailer.message import Message
from mailer.page_templates import page_environment
from mailer.tokens import Purpose

_CONFIRM_SUBJECTS = {"zh": "请确认订阅《{}》", "en": "Please confirm: “{}”"}
_PROBE_SUBJECTS = {"zh": "您的邮箱还能收信吗？", "en": "Does this address still work?"}
# RFC 3834 §5: an answer to what somebody did on a page, so that no other machine answers it.
_UNANSWERED = (
    structured_field("Auto-Submitted", "auto-generated"),
    structured_field("X-Auto-Response-Suppress", "OOF, AutoReply"),
)


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


@dataclass(frozen=True, slots=True)
class Probe:
    """The question whether an address works; `token` is the notice's, so that what comes back can be told."""

    key: int
    address: str
    token: str
    language: str
    date: datetime


@dataclass(frozen=True, slots=True)
class _Words:
    """What is particular to a kind of mail: its template with its values, its subject, its name, its envelope sender."""

    template: str
    subject: str
    values: Mapping[str, object]
    name: str
    sender: str
    fields: tuple[bytes, ...] = ()


def compose_confirmation(confirmation: Confirmation, letterhead: Letterhead, signers: Sequence[Signer]) -> Message:
    """The message; the same one each time, so that a second copy can be told as one. InputError where it cannot be addressed."""
    words = _Words(
        template="confirm",
        subject=_CONFIRM_SUBJECTS[confirmation.language].format(confirmation.list_name),
        values={
            "list_name": confirmation.list_name,
            "url": f"{letterhead.web}/{Purpose.CONFIRM}/{confirmation.token}",
            "days": confirmation.days,
        },
        name=f"{Purpose.CONFIRM}-{confirmation.token[-16:]}",
        sender=letterhead.sender,
        fields=_UNANSWERED,
    )
    return _compose(confirmation, words, letterhead, signers)


def compose_probe(probe: Probe, letterhead: Letterhead, signers: Sequence[Signer]) -> Message:
    """The same of a probe. Automatic answers are welcome: they show that the mailbox lives."""
    words = _Words(
        template="probe",
        subject=_PROBE_SUBJECTS[probe.language],
        values={"list_name": letterhead.list_name},
        name=f"{Purpose.PROBE}-{probe.token}",
        sender=letterhead.probe_path(probe.token),
    )
    return _compose(probe, words, letterhead, signers)


def _compose(notice: Confirmation | Probe, words: _Words, letterhead: Letterhead, signers: Sequence[Signer]) -> Message:
    address = addr_spec(notice.address)
    message_id = f"<{words.name}@{letterhead.domain}>"
    boundary = f"=_{hashlib.sha256(notice.token.encode()).hexdigest()[:24]}"
    fields = [
        structured_field("Date", format_datetime(notice.date)),
        mailbox_field("From", letterhead.organisation or letterhead.from_name, letterhead.sender),
        unstructured_field("Subject", words.subject),
        structured_field("MIME-Version", "1.0"),
        structured_field("Content-Language", "en" if notice.language == "en" else "zh-CN"),
        *words.fields,
        structured_field("Content-Type", f'multipart/alternative; boundary="{boundary}"'),
        mailbox_field("To", "", address),
        f"Message-ID: {message_id}".encode(),
    ]
    values = {
        "language": notice.language,
        "subject": words.subject,
        "publisher": letterhead.organisation or letterhead.from_name,
    }
    parts = _parts(words.template, values | dict(words.values), boundary)
    body = CRLF.join([*parts, f"--{boundary}--\r\n".encode()])
    unsigned = Unsigned((), hashlib.sha256(body).digest())
    time = int(notice.date.timestamp())
    signatures = [SignatureForm(signer, fields, (), time=time).sign([unsigned])[0] for signer in signers]
    return Message(
        key=notice.key,
        sender=words.sender,
        recipient=address,
        message_id=message_id,
        content=CRLF.join([*signatures, *fields, b"", body]),
        smtputf8=not address.isascii(),
        envelope_id=words.name,
    )


def _parts(template: str, values: Mapping[str, object], boundary: str) -> list[bytes]:
    environment = page_environment()
    lines = []
    for kind, ending in (("plain", "txt"), ("html", "html")):
        text = environment.get_template(f"notices/{template}.{ending}").render(values).strip() + "\n"
        head = f"--{boundary}\r\nContent-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n"
        lines += [head.encode(), encoded_lines(text.replace("\n", "\r\n").encode())]
    return lines
