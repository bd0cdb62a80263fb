"""Postal, a mail platform that one runs oneself: one event a request, signed by its RSA key over the body.

https://docs.postalserver.io/developer/webhooks
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_public_key

from mailer.feedback.fact import Fact, Facts, Form, Happening, Refusal, RefusalReason
from mailer.feedback.judging import Judge
from mailer.feedback.webhooks.authentic import decoded_base64
from mailer.feedback.webhooks.events import sealed
from mailer.feedback.webhooks.payload import MalformedError, address, at, moment, parse_json, refuse_inbound, text, texts
from mailer.feedback.webhooks.request import WebhookRequest
from mailer.feedback.webhooks.service import Proof, Service

_HAPPENINGS: Mapping[str, Happening] = MappingProxyType(
    {
        "MessageSent": Happening.DELIVERED,
        "MessageDelayed": Happening.DEFERRED,
        "MessageDeliveryFailed": Happening.BOUNCED,
        "MessageHeld": Happening.QUEUED,
        "MessageBounced": Happening.BOUNCED,
        "MessageLinkClicked": Happening.CLICKED,
        "MessageLoaded": Happening.OPENED,
    }
)
_SIGNATURES: Mapping[str, HashAlgorithm] = MappingProxyType({"x-postal-signature-256": SHA256(), "x-postal-signature": SHA1()})  # noqa: S303 - Postal's choice


def _verify(request: WebhookRequest) -> Refusal | None:
    if not request.secrets.keys:
        return None
    name = next((name for name in _SIGNATURES if request.headers.get(name)), None)
    if name is None:
        return Refusal(RefusalReason.UNAUTHENTICATED, "no signature")
    if not any(_signed_by(key, str(request.headers[name]), request.body, _SIGNATURES[name]) for key in request.secrets.keys):
        return Refusal(RefusalReason.FORGED, "a wrong signature")
    return None


def _signed_by(key: str, signature: str, body: bytes, algorithm: HashAlgorithm) -> bool:
    """Whether the key, which DNS publishes for DKIM too, signed the body."""
    try:
        public_key = load_der_public_key(decoded_base64(key))
        if not isinstance(public_key, RSAPublicKey):
            return False
        public_key.verify(decoded_base64(signature), body, PKCS1v15(), algorithm)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def _read(request: WebhookRequest, judge: Judge) -> Facts:
    document = parse_json(request.body)
    if not isinstance(document, dict):
        raise MalformedError("no object where the event should be")
    refuse_inbound("event" not in document and "rcpt_to" in document)
    message = at(document, "payload", "message") or at(document, "payload", "original_message")
    if text(message, "direction") == "incoming":
        return Facts(Form.WEBHOOK)
    event = text(document, "event")
    fact = Fact(
        _HAPPENINGS.get(event, Happening.UNKNOWN),
        address(message, "to"),
        diagnostic=text(document, "payload", "output") or text(document, "payload", "details"),
        at=moment(document, "timestamp"),
        event_id=text(document, "uuid"),
        url=text(document, "payload", "url"),
        user_agent=text(document, "payload", "user_agent"),
        tags=texts(message, "tag"),
    )
    identifiers = (text(message, "id"), text(message, "message_id"))
    hard = event == "MessageDeliveryFailed" and text(document, "payload", "status") == "HardFail"
    return Facts(Form.WEBHOOK, (sealed(fact, judge, message_ids=identifiers, hard=hard),))


SERVICE = Service("postal", "Postal", Proof.KEY, verify=_verify, read=_read)
