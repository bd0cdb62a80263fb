"""MailerSend: one event a request, signed by an HMAC over the body. It signs no time, so that a replay is told by the event's id alone.

https://developers.mailersend.com/api/v1/webhooks.html
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mailer.feedback.fact import Fact, Facts, Form, Happening, Refusal
from mailer.feedback.judging import Judge
from mailer.feedback.webhooks.authentic import check_hmac
from mailer.feedback.webhooks.events import sealed
from mailer.feedback.webhooks.payload import address, moment, objects, parse_json, refuse_inbound, text, texts
from mailer.feedback.webhooks.request import WebhookRequest
from mailer.feedback.webhooks.service import Proof, Service

_HAPPENINGS: Mapping[str, Happening] = MappingProxyType(
    {
        "sent": Happening.SENT,
        "delivered": Happening.DELIVERED,
        "deferred": Happening.DEFERRED,
        "soft_bounced": Happening.BOUNCED,
        "hard_bounced": Happening.BOUNCED,
        "opened": Happening.OPENED,
        "opened_unique": Happening.OPENED,
        "clicked": Happening.CLICKED,
        "clicked_unique": Happening.CLICKED,
        "unsubscribed": Happening.UNSUBSCRIBED,
        "spam_complaint": Happening.COMPLAINED,
    }
)


def _verify(request: WebhookRequest) -> Refusal | None:
    if not request.secrets.keys:
        return None
    return check_hmac(request, str(request.headers.get("signature", "")), request.body)


def _read(request: WebhookRequest, judge: Judge) -> Facts:
    return Facts(Form.WEBHOOK, tuple(_fact(item, judge) for item in objects(parse_json(request.body))))


def _fact(item: Mapping[str, object], judge: Judge) -> Fact:
    refuse_inbound(text(item, "type").startswith("inbound."))
    type_ = text(item, "data", "type")
    fact = Fact(
        _HAPPENINGS.get(type_, Happening.UNKNOWN),
        address(item, "data", "email", "recipient", "email"),
        diagnostic=text(item, "data", "morph", "readable_reason") or text(item, "data", "morph", "reason"),
        at=moment(item, "data", "created_at"),
        event_id=text(item, "data", "id"),
        url=text(item, "data", "morph", "url"),
        tags=texts(item, "data", "email", "tags"),
    )
    identifiers = (text(item, "data", "email", "message", "id"), text(item, "data", "email", "headers", "message-id"))
    return sealed(fact, judge, message_ids=identifiers, hard=type_ == "hard_bounced")


SERVICE = Service("mailersend", "MailerSend", Proof.KEY, verify=_verify, read=_read)
