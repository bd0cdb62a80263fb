"""What looks like a bounce and is none, or leaves open whether it is one."""

from __future__ import annotations

import pytest

from mailer.feedback import FactClass, read_message
from tests.unit.feedback.notices import JUDGE, SOFT

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


@pytest.mark.parametrize("subject", ["Re: Bulletin", "回复: 信息集锦"])
def test_an_answer_without_a_sender_is_a_machine_s_whatever_it_says(subject: str) -> None:
    head = f"Return-Path: <>\nFrom: Li <li@institute.example>\nSubject: {subject}\nContent-Type: text/plain; charset=utf-8\n\n"
    (fact,) = read_message(f"{head}li@institute.example 用户不存在, user unknown\n".encode(), JUDGE).facts
    assert (fact.class_, fact.recipient) == (FactClass.AUTOREPLY, "li@institute.example")
