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


def test_blank_lines_before_the_header_are_passed_over() -> None:
    assert read_message(b"\n   \n" + DSN.encode(), JUDGE).facts == read_message(DSN.encode(), JUDGE).facts


def test_a_letter_says_nothing() -> None:
    assert read_message("Subject: 谢谢\n\n收到了。550 5.1.1 user unknown\n".encode(), JUDGE).facts == ()


def _mixed(
    *parts: tuple[str, str], head: str = "From: MAILER-DAEMON@mx.example\nTo: news@association.example\n", type_: str = "mixed"
) -> bytes:
    pieces = "".join(f"--=_b\nContent-Type: {kind}\n\n{text}\n" for kind, text in parts)
    return f'{head}MIME-Version: 1.0\nContent-Type: multipart/{type_}; boundary="=_b"\n\n{pieces}--=_b--\n'.encode()


def _classes(content: bytes) -> dict[str, FactClass | None]:
    return {fact.recipient: fact.class_ for fact in read_message(content, JUDGE).facts}


RETURNED = f"Message-ID: <m-{TOKEN}@association.example>\nFrom: news@association.example\nTo: li@institute.example\nSubject: Bulletin\n\n"


def test_what_our_own_message_says_is_no_reason() -> None:
    quoted = RETURNED + "本期目录\n550 5.1.1 <li@institute.example>: User unknown (in reply to RCPT TO command)\n用户不存在\n"
    report = ("text/plain", "<li@institute.example>: temporary trouble with our filter\n")
    assert _classes(_mixed(report, ("message/rfc822", quoted))) == {"li@institute.example": FactClass.SOFT}
    inline = f"From: MAILER-DAEMON@mx.example\nSubject: failure notice\n\n{report[1]}\n--- Below this line is a copy of the message.\n\n{quoted}"
    assert _classes(inline.encode()) == {"li@institute.example": FactClass.SOFT}


def test_a_person_who_quotes_a_bounce_is_a_person() -> None:
    for letter in (
        "From: wang@institute.example\nSubject: Re: Undelivered Mail Returned to Sender\n\n<li@institute.example>: 550 5.1.1 User unknown\n",
        "From: wang@institute.example\nSubject: 请教\n\n他们退信说 550 5.1.1 <li@institute.example> User unknown\n",
    ):
        read = read_message(letter.encode(), JUDGE)
        assert (read.form, read.facts) == (Form.OTHER, ())


def test_an_automatic_answer_is_no_bounce_whatever_it_says() -> None:
    for head in (
        "Subject: 自动回复：简报第128期\nFrom: li@institute.example\n",
        "Subject: =?gb2312?B?19S2r7vYuLQ6ILzyso4=?=\nFrom: li@institute.example\n",
        "Subject: Automatic reply: Bulletin\nFrom: Li <li@institute.example>\n",
        "Subject: Re: Bulletin\nAuto-Submitted: auto-replied (vacation)\nFrom: li@institute.example\n",
        "Subject: Out of Office: Bulletin\nFrom: li@institute.example\n",
        "Subject: Re: Bulletin\nX-Autoreply: yes\nFrom: li@institute.example\nReturn-Path: <>\n",
        "Subject: 外出\nFrom: li@institute.example\nReturn-Path: <>\n",
        "Subject: Re: Bulletin\nAuto-Submitted: auto-generated\nFrom: li@institute.example\n",
    ):
        content = f"{head}In-Reply-To: <m-{TOKEN}@association.example>\n\n550 5.1.1 <old@institute.example> User unknown, mailbox full\n"
        read = read_message(content.encode(), JUDGE)
        assert [(fact.recipient, fact.class_) for fact in read.facts] == [("li@institute.example", FactClass.AUTOREPLY)], head
        assert read.facts[0].evidence.tokens == (TOKEN,)


def test_a_bounce_that_calls_itself_auto_replied_is_a_bounce() -> None:
    head = (
        "From: Mail Delivery System <mailer-daemon@mx.example>\nSubject: Mail delivery failed\nAuto-Submitted: auto-replied\n"
    )
    assert _classes(f"{head}\n  li@institute.example\n    Unrouteable address\n".encode()) == {
        "li@institute.example": FactClass.HARD
    }


def test_a_complaint_finds_our_delivery_though_the_provider_hides_who_complained() -> None:
    fields = "Feedback-Type: abuse\nUser-Agent: Provider/1.0\nVersion: 1\nOriginal-Rcpt-To: li@institute.example\n"
    for hidden in (False, True):
        report = fields.replace("Original-Rcpt-To: li@institute.example\n", "") if hidden else fields
        returned = RETURNED.replace("To: li@institute.example\n", "To: (undisclosed)\n") if hidden else RETURNED
        read = read_message(_mixed(("message/feedback-report", report), ("message/rfc822", returned), type_="report"), JUDGE)
        (fact,) = read.facts
        assert (read.form, fact.class_, fact.recipient) == (
            Form.ARF,
            FactClass.COMPLAINT,
            "" if hidden else "li@institute.example",
        )
        assert fact.evidence.tokens == (TOKEN,)


def test_a_complaint_whose_fields_are_called_plain_text_is_one_and_no_bounce() -> None:
    report = """\
From: postmaster@fbl.example
Subject: Undeliverable
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain

550 5.1.1 user unknown

--b
Content-Type: text/plain

Feedback-Type: abuse
Version: 1
Original-Rcpt-To: li@institute.example

--b--
"""
    (fact,) = read_message(report.encode(), JUDGE).facts
    assert (fact.class_, fact.recipient, fact.feedback_type) == (FactClass.COMPLAINT, "li@institute.example", "abuse")


def test_a_receipt_whose_fields_are_called_plain_text_is_one_and_no_bounce() -> None:
    report = """\
Return-Path: <>
From: postmaster@institute.example
Subject: Undeliverable? No, read
Content-Type: multipart/report; report-type=disposition-notification; boundary="b"

--b
Content-Type: text/plain

Final-Recipient: rfc822; li@institute.example
Original-Message-ID: <1@association.example>
Disposition: manual-action/MDN-sent-manually; deleted

--b--
"""
    (fact,) = read_message(report.encode(), JUDGE).facts
    assert (fact.class_, fact.recipient, fact.happening) == (FactClass.DELIVERED, "li@institute.example", Happening.DISPLAYED)


def test_reports_that_ask_nothing_of_an_address_are_no_complaints() -> None:
    for type_ in ("auth-failure", "not-spam", "virus"):
        report = f"Feedback-Type: {type_}\nOriginal-Rcpt-To: li@institute.example\n"
        assert _classes(_mixed(("message/feedback-report", report))) == {"li@institute.example": FactClass.REPORT}
    head = "From: noreply@dmarc.provider.example\nSubject: Report Domain: association.example Submitter: provider.example Report-ID: <1>\n"
    read = read_message(_mixed(("application/gzip", "x"), head=head), JUDGE)
    assert (read.form, read.facts[0].class_) == (Form.AGGREGATE, FactClass.REPORT)


def test_a_receipt_shows_that_it_was_displayed_and_dovecot_s_refusal_that_it_was_not() -> None:
    fields = "Final-Recipient: rfc822; li@institute.example\nOriginal-Message-ID: <m-1@x.example>\nDisposition: manual-action/MDN-sent-manually; displayed\n"
    read = read_message(
        _mixed(("text/plain", "Your message was displayed."), ("message/disposition-notification", fields)), JUDGE
    )
    assert (read.form, read.facts[0].happening) == (Form.MDN, Happening.DISPLAYED)
    refusal = "Your message to <li@institute.example> was automatically rejected:\nQuota exceeded\n"
    refused = fields.replace("manual-action/MDN-sent-manually; displayed", "automatic-action/MDN-sent-automatically; deleted")
    assert _classes(_mixed(("text/plain", refusal), ("message/disposition-notification", refused))) == {
        "li@institute.example": FactClass.SOFT
    }


def _status(fields: str, words: str = "Your mail could not be delivered.") -> dict[str, FactClass | None]:
    return _classes(
        _mixed(("text/plain", words), ("message/delivery-status", fields), type_="report; report-type=delivery-status")
    )


def test_the_fields_decide_and_doubt_is_in_the_address_s_favour() -> None:
    base = "Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; li@institute.example\nAction: failed\n"
    hard, soft = {"li@institute.example": FactClass.HARD}, {"li@institute.example": FactClass.SOFT}
    assert _status(f"{base}Status: 5.1.1\n") == hard
    assert _status(f"{base}Status: 5.0.0\nDiagnostic-Code: smtp; 550 User unknown\n") == soft, "a filter may have said it"
    assert _status(f"{base}Status: 5.0.0\nDiagnostic-Code: smtp; 550 User unknown (in reply to RCPT TO command)\n") == hard
    assert _status(f"{base}Status: 5.0.0\nDiagnostic-Code: smtp; 550 User unknown (in reply to end of DATA command)\n") == soft
    assert (
        _status(f"{base}Status: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 User unknown\n", "The mailbox is full: over quota.")
        == soft
    )
    assert _status(f"{base}Status: 5.1.1\nDiagnostic-Code: smtp; 550 5.7.1 blocked by Spamhaus\n") == soft
    assert _status(f"{base}Status: 4.4.7\nDiagnostic-Code: smtp; 550 5.1.1 User unknown\n") == soft
    assert _status(base.replace("failed", "delayed") + "Status: 5.1.1\n") == soft
    assert _status(base.replace("failed", "delivered") + "Status: 2.0.0\n") == {"li@institute.example": FactClass.DELIVERED}


def test_fields_without_a_block_for_the_message_are_read_too() -> None:
    assert _status(
        "Final-Recipient: rfc822; li@163.example\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: SMTP; rejected&nbsp;by&nbsp;system\n"
    ) == {"li@163.example": FactClass.SOFT}


def test_an_address_beyond_ascii_is_read_as_it_is_written_in_reports() -> None:
    for written in ("utf-8; 张三@例子.example", r"utf-8; \x{5F20}\x{4E09}@\x{4F8B}\x{5B50}.example"):
        fields = f"Final-Recipient: {written}\nAction: failed\nStatus: 5.1.1\n"
        assert _classes(_mixed(("message/global-delivery-status", fields), type_="report")) == {
            "张三@例子.example": FactClass.HARD
        }


def test_a_report_that_another_server_hands_on_is_read() -> None:
    outer = "From: MAILER-DAEMON@relay.example\nSubject: Undelivered Mail Returned to Sender\n\nThis could not be delivered.\n\nReturn-Path: <>\n"
    assert _classes(outer.encode() + DSN.partition("\n")[2].encode()) == {"li@institute.example": FactClass.HARD}


def test_a_bounce_that_a_person_forwards_is_read_and_one_that_a_person_answers_is_not() -> None:
    for subject, expected in (
        ("Fwd: Undelivered Mail Returned to Sender", {"li@institute.example": FactClass.HARD}),
        ("Re: 退信", {}),
    ):
        head = f"From: wang@association.example\nTo: bounces@association.example\nSubject: {subject}\n"
        assert _classes(_mixed(("text/plain", "请处理。"), ("message/rfc822", DSN), head=head)) == expected
