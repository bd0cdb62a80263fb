"""Requests of mail services: what is proven is read, and nothing else is."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest

from mailer.feedback import Fact, FactClass, Facts, Happening, Judge, Refusal, RefusalReason, WebhookSecrets, read_webhook
from mailer.provider import ProviderTable
from mailer.reply import ReplyTable

JUDGE = Judge(ReplyTable.load(), ProviderTable.load())
NOW = datetime(2026, 11, 27, tzinfo=UTC)
SECRETS = WebhookSecrets(basic=("jianbao:correct horse",))
BOUNCE = {
    "RecordType": "Bounce",
    "Type": "HardBounce",
    "ID": 901542550,
    "MessageID": "2706ee8a",
    "Details": "smtp;550 5.1.1 The email account that you tried to reach does not exist.",
    "Email": "gone@institute.example",
    "BouncedAt": "2026-11-26T16:28:50.3963933-04:00",
}


def _read(body: bytes, *, password: str = "jianbao:correct horse", secrets: WebhookSecrets = SECRETS) -> Facts | Refusal:
    headers = {"Authorization": "Basic " + base64.b64encode(password.encode()).decode()}
    return read_webhook("postmark", headers, body, {}, secrets=secrets, now=NOW, judge=JUDGE)


def _only(facts: Facts | Refusal) -> Fact:
    assert isinstance(facts, Facts)
    (fact,) = facts.facts
    return fact


def test_a_hard_bounce_ends_the_address_and_names_the_service_s_ids() -> None:
    fact = _only(_read(json.dumps(BOUNCE).encode()))
    assert (fact.happening, fact.class_, fact.recipient) == (Happening.BOUNCED, FactClass.HARD, "gone@institute.example")
    assert (fact.event_id, fact.evidence.message_ids) == ("901542550", ("2706ee8a",))


def test_a_full_mailbox_is_never_hard_whatever_the_service_calls_it() -> None:
    fact = _only(_read(json.dumps(BOUNCE | {"Details": "552 5.2.2 mailbox full"}).encode()))
    assert fact.class_ is FactClass.SOFT


def test_a_wrong_password_is_refused_before_the_body_is_read() -> None:
    refusal = _read(b"{", password="jianbao:wrong")
    assert isinstance(refusal, Refusal)
    assert refusal.reason is RefusalReason.FORGED


def test_without_a_secret_nothing_is_believed() -> None:
    refusal = _read(json.dumps(BOUNCE).encode(), secrets=WebhookSecrets())
    assert isinstance(refusal, Refusal)
    assert refusal.reason is RefusalReason.NOT_CONFIGURED


@pytest.mark.parametrize(
    ("reason", "suppressed", "happening", "class_"),
    [
        ("ManualSuppression", True, Happening.UNSUBSCRIBED, None),
        ("HardBounce", True, Happening.BOUNCED, FactClass.HARD),
        ("SpamComplaint", True, Happening.COMPLAINED, FactClass.COMPLAINT),
        (None, False, Happening.SUBSCRIBED, None),
    ],
)
def test_why_an_address_is_written_to_no_more_is_told_apart(
    reason: str | None, suppressed: bool, happening: Happening, class_: FactClass | None
) -> None:
    change = {"RecordType": "SubscriptionChange", "Recipient": "li@institute.example", "SuppressSending": suppressed}
    fact = _only(_read(json.dumps(change | {"SuppressionReason": reason, "ChangedAt": "2026-11-26T12:00:00Z"}).encode()))
    assert (fact.happening, fact.class_, fact.recipient) == (happening, class_, "li@institute.example")


@pytest.mark.parametrize(
    ("chosen", "happening"),
    [
        (
            {"unsubscribeAll": True, "topicSubscriptionStatus": [{"topicName": "a", "subscriptionStatus": "OptIn"}]},
            Happening.UNSUBSCRIBED,
        ),
        (
            {"unsubscribeAll": False, "topicSubscriptionStatus": [{"topicName": "a", "subscriptionStatus": "OptOut"}]},
            Happening.UNSUBSCRIBED,
        ),
        (
            {
                "unsubscribeAll": False,
                "topicSubscriptionStatus": [
                    {"topicName": "a", "subscriptionStatus": "OptOut"},
                    {"topicName": "b", "subscriptionStatus": "OptIn"},
                ],
            },
            Happening.SUBSCRIBED,
        ),
        ({"unsubscribeAll": False}, Happening.UNKNOWN),
    ],
)
def test_who_keeps_a_topic_of_amazon_s_has_not_left(chosen: dict[str, object], happening: Happening) -> None:
    message = {
        "eventType": "Subscription",
        "mail": {"messageId": "m", "destination": ["li@institute.example"]},
        "subscription": {"contactList": "all", "newTopicPreferences": chosen},
    }
    envelope = {"Type": "Notification", "MessageId": "n", "Message": json.dumps(message)}
    headers = {"Authorization": "Basic " + base64.b64encode(b"jianbao:correct horse").decode()}
    body = json.dumps(envelope).encode()
    fact = _only(read_webhook("amazon_ses", headers, body, {}, secrets=SECRETS, now=NOW, judge=JUDGE))
    assert (fact.happening, fact.recipient) == (happening, "li@institute.example")


def test_an_address_with_comments_within_comments_is_none() -> None:
    assert _only(_read(json.dumps(BOUNCE | {"Email": "(" * 3_000 + "a@b.example"}).encode())).recipient == ""


INBOUND = {
    "postmark": {"FromFull": {"Email": "li@institute.example"}, "MailboxHash": "", "TextBody": "hello"},
    "brevo": {"items": [{"From": {"Address": "li@institute.example"}}]},
    "mailersend": {"type": "inbound.message", "data": {"object": "message"}},
    "sparkpost": [{"msys": {"relay_message": {"msg_from": "li@institute.example"}}}],
    "postal": {"id": 1, "rcpt_to": "news@association.example", "mail_from": "li@institute.example"},
    "resend": {"type": "email.received", "data": {"from": "li@institute.example"}},
    "amazon_ses": {"Type": "Notification", "Message": json.dumps({"notificationType": "Received", "mail": {}})},
}


@pytest.mark.parametrize("service", INBOUND)
def test_a_mail_that_a_service_took_in_is_refused_where_events_are_expected(service: str) -> None:
    headers = {
        "Authorization": "Basic " + base64.b64encode(b"jianbao:correct horse").decode(),
        "Content-Type": "application/json",
    }
    body = json.dumps(INBOUND[service]).encode()
    refusal = read_webhook(service, headers, body, {}, secrets=SECRETS, now=NOW, judge=JUDGE)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is RefusalReason.MALFORMED


@pytest.mark.parametrize(
    ("service", "fields"),
    [
        ("mandrill", {"mandrill_events": json.dumps([{"event": "inbound", "msg": {"email": "news@association.example"}}])}),
        ("mailgun", {"recipient": "news@association.example", "sender": "li@institute.example", "body-plain": "hello"}),
    ],
)
def test_a_mail_that_came_as_a_form_is_refused_as_well(service: str, fields: dict[str, str]) -> None:
    headers = {
        "Authorization": "Basic " + base64.b64encode(b"jianbao:correct horse").decode(),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    refusal = read_webhook(service, headers, urlencode(fields).encode(), {}, secrets=SECRETS, now=NOW, judge=JUDGE)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is RefusalReason.MALFORMED
