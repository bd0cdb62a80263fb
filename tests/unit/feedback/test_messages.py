"""Messages that came back: fields made for programs come first."""

from __future__ import annotations

from mailer.feedback import FactClass, Form, Happening, Judge, read_message
from mailer.provider import ProviderTable
from mailer.reply import Meaning, ReplyTable

JUDGE = Judge(ReplyTable.load(), ProviderTable.load())
TOKEN = "abcdefghijklmnopqrstuvwxyz234567"
DSN = f"""\
Return-Path: <>
From: MAILER-DAEMON@mx.institute.example
To: b-{TOKEN}@bounce.association.example
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=_1"

--=_1
Content-Type: text/plain

The mail system could not deliver your message.

--=_1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.institute.example
Original-Envelope-Id: {TOKEN}
Arrival-Date: Fri, 27 Nov 2026 08:00:00 +0800

Final-Recipient: rfc822; li@institute.example
Original-Recipient: rfc822;li@old.example
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 <li@institute.example>: Recipient address rejected:
 User unknown

--=_1
Content-Type: text/rfc822-headers

Message-ID: <m-{TOKEN}@association.example>
To: li@old.example
--=_1--
"""


def test_a_dsn_names_recipient_class_and_delivery() -> None:
    read = read_message(DSN.encode(), JUDGE)
    (fact,) = read.facts
    assert (read.form, fact.happening, fact.class_) == (Form.DSN, Happening.BOUNCED, FactClass.HARD)
    assert (fact.recipient, fact.original_recipient) == ("li@institute.example", "li@old.example")
    assert (fact.meaning, fact.status) == (Meaning.UNKNOWN_USER, "5.1.1")
    assert fact.evidence.tokens == (TOKEN,)
    assert fact.evidence.message_ids == (f"m-{TOKEN}@association.example",)
    assert fact.evidence.null_sender is True


def test_a_letter_says_nothing() -> None:
    assert read_message("Subject: 谢谢\n\n收到了。550 5.1.1 user unknown\n".encode(), JUDGE).facts == ()
