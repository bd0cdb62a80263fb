"""Mailtrap: a list of events a request, signed by an HMAC over the body where it was given a key.

https://docs.mailtrap.io/developers/email-sending/webhooks
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mailer.feedback.fact import Fact, Facts, Form, Happening, Refusal
from mailer.feedback.judging import Judge
from mailer.feedback.webhooks.authentic import check_hmac
from mailer.feedback.webhooks.events import sealed
from mailer.feedback.webhooks.payload import address, at, moment, objects, parse_json, strings, text, texts
from mailer.feedback.webhooks.request import WebhookRequest
from mailer.feedback.webhooks.service import Proof, Service

_HAPPENINGS: Mapping[str, Happening] = MappingProxyType(
    {
        "delivery": Happening.DELIVERED,
        "open": Happening.OPENED,
        "click": Happening.CLICKED,
        "unsubscribe": Happening.UNSUBSCRIBED,
        "spam": Happening.COMPLAINED,
        "soft bounce": Happening.BOUNCED,
        "bounce": Happening.BOUNCED,
        "suspension": Happening.DEFERRED,
        "reject": Happening.REJECTED,
    }
)


def _verify(request: WebhookRequest) -> Refusal | None:
    if not request.secrets.keys:
        return None
    return check_hmac(request, str(request.headers.get("mailtrap-signature", "")), request.body)


def _read(request: WebhookRequest, judge: Judge) -> Facts:
    events = at(parse_json(request.body), "events")
    return Facts(Form.WEBHOOK, tuple(_fact(item, judge) for item in objects(events if events is not None else [])))


def _fact(item: Mapping[str, object], judge: Judge) -> Fact:
    event = text(item, "event")
    fact = Fact(
        _HAPPENINGS.get(event, Happening.UNKNOWN),
        address(item, "email"),
        diagnostic=text(item, "response") or text(item, "reason"),
        at=moment(item, "timestamp"),
        event_id=text(item, "event_id"),
        url=text(item, "url"),
        user_agent=text(item, "user_agent"),
        tags=texts(item, "category"),
        metadata=strings(at(item, "custom_variables")),
    )
    return sealed(fact, judge, message_ids=(text(item, "message_id"),), hard=event == "bounce")


SERVICE = Service("mailtrap", "Mailtrap", Proof.KEY, verify=_verify, read=_read)
