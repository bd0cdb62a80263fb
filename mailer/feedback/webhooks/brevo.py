"""Brevo, formerly Sendinblue: one event a request; known by a user and password, or a token in the address given to it.

https://developers.brevo.com/docs/transactional-webhooks
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mailer.feedback.fact import Fact, Facts, Form, Happening
from mailer.feedback.judging import Judge
from mailer.feedback.webhooks.events import sealed
from mailer.feedback.webhooks.payload import (
    MalformedError,
    address,
    moment,
    objects,
    parse_json,
    refuse_inbound,
    strings,
    text,
    texts,
)
from mailer.feedback.webhooks.request import WebhookRequest
from mailer.feedback.webhooks.service import Proof, Service, by_password

_HAPPENINGS: Mapping[str, Happening] = MappingProxyType(
    {
        "request": Happening.QUEUED,
        "delivered": Happening.DELIVERED,
        "deferred": Happening.DEFERRED,
        "hard_bounce": Happening.BOUNCED,
        "soft_bounce": Happening.BOUNCED,
        "invalid_email": Happening.BOUNCED,
        "blocked": Happening.REJECTED,
        "error": Happening.FAILED,
        "spam": Happening.COMPLAINED,
        "complaint": Happening.COMPLAINED,
        "opened": Happening.OPENED,
        "unique_opened": Happening.OPENED,
        "proxy_open": Happening.OPENED,
        "unique_proxy_open": Happening.OPENED,
        "click": Happening.CLICKED,
        "unsubscribe": Happening.UNSUBSCRIBED,
        "unsubscribed": Happening.UNSUBSCRIBED,
        "list_addition": Happening.SUBSCRIBED,
    }
)
_HARD = frozenset({"hard_bounce", "invalid_email"})
_TIMES = ("ts_epoch", "ts_event", "ts")


def _read(request: WebhookRequest, judge: Judge) -> Facts:
    return Facts(Form.WEBHOOK, tuple(_fact(item, judge) for item in objects(parse_json(request.body))))


def _fact(item: Mapping[str, object], judge: Judge) -> Fact:
    refuse_inbound("event" not in item and isinstance(item.get("items"), list))
    event = text(item, "event")
    fact = Fact(
        _HAPPENINGS.get(event, Happening.UNKNOWN),
        address(item, "email"),
        diagnostic=text(item, "reason"),
        at=next(filter(None, (moment(item, key) for key in _TIMES)), None),
        url=text(item, "link"),
        user_agent=text(item, "user_agent"),
        tags=texts(item, "tags") or texts(item, "tag"),
        metadata=_custom(item),
    )
    return sealed(fact, judge, message_ids=(text(item, "message-id"),), hard=event in _HARD)


def _custom(item: Mapping[str, object]) -> dict[str, str]:
    try:
        return strings(parse_json(text(item, "X-Mailin-custom") or "{}"))
    except MalformedError:
        return {"X-Mailin-custom": text(item, "X-Mailin-custom")}


SERVICE = Service("brevo", "Brevo", Proof.NONE, verify=by_password, read=_read)
