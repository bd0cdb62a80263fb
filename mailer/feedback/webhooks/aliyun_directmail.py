"""Aliyun DirectMail (阿里云邮件推送), whose events come through EventBridge as CloudEvents.

https://www.alibabacloud.com/help/en/eventbridge/user-guide/events-of-the-direct-mail-type. Give the target an address with a
token or a password in it; EventBridge's own signature is by a key that it sends along, and proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mailer.feedback.fact import Fact, Facts, Form, Happening
from mailer.feedback.judging import Judge
from mailer.feedback.webhooks.events import sealed
from mailer.feedback.webhooks.payload import address, at, moment, objects, parse_json, text, texts
from mailer.feedback.webhooks.request import WebhookRequest
from mailer.feedback.webhooks.service import Proof, Service, by_password

_HAPPENINGS: Mapping[str, Happening] = MappingProxyType(
    {
        "dm:Deliver:Succeed": Happening.DELIVERED,
        "dm:Deliver:Fail": Happening.BOUNCED,
        "dm:Feedback:FblReport": Happening.COMPLAINED,
        "dm:Feedback:UnSubscribe": Happening.UNSUBSCRIBED,
        "dm:Feedback:Subscribe": Happening.SUBSCRIBED,
        "dm:Trace:Open": Happening.OPENED,
        "dm:Trace:Click": Happening.CLICKED,
    }
)
_HARD = frozenset({"SmtpNxBox"})  # "Nx": the box does not exist.


def _read(request: WebhookRequest, judge: Judge) -> Facts:
    return Facts(Form.WEBHOOK, tuple(_fact(item, judge) for item in objects(parse_json(request.body))))


def _fact(item: Mapping[str, object], judge: Judge) -> Fact:
    data = at(item, "data")
    fact = Fact(
        _HAPPENINGS.get(text(item, "type") or text(data, "event"), Happening.UNKNOWN),
        address(data, "rcpt") or address(data, "recipient"),
        diagnostic=text(data, "err_msg") or text(data, "failed_type"),
        at=moment(item, "time"),
        event_id=text(item, "id"),
        url=text(data, "url") or text(data, "link"),
        user_agent=text(data, "user_agent"),
        tags=texts(data, "tag"),
    )
    identifiers = (text(data, "msg_id"), text(data, "header", "X-Notify-Message-ID"), text(data, "env_id"))
    return sealed(fact, judge, message_ids=identifiers, hard=text(data, "failed_type") in _HARD)


SERVICE = Service("aliyun_directmail", "Aliyun DirectMail", Proof.NONE, verify=by_password, read=_read)
