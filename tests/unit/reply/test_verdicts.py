"""What must hold for any reply at all, and what the order of asking means."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.provider import ProviderTable
from mailer.reply import CLASS_OF, Command, Confidence, Meaning, Reply, ReplyTable, VerdictClass, normalise, parse_reply

TABLE = ReplyTable.load()
_OURS = {VerdictClass.RATE, VerdictClass.SENDER}

words = st.sampled_from(
    [
        "550",
        "5.1.1",
        "4.2.2",
        "user",
        "unknown",
        "mailbox",
        "not found",
        "不存在",
        "用户",
        "<a@b.example>",
        "spam",
        "http://x.example/",
    ]
)
texts = st.one_of(st.text(max_size=300), st.lists(words, max_size=12).map(" ".join))
providers = st.one_of(st.sampled_from(sorted(ProviderTable.load().keys)), st.text(max_size=8))
enhanced_codes = st.one_of(st.none(), st.from_regex(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}", fullmatch=True), st.text(max_size=6))
replies = st.builds(
    Reply,
    st.sampled_from(Command),
    st.integers(-10, 10_000),
    enhanced_codes,
    texts,
    host=st.just("mx.example"),
    tls=st.booleans(),
)
samples = {
    class_: [
        sample
        for rule in TABLE.rules
        if CLASS_OF[rule.meaning] is class_ and (rule.words or rule.beyond_ascii)
        for sample in rule.samples
    ]
    for class_ in VerdictClass
}


@settings(deadline=None)
@given(replies, providers)
def test_any_reply_gets_a_verdict(reply: Reply, provider: str) -> None:
    verdict = TABLE.verdict(reply, provider)
    assert verdict.class_ is CLASS_OF[verdict.meaning]


@settings(deadline=None)
@given(texts, providers)
def test_any_text_gets_a_verdict(text: str, provider: str) -> None:
    assert TABLE.verdict_of_text(text, provider).rule
    assert TABLE.verdict_of_text(text).rule


@settings(deadline=None)
@given(replies.filter(lambda reply: reply.code // 100 == 4 or (reply.enhanced or "").startswith("4.")), providers)
def test_what_passes_by_itself_never_ends_an_address(reply: Reply, provider: str) -> None:
    assert TABLE.verdict(reply, provider).class_ is not VerdictClass.HARD


@settings(deadline=None)
@given(st.sampled_from(samples[VerdictClass.HARD]), st.integers(400, 499), st.sampled_from(Command))
def test_not_even_with_the_plainest_words(sample: str, code: int, command: Command) -> None:
    spoken = parse_reply(sample)
    reply = Reply(command, code, None, spoken.text, "", False)
    assert TABLE.verdict(reply, "").class_ is not VerdictClass.HARD


@settings(deadline=None)
@given(
    st.sampled_from([s for class_ in _OURS for s in samples[class_]]),
    st.sampled_from([Command.RCPT, Command.DATA, Command.DOT]),
    st.one_of(st.none(), st.sampled_from(["5.0.0", "5.1.1", "5.1.2", "5.2.1", "5.7.1"])),
    providers,
)
def test_words_of_rate_or_of_our_own_fault_never_end_an_address(
    sample: str, command: Command, enhanced: str | None, provider: str
) -> None:
    spoken = parse_reply(sample)
    reply = Reply(command, spoken.code or 550, enhanced, spoken.text, "", False)
    assert TABLE.verdict(reply, provider).class_ is not VerdictClass.HARD


@settings(deadline=None)
@given(
    replies.filter(lambda reply: reply.command in (Command.CONNECT, Command.EHLO, Command.STARTTLS, Command.AUTH, Command.MAIL))
)
def test_before_a_recipient_is_named_no_reply_ends_an_address(reply: Reply) -> None:
    assert TABLE.verdict(reply, "").class_ is not VerdictClass.HARD


@settings(deadline=None)
@given(st.integers(500, 599), st.sampled_from(Command), st.text(alphabet="qxzj ", max_size=30))
def test_a_code_alone_never_ends_an_address_and_is_left_for_people_to_look_at(code: int, command: Command, text: str) -> None:
    verdict = TABLE.verdict(Reply(command, code, None, text, "", False), "")
    assert verdict.class_ is not VerdictClass.HARD
    assert not verdict.known
    assert verdict.rule == f"basic:{code}"


def test_a_bare_550_to_rcpt_is_ambiguous_until_its_text_names_the_user() -> None:
    assert TABLE.verdict_of_text("550").meaning is Meaning.AMBIGUOUS
    assert TABLE.verdict_of_text("550 Rejected").class_ is VerdictClass.SOFT
    assert TABLE.verdict_of_text("550 无此用户").class_ is VerdictClass.HARD


def test_the_provider_s_reading_comes_before_everybody_s() -> None:
    text = "550 Mailbox unavailable or access denied"
    assert TABLE.verdict_of_text(text, "tencent").meaning is Meaning.RECIPIENT_RATE
    assert TABLE.verdict_of_text(text, "google").class_ is not VerdictClass.HARD


def test_the_text_comes_before_the_enhanced_code() -> None:
    assert TABLE.verdict_of_text("550 5.7.1 No such user!").meaning is Meaning.UNKNOWN_USER
    assert TABLE.verdict_of_text("550 5.1.1 your IP is listed by Spamhaus").meaning is Meaning.REPUTATION


def test_an_enhanced_code_makes_weak_words_certain() -> None:
    assert TABLE.verdict_of_text("550 mailbox unavailable").confidence is Confidence.LOW
    assert TABLE.verdict_of_text("550 5.1.1 mailbox unavailable").confidence is Confidence.EXPLICIT


def test_a_user_unknown_only_after_the_content_was_filtered_and_not_unknown() -> None:
    spoken = parse_reply("550 Unknown user a@b.example (in reply to end of DATA command)")
    assert TABLE.verdict(spoken, "").meaning is Meaning.AMBIGUOUS
    assert TABLE.verdict_of_text("550 5.1.1 Unknown user (in reply to end of DATA command)").meaning is Meaning.UNKNOWN_USER


@pytest.mark.parametrize("tail", ["", " (in reply to RCPT TO command)"])
def test_mixed_messages_are_read_in_the_address_s_favour(tail: str) -> None:
    for text in (
        "550 5.2.1 Mailbox unavailable. Your IP address 192.0.2.44 is blacklisted",
        "550 User not found; connection frequency limited",
        "550 account is over quota and was disabled",
        "550 因接收者大量不存在，该IP被临时禁止连接",
    ):
        assert TABLE.verdict_of_text(text + tail).class_ is not VerdictClass.HARD


@pytest.mark.parametrize(
    "text",
    [
        "550 <a@b.example> sender unknown",
        "553 5.1.8 your domain does not exist",
        "535 5.7.8 user not found",
        "发件人地址不存在",
    ],
)
def test_the_sender_is_never_taken_for_the_recipient(text: str) -> None:
    assert TABLE.verdict_of_text(text).class_ is VerdictClass.SENDER


def test_a_report_is_believed_less_than_our_own_session() -> None:
    disabled = TABLE.verdict_of_text("550 User suspended: zhangsan@163.com", "netease")
    assert (disabled.class_, disabled.class_in_report) == (VerdictClass.HARD, VerdictClass.SOFT)
    assert TABLE.verdict_of_text("550 5.1.1 User unknown").class_in_report is VerdictClass.HARD
    assert TABLE.verdict_of_text("550 Suspected spam").class_in_report is VerdictClass.SOFT


def test_a_spent_day_is_told_from_a_short_window() -> None:
    assert TABLE.verdict_of_text("550 RP:TRC", "netease").until_tomorrow
    assert not TABLE.verdict_of_text("451 RP:QRC", "netease").until_tomorrow


def test_replies_of_one_kind_are_equal_once_normalised() -> None:
    one = "Sorry [Q1YzZ3kxdnRYYnpkbVZ0MAo+QTMz IP: 192.0.2.1] zhang@a.example at mx1.a.example, see http://a.example/?id=1 (07F3A9B2C1)"
    other = "Sorry  [MAW77ic63OtZB8WdcrvY/gIHPvU IP: 198.51.100.9]\nli@b.example at mx2.b.example, see http://b.example/?id=2 (1A2B3C4D5E)"
    assert normalise(one) == normalise(other) == "sorry <*> <@> at <~>, see <://> (<*>)"


@settings(deadline=None)
@given(texts)
def test_any_text_becomes_one_line_in_lower_case_once_normalised(text: str) -> None:
    normal = normalise(text)
    assert normal == normal.lower()
    assert "\n" not in normal
