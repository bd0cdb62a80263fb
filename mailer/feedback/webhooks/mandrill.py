"""Mandrill: a form with a list of events, signed by an HMAC over the address it is sent to and the form's fields.

https://mailchimp.com/developer/transactional/guides/track-respond-activity-webhooks/#authenticating-webhook-requests
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from mailer.feedback.fact import Fact, Facts, Form, Happening, Refusal, RefusalReason
from mailer.feedback.judging import Judge
from mailer.feedback.webhooks.authentic import hmac_of, same_as_any
from mailer.feedback.webhooks.events import sealed
from mailer.feedback.webhooks.form import parse_form
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
        "send": Happening.SENT,
        "deferral": Happening.DEFERRED,
        "delivered": Happening.DELIVERED,
        "hard_bounce": Happening.BOUNCED,
        "soft_bounce": Happening.BOUNCED,
        "open": Happening.OPENED,
        "click": Happening.CLICKED,
        "spam": Happening.COMPLAINED,
        "unsub": Happening.UNSUBSCRIBED,
        "reject": Happening.REJECTED,
    }
)


def _verify(request: WebhookRequest) -> Refusal | None:
    if not request.secrets.keys:
        return None
    given = str(request.headers.get("x-mandrill-signature", ""))
    if not given:
        return Refusal(RefusalReason.UNAUTHENTICATED, "no signature")
    fields = "".join(name + value for name, value in sorted(parse_form(request)))
    signed = [f"{url}{fields}".encode("utf-8", "replace") for url in _addresses(request)]
    keys = [key.encode() for key in request.secrets.keys]
    expected = [binascii.b2a_base64(hmac_of(key, one, "sha1"), newline=False) for key in keys for one in signed]
    if not same_as_any(given.encode("utf-8", "replace"), expected):
        return Refusal(RefusalReason.FORGED, "a wrong signature")
    return None


def _addresses(request: WebhookRequest) -> Iterator[str]:
    """Our address as Mandrill may know it: with the user and password in it where there are any."""
    yield request.secrets.url
    scheme, _, rest = request.secrets.url.partition("://")
    for pair in request.secrets.basic:
        yield f"{scheme}://{pair}@{rest}"


def _read(request: WebhookRequest, judge: Judge) -> Facts:
    events = dict(parse_form(request)).get("mandrill_events")
    if events is None:
        raise MalformedError("no mandrill_events")
    return Facts(Form.WEBHOOK, tuple(_fact(item, judge) for item in objects(parse_json(events))))


def _fact(item: Mapping[str, object], judge: Judge) -> Fact:
    event = text(item, "event")
    refuse_inbound(event == "inbound")
    fact = Fact(
        _HAPPENINGS.get(event, Happening.UNKNOWN),
        address(item, "msg", "email") or address(item, "reject", "email"),
        diagnostic=text(item, "msg", "diag") or text(item, "msg", "bounce_description") or text(item, "reject", "reason"),
        at=moment(item, "ts"),
        url=text(item, "url"),
        user_agent=text(item, "user_agent"),
        tags=texts(item, "msg", "tags"),
        metadata=strings(at(item, "msg", "metadata")),
    )
    return sealed(fact, judge, message_ids=(text(item, "_id"), text(item, "msg", "_id")), hard=event == "hard_bounce")


SERVICE = Service("mandrill", "Mandrill", Proof.KEY, verify=_verify, read=_read)
