"""SendGrid: a list of events a request, signed by ECDSA over the time and the body.

https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from mailer.feedback.charset import storable
from mailer.feedback.fact import Fact, Facts, Form, Happening, Refusal, RefusalReason
from mailer.feedback.judging import Judge
from mailer.feedback.webhooks.authentic import check_fresh, decoded_base64
from mailer.feedback.webhooks.events import sealed
from mailer.feedback.webhooks.payload import address, moment, objects, parse_json, text, texts
from mailer.feedback.webhooks.request import WebhookRequest
from mailer.feedback.webhooks.service import Proof, Service

_SIGNATURE, _TIME = "x-twilio-email-event-webhook-signature", "x-twilio-email-event-webhook-timestamp"
_HAPPENINGS: Mapping[str, Happening] = MappingProxyType(
    {
        "processed": Happening.QUEUED,
        "dropped": Happening.REJECTED,
        "deferred": Happening.DEFERRED,
        "bounce": Happening.BOUNCED,
        "blocked": Happening.BOUNCED,
        "delivered": Happening.DELIVERED,
        "open": Happening.OPENED,
        "click": Happening.CLICKED,
        "spamreport": Happening.COMPLAINED,
        "unsubscribe": Happening.UNSUBSCRIBED,
        "group_unsubscribe": Happening.UNSUBSCRIBED,
        "group_resubscribe": Happening.SUBSCRIBED,
    }
)
# What SendGrid writes itself; anything else in an event is a custom argument of ours.
_OWN = frozenset(
    [
        "event",
        "email",
        "timestamp",
        "smtp-id",
        "sg_event_id",
        "sg_message_id",
        "sg_content_type",
        "sg_machine_open",
        "useragent",
        "ip",
        "url",
        "url_offset",
        "category",
        "asm_group_id",
        "reason",
        "status",
        "response",
        "attempt",
        "type",
        "tls",
        "cert_err",
        "pool",
        "newsletter",
        "send_at",
        "unique_args",
        "unique_arg",
        "marketing_campaign_id",
        "marketing_campaign_name",
        "bounce_classification",
        "sg_template_id",
        "sg_template_name",
    ]
)


def _verify(request: WebhookRequest) -> Refusal | None:
    if not request.secrets.keys:
        return None
    signature, time = request.headers.get(_SIGNATURE, ""), request.headers.get(_TIME, "")
    if not signature:
        return Refusal(RefusalReason.UNAUTHENTICATED, "no signature")
    signed = time.encode("utf-8", "replace") + request.body
    if not any(_signed_by(key, signature, signed) for key in request.secrets.keys):
        return Refusal(RefusalReason.FORGED, "a wrong signature")
    return check_fresh(moment({"time": time}, "time"), request.now)


def _signed_by(key: str, signature: str, signed: bytes) -> bool:
    try:
        public_key = load_der_public_key(decoded_base64(key))
        if not isinstance(public_key, EllipticCurvePublicKey):
            return False
        public_key.verify(decoded_base64(signature), signed, ECDSA(SHA256()))
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def _read(request: WebhookRequest, judge: Judge) -> Facts:
    return Facts(Form.WEBHOOK, tuple(_fact(item, judge) for item in objects(parse_json(request.body))))


def _fact(item: Mapping[str, object], judge: Judge) -> Fact:
    fact = Fact(
        _HAPPENINGS.get(text(item, "event"), Happening.UNKNOWN),
        address(item, "email"),
        status=text(item, "status"),
        diagnostic=text(item, "response") or text(item, "reason"),
        at=moment(item, "timestamp"),
        event_id=text(item, "sg_event_id"),
        url=text(item, "url"),
        user_agent=text(item, "useragent"),
        tags=texts(item, "category"),
        metadata={storable(key): text(item, key) for key in item if key not in _OWN and text(item, key)},
    )
    identifiers = (text(item, "smtp-id"), text(item, "sg_message_id"), *fact.metadata.values())
    # A bounce of the type "blocked" is a refusal for reputation, content or rate.
    return sealed(
        fact, judge, message_ids=identifiers, hard=text(item, "event") == "bounce" and text(item, "type") != "blocked"
    )


SERVICE = Service("sendgrid", "SendGrid", Proof.KEY, verify=_verify, read=_read)
