"""One road for every service's requests: size, then proof, then what they say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from mailer.feedback.fact import Facts, Refusal, RefusalReason
from mailer.feedback.judging import Judge
from mailer.feedback.webhooks import (
    aliyun_directmail,
    amazon_ses,
    brevo,
    mailersend,
    mailgun,
    mailjet,
    mailtrap,
    mandrill,
    postal,
    postmark,
    resend,
    sendcloud,
    sendgrid,
    sparkpost,
    tencent_ses,
    unisender_go,
)
from mailer.feedback.webhooks.authentic import check_password
from mailer.feedback.webhooks.payload import MalformedError
from mailer.feedback.webhooks.request import CertificateFetch, WebhookRequest, WebhookSecrets
from mailer.feedback.webhooks.service import Service

# Mandrill sends a thousand events at once, SendGrid up to 768 KiB, SNS 256 KiB.
LARGEST_BODY = 4 * 1024 * 1024
# The fields of a request's header that say what it says: its form, and the event's id where only the header has it.
READ_HEADERS = ("content-type", "svix-id", "webhook-id")
_ALL = (
    aliyun_directmail,
    amazon_ses,
    brevo,
    mailersend,
    mailgun,
    mailjet,
    mailtrap,
    mandrill,
    postal,
    postmark,
    resend,
    sendcloud,
    sendgrid,
    sparkpost,
    tencent_ses,
    unisender_go,
)
SERVICES: Mapping[str, Service] = MappingProxyType({module.SERVICE.name: module.SERVICE for module in _ALL})


def read_webhook(
    service: str,
    headers: Mapping[str, str],
    body: bytes,
    query: Mapping[str, str],
    *,
    secrets: WebhookSecrets,
    now: datetime,
    judge: Judge,
    fetch_certificate: CertificateFetch | None = None,
) -> Facts | Refusal:
    """What a service's request says, or why it is not believed. Never raises for anything that a stranger may send; what
    `fetch_certificate` raises is passed on, so that the service can be told to try again.

    `service` is a key of SERVICES. `now` has its zone. `fetch_certificate` gets the HTTPS address of one of Amazon's
    certificates, whose host and path have been checked, and gives the PEM file there; it must follow no redirect.
    """
    known = SERVICES.get(service)
    if known is None:
        return Refusal(RefusalReason.UNKNOWN_SERVICE, f"no such service: {', '.join(SERVICES)}")
    if len(body) > LARGEST_BODY:
        return Refusal(RefusalReason.TOO_LARGE, f"{len(body)} octets, and {LARGEST_BODY} are read")
    request = WebhookRequest(
        {name.lower(): value for name, value in headers.items()}, body, query, secrets, now, fetch_certificate
    )
    if fault := known.unproven_by(secrets):
        return Refusal(RefusalReason.NOT_CONFIGURED, fault)
    try:
        return check_password(request) or known.verify(request) or known.read(request, judge)
    except MalformedError as error:
        return Refusal(RefusalReason.MALFORMED, str(error))
