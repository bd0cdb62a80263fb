"""SendCloud: one event a request as a form, signed by an HMAC over a time and a token; and the pages of its list of bounces, as JSON.

https://www.sendcloud.net/doc/email_v2/webhook/
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta, timezone
from types import MappingProxyType

from mailer.feedback.fact import Fact, Facts, Form, Happening, Refusal
from mailer.feedback.judging import Judge
from mailer.feedback.webhooks.authentic import check_fresh, check_hmac
from mailer.feedback.webhooks.events import sealed
from mailer.feedback.webhooks.form import parse_form
from mailer.feedback.webhooks.payload import address, at, moment, objects, parse_json, text
from mailer.feedback.webhooks.request import WebhookRequest
from mailer.feedback.webhooks.service import Proof, Service

_HAPPENINGS: Mapping[str, Happening] = MappingProxyType(
    {
        "request": Happening.QUEUED,
        "deliver": Happening.DELIVERED,
        "bounce": Happening.BOUNCED,
        "invalid": Happening.BOUNCED,
        "soft_bounce": Happening.BOUNCED,
        "open": Happening.OPENED,
        "click": Happening.CLICKED,
        "unsubscribe": Happening.UNSUBSCRIBED,
        "report_spam": Happening.COMPLAINED,
    }
)
_HARD = frozenset({"bounce", "invalid"})
_CHINA = timezone(timedelta(hours=8))


def _verify(request: WebhookRequest) -> Refusal | None:
    if not request.secrets.keys:
        return None
    fields = dict(parse_form(request))
    signed = f"{fields.get('timestamp', '')}{fields.get('token', '')}".encode("utf-8", "replace")
    return check_hmac(request, fields.get("signature", ""), signed) or check_fresh(moment(fields, "timestamp"), request.now)


def _read(request: WebhookRequest, judge: Judge) -> Facts:
    if request.body.lstrip().startswith((b"{", b"[")):
        listed = at(parse_json(request.body), "info", "dataList")
        return Facts(Form.WEBHOOK, tuple(_listed(item, judge) for item in objects(listed if listed is not None else [])))
    fields = dict(parse_form(request))
    event = fields.get("event", "")
    fact = Fact(
        _HAPPENINGS.get(event, Happening.UNKNOWN),
        address(fields, "recipient") or address(fields, "email"),
        diagnostic=fields.get("reason") or fields.get("subStatDesc") or fields.get("message", ""),
        at=moment(fields, "timestamp"),
        event_id=fields.get("token", ""),
        url=fields.get("url", ""),
        user_agent=fields.get("userAgent", ""),
        tags=tuple(filter(None, (fields.get("labelId", ""),))),
    )
    identifiers = (fields.get("emailId", ""), fields.get("messageId", ""))
    return Facts(Form.WEBHOOK, (sealed(fact, judge, message_ids=identifiers, hard=event in _HARD),))


def _listed(item: Mapping[str, object], judge: Judge) -> Fact:
    """A row of the list: it does not say which mail it was, nor whether the server's word was final."""
    fact = Fact(
        Happening.BOUNCED, address(item, "email"), diagnostic=text(item, "reason"), at=moment(item, "bounceTime", zone=_CHINA)
    )
    return sealed(fact, judge, message_ids=(), hard=True)


SERVICE = Service("sendcloud", "SendCloud", Proof.KEY, verify=_verify, read=_read)
