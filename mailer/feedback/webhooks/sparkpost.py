"""SparkPost: a list of events a request, each in an envelope of its kind; known by a user and password.

https://developers.sparkpost.com/api/webhooks/ and https://docs.sparkpost.com/docs/deliverability/bounce-classification-codes/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from mailer.feedback.fact import Fact, Facts, Form, Happening
from mailer.feedback.judging import Judge
from mailer.feedback.webhooks.events import sealed
from mailer.feedback.webhooks.payload import address, at, moment, objects, parse_json, refuse_inbound, strings, text, texts
from mailer.feedback.webhooks.request import WebhookRequest
from mailer.feedback.webhooks.service import Proof, Service, by_password

_KINDS = ("message_event", "track_event", "gen_event", "unsubscribe_event", "ab_test_event")
_HAPPENINGS: Mapping[str, Happening] = MappingProxyType(
    {
        "injection": Happening.QUEUED,
        "delivery": Happening.DELIVERED,
        "delay": Happening.DEFERRED,
        "bounce": Happening.BOUNCED,
        "out_of_band": Happening.BOUNCED,
        "policy_rejection": Happening.REJECTED,
        "generation_failure": Happening.FAILED,
        "generation_rejection": Happening.REJECTED,
        "spam_complaint": Happening.COMPLAINED,
        "open": Happening.OPENED,
        "amp_open": Happening.OPENED,
        "click": Happening.CLICKED,
        "amp_click": Happening.CLICKED,
        "list_unsubscribe": Happening.UNSUBSCRIBED,
        "link_unsubscribe": Happening.UNSUBSCRIBED,
    }
)
# Classes of bounces that are none.
_OF_CLASS: Mapping[str, Happening] = MappingProxyType(
    {
        "60": Happening.AUTORESPONDED,
        "80": Happening.SUBSCRIBED,
        "90": Happening.UNSUBSCRIBED,
        "100": Happening.AUTORESPONDED,
    }
)
_HARD = frozenset({"10", "30"})  # Invalid recipient; no RCPT.


def _read(request: WebhookRequest, judge: Judge) -> Facts:
    return Facts(Form.WEBHOOK, tuple(_facts(parse_json(request.body), judge)))


def _facts(document: object, judge: Judge) -> Iterator[Fact]:
    for item in objects(document):
        refuse_inbound(at(item, "msys", "relay_message"))
        for kind in _KINDS:
            event = at(item, "msys", kind)
            if isinstance(event, dict):
                yield _fact(event, judge)


def _fact(event: Mapping[str, object], judge: Judge) -> Fact:
    happening = _HAPPENINGS.get(text(event, "type"), Happening.UNKNOWN)
    class_ = text(event, "bounce_class")
    if happening is Happening.BOUNCED:
        happening = _OF_CLASS.get(class_, happening)
    fact = Fact(
        happening,
        address(event, "raw_rcpt_to") or address(event, "rcpt_to"),
        diagnostic=text(event, "raw_reason") or text(event, "reason"),
        at=moment(event, "timestamp"),
        event_id=text(event, "event_id"),
        url=text(event, "target_link_url"),
        user_agent=text(event, "user_agent"),
        tags=texts(event, "campaign_id"),
        feedback_type=text(event, "fbtype"),
        metadata=strings(at(event, "rcpt_meta")),
    )
    identifiers = (text(event, "transmission_id"), text(event, "message_id"))
    return sealed(fact, judge, message_ids=identifiers, hard=class_ in _HARD)


SERVICE = Service("sparkpost", "SparkPost", Proof.NONE, verify=by_password, read=_read)
