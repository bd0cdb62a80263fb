"""Bounces in words alone, as many servers write them: whom they are about, and whether the address is gone."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from mailer.feedback import FactClass, Form, Judge, read_message
from mailer.provider import ProviderTable
from mailer.reply import ReplyTable

JUDGE = Judge(ReplyTable.load(), ProviderTable.load())
HARD, SOFT = FactClass.HARD, FactClass.SOFT


@dataclass(frozen=True)
class Notice:
    """A server's notice, and what it says of whom."""

    server: str
    subject: str
    text: str
    recipients: dict[str, FactClass]
    author: str = "Mail Delivery Subsystem <MAILER-DAEMON@mx.example.net>"
    field: str = ""


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
        "NetEase",
        "系统退信",
        """\
抱歉，您的邮件被退回来了……
      原邮件信息：
            时  间 2026-11-27 08:00:00
            主  题 信息集锦 简报
            收件人 li@163.example

      退信原因：
            收件人的邮件地址不存在，对方服务器返回：550 User not found: li@163.example
            英文说明:User not found:li@163.example

      建议解决方案：
            邮差小易温馨提示：请核对收件人地址。

----------------
This message is generated by Coremail.
""",
        {"li@163.example": HARD},
        author="Postmaster@163.example",
    ),
    Notice(
        "NetEase, a full mailbox",
        "系统退信",
        "抱歉，您的邮件被退回来了……\n收件人 li@163.example\n退信原因：\n收件人的邮箱已满，无法接收。\n英文说明:quota exceed\n",
        {"li@163.example": SOFT},
        author="Postmaster@163.example",
    ),
    Notice(
        "Coremail, two languages, tested at RCPT",
        "系统退信/Systems bounce",
        """\
抱歉，您的邮件被退回来了……/
Sorry, your mail is returned...
原邮件信息/
Original e-mail message :
时间/Time : 	2026-11-27 08:00:00
主题/Subject : 	简报
收件人/To : 	li@institute.example
退信原因/
Bounce reason :
收件人地址不存在。
SMTP error, RCPT TO: 550 User not found: li@institute.example
退信代码/
Bounce Code :
User not found
""",
        {"li@institute.example": HARD},
        author="postmaster@institute.example",
    ),
    Notice(
        "Aliyun",
        "退信通知",
        "您发送的邮件未能送达以下收件人：\n\nli@institute.example\n\n原因：邮箱空间已满\n服务器返回：552 mailbox size limit exceeded\n",
        {"li@institute.example": SOFT},
        author="系统管理员 <postmaster@aliyun.example>",
    ),
    Notice(
        "Aliyun, frequency",
        "退信通知",
        "邮件发送失败，无法投递到 li@institute.example。\n554 Reject by behaviour spam at Rcpt State: too many\n",
        {"li@institute.example": SOFT},
        author="postmaster@aliyun.example",
    ),
    Notice(
        "Sina",
        "邮件传输失败！",
        "sina.example.\n邮件无法发送到您指定的地址中。\n\n<li@sina.example>:\n550 用户不存在\n\n<wang@sina.example>:\n552 用户邮箱空间已满\n\n--- 附件中的内容是原信件的一份拷贝\n",
        {"li@sina.example": SOFT, "wang@sina.example": SOFT},
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
        "German",
        "Unzustellbare Nachricht",
        "Ihre Nachricht konnte nicht zugestellt werden.\n\nEmpfänger: li@institute.example\nGrund: 552 5.2.2 Mailbox voll, over quota\n",
        {"li@institute.example": SOFT},
    ),
    Notice(
        "French",
        "Message non remis",
        "Votre message n'a pas pu être remis à li@institute.example : 550 5.1.1 Adresse inconnue\n",
        {"li@institute.example": HARD},
    ),
    Notice(
        "Japanese",
        "配信エラー通知",
        "以下のメールアドレスへの送信に失敗しました。\nli@institute.example\n\n550 5.1.1 User unknown\n",
        {"li@institute.example": HARD},
    ),
    Notice(
        "Traditional Chinese",
        "郵件傳送失敗",
        "您的郵件無法傳送至 li@institute.example\n原因：552 信箱容量已滿\n",
        {"li@institute.example": SOFT},
        author="postmaster@mx.example.net",
    ),
    Notice(
        "Chinese, the recipient's own server",
        "邮件退回",
        "您的邮件未能发送到: li@institute.example\n错误原因: 550 对方用户不存在\n",
        {"li@institute.example": HARD},
        author="postmaster@mail.institute.example",
    ),
    Notice(
        "Chinese, the recipient's own server, which quotes a reply in English",
        "系统退信",
        "收件人 li@institute.example\n\n退信原因：\n  收件人邮箱（li@institute.example）未开通\n  英文说明:550 mailbox not exist\n",
        {"li@institute.example": HARD},
        author="postmaster@institute.example",
    ),
    Notice(
        "Chinese, another server",
        "邮件退回",
        "您的邮件未能发送到: li@institute.example\n错误原因: 550 对方用户不存在\n",
        {"li@institute.example": SOFT},
        author="postmaster@mx.example.net",
    ),
    Notice(
        "English, the recipient's own server",
        "Delivery failed",
        "Your mail could not be delivered to: li@institute.example\nReason: 550 user unknown\n",
        {"li@institute.example": SOFT},
        author="postmaster@mail.institute.example",
    ),
    Notice(
        "Exchange in Chinese",
        "无法送达: 信息集锦",
        """\
您的邮件没有到达某些或所有预期的收件人。

无法到达下列收件人:

      'li@institute.example' 在 2026-11-27 8:00 上
            在收件人的电子邮件系统中找不到该电子邮件帐户。
            <mail.institute.example #5.1.1>
""",
        {"li@institute.example": HARD},
        author="系统管理员 <postmaster@mx.example.net>",
    ),
    Notice(
        "Exchange in German",
        "Unzustellbar: Bulletin",
        """\
Folgende(r) Empfänger kann/können nicht erreicht werden:

      li@institute.example am 27.11.2026 08:00
            Das E-Mail-Konto ist in der Organisation, an die diese Nachricht gesendet wurde, nicht vorhanden.
            <mail.institute.example #5.1.1>
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
        "qmail in Chinese, refused at RCPT",
        "退信",
        "您的信件无法投递到以下地址。\n\n<li@institute.example>:\n连接到 192.0.2.5 但收件人被拒绝。\n远程主机说: 550 user not exist\n",
        {"li@institute.example": HARD},
    ),
)

NOTICES += (
    Notice(
        "several behind one label",
        "Delivery failed",
        "Not delivered to the following recipients: li@institute.example, wang@institute.example and zhao@institute.example\n"
        "Reason: 552 mailbox full\n",
        {"li@institute.example": SOFT, "wang@institute.example": SOFT, "zhao@institute.example": SOFT},
    ),
    Notice(
        "several behind one label, in Chinese",
        "邮件发送失败",
        "以下收件人发送失败：li@institute.example；wang@institute.example\n原因：网络超时\n",
        {"li@institute.example": SOFT, "wang@institute.example": SOFT},
    ),
    Notice(
        "a numbered list in Chinese",
        "系统退信",
        "投递失败的收件人：\n1、li@institute.example（550 5.1.1 无此用户）\n2、wang@institute.example（552 邮箱已满）\n",
        {"li@institute.example": HARD, "wang@institute.example": SOFT},
    ),
    Notice(
        "a numbered list",
        "Delivery failed",
        "Not delivered:\n\n  1. li@institute.example - 552 mailbox full\n  2. wang@institute.example - 550 5.1.1 user unknown\n",
        {"li@institute.example": SOFT, "wang@institute.example": HARD},
    ),
)
TABLE = """\
<table><tr><th>收件人</th><th>原因</th></tr>
<tr><td>li@institute.example</td><td>邮箱已满</td></tr><tr><td>wang@institute.example</td><td>邮箱已满</td></tr></table>
<p>如有疑问请联系 <a href="mailto:help@mx.example.net">help@mx.example.net</a></p>
"""

# What has an empty envelope sender too, or a word of a bounce in its subject.
NO_BOUNCES = {
    "a challenge": (
        "张伟 <zhang@institute.example>",
        "请验证您的邮件",
        "请回复 zhang-confirm-123@institute.example 以投递您的邮件。\n",
    ),
    "a receipt": ("Zhang <zhang@institute.example>", "已读: 信息集锦", "您发给 zhang@institute.example 的邮件已被阅读。\n"),
    "thanks": (
        "Zhang <zhang@institute.example>",
        "Thank you for your message",
        "I will answer soon.\n\nzhang@institute.example\n",
    ),
    "an advertisement": (
        "News <news@shop.example>",
        "Mail delivery: no failure notices any more",
        "Write to sales@shop.example.\n",
    ),
    "a ticket": (
        "Zhang <zhang@institute.example>",
        "Your message",
        "zhang@institute.example: your mail is ticket 5.1.1, user unknown.\n",
    ),
    "a change of address": ("张 <zhang@institute.example>", "地址变更", "我的邮箱 zhang@institute.example 不存在了。\n"),
    "a warning of a mailbox": ("张 <zhang@institute.example>", "容量告警", "邮箱 zhang@institute.example 空间已满。\n"),
    "a quarantine": (
        "quarantine@institute.example",
        "Spam Quarantine Notification",
        "You have 3 messages:\n a@b.example  Bulletin\n",
    ),
    "a list that waits for its moderator": (
        "members-bounces@institute.example",
        "Your message to members@institute.example awaits moderator approval",
        "Your mail to 'members@institute.example' with the subject\n\n    bulletin\n\n"
        "Is being held until the list moderator can review it for approval.\n",
    ),
    "a guest list": (
        "noreply@guests.example",
        "Your message to li@institute.example",
        "li@institute.example is protected. Your message has been moved to the guest list.",
    ),
    "a receipt in words": (
        "postmaster@institute.example",
        "Delivery Status: Your message was read",
        "Your message to li@institute.example was read.",
    ),
    "a delivery in words": (
        "noreply@institute.example",
        "Delivery report: message delivered",
        "Your message was delivered to li@institute.example",
    ),
}


def _message(notice: Notice, charset: str) -> bytes:
    head = f"Return-Path: <>\nFrom: {notice.author}\nTo: news@association.example\nSubject: {notice.subject}\n"
    head += f"{notice.field}\n" if notice.field else ""
    return f"{head}Content-Type: text/plain; charset={charset}\n\n{notice.text}".encode(charset, "replace")


@pytest.mark.parametrize("notice", NOTICES, ids=lambda notice: notice.server)
def test_a_notice_is_read(notice: Notice) -> None:
    read = read_message(_message(notice, "utf-8"), JUDGE)
    assert {fact.recipient: fact.class_ for fact in read.facts} == notice.recipients, read.facts
    assert read.form is Form.NOTICE


@pytest.mark.parametrize("name", NO_BOUNCES)
@pytest.mark.parametrize("path", ["Return-Path: <>\n", ""])
def test_what_says_of_nothing_that_it_failed_is_no_bounce(name: str, path: str) -> None:
    author, subject, text = NO_BOUNCES[name]
    message = f"{path}From: {author}\nSubject: {subject}\nContent-Type: text/plain; charset=utf-8\n\n{text}".encode()
    assert read_message(message, JUDGE).facts == ()


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Your message to li@institute.example", "<li@institute.example>: 550 kein Anschluss"),
        ("Delivery Status Notification (Failure)", "li@institute.example hat nicht geantwortet"),
        ("Message delivery failure", "li@institute.example"),
        ("Delivery report", "li@institute.example: user unknown"),
    ],
)
def test_a_subject_that_leaves_it_open_needs_a_code_a_fault_or_known_words(subject: str, text: str) -> None:
    message = f"Return-Path: <>\nFrom: noreply@institute.example\nSubject: {subject}\n\n{text}\n".encode()
    assert [fact.class_ for fact in read_message(message, JUDGE).facts] == [SOFT]


def test_an_answering_machine_that_calls_its_answer_junk_is_one_and_one_that_answers_for_nobody_is_none() -> None:
    head = b"Return-Path: <>\nPrecedence: bulk\nSubject: Bulletin\n"
    (fact,) = read_message(head + b"From: Li <li@institute.example>\n\nThank you for your mail.\n", JUDGE).facts
    assert (fact.class_, fact.recipient) == (FactClass.AUTOREPLY, "li@institute.example")
    head = b"Return-Path: <>\nFrom: <>\nAuto-Submitted: auto-replied\n"
    (fact,) = read_message(head + b"\nYou sent mail to li@institute.example. That is not a valid user here.\n", JUDGE).facts
    assert (fact.class_, fact.recipient) == (FactClass.SOFT, "li@institute.example")


@pytest.mark.parametrize(
    "subject", ["Subject: user unknown", "主 题：用户不存在", "原邮件信息\t主题 用户不存在", "Betreff: Empfänger unbekannt"]
)
def test_our_own_subject_is_no_reason(subject: str) -> None:
    head = "Return-Path: <>\nFrom: postmaster@institute.example\nSubject: 退信\nContent-Type: text/plain; charset=utf-8\n\n"
    text = f"抱歉，您的邮件被退回来了\n{subject}\n收件人：li@institute.example\n退信原因：{{reason}}\n"
    for reason, class_ in (("网络超时", SOFT), ("用户不存在", HARD)):
        (fact,) = read_message((head + text.format(reason=reason)).encode(), JUDGE).facts
        assert (fact.recipient, fact.class_) == ("li@institute.example", class_)
    text = text.replace("用户不存在", "反垃圾邮件信息")
    (fact,) = read_message((head + text.format(reason="收件人不存在")).encode(), JUDGE).facts
    assert fact.class_ is HARD


def test_the_rows_of_a_table_name_a_recipient_each() -> None:
    head = "Return-Path: <>\nFrom: postmaster@mx.example.net\nSubject: 退信\nContent-Type: text/html; charset=utf-8\n\n"
    facts = read_message((head + TABLE).encode(), JUDGE).facts
    assert {fact.recipient: fact.class_ for fact in facts} == {"li@institute.example": SOFT, "wang@institute.example": SOFT}


@pytest.mark.parametrize("subject", ["Re: Bulletin", "回复: 信息集锦"])
def test_an_answer_without_a_sender_is_a_machine_s_whatever_it_says(subject: str) -> None:
    head = f"Return-Path: <>\nFrom: Li <li@institute.example>\nSubject: {subject}\nContent-Type: text/plain; charset=utf-8\n\n"
    (fact,) = read_message(f"{head}li@institute.example 用户不存在, user unknown\n".encode(), JUDGE).facts
    assert (fact.class_, fact.recipient) == (FactClass.AUTOREPLY, "li@institute.example")


def test_what_a_gateway_appends_is_no_reason() -> None:
    text = "Delivery to the following recipients failed.\n\n  li@institute.example\n\n#5.1.1 unknown user\n"
    footer = "_" * 40 + "\nThis e-mail has been scanned for viruses and offensive content.\n"
    head = "From: postmaster@institute.example\nSubject: Undeliverable\n\n"
    (fact,) = read_message((head + text + footer).encode(), JUDGE).facts
    assert fact.class_ is HARD


@pytest.mark.parametrize("charset", ["gb2312", "gbk", "gb18030", "big5"])
def test_chinese_notices_are_read_in_their_charsets_and_without_a_name_for_it(charset: str) -> None:
    for notice in NOTICES:
        if notice.server.startswith("Traditional" if charset == "big5" else "NetEase"):
            message = _message(notice, charset)
            for named in (message, message.replace(b"; charset=" + charset.encode(), b"")):
                if charset == "big5" and named is not message:
                    continue  # Nothing tells Big5 from GBK but the sense.
                assert {fact.recipient for fact in read_message(named, JUDGE).facts} == notice.recipients.keys()
