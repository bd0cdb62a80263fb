"""Resend: one event a request, signed as Standard Webhooks demand: an HMAC over the id, the time and the body.

https://resend.com/docs/dashboard/webhooks/verify-webhooks-requests and https://www.standardwebhooks.com
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from types import MappingProxyType

from mailer.feedback.fact import Fact, Facts, Form, Happening, Refusal, RefusalReason
from mailer.feedback.judging import Judge
from mailer.feedback.webhooks.authentic import check_fresh, decoded_base64, hmac_of, same_as_any
from mailer.feedback.webhooks.events import sealed
from mailer.feedback.webhooks.payload import (
    MalformedError,
    address,
    at,
    moment,
    objects,
    parse_json,
    refuse_inbound,
    strings,
    text,
    texts,
)
from mailer.feedback.webhooks.request import WebhookRequest
from mailer.feedback.webhooks.service import Proof, Service

_HAPPENINGS: Mapping[str, Happening] = MappingProxyType(
    {
        "email.scheduled": Happening.QUEUED,
        "email.sent": Happening.SENT,
        "email.delivered": Happening.DELIVERED,
        "email.delivery_delayed": Happening.DEFERRED,
        "email.bounced": Happening.BOUNCED,
        "email.suppressed": Happening.REJECTED,
        "email.failed": Happening.FAILED,
        "email.complained": Happening.COMPLAINED,
        "email.opened": Happening.OPENED,
        "email.clicked": Happening.CLICKED,
    }
)
_PREFIX = "whsec_"
_MOST_SIGNATURES = 20


def _verify(request: WebhookRequest) -> Refusal | None:
    if not request.secrets.keys:
        return None
    identifier, time = (_header(request, name) for name in ("id", "timestamp"))
    given = [one.removeprefix("v1,") for one in _header(request, "signature").split() if one.startswith("v1,")][
        :_MOST_SIGNATURES
    ]
    if not (identifier and time and given):
        return Refusal(RefusalReason.UNAUTHENTICATED, "no signature")
    signed = f"{identifier}.{time.partition('.')[0]}.".encode("utf-8", "replace") + request.body
    expected = [binascii.b2a_base64(hmac_of(_key(key), signed), newline=False) for key in request.secrets.keys]
    matches = [same_as_any(one.encode("utf-8", "replace"), expected) for one in given]
    if not any(matches):
        return Refusal(RefusalReason.FORGED, "a wrong signature")
    return check_fresh(moment({"time": time}, "time"), request.now)


def _header(request: WebhookRequest, name: str) -> str:
    return str(request.headers.get(f"svix-{name}") or request.headers.get(f"webhook-{name}") or "")


def _key(secret: str) -> bytes:
    try:
        return decoded_base64(secret.removeprefix(_PREFIX))
    except ValueError:
        return secret.encode()


def _read(request: WebhookRequest, judge: Judge) -> Facts:
    return Facts(Form.WEBHOOK, tuple(_fact(item, request, judge) for item in objects(parse_json(request.body))))


def _fact(item: Mapping[str, object], request: WebhookRequest, judge: Judge) -> Fact:
    refuse_inbound(text(item, "type") == "email.received")
    bounce = text(item, "data", "bounce", "message")
    headers = at(item, "data", "headers")
    own = {text(one, "name").lower(): text(one, "value") for one in (headers if isinstance(headers, list) else [])}
    fact = Fact(
        _HAPPENINGS.get(text(item, "type"), Happening.UNKNOWN),
        address(item, "data", "to"),
        diagnostic=bounce or text(item, "data", "failed", "reason"),
        at=moment(item, "created_at"),
        event_id=_header(request, "id"),
        url=text(item, "data", "click", "link"),
        user_agent=text(item, "data", "click", "userAgent"),
        tags=_tags(own.get("x-tags", "")),
        metadata=_metadata(own.get("x-metadata", "")),
    )
    hard = text(item, "data", "bounce", "type") == "Permanent" or "hard bounce" in bounce
    return sealed(fact, judge, message_ids=(text(item, "data", "email_id"), own.get("message-id", "")), hard=hard)


def _tags(value: str) -> tuple[str, ...]:
    try:
        return texts(parse_json(value)) if value else ()
    except MalformedError:
        return (value,)


def _metadata(value: str) -> dict[str, str]:
    try:
        return strings(parse_json(value)) if value else {}
    except MalformedError:
        return {}


SERVICE = Service("resend", "Resend", Proof.KEY, verify=_verify, read=_read)
