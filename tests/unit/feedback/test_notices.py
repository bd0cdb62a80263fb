"""Bounces in words alone, as many servers write them: whom they are about, and whether the address is gone."""

from __future__ import annotations

import pytest

from mailer.feedback import Form, read_message
from tests.unit.feedback.notices import HARD, JUDGE, SOFT, Notice

NOTICES = (
    Notice(
        "qmail, refused at RCPT",
        "failure notice",
        """\
Hi. This is the qmail-send program at mx.example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<li@institute.example>:
192.0.2.25 does not like recipient.
Remote host said: 550 User unknown
Giving up on 192.0.2.25.

--- Below this line is a copy of the message.

Return-Path: <news@association.example>
""",
        {"li@institute.example": HARD},
    ),
    Notice(
        "qmail, refused after the content",
        "failure notice",
        """\
Hi. This is the qmail-send program at mx.example.net.

<li@institute.example>:
192.0.2.25 failed after I sent the message.
Remote host said: 550 User unknown

--- Below this line is a copy of the message.
""",
        {"li@institute.example": SOFT},
    ),
    Notice(
        "Exim, three fates",
        "Mail delivery failed: returning message to sender",
        """\
This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  li@institute.example
    host mx.institute.example [192.0.2.9]
    SMTP error from remote mail server after RCPT TO:<li@institute.example>:
    550 No such user
  wang@institute.example
    host mx.institute.example [192.0.2.9]
    SMTP error from remote mail server after end of data:
    550 5.7.1 Message rejected as spam
  zhao@nowhere.example
    all relevant MX records point to non-existent hosts

------ This is a copy of the message, including all the headers. ------

Return-path: <news@association.example>
To: li@institute.example
""",
        {"li@institute.example": HARD, "wang@institute.example": SOFT, "zhao@nowhere.example": HARD},
    ),
    Notice(
        "Exim, delayed",
        "Warning: message 1abc-2 delayed 24 hours",
        """\
This message was created automatically by mail delivery software.
A message that you sent has not yet been delivered to one or more of its
recipients after more than 24 hours on the queue on mx.example.net.

The address to which the message has not yet been delivered is:

  li@institute.example
    Delay reason: SMTP error from remote mail server after RCPT TO:<li@institute.example>:
    451 4.7.1 Greylisted

No action is required on your part.
""",
        {"li@institute.example": SOFT},
    ),
    Notice(
        "IMail",
        "Undeliverable Mail",
        "Unknown user: li@institute.example\n\nRCPT TO generated following response:\n550 <li@institute.example> unknown\n\nOriginal message follows.\n",
        {"li@institute.example": HARD},
        author="Postmaster <postmaster@mx.example.net>",
    ),
    Notice(
        "IMail, a full mailbox",
        "Undeliverable Mail",
        "User mailbox exceeds allowed size: li@institute.example\n\nOriginal message follows.\n",
        {"li@institute.example": SOFT},
        author="Postmaster <postmaster@mx.example.net>",
    ),
    Notice(
        "Domino",
        "DELIVERY FAILURE: User li (li@institute.example) not listed in Domino Directory",
        """\
Your message

  Subject: Bulletin

was not delivered to:

  li@institute.example

because:

  User li (li@institute.example) not listed in Domino Directory

""",
        {"li@institute.example": HARD},
    ),
    Notice(
        "Domino, several people of that name",
        "DELIVERY FAILURE",
        "was not delivered to:\n\n  li@institute.example\n\nbecause:\n\n  Several matches found in Domino Directory\n",
        {"li@institute.example": SOFT},
    ),
    Notice(
        "Exchange 5.5",
        "Undeliverable: Bulletin",
        """\
Your message

  To:      news-list@association.example
  Subject: Bulletin
  Sent:    Fri, 27 Nov 2026 08:00:00 +0800

did not reach the following recipient(s):

li@institute.example on Fri, 27 Nov 2026 08:00:09 +0800
    The recipient name is not recognized
	The MTS-ID of the original message is: c=us;a= ;p=x;l=Y
    MSEXCH:IMS:Institute:Site:SERVER 0 (000C05A6) Unknown Recipient
""",
        {"li@institute.example": HARD},
        author="System Administrator <postmaster@institute.example>",
    ),
    Notice(
        "GroupWise, with the message",
        "Message status - undeliverable",
        "The message that you sent was undeliverable to the following: \n\tli@institute.example (user not found)\n"
        "\nInformation about your message: \n\tSubject: mailbox full\n\tRecipient: zhao@institute.example\n\nPossibly truncated original message follows: \n\n"
        "Message-ID: <1@association.example>\nTo: zhao@institute.example\n\nWhen a mailbox is full\n失败原因：邮箱已满\n",
        {"li@institute.example": HARD},
    ),
    Notice(
        "Yahoo",
        "Failure Notice",
        "Sorry, we were unable to deliver your message to the following address.\n\n<li@institute.example>:\n550: 5.1.1 <li@institute.example>... User unknown\n\n--- Below this line is a copy of the message.\n",
        {"li@institute.example": HARD},
    ),
    Notice(
        "1&1, GMX",
        "Mail delivery failed: returning message to sender",
        """\
This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of
its recipients. This is a permanent error. The following address
failed:

"li@institute.example":
SMTP error from remote server after RCPT command:
host: mx.institute.example
550 Unknown user

--- The header of the original message is following. ---

Received: from x
""",
        {"li@institute.example": HARD},
    ),
    Notice(
        "X6, a square quote",
        "There was an error sending your mail",
        """\
We had trouble delivering your message. Full details follow:

Subject: 'Bulletin'
Date: 'Fri, 27 Nov 2026 08:00:00 +0800'

1 error(s):

SMTP Server <mx.institute.example> rejected recipient <li@institute.example>
  (Error following RCPT command). It responded as follows: [550 User unknown]
""",
        {"li@institute.example": HARD},
    ),
    Notice(
        "hMailServer",
        "Message undeliverable: Bulletin",
        """\
Your message did not reach some or all of the intended recipients.

   Sent: Fri, 27 Nov 2026 08:00:00 +0800
   Subject: Bulletin

The following recipient(s) could not be reached:

li@institute.example
   Error Type: SMTP
   Remote server (192.0.2.9) issued an error.
   hMailServer sent: RCPT TO:<li@institute.example>
   Remote server replied: 550 5.2.2 mailbox full

hMailServer
""",
        {"li@institute.example": SOFT},
    ),
    Notice(
        "MailEnable",
        "Message Delivery Failure",
        "MailEnable: Message could not be delivered to some recipients.\nThe following recipient(s) could not be reached:\n\n\tRecipient: [SMTP:li@institute.example]\n\tReason: Remote SMTP Server Returned: 552 over quota\n\nMessage headers follow:\n",
        {"li@institute.example": SOFT},
    ),
    Notice(
        "MailMarshal",
        "Undeliverable Mail: Bulletin",
        """\
Your message:
   From:    news@association.example
   Subject: Bulletin

Could not be delivered because of

550 5.1.1 User unknown

The following recipients were affected:
    li@institute.example

Additional Information
======================
Original Sender:    <news@association.example>
""",
        {"li@institute.example": HARD},
    ),
    Notice(
        "SurfControl",
        "Message non-deliverable",
        """\
Your message could not be sent.
A transcript of the attempts to send the message follows.
The number of attempts made: 1
Addressed To: li@institute.example

Fri 27 Nov 2026 08:00:00 +0800
Failed to send to identified host,
li@institute.example: [192.0.2.5], 550 li@institute.example... No such user
--- Message non-deliverable.
""",
        {"li@institute.example": SOFT},
    ),
    Notice(
        "Gmail, before it sent fields",
        "Delivery Status Notification (Failure)",
        """\
Delivery to the following recipient failed permanently:

     li@institute.example

Technical details of permanent failure:
Google tried to deliver your message, but it was rejected by the recipient domain. We recommend contacting the other email provider
for further information about the cause of this error. The error that the other server returned was: 550 550 Unknown user (state 14).

----- Original message -----

Received: by 10.0.0.1
""",
        {"li@institute.example": HARD},
    ),
    Notice(
        "Gmail, after the content",
        "Delivery Status Notification (Failure)",
        "Delivery to the following recipient failed permanently:\n\n     li@institute.example\n\nTechnical details of permanent failure:\nThe error that the other server returned was: 550 550 Unknown user (state 18).\n\n----- Original message -----\n",
        {"li@institute.example": SOFT},
    ),
    Notice(
        "Google Groups",
        "Delivery Status Notification (Failure)",
        "Hello news@association.example,\n\nWe're writing to let you know that the group you tried to contact (readers) may not exist, or you may not have permission to post messages to the group.\n\n----- Original message -----\n",
        {"readers@googlegroups.example": SOFT},
        field="X-Failed-Recipients: readers@googlegroups.example",
    ),
    Notice(
        "OpenSMTPD",
        "Delivery status notification: error",
        "    Hi!\n\n    This is the MAILER-DAEMON, please DO NOT REPLY to this e-mail.\n\n    An error has occurred while attempting to deliver a message for\n    the following list of recipients:\n\nli@institute.example: 550 5.1.1 User unknown\n\n    Below is a copy of the original message:\n\nReceived: x\n",
        {"li@institute.example": HARD},
    ),
    Notice(
        "Postfix, before it sent fields",
        "Undelivered Mail Returned to Sender",
        "This is the Postfix program at host mx.example.net.\n\n\t\t\tThe Postfix program\n\n<li@institute.example>: host mx.institute.example[192.0.2.9] said: 550\n    <li@institute.example>: User unknown (in reply to RCPT TO command)\n\n<wang@institute.example>: connect to mx.institute.example[192.0.2.9]: Connection timed out\n",
        {"li@institute.example": HARD, "wang@institute.example": SOFT},
    ),
    Notice(
        "sendmail, a transcript",
        "Returned mail: User unknown",
        """\
The original message was received at Fri, 27 Nov 2026 08:00:00 +0800
from localhost

   ----- The following addresses had permanent fatal errors -----
<li@institute.example>

   ----- Transcript of session follows -----
... while talking to mx.institute.example.:
>>> RCPT To:<li@institute.example>
<<< 550 <li@institute.example>... User unknown
550 <li@institute.example>... User unknown
""",
        {"li@institute.example": HARD},
    ),
    Notice(
        "GroupWise",
        "Message status - undeliverable",
        "The message that you sent was undeliverable to the following:\n\tli@institute.example (user not found)\n",
        {"li@institute.example": HARD},
    ),
    Notice(
        "several behind one label",
        "Delivery failed",
        "Not delivered to the following recipients: li@institute.example, wang@institute.example and zhao@institute.example\n"
        "Reason: 552 mailbox full\n",
        {"li@institute.example": SOFT, "wang@institute.example": SOFT, "zhao@institute.example": SOFT},
    ),
    Notice(
        "a numbered list",
        "Delivery failed",
        "Not delivered:\n\n  1. li@institute.example - 552 mailbox full\n  2. wang@institute.example - 550 5.1.1 user unknown\n",
        {"li@institute.example": SOFT, "wang@institute.example": HARD},
    ),
)


@pytest.mark.parametrize("notice", NOTICES, ids=lambda notice: notice.server)
def test_a_notice_is_read(notice: Notice) -> None:
    read = read_message(notice.message("utf-8"), JUDGE)
    assert {fact.recipient: fact.class_ for fact in read.facts} == notice.recipients, read.facts
    assert read.form is Form.NOTICE


def test_what_a_gateway_appends_is_no_reason() -> None:
    text = "Delivery to the following recipients failed.\n\n  li@institute.example\n\n#5.1.1 unknown user\n"
    footer = "_" * 40 + "\nThis e-mail has been scanned for viruses and offensive content.\n"
    head = "From: postmaster@institute.example\nSubject: Undeliverable\n\n"
    (fact,) = read_message((head + text + footer).encode(), JUDGE).facts
    assert fact.class_ is HARD
