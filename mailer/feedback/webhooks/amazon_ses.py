"""Amazon SES, whose events come through SNS: signed by a certificate of Amazon's, for a topic that must be ours.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from types import MappingProxyType

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import load_pem_x509_certificate

from mailer.feedback.arf import ASK_NOTHING
from mailer.feedback.fact import Fact, Facts, Form, Happening, Refusal, RefusalReason
from mailer.feedback.judging import Judge
from mailer.feedback.webhooks.authentic import check_fresh, decoded_base64, same_as_any
from mailer.feedback.webhooks.events import sealed
from mailer.feedback.webhooks.payload import MalformedError, address, at, moment, parse_json, refuse_inbound, text, texts
from mailer.feedback.webhooks.request import WebhookRequest
from mailer.feedback.webhooks.service import Proof, Service

# SNS delivers a message again for up to an hour, with the signature that it had.
_WINDOW = timedelta(hours=1)
_HOST = r"https://sns\.[a-z0-9\-]{3,40}\.amazonaws\.com(?:\.cn)?"
_CERTIFICATE = re.compile(rf"{_HOST}/SimpleNotificationService-[0-9A-Za-z]{{1,64}}\.pem")
_CONFIRMATION = re.compile(rf"{_HOST}/\?Action=ConfirmSubscription&[!-~]{{1,2000}}")
_SIGNED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
        "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
        "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    }
)
_HASHES: Mapping[str, hashes.HashAlgorithm] = MappingProxyType({"1": hashes.SHA1(), "2": hashes.SHA256()})  # noqa: S303 - AWS's choice.
_HAPPENINGS: Mapping[str, Happening] = MappingProxyType(
    {
        "Send": Happening.SENT,
        "Reject": Happening.REJECTED,
        "Rendering Failure": Happening.FAILED,
        "Bounce": Happening.BOUNCED,
        "Complaint": Happening.COMPLAINED,
        "Delivery": Happening.DELIVERED,
        "DeliveryDelay": Happening.DEFERRED,
        "Open": Happening.OPENED,
        "Click": Happening.CLICKED,
    }
)
# Of "Permanent" bounces, only those of the address itself: SES names the others by their sub-type.
_HARD = frozenset({"General", "NoEmail", "Suppressed", "OnAccountSuppressionList", "Undetermined", ""})


def _verify(request: WebhookRequest) -> Refusal | None:
    envelope = parse_json(request.body)
    if not isinstance(envelope, dict):
        raise MalformedError("no SNS message")
    if text(envelope, "Type") == "SubscriptionConfirmation" and not request.secrets.topics:
        return Refusal(RefusalReason.NOT_CONFIGURED, "a topic asks to be confirmed, and none of ours is named")
    if not request.secrets.topics and not text(envelope, "Signature"):
        return None  # The password has been checked, and is all that was agreed on.
    topic = text(envelope, "TopicArn").encode()
    if request.secrets.topics and not same_as_any(topic, (arn.encode() for arn in request.secrets.topics)):
        return Refusal(RefusalReason.FOREIGN, f"of the topic {text(envelope, 'TopicArn')!r:.200}, which is not ours")
    return _check_signature(envelope, request) or check_fresh(moment(envelope, "Timestamp"), request.now, _WINDOW)


def _check_signature(envelope: Mapping[str, object], request: WebhookRequest) -> Refusal | None:
    url, algorithm = text(envelope, "SigningCertURL"), _HASHES.get(text(envelope, "SignatureVersion"))
    names = _SIGNED.get(text(envelope, "Type"))
    if not text(envelope, "Signature"):
        return Refusal(RefusalReason.UNAUTHENTICATED, "no signature")
    if names is None or algorithm is None:
        return Refusal(RefusalReason.MALFORMED, "neither a type nor a signature version of SNS")
    if not _CERTIFICATE.fullmatch(url) or request.fetch_certificate is None:
        return Refusal(RefusalReason.FORGED, f"signed by {url!r:.200}, which is no certificate of SNS")
    signed = "".join(f"{name}\n{text(envelope, name)}\n" for name in names if name in envelope)
    try:
        key = load_pem_x509_certificate(request.fetch_certificate(url)).public_key()
        if not isinstance(key, RSAPublicKey):
            return Refusal(RefusalReason.FORGED, "signed with no RSA key")
        key.verify(decoded_base64(text(envelope, "Signature")), signed.encode("utf-8", "replace"), PKCS1v15(), algorithm)
    except (InvalidSignature, ValueError):
        return Refusal(RefusalReason.FORGED, "a wrong signature")
    return None


def _read(request: WebhookRequest, judge: Judge) -> Facts:
    envelope = parse_json(request.body)
    if not isinstance(envelope, dict):
        raise MalformedError("no SNS message")
    if text(envelope, "Type") == "SubscriptionConfirmation":
        url = text(envelope, "SubscribeURL")
        return Facts(Form.WEBHOOK, confirm_url=url if _CONFIRMATION.fullmatch(url) else "")
    if text(envelope, "Type") != "Notification" or not text(envelope, "Message").lstrip().startswith("{"):
        return Facts(Form.WEBHOOK)  # "Successfully validated SNS topic …"
    return Facts(Form.WEBHOOK, tuple(_facts(parse_json(text(envelope, "Message")), envelope, judge)))


def facts_in_mail(words: str, judge: Judge) -> Facts | None:
    """The facts of a notification that SNS sent by mail; None where the words are none. The mail is no proof of its origin."""
    try:
        # Long lines come broken, as sendmail breaks them: an exclamation mark, a new line, a space.
        document = parse_json(words.partition("\n--")[0].replace("!\n ", ""))
        envelope, message = ({}, document) if at(document, "mail") else (document, parse_json(text(document, "Message")))
        facts = tuple(_facts(message, envelope if isinstance(envelope, dict) else {}, judge))
    except MalformedError:
        return None
    return Facts(Form.NOTICE, facts) if facts else None


def _facts(message: object, envelope: Mapping[str, object], judge: Judge) -> Iterator[Fact]:
    """One fact for each recipient: a bounce of several comes as one event, with one id."""
    kind = text(message, "eventType") or text(message, "notificationType")
    happening = _HAPPENINGS.get(kind, Happening.UNKNOWN)
    refuse_inbound(kind == "Received")
    if not kind:
        return
    detail = at(message, kind[0].lower() + kind[1:].replace(" ", "")) or at(message, "failure") or {}
    if kind == "Complaint" and text(detail, "complaintFeedbackType") in ASK_NOTHING:
        happening = Happening.REPORTED
    if kind == "Subscription":
        happening = _preference(detail)
    hard = text(detail, "bounceType") == "Permanent" and text(detail, "bounceSubType") in _HARD
    described = " ".join(filter(None, (text(detail, "bounceType"), text(detail, "bounceSubType"))))
    for recipient in _recipients(message, detail):
        fact = Fact(
            happening,
            address(recipient, "emailAddress") if isinstance(recipient, dict) else str(recipient),
            status=text(recipient, "status"),
            diagnostic=text(recipient, "diagnosticCode")
            or text(detail, "smtpResponse")
            or text(detail, "errorMessage")
            or text(detail, "reason")
            or described,
            feedback_type=text(detail, "complaintFeedbackType"),
            at=moment(envelope, "Timestamp") or moment(detail, "timestamp") or moment(message, "mail", "timestamp"),
            event_id=text(envelope, "MessageId"),
            url=text(detail, "link"),
            user_agent=text(detail, "userAgent"),
        )
        identifiers = (text(message, "mail", "messageId"), *_own_message_ids(message))
        yield sealed(fact, judge, message_ids=identifiers, hard=hard)


def _preference(detail: object) -> Happening:
    """What a reader chose on SES' page of topics: who keeps any topic has not left.
    https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html"""
    chosen = at(detail, "newTopicPreferences")
    if at(chosen, "unsubscribeAll") is True:
        return Happening.UNSUBSCRIBED
    topics = at(chosen, "topicSubscriptionStatus")
    status = {text(topic, "subscriptionStatus") for topic in (topics if isinstance(topics, list) else [])}
    if "OptIn" in status:
        return Happening.SUBSCRIBED
    return Happening.UNSUBSCRIBED if "OptOut" in status else Happening.UNKNOWN


def _recipients(message: object, detail: object) -> list[object]:
    for name in ("bouncedRecipients", "complainedRecipients", "delayedRecipients", "recipients"):
        found = at(detail, name)
        if isinstance(found, list) and found:
            return found
    return list(texts(message, "mail", "destination")) or [""]


def _own_message_ids(message: object) -> Iterator[str]:
    headers = at(message, "mail", "headers")
    for header in headers if isinstance(headers, list) else []:
        if text(header, "name").lower() == "message-id":
            yield text(header, "value")


SERVICE = Service("amazon_ses", "Amazon SES", Proof.TOPIC, verify=_verify, read=_read)
