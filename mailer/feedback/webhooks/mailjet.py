"""Mailjet: an event, or a list of them, a request; no signature, but the user and password in the address given to it.

https://dev.mailjet.com/email/guides/webhooks/
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mailer.feedback.fact import Fact, Facts, Form, Happening
from mailer.feedback.judging import Judge
from mailer.feedback.webhooks.events import sealed
from mailer.feedback.webhooks.payload import MalformedError, address, at, moment, objects, parse_json, strings, text, texts
from mailer.feedback.webhooks.request import WebhookRequest
from mailer.feedback.webhooks.service import Proof, Service, by_password

_HAPPENINGS: Mapping[str, Happening] = MappingProxyType(
    {
        "sent": Happening.DELIVERED,  # "Sent" there means that the recipient's server took it: `smtp_reply` has its answer.
        "open": Happening.OPENED,
        "click": Happening.CLICKED,
        "bounce": Happening.BOUNCED,
        "blocked": Happening.REJECTED,
        "spam": Happening.COMPLAINED,
        "unsub": Happening.UNSUBSCRIBED,
    }
)


def _read(request: WebhookRequest, judge: Judge) -> Facts:
    return Facts(Form.WEBHOOK, tuple(_fact(item, judge) for item in objects(parse_json(request.body))))


def _fact(item: Mapping[str, object], judge: Judge) -> Fact:
    happening = _HAPPENINGS.get(text(item, "event"), Happening.UNKNOWN)
    if happening is Happening.BOUNCED and text(item, "error") == "greylisted":
        happening = Happening.DEFERRED
    said = [text(item, "smtp_reply"), text(item, "error"), text(item, "comment")]
    fact = Fact(
        happening,
        address(item, "email"),
        diagnostic=next(filter(None, said), ""),
        at=moment(item, "time"),
        url=text(item, "url"),
        user_agent=text(item, "agent"),
        tags=tuple(filter(None, texts(item, "customcampaign"))),
        metadata=_payload(item),
    )
    identifiers = (text(item, "MessageID"), text(item, "CustomID"))
    return sealed(fact, judge, message_ids=identifiers, hard=at(item, "hard_bounce") is True)


def _payload(item: Mapping[str, object]) -> dict[str, str]:
    """What was sent along with the message, where it is an object."""
    try:
        return strings(parse_json(text(item, "Payload") or "{}"))
    except MalformedError:
        return {}


SERVICE = Service("mailjet", "Mailjet", Proof.NONE, verify=by_password, read=_read)
