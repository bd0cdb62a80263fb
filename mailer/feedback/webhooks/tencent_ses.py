"""Tencent Cloud SES (腾讯云邮件推送): one event a request. It signs nothing: give it an address with a token or a password in it.

https://www.tencentcloud.com/document/product/1084/39492
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mailer.feedback.fact import Fact, Facts, Form, Happening
from mailer.feedback.judging import Judge
from mailer.feedback.webhooks.events import sealed
from mailer.feedback.webhooks.payload import address, moment, objects, parse_json, text
from mailer.feedback.webhooks.request import WebhookRequest
from mailer.feedback.webhooks.service import Proof, Service, by_password

_HAPPENINGS: Mapping[str, Happening] = MappingProxyType(
    {
        "delivered": Happening.DELIVERED,
        "dropped": Happening.REJECTED,
        "bounce": Happening.BOUNCED,
        "deferred": Happening.DEFERRED,
        "open": Happening.OPENED,
        "click": Happening.CLICKED,
        "spamreport": Happening.COMPLAINED,
        "unsubscribe": Happening.UNSUBSCRIBED,
    }
)
_CUSTOM = "X-Tencentcloudses-Cb-Custom"


def _read(request: WebhookRequest, judge: Judge) -> Facts:
    return Facts(Form.WEBHOOK, tuple(_fact(item, judge) for item in objects(parse_json(request.body))))


def _fact(item: Mapping[str, object], judge: Judge) -> Fact:
    custom = text(item, _CUSTOM)
    fact = Fact(
        _HAPPENINGS.get(text(item, "event"), Happening.UNKNOWN),
        address(item, "email"),
        diagnostic=text(item, "reason"),
        at=moment(item, "timestamp"),
        event_id=" ".join(filter(None, (text(item, "bulkId"), text(item, "event"), text(item, "timestamp")))),
        url=text(item, "url") or text(item, "link"),
        user_agent=text(item, "useragent") or text(item, "userAgent"),
        metadata={_CUSTOM: custom} if custom else {},
    )
    identifiers = (text(item, "messageId"), text(item, "bulkId"))
    return sealed(fact, judge, message_ids=identifiers, hard=text(item, "bounceType") == "hard_bounce")


SERVICE = Service("tencent_ses", "Tencent Cloud SES", Proof.NONE, verify=by_password, read=_read)
