"""Mailgun: one JSON event a request, or a form in the older version; both signed by an HMAC over a time and a token.

https://documentation.mailgun.com/docs/mailgun/user-manual/events/webhooks
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mailer.feedback.fact import Fact, Facts, Form, Happening, Refusal
from mailer.feedback.judging import Judge
from mailer.feedback.webhooks.authentic import check_fresh, check_hmac
from mailer.feedback.webhooks.events import sealed
from mailer.feedback.webhooks.form import parse_form
from mailer.feedback.webhooks.payload import (
    MalformedError,
    address,
    at,
    moment,
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
        "accepted": Happening.QUEUED,
        "rejected": Happening.REJECTED,
        "delivered": Happening.DELIVERED,
        "failed": Happening.BOUNCED,
        "bounced": Happening.BOUNCED,
        "dropped": Happening.REJECTED,
        "opened": Happening.OPENED,
        "clicked": Happening.CLICKED,
        "complained": Happening.COMPLAINED,
        "unsubscribed": Happening.UNSUBSCRIBED,
    }
)
_OF_SIGNATURE = ("timestamp", "token", "signature")
_OF_FORM = (
    "event", "recipient", "domain", "message-headers", "Message-Id", "description", "reason", "error", "code", "notification", "url",
    "user-agent", "ip", "device-type", "client-type", "client-name", "client-os", "country", "region", "city", "tag", "X-Mailgun-Tag",
    "body-plain", "attachment-count", "mailing-list", "campaign-id", "campaign-name",
)  # fmt: skip


def _verify(request: WebhookRequest) -> Refusal | None:
    if not request.secrets.keys:
        return None
    signature = _signature(request)
    signed = f"{text(signature, 'timestamp')}{text(signature, 'token')}".encode("utf-8", "replace")
    return check_hmac(request, text(signature, "signature"), signed) or check_fresh(moment(signature, "timestamp"), request.now)


def _is_json(request: WebhookRequest) -> bool:
    return "json" in request.headers.get("content-type", "").lower()


def _signature(request: WebhookRequest) -> object:
    """The time, the token and the signature. A form may carry fields of ours of the same names before them."""
    return at(parse_json(request.body), "signature") if _is_json(request) else dict(parse_form(request))


def _read(request: WebhookRequest, judge: Judge) -> Facts:
    fact = _of_json(parse_json(request.body), judge) if _is_json(request) else _of_form(parse_form(request), judge)
    return Facts(Form.WEBHOOK, (fact,))


def _of_json(document: object, judge: Judge) -> Fact:
    event = at(document, "event-data")
    if not isinstance(event, dict):
        raise MalformedError("no event-data")
    happening = _HAPPENINGS.get(text(event, "event"), Happening.UNKNOWN)
    permanent = text(event, "severity") == "permanent"
    if happening is Happening.BOUNCED and text(event, "severity") == "temporary":
        happening = Happening.DEFERRED
    status = at(event, "delivery-status")
    reason = text(event, "reject", "reason")
    fact = Fact(
        happening,
        address(event, "recipient") or address(event, "message", "headers", "to"),
        status=text(status, "enhanced-code"),
        diagnostic=_reply(status) or text(status, "description") or reason,
        remote_host=text(status, "mx-host"),
        at=moment(event, "timestamp"),
        event_id=text(event, "id") or text(document, "signature", "token"),
        url=text(event, "url"),
        user_agent=text(event, "client-info", "user-agent"),
        tags=texts(event, "tags"),
        metadata=strings(at(event, "user-variables")),
    )
    return sealed(fact, judge, message_ids=(text(event, "message", "headers", "message-id"),), hard=permanent)


def _reply(status: object) -> str:
    """The server's reply with its code, which Mailgun keeps apart; codes of its own (498, 605 …) are left out."""
    code, message = text(status, "code"), text(status, "message")
    is_reply = message and code.isdigit() and int(code) < 560 and int(code) not in (498, 499)
    return f"{code} {message}" if is_reply and not message.startswith(code) else message


def _of_form(fields: list[tuple[str, str]], judge: Judge) -> Fact:
    """The older form: Mailgun's own fields come before ours, though they may have the same names, and the signature after them."""
    first, last = dict(reversed(fields)), dict(fields)
    refuse_inbound("event" not in first and ("body-plain" in first or "body-mime" in first or "message-url" in first))
    own = [(name, (last if name in _OF_SIGNATURE else first).get(name, "")) for name in (*_OF_FORM, *_OF_SIGNATURE)]
    fact = Fact(
        _HAPPENINGS.get(first.get("event", ""), Happening.UNKNOWN),
        address(first, "recipient"),
        diagnostic=first.get("error") or first.get("notification") or first.get("description", ""),
        at=moment(last, "timestamp"),
        event_id=last.get("token", ""),
        url=first.get("url", ""),
        user_agent=first.get("user-agent", ""),
        tags=tuple(value for name, value in fields if name in ("tag", "X-Mailgun-Tag")),
        metadata=_variables(first.get("message-headers", "")) or dict(field for field in fields if field not in own),
    )
    permanent = first.get("code", "").startswith("5")
    return sealed(fact, judge, message_ids=(first.get("Message-Id", ""),), hard=permanent)


def _variables(headers: str) -> dict[str, str]:
    if not headers:
        return {}
    document = parse_json(headers)
    for pair in document if isinstance(document, list) else []:
        match pair:
            case ["X-Mailgun-Variables", str(value)]:
                return strings(parse_json(value))
            case _:
                continue
    return {}


SERVICE = Service("mailgun", "Mailgun", Proof.KEY, verify=_verify, read=_read)
