"""Requests as django-anymail's tests send them, with the events that must follow, or the refusal."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mailer.feedback import Fact, FactClass, Facts, Happening, Judge, Refusal, WebhookSecrets, read_webhook
from mailer.feedback.webhooks import SERVICES
from mailer.feedback.webhooks.payload import moment, texts
from mailer.feedback.webhooks.request import WebhookRequest
from mailer.provider import ProviderTable
from mailer.reply import ReplyTable
from tests.paths import CORPORA

pytestmark = pytest.mark.skipif(CORPORA is None, reason="the corpora lie beside the project and are not here")
JUDGE = Judge(ReplyTable.load(), ProviderTable.load())
NAMES = {service.title: name for name, service in SERVICES.items()}
# The keys that the tests of django-anymail sign with; those of SendGrid and Postal are made anew each time, and lost.
KEYS: Mapping[str, tuple[str, ...]] = {
    "Mailgun": ("TEST_WEBHOOK_SIGNING_KEY", "TEST_API_KEY"),
    "MailerSend": ("TEST_WEBHOOK_SIGNING_SECRET",),
    "Mandrill": ("TEST_WEBHOOK_KEY",),
    "Resend": ("whsec_" + base64.b64encode(b"TEST_SIGNING_SECRET").decode(),),
}
PASSWORDS = ("username:password", "cred1:pass1", "cred2:pass2", "abcde:12345")
# What is compared, and what of it in our words.
COMPARED = ("event_type", "recipient", "timestamp", "event_id", "message_id", "click_url", "user_agent", "tags", "metadata")
# What we say otherwise, with the reason.
OTHERWISE = {
    "test_brevo_webhooks.BrevoDeliveryTestCase.test_error_email": "its seconds are no milliseconds",
    "test_mailgun_webhooks.MailgunTestCase.test_delivered_event": "the id is the event's, which stays when it is sent again",
    "test_mailgun_webhooks.MailgunTestCase.test_unsubscribed_event": "the id is the event's, which stays when it is sent again",
}
# Confirmed without a topic of ours, or signed by nobody: harmless, and refused by us all the same.
STRICTER = {
    "test_amazon_ses_webhooks.AmazonSESSubscriptionManagementTests.test_disable_auto_confirmation",
    "test_amazon_ses_webhooks.AmazonSESSubscriptionManagementTests.test_sns_confirmation_success_notification",
}
_KEYLESS = frozenset({"Postal", "Unisender Go"})
_SOME_KEY = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEGTGtpLQoi5RpCRWnB4VkzHMvb2WJiBWtpUPUuBoTPK0NsmQXSUzqTFkCLx2UdGmtMSJ7dzk0V+uH0vVoL1eTJg=="


@dataclass(frozen=True)
class Case:
    """One request."""

    test: str
    esp: str
    headers: dict[str, str]
    body: bytes
    events: list[dict[str, Any]]
    refused: bool


def _cases() -> list[Case]:
    lines = (CORPORA / "webhooks.jsonl").read_text(encoding="utf-8").splitlines() if CORPORA is not None else []
    rows = [json.loads(line) for line in lines]
    return [
        Case(
            row["test"],
            row["esp"],
            {"Content-Type": row["content_type"]} | {name: str(value) for name, value in row["headers"].items()},
            base64.b64decode(row["body_b64"]),
            row["events"] or [],
            "error" in row,
        )
        for row in rows
    ]


CASES = _cases()


def _now(case: Case) -> datetime:
    """The time of the request, as far as it tells one."""
    if stamp := case.headers.get("Svix-Timestamp"):
        return datetime.fromtimestamp(float(stamp), UTC)
    try:
        document = json.loads(case.body)
        found = moment(document, "signature", "timestamp") if isinstance(document, dict) else None
    except ValueError:
        _, _, rest = case.body.partition(b'name="timestamp"\r\n\r\n')
        stamps = [part.split(b"\r\n")[0] for part in case.body.split(b'name="timestamp"\r\n\r\n')[1:]]
        found = datetime.fromtimestamp(float(stamps[-1]), UTC) if stamps and rest else None
    return found or datetime(2026, 11, 27, tzinfo=UTC)


def _secrets(case: Case) -> WebhookSecrets:
    url = "https://example.com/anymail/mandrill/" if "url_setting" in case.test else "http://testserver/anymail/mandrill/"
    keys = KEYS.get(case.esp, ())
    if "SignedWebhook" in case.test or case.esp in _KEYLESS:
        keys = (
            "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEGTGtpLQoi5RpCRWnB4VkzHMvb2WJiBWtpUPUuBoTPK0NsmQXSUzqTFkCLx2UdGmtMSJ7dzk0V+uH0vVoL1eTJg==",
        )
    if case.esp == "Postal" or case.headers.get("X-Twilio-Email-Event-Webhook-Timestamp") is not None:
        return WebhookSecrets(keys=keys)
    return WebhookSecrets(keys=keys, basic=PASSWORDS, url=url)


def _read(case: Case) -> Facts | Refusal:
    return read_webhook(NAMES[case.esp], case.headers, case.body, {}, secrets=_secrets(case), now=_now(case), judge=JUDGE)


def _without_proof(case: Case) -> Facts:
    """What a request says whose key is not known here."""
    headers = {name.lower(): value for name, value in case.headers.items()}
    return SERVICES[NAMES[case.esp]].read(WebhookRequest(headers, case.body, {}, WebhookSecrets(), _now(case)), JUDGE)


def _differences(fact: Fact, event: Mapping[str, Any]) -> list[str]:
    """Where a fact does not have what the event has; what it has more is no fault."""
    ours: dict[str, Any] = {
        "event_type": fact.happening.value,
        "recipient": fact.recipient,
        "timestamp": fact.at,
        "event_id": fact.event_id,
        "message_id": fact.evidence.message_ids,
        "click_url": fact.url,
        "user_agent": fact.user_agent,
        "tags": list(fact.tags),
        "metadata": dict(fact.metadata),
    }
    found = []
    for name in COMPARED:
        expected = event.get(name)
        if not expected or expected in ([""], [None]):
            continue
        match name:
            case "timestamp":
                same = ours[name] is not None and abs(ours[name] - datetime.fromisoformat(expected)) < timedelta(seconds=1)
            case "message_id":
                same = str(expected).strip("<>") in ours[name]
            case "tags":
                same = ours[name] == list(texts({"tags": expected[0] if isinstance(expected[0], list) else expected}, "tags"))
            case "metadata":
                same = all(ours[name].get(key) in (value, json.dumps(value)) for key, value in expected.items())
            case _:
                same = ours[name] == expected
        if not same:
            found.append(f"{event.get('event_type')}: {name} is {ours[name]!r}, not {expected!r}")
    return found


@pytest.mark.parametrize("case", [case for case in CASES if case.refused], ids=lambda case: case.test.rpartition(".")[2])
def test_every_forged_or_broken_request_is_refused(case: Case) -> None:
    assert isinstance(_read(case), Refusal)


def test_nothing_else_is_refused() -> None:
    refused = {
        case.test.partition(".")[2]
        for case in CASES
        if not case.refused and case.esp not in _KEYLESS and isinstance(_read(case), Refusal)
    }
    assert refused == STRICTER


def test_the_events_are_those_that_others_read() -> None:
    misses: dict[str, list[str]] = {}
    count = 0
    for case in (case for case in CASES if not case.refused):
        read = _without_proof(case) if case.esp in _KEYLESS else _read(case)
        if isinstance(read, Refusal):
            continue
        if len(read.facts) != len(case.events):
            misses[case.test.partition(".")[2]] = [f"{len(read.facts)} events, not {len(case.events)}"]
        for fact, event in zip(read.facts, case.events, strict=False):
            count += 1
            if differences := _differences(fact, event):
                misses[case.test.partition(".")[2]] = differences
    assert misses.keys() == OTHERWISE.keys(), misses
    assert len(misses) <= 0.05 * count


def _documented(name: str) -> Fact:
    assert CORPORA is not None
    sample = json.loads((CORPORA / "esp_webhooks.json").read_text(encoding="utf-8"))[name]["sample"]
    read = read_webhook(
        name,
        {"Content-Type": "application/json"},
        json.dumps(sample).encode(),
        {"token": "in the address"},
        secrets=WebhookSecrets(parameters=("in the address",)),
        now=datetime(2026, 11, 27, tzinfo=UTC),
        judge=JUDGE,
    )
    assert isinstance(read, Facts), read
    (fact,) = read.facts
    return fact


@pytest.mark.parametrize(
    ("name", "recipient", "message_id"),
    [
        ("tencent_ses", "example@example.com", "ea2783c1-7704-48a8-af36-2b9e83e767ec@fromexample.com"),
        ("aliyun_directmail", "a@aliyun.example", "1df@example.com"),
        ("sendcloud", "b@qq.example", ""),
    ],
)
def test_the_documented_bodies_of_chinese_services_are_hard_bounces(name: str, recipient: str, message_id: str) -> None:
    fact = _documented(name)
    assert (fact.happening, fact.class_, fact.recipient) == (Happening.BOUNCED, FactClass.HARD, recipient)
    assert not message_id or message_id in fact.evidence.message_ids
    assert fact.at is not None


def test_no_mutation_of_a_request_breaks_its_reading() -> None:
    rng = random.Random(1)
    for case in CASES:
        for _ in range(25):
            octets = bytearray(case.body)
            for _ in range(rng.randint(1, 5)):
                place = rng.randint(0, len(octets))
                octets[place : place + rng.choice((0, 1, 20))] = rng.choice(
                    (b"", b"null", b"[]", b'"', b"{", b"\xff", b"1e999", b'"\\ud800"', b"-")
                )
            read = read_webhook(
                NAMES[case.esp],
                case.headers,
                bytes(octets),
                {"token": "t"},
                secrets=WebhookSecrets(parameters=("t",)),
                now=_now(case) if not case.headers.get("Svix-Timestamp") else datetime(2026, 11, 27, tzinfo=UTC),
                judge=JUDGE,
            )
            assert isinstance(read, Facts | Refusal)
