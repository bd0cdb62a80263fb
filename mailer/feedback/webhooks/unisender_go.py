"""Unisender Go: events by user a request, with an MD5 over the body in which the API key stands in the digest's place.

https://godocs.unisender.ru/web-api-ref#callback-format. The digest is the service's choice; use a password beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from mailer.feedback.fact import Fact, Facts, Form, Happening, Refusal, RefusalReason
from mailer.feedback.judging import Judge
from mailer.feedback.webhooks.authentic import same_as_any
from mailer.feedback.webhooks.events import sealed
from mailer.feedback.webhooks.payload import MalformedError, address, at, moment, parse_json, strings, text
from mailer.feedback.webhooks.request import WebhookRequest
from mailer.feedback.webhooks.service import Proof, Service

_HAPPENINGS: Mapping[str, Happening] = MappingProxyType(
    {
        "sent": Happening.SENT,
        "delivered": Happening.DELIVERED,
        "opened": Happening.OPENED,
        "clicked": Happening.CLICKED,
        "unsubscribed": Happening.UNSUBSCRIBED,
        "subscribed": Happening.SUBSCRIBED,
        "soft_bounced": Happening.BOUNCED,
        "hard_bounced": Happening.BOUNCED,
        "spam": Happening.COMPLAINED,
    }
)
_DIGEST_LETTERS = 32


def _verify(request: WebhookRequest) -> Refusal | None:
    if not request.secrets.keys:
        return None
    document = parse_json(request.body)
    given = at(document, "auth")
    if given is None:
        return Refusal(RefusalReason.UNAUTHENTICATED, "no signature")
    # The digest must stand in the body exactly once, or it could be chosen freely.
    octets = str(given).encode("utf-8", "replace")
    if not isinstance(given, str) or len(octets) != _DIGEST_LETTERS or request.body.count(octets) != 1:
        return Refusal(RefusalReason.MALFORMED, "no digest where one should be")
    signed = (request.body.replace(octets, key.encode()) for key in request.secrets.keys)
    if not same_as_any(octets, (hashlib.md5(one).hexdigest().encode() for one in signed)):  # noqa: S324 - the service's choice
        return Refusal(RefusalReason.FORGED, "a wrong signature")
    return None


def _read(request: WebhookRequest, judge: Judge) -> Facts:
    return Facts(Form.WEBHOOK, tuple(_fact(item, judge) for item in _events(parse_json(request.body))))


def _events(document: object) -> Iterator[object]:
    """The events' data: of all users, or the one event that the body itself is."""
    if not isinstance(document, dict):
        raise MalformedError("no object where the events should be")
    users = document.get("events_by_user")
    if not isinstance(users, list):
        yield document
        return
    for user in users:
        events = at(user, "events")
        for event in events if isinstance(events, list) else []:
            if text(event, "event_name") == "transactional_email_status":
                yield at(event, "event_data")


def _fact(item: object, judge: Judge) -> Fact:
    status = text(item, "status")
    fact = Fact(
        _HAPPENINGS.get(status, Happening.UNKNOWN),
        address(item, "email"),
        diagnostic=text(item, "delivery_info", "destination_response") or text(item, "delivery_info", "delivery_status"),
        at=moment(item, "event_time"),
        url=text(item, "url"),
        user_agent=text(item, "delivery_info", "user_agent"),
        metadata=strings(at(item, "metadata")),
    )
    return sealed(fact, judge, message_ids=(text(item, "job_id"), *fact.metadata.values()), hard=status == "hard_bounced")


SERVICE = Service("unisender_go", "Unisender Go", Proof.KEY, verify=_verify, read=_read)
