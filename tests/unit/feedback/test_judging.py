"""When an address is gone: two things agree, and nothing speaks against them."""

from __future__ import annotations

import pytest

from mailer.feedback import FactClass, Judge
from mailer.feedback.judging import Said
from mailer.provider import ProviderTable
from mailer.reply import CLASS_OF, ReplyTable, VerdictClass

TABLE = ReplyTable.load()
JUDGE = Judge(TABLE, ProviderTable.load())
ADDRESS = "li@institute.example"
AT_RCPT = "(in reply to RCPT TO command)"
NOT_HARD = [
    (rule.id, sample) for rule in TABLE.rules if CLASS_OF[rule.meaning] is not VerdictClass.HARD for sample in rule.samples
]


def _class(diagnostic: str, status: str = "", words: str = "", *, witnessed: bool = False) -> FactClass:
    return JUDGE.of_report(Said(ADDRESS, diagnostic, status, words, witnessed=witnessed)).class_


@pytest.mark.parametrize(("rule", "sample"), NOT_HARD, ids=[f"{rule}-{number}" for number, (rule, _) in enumerate(NOT_HARD)])
def test_words_for_anything_else_end_no_address_whatever_stands_around_them(rule: str, sample: str) -> None:
    for status in ("", "5.0.0", "5.1.1"):
        assert _class(sample, status, AT_RCPT) is FactClass.SOFT, rule


@pytest.mark.parametrize(
    "reply",
    [
        "550 unknown user account or you are not on the whitelist",
        "550 invalid recipient or message blocked",
        "550 Recipient rejected",
        "550 Requested action not taken: mailbox unavailable",
        "550 5.4.1 Recipient address rejected: Access denied",
        "550 5.1.1 RCPT not allowed",
        "550 5.1.1 is on a blocked list",
        "550 Sender address rejected: Domain not found",
        "550 5.1.8 domain of sender does not exist",
        "550 sender verify failed: user unknown",
        "550 5.1.351 Remote server returned unknown recipient or mailbox unavailable -> 552 mailbox full",
        "550 收件人不存在，或发信过于频繁",
        "550 no MX for domain of envelope sender",
        "550 DNS lookup of association.example (sender) failed: NXDOMAIN",
        "550 Mailbox <b-1@association.example> (sender) does not exist",
        "550 invalid domain in return path",
        "550 Message rejected: link to unknown host in body",
        "550 5.1.1 Recipient address rejected: unverified address: Address verification in progress",
        "501 5.5.4 Invalid address",
        "552 5.2.2 unknown user",
        "550 Absender existiert nicht",
        "550 来信方不存在有效的MX记录",
        "550 发件服务器无效用户过多",
        "550 您的IP不存在反向解析",
        "550 收件人只接收通讯录中的邮件，您不存在于通讯录",
        "550 邮件附件不存在或损坏",
    ],
)
def test_a_reply_that_leaves_another_reason_open_ends_no_address(reply: str) -> None:
    assert _class(reply, words=AT_RCPT) is FactClass.SOFT


@pytest.mark.parametrize(
    ("reply", "status", "words"),
    [
        ("550 5.1.1 xyzzy", "", ""),
        ("550 User unknown", "5.1.1", ""),
        ("550 User unknown", "5.0.0", AT_RCPT),
        ("550 用户不存在", "", AT_RCPT),
        ("", "5.1.10", ""),
        ("Unrouteable address", "", ""),
        ("550 Host unknown", "", ""),
        ("550 收件人地址不存在，请核对您的收件人", "", AT_RCPT),
        ("5.1.0 - Unknown address error 550-'no such user'", "", ""),
        ("550 5.4.1 Recipient address rejected: Access denied. AS(201806281) [BL2NAM02FT061.example]", "", ""),
        ("553 5.0.0 bad address (#5.1.1)", "", ""),
        ("550 Пользователь не найден", "", AT_RCPT),
        ("550 5.1.1 RESOLVER.ADR.RecipNotFound; not found", "", ""),
    ],
)
def test_two_things_that_agree_end_an_address(reply: str, status: str, words: str) -> None:
    assert _class(reply, status, words) is FactClass.HARD


def test_the_same_words_by_somebody_else_are_no_second_witness_unless_they_are_others() -> None:
    assert _class("550 User unknown", "5.0.0", "It said: 550 User unknown", witnessed=True) is FactClass.SOFT
    assert (
        _class("550 User unknown", "5.0.0", "The address couldn't be found, or is unable to receive mail.", witnessed=True)
        is FactClass.HARD
    )


def test_who_said_it_is_not_what_was_said() -> None:
    assert _class("550 xyzzy unknown", words="host mx.institute.example[192.0.2.1] said: 550 xyzzy unknown") is FactClass.SOFT
