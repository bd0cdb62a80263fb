"""What a request has to prove: signatures over the octets as they came, in time, for us; and what a stranger may try."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from mailer.feedback import FactClass, Facts, Judge, Refusal, RefusalReason, WebhookSecrets, read_webhook
from mailer.feedback.webhooks import LARGEST_BODY, SERVICES
from mailer.feedback.webhooks.service import Proof
from mailer.provider import ProviderTable
from mailer.reply import ReplyTable

JUDGE = Judge(ReplyTable.load(), ProviderTable.load())
NOW = datetime(2026, 11, 27, 2, 30, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))
RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
TOPIC = "arn:aws:sns:cn-north-1:123456789012:bounces"
CERTIFICATE_URL = "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-0123456789abcdef.pem"
URL = "https://bulletin.example.org/hooks/mandrill"
JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
Signed = tuple[dict[str, str], bytes]


def _hmac(key: bytes, signed: bytes, algorithm: str = "sha256") -> bytes:
    return hmac.new(key, signed, algorithm).digest()


def _certificate() -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(RSA_KEY.public_key()).serial_number(1)
    builder = builder.not_valid_before(NOW - timedelta(days=1)).not_valid_after(NOW + timedelta(days=1))
    return builder.sign(RSA_KEY, SHA256()).public_bytes(Encoding.PEM)


PEM = _certificate()


def _public(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return base64.b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def _sns(document: Mapping[str, str], version: str = "2") -> bytes:
    """An SNS message with its signature."""
    names = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
    signed = "".join(f"{name}\n{document[name]}\n" for name in names if name in document).encode()
    signature = RSA_KEY.sign(signed, PKCS1v15(), SHA256() if version == "2" else SHA1())
    proof = {"SignatureVersion": version, "Signature": base64.b64encode(signature).decode(), "SigningCertURL": CERTIFICATE_URL}
    return json.dumps(proof | dict(document)).encode()


BOUNCE = {
    "eventType": "Bounce",
    "bounce": {
        "bounceType": "Permanent",
        "bounceSubType": "NoEmail",
        "bouncedRecipients": [
            {"emailAddress": "li@institute.example", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 User unknown"}
        ],
    },
    "mail": {"messageId": "0102", "headers": [{"name": "Message-ID", "value": "<m-1@association.example>"}]},
}
NOTIFICATION = {
    "Type": "Notification",
    "MessageId": "1a",
    "TopicArn": TOPIC,
    "Subject": "Amazon SES",
    "Message": json.dumps(BOUNCE),
    "Timestamp": NOW.isoformat(),
}


def _of_sendgrid() -> Signed:
    body = json.dumps(
        [{"event": "bounce", "email": "li@institute.example", "reason": "550 5.1.1 User unknown", "status": "5.1.1"}]
    ).encode()
    signature = base64.b64encode(EC_KEY.sign(STAMP.encode() + body, ec.ECDSA(SHA256()))).decode()
    return JSON | {"X-Twilio-Email-Event-Webhook-Signature": signature, "X-Twilio-Email-Event-Webhook-Timestamp": STAMP}, body


def _of_mailgun() -> Signed:
    signature = _hmac(b"key", f"{STAMP}token".encode()).hex()
    event = {
        "event": "failed",
        "severity": "permanent",
        "recipient": "li@institute.example",
        "delivery-status": {"code": 550, "message": "5.1.1 User unknown"},
    }
    return dict(JSON), json.dumps(
        {"signature": {"timestamp": STAMP, "token": "token", "signature": signature}, "event-data": event}
    ).encode()


def _of_resend() -> Signed:
    body = json.dumps(
        {
            "type": "email.bounced",
            "data": {"to": ["li@institute.example"], "bounce": {"type": "Permanent", "message": "550 5.1.1 User unknown"}},
        }
    ).encode()
    signature = base64.b64encode(_hmac(b"resend key", b"msg_1." + STAMP.encode() + b"." + body)).decode()
    return JSON | {"svix-id": "msg_1", "svix-timestamp": STAMP, "svix-signature": f"v1,AAAA v1,{signature}"}, body


def _of_mailersend() -> Signed:
    body = json.dumps(
        {
            "data": {
                "type": "hard_bounced",
                "email": {"recipient": {"email": "li@institute.example"}},
                "morph": {"reason": "550 5.1.1 User unknown"},
            }
        }
    ).encode()
    return JSON | {"Signature": _hmac(b"key", body).hex()}, body


def _of_mailtrap() -> Signed:
    body = json.dumps(
        {"events": [{"event": "bounce", "email": "li@institute.example", "response": "550 5.1.1 User unknown"}]}
    ).encode()
    return JSON | {"Mailtrap-Signature": _hmac(b"key", body).hex()}, body


def _of_mandrill() -> Signed:
    events = json.dumps(
        [{"event": "hard_bounce", "msg": {"email": "li@institute.example", "diag": "smtp;550 5.1.1 User unknown"}}]
    )
    signature = base64.b64encode(_hmac(b"key", f"{URL}mandrill_events{events}".encode(), "sha1")).decode()
    return FORM | {"X-Mandrill-Signature": signature}, urlencode({"mandrill_events": events}).encode()


def _of_postal() -> Signed:
    event = {
        "event": "MessageDeliveryFailed",
        "payload": {"status": "HardFail", "output": "550 5.1.1 User unknown", "message": {"to": "li@institute.example"}},
    }
    body = json.dumps(event).encode()
    return JSON | {"X-Postal-Signature-256": base64.b64encode(RSA_KEY.sign(body, PKCS1v15(), SHA256())).decode()}, body


def _of_unisender_go() -> Signed:
    event = {
        "status": "hard_bounced",
        "email": "li@institute.example",
        "delivery_info": {"destination_response": "550 5.1.1 User unknown"},
        "auth": "key",
    }
    body = json.dumps(event).encode()
    return dict(JSON), body.replace(b'"key"', b'"' + hashlib.md5(body).hexdigest().encode() + b'"')


def _of_sendcloud() -> Signed:
    fields = {
        "event": "invalid",
        "recipient": "li@institute.example",
        "reason": "550 5.1.1 User unknown",
        "timestamp": STAMP + "000",
        "token": "t",
    }
    return dict(FORM), urlencode(fields | {"signature": _hmac(b"key", f"{STAMP}000t".encode()).hex()}).encode()


SIGNED: Mapping[str, tuple[Callable[[], Signed], str]] = {
    "amazon_ses": (lambda: (dict(JSON), _sns(NOTIFICATION)), ""),
    "sendgrid": (_of_sendgrid, _public(EC_KEY)),
    "mailgun": (_of_mailgun, "key"),
    "resend": (_of_resend, "whsec_" + base64.b64encode(b"resend key").decode()),
    "mailersend": (_of_mailersend, "key"),
    "mailtrap": (_of_mailtrap, "key"),
    "mandrill": (_of_mandrill, "key"),
    "postal": (_of_postal, _public(RSA_KEY)),
    "unisender_go": (_of_unisender_go, "key"),
    "sendcloud": (_of_sendcloud, "key"),
}
IN_TIME = ("amazon_ses", "sendgrid", "mailgun", "resend", "sendcloud")


def _secrets(service: str) -> WebhookSecrets:
    key = SIGNED[service][1]
    return WebhookSecrets(
        keys=("an older key", key) if key else (), topics=(TOPIC,) if service == "amazon_ses" else (), url=URL
    )


def _read(
    service: str, headers: Mapping[str, str], body: bytes, *, now: datetime = NOW, secrets: WebhookSecrets | None = None
) -> Facts | Refusal:
    return read_webhook(
        service, headers, body, {}, secrets=secrets or _secrets(service), now=now, judge=JUDGE, fetch_certificate=lambda _: PEM
    )


def _reason(read: Facts | Refusal) -> RefusalReason | None:
    return read.reason if isinstance(read, Refusal) else None


def test_each_service_that_signs_is_tried() -> None:
    assert SIGNED.keys() == {name for name, service in SERVICES.items() if service.proof is not Proof.NONE}


@pytest.mark.parametrize("service", SIGNED)
def test_what_is_rightly_signed_is_read(service: str) -> None:
    read = _read(service, *SIGNED[service][0]())
    assert isinstance(read, Facts), read
    assert [(fact.recipient, fact.class_) for fact in read.facts] == [("li@institute.example", FactClass.HARD)]


@pytest.mark.parametrize("service", sorted(SIGNED.keys() - {"mailgun", "sendcloud"}))
def test_one_octet_more_and_it_is_refused(service: str) -> None:
    """Mailgun and SendCloud sign a time and a token, and not what they say: their address should carry a password too."""
    headers, body = SIGNED[service][0]()
    assert _reason(_read(service, headers, body.replace(b"institute.example", b"institutf.example"))) is RefusalReason.FORGED


@pytest.mark.parametrize("service", SIGNED)
def test_with_another_key_it_is_refused(service: str) -> None:
    key = _public(ec.generate_private_key(ec.SECP256R1())) if service == "sendgrid" else "another key"
    secrets = (
        WebhookSecrets(topics=("arn:aws:sns:elsewhere",)) if service == "amazon_ses" else WebhookSecrets(keys=(key,), url=URL)
    )
    expected = RefusalReason.FOREIGN if service == "amazon_ses" else RefusalReason.FORGED
    assert _reason(_read(service, *SIGNED[service][0](), secrets=secrets)) is expected


@pytest.mark.parametrize("service", IN_TIME)
@pytest.mark.parametrize("hours", [-2, 2])
def test_signed_long_ago_or_in_the_future_it_is_refused(service: str, hours: int) -> None:
    assert _reason(_read(service, *SIGNED[service][0](), now=NOW + timedelta(hours=hours))) is RefusalReason.STALE


@pytest.mark.parametrize("service", SERVICES)
def test_unsigned_and_without_a_password_it_is_refused(service: str) -> None:
    secrets = _secrets(service) if service in SIGNED else WebhookSecrets(basic=("a:b",), parameters=("c",))
    assert isinstance(_read(service, JSON, b"{}", secrets=secrets), Refusal)
    assert isinstance(_read(service, JSON, b"", secrets=secrets), Refusal)


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.cn-north-1.amazonaws.com/SimpleNotificationService-0.pem",
        "https://sns.cn-north-1.amazonaws.com.evil.example/SimpleNotificationService-0.pem",
        "https://evil.example/SimpleNotificationService-0.pem",
        "https://sns.cn-north-1.amazonaws.com@evil.example/SimpleNotificationService-0.pem",
        "https://sns.cn-north-1.amazonaws.com:8443/SimpleNotificationService-0.pem",
        "https://sns.cn-north-1.amazonaws.com/../SimpleNotificationService-0.pem",
        "https://sns.cn-north-1.amazonaws.com/SimpleNotificationService-0.pem?x=1",
        "https://sns.cn-north-1.amazonaws.com/SimpleNotificationService-0.pem#",
        "https://sns.cn-north-1.amazonaws.com\\.evil.example/SimpleNotificationService-0.pem",
        "https://s3.amazonaws.com/evil/SimpleNotificationService-0.pem",
        "https://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "",
    ],
)
def test_no_certificate_is_fetched_from_anywhere_else(url: str) -> None:
    fetched: list[str] = []

    def fetch(address: str) -> bytes:
        fetched.append(address)
        return PEM

    body = json.dumps(json.loads(_sns(NOTIFICATION)) | {"SigningCertURL": url}).encode()
    read = read_webhook(
        "amazon_ses", JSON, body, {}, secrets=_secrets("amazon_ses"), now=NOW, judge=JUDGE, fetch_certificate=fetch
    )
    assert (_reason(read), fetched) == (RefusalReason.FORGED, [])


def test_of_a_topic_that_is_not_ours_nothing_is_fetched() -> None:
    fetched: list[str] = []

    def fetch(address: str) -> bytes:
        fetched.append(address)
        return PEM

    body = _sns(NOTIFICATION | {"TopicArn": TOPIC + "-of-others"})
    read = read_webhook(
        "amazon_ses", JSON, body, {}, secrets=_secrets("amazon_ses"), now=NOW, judge=JUDGE, fetch_certificate=fetch
    )
    assert (_reason(read), fetched) == (RefusalReason.FOREIGN, [])


def test_a_subscription_is_confirmed_only_at_amazon() -> None:
    def confirmation(url: str) -> Facts | Refusal:
        document = {key: NOTIFICATION[key] for key in ("MessageId", "TopicArn", "Message", "Timestamp")}
        return _read(
            "amazon_ses", JSON, _sns(document | {"Type": "SubscriptionConfirmation", "Token": "t", "SubscribeURL": url}, "1")
        )

    url = "https://sns.cn-north-1.amazonaws.com.cn/?Action=ConfirmSubscription&TopicArn=x&Token=t"
    for asked, expected in ((url, url), ("https://evil.example/?Action=ConfirmSubscription&Token=t", "")):
        read = confirmation(asked)
        assert isinstance(read, Facts)
        assert read.confirm_url == expected


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b"9" * 10_000, b'{"a":' * 50_000, b"\xff\xfe", b"null", b'"x"', b"[1,2]", b'{"auth":[]}', b"a=b&" * 5_000],
)
def test_what_is_no_event_says_nothing_and_breaks_nothing(service: str, body: bytes) -> None:
    for headers in (JSON, FORM, {"content-type": "multipart/form-data; boundary=x"}):
        read = read_webhook(
            service, headers, body, {"token": "t"}, secrets=WebhookSecrets(parameters=("t",)), now=NOW, judge=JUDGE
        )
        assert isinstance(read, Refusal) or all(fact.class_ is None for fact in read.facts)


def test_a_body_that_is_too_large_is_not_looked_at() -> None:
    assert _reason(_read("mailgun", JSON, b" " * (LARGEST_BODY + 1))) is RefusalReason.TOO_LARGE


def test_a_service_that_nobody_knows_is_refused() -> None:
    assert (
        _reason(read_webhook("nobody", {}, b"", {}, secrets=WebhookSecrets(), now=NOW, judge=JUDGE))
        is RefusalReason.UNKNOWN_SERVICE
    )


def test_what_no_database_takes_is_not_in_a_fact() -> None:
    event = {"event": "bounce", "email": "li\x00@institute.example", "reason": "550 \ud800 gone\x00", "x\ud800": "y\x00"}
    read = _read("sendgrid", JSON, json.dumps([event]).encode(), secrets=WebhookSecrets(parameters=("t",)))
    assert isinstance(read, Refusal)
    read = read_webhook(
        "sendgrid",
        JSON,
        json.dumps([event]).encode(),
        {"token": "t"},
        secrets=WebhookSecrets(parameters=("t",)),
        now=NOW,
        judge=JUDGE,
    )
    assert isinstance(read, Facts)
    for fact in read.facts:
        repr((fact.recipient, fact.diagnostic, dict(fact.metadata))).encode()
        assert not any("\x00" in said for said in (fact.recipient, fact.diagnostic, *fact.metadata, *fact.metadata.values()))
        (fact.diagnostic + "".join(fact.metadata)).encode()


@pytest.mark.parametrize("service", SERVICES)
def test_a_secret_of_a_kind_that_proves_nothing_there_opens_no_door(service: str) -> None:
    proof = SERVICES[service].proof
    wrong = [WebhookSecrets()]
    wrong += [WebhookSecrets(keys=("k",))] if proof is not Proof.KEY else []
    wrong += [WebhookSecrets(topics=("t",))] if proof is not Proof.TOPIC else []
    for secrets in wrong:
        for body in (b"{}", b"[]", b'{"Type": "Notification", "Message": "{}"}', b"mandrill_events=[]"):
            assert _reason(_read(service, JSON, body, secrets=secrets)) is RefusalReason.NOT_CONFIGURED
