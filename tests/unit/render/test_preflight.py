"""Every rule of preflight has a message that breaks it alone, and a clean message breaks none."""

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.message import Composer, Letterhead, Recipient
from mailer.preflight import RULES, Context, Finding, Level, check
from mailer.render import render
from mailer.tokens import Tokens
from tests.unit.render.issues import IMPRINT, SAMPLE

NOW = datetime(2023, 8, 3, 2, 0, tzinfo=UTC)
CONTEXT = Context(now=NOW, list_id="jianbao.example.cn", link_hosts=frozenset({"example.cn"}))
UNSUBSCRIBE = "https://mail.example.cn/u/token"

HEADER = f"""\
Date: Thu, 03 Aug 2023 10:00:00 +0800
From: =?utf-8?B?{base64.b64encode("联谊会".encode()).decode()}?= <news@example.cn>
To: <wang@institute.example>
Message-ID: <m-token@example.cn>
Subject: =?utf-8?B?{base64.b64encode("【信息集锦】2023年第9期".encode()).decode()}?=
MIME-Version: 1.0
List-Id: <jianbao.example.cn>
List-Unsubscribe: <{UNSUBSCRIBE}>, <mailto:leave@example.cn?subject=u-token>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
Content-Type: multipart/alternative; boundary="=_b"
"""
TEXT = f"信息集锦 2023年第9期\n会议在昆明市召开，交流了经验。\n\n退订：\n{UNSUBSCRIBE}\n"
HTML = f"""<!DOCTYPE html>
<html lang="zh-CN"><head><meta charset="utf-8"><title>信息集锦</title><style>@media print{{p{{color:red}}}}</style></head>
<body><img src="https://mail.example.cn/o/token.gif" alt="" width="1" height="1"><h1>信息集锦</h1>
<p>会议在昆明市召开，交流了经验。<a href="{UNSUBSCRIBE}">退订</a></p></body></html>
"""
SIGNED = (
    "from:from:subject:subject:date:date:to:to:message-id:message-id:content-type:content-type:list-unsubscribe:"
    "list-unsubscribe:list-unsubscribe-post:list-unsubscribe-post:mime-version:list-id"
)
SIGNATURE = f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.cn; s=s; h={SIGNED}; bh=aGFzaA==; b=c2lnbg==\n"


def part(content: str, kind: str, charset: str = "utf-8") -> str:
    return (
        f"Content-Type: text/{kind}; charset={charset}\nContent-Transfer-Encoding: base64\n\n"
        + base64.encodebytes(content.replace("\n", "\r\n").encode()).decode()
    )


def message(header: str = HEADER, text: str = TEXT, html: str = HTML, extra: str = "") -> bytes:
    """A message with these contents; `extra` is a further part with its own header."""
    parts = [part(text, "plain"), part(html, "html"), *([extra] if extra else [])]
    body = "".join(f"--=_b\n{each}" for each in parts) + "--=_b--\n"
    return f"{header}\n{body}".replace("\n", "\r\n").encode("utf-8", "surrogateescape")


CLEAN = message()


def header(*changes: tuple[str, str]) -> bytes:
    changed = HEADER
    for old, new in changes:
        assert old in changed, old
        changed = changed.replace(old, new)
    return message(header=changed)


def field(line: str) -> bytes:
    return message(header=f"{HEADER}{line}\n")


def subject(words: str) -> bytes:
    start = HEADER.index("Subject:")
    return message(header=f"{HEADER[:start]}Subject: {words}\n{HEADER[HEADER.index('MIME-Version') :]}")


def encoded(octets: bytes) -> str:
    return f"=?utf-8?B?{base64.b64encode(octets).decode()}?="


def html(*changes: tuple[str, str]) -> bytes:
    changed = HTML
    for old, new in changes:
        assert old in changed, old
        changed = changed.replace(old, new)
    return message(html=changed)


def attached(disposition: str, content: str = "AAAA") -> bytes:
    mixed = HEADER.replace("multipart/alternative", "multipart/mixed")
    inner = f'Content-Type: multipart/alternative; boundary="=_a"\n\n--=_a\n{part(TEXT, "plain")}--=_a\n{part(HTML, "html")}--=_a--\n'
    file = f"Content-Type: application/octet-stream\nContent-Disposition: {disposition}\nContent-Transfer-Encoding: base64\n\n{content}\n"
    return f"{mixed}\n--=_b\n{inner}--=_b\n{file}--=_b--\n".replace("\n", "\r\n").encode()


PARAGRAPH = "<p>"
LONG = "会议在昆明市召开，交流了经验。" * 250
FAULTY: list[tuple[str, bytes]] = [
    ("crlf_only", CLEAN.replace(b"\r\n--=_b--", b"\n--=_b--")),
    ("crlf_only", CLEAN.replace(b"MIME-Version: 1.0\r\n", b"MIME-Version: 1.0\r\nX-Note: a\rb\r\n")),
    ("max_line_998", field(f"X-Note: {'a' * 999}")),
    ("seven_bit", field("X-Note: 信")),
    ("seven_bit", field("X-Note: a\0b")),
    ("singleton_headers", field("Subject: again")),
    ("header_fold_not_after_colon", header(("Subject: ", "Subject:\n "))),
    ("encoded_words_legal", subject(encoded("信".encode() * 20))),
    ("encoded_words_legal", subject(encoded("信".encode()[:2]))),
    ("encoded_words_legal", subject("=?utf-8?B??=")),
    ("encoded_words_legal", subject("=?gb2312?B?0MU=?=")),
    ("encoded_words_legal", subject("=?utf-8?X?AAAA?=")),
    ("encoded_words_legal", subject("=?utf-8?B?5L+h")),
    ("encoded_words_legal", subject(encoded("信".encode()) * 2)),
    ("encoded_words_legal", subject(f"{'a' * 50} {encoded('信息集锦'.encode())}")),
    ("encoded_words_legal", header(("To: <", f'To: "a {encoded(b"b")} c" <'))),
    ("structured_headers_ascii", field(f"Feedback-ID: {encoded(b'1:2:3:sender')}")),
    ("structured_headers_ascii", header(("<wang@institute.example>", f"<{encoded(b'wang')}@institute.example>"))),
    ("date_sane", header(("Date: Thu, 03 Aug 2023 10:00:00 +0800\n", ""))),
    ("date_sane", header(("Thu, 03 Aug 2023", "Tue, 01 Aug 2023"))),
    ("date_sane", header(("+0800", "-0000"))),
    ("date_sane", header(("Thu, 03 Aug 2023 10:00:00 +0800", "2023年8月3日"[:4]))),
    ("message_id_present_and_ours", header(("Message-ID: <m-token@example.cn>\n", ""))),
    ("message_id_present_and_ours", header(("m-token@example.cn", "m-token@elsewhere.cn"))),
    ("message_id_present_and_ours", header(("m-token@", "m token@"))),
    ("from_single", header(("<news@example.cn>", "<news@example.cn>, Two <two@example.cn>"))),
    ("list_id_exact", header(("<jianbao.example.cn>", "<jianbao2.example.cn>"))),
    ("list_id_exact", header(("List-Id: <jianbao.example.cn>\n", ""))),
    ("list_unsub_pair", header(("List-Unsubscribe-Post: List-Unsubscribe=One-Click\n", ""))),
    ("list_unsub_pair", header((f"<{UNSUBSCRIBE}>, ", ""))),
    ("list_unsub_pair", header((f"<{UNSUBSCRIBE}>", "<http://mail.example.cn/u/token>"))),
    ("list_unsub_pair", header((f"<{UNSUBSCRIBE}>, <mailto:", f"<{UNSUBSCRIBE}>, <https://example.cn/2>, <mailto:"))),
    ("list_unsub_pair", header((f"<{UNSUBSCRIBE}>, <mailto:leave@example.cn?subject=u-token>", f"<mailto:a@example.cn>, <{UNSUBSCRIBE}>"))),
    ("dkim_covers", message(header=SIGNATURE.replace(":list-id", "") + HEADER)),
    ("dkim_covers", message(header=SIGNATURE.replace("subject:subject", "subject") + HEADER)),
    ("dkim_aligned", message(header=SIGNATURE.replace("d=example.cn", "d=elsewhere.cn") + HEADER)),
    ("dkim_no_l", message(header=SIGNATURE.replace("; bh=", "; l=1000; bh=") + HEADER)),
    ("alternative_order", header(("MIME-Version: 1.0\n", ""))),
    ("alternative_order", message(extra=part(TEXT, "calendar"))),
    ("alternative_order", header(("multipart/alternative", "multipart/mixed"))),
    ("charset_utf8", CLEAN.replace(b"text/plain; charset=utf-8", b"text/plain; charset=gb2312")),
    ("charset_utf8", html(('<meta charset="utf-8">', ""))),
    ("charset_utf8", html(("昆明市", "昆明\x85市"))),
    ("base64_lines", CLEAN.replace(b"\r\n--=_b--", b"\r\nAA\r\n--=_b--")),
    ("base64_lines", CLEAN.replace(b"\r\n--=_b--", b"\r\n====\r\n--=_b--")),
    ("base64_lines", CLEAN.replace(b"\r\n--=_b--", b"\r\n?\r\n--=_b--")),
    ("html_size", html((PARAGRAPH, f"<!--{'x' * 96_000}--><p>"))),
    ("html_size", html((PARAGRAPH, f"<!--{'x' * 71_000}--><p>"))),
    ("text_part_nonempty", message(text=f"您的邮件程序不支持HTML。退订：{UNSUBSCRIBE}\n")),
    ("text_part_nonempty", html((PARAGRAPH, "<p>" + "会议在昆明市召开。" * 40))),
    ("links_https_and_allowed", html((PARAGRAPH, '<p><a href="javascript:void(0)">链接</a>'))),
    ("links_https_and_allowed", html((PARAGRAPH, '<p><a href="/relative">链接</a>'))),
    ("links_https_and_allowed", html((PARAGRAPH, '<p><a href="https://elsewhere.cn/">链接</a>'))),
    ("links_https_and_allowed", html((PARAGRAPH, '<p><a href="http://www.example.cn/">链接</a>'))),
    ("links_https_and_allowed", html((PARAGRAPH, '<p><a href="https://mail.example.cn/c/token.0">https://most.gov.cn/</a>'))),
    ("images_have_alt_and_width", html((' alt=""', ""))),
    ("images_have_alt_and_width", html((' width="1"', ""))),
    ("images_have_alt_and_width", html(("https://mail.example.cn/o/token.gif", "data:image/gif;base64,R0lGOD"))),
    ("unsubscribe_visible_in_both_parts", html((">退订</a>", ">离开</a>"))),
    ("unsubscribe_visible_in_both_parts", html((f'<a href="{UNSUBSCRIBE}">', f'<a href="{UNSUBSCRIBE}" style="display: none">'))),
    ("unsubscribe_at_both_ends", message(html=HTML.replace("退订</a>", "退订</a>" + LONG), text=TEXT + LONG)),
    ("unsubscribe_at_both_ends", message(html=HTML.replace(PARAGRAPH, PARAGRAPH + LONG), text=TEXT + LONG)),
    ("unsubscribe_visible_in_both_parts", message(text=TEXT.replace(UNSUBSCRIBE, "见网页版"))),
    ("no_forbidden_headers", field("Return-Path: <news@example.cn>")),
    ("no_forbidden_headers", field("X-Mailer: Jianbao 1.0")),
    ("no_template_residue", message(text=TEXT + "尊敬的{{ name }}：\n")),
    ("no_template_residue", html((PARAGRAPH, "<p>%recipient.name%"))),
    ("no_template_residue", subject("Hello {{ name }}")),
    ("no_template_residue", message(text=TEXT + "尊敬的*|NAME|*：\n")),
    ("no_template_residue", html((PARAGRAPH, "<p>{% if name %}"))),
    ("attachment_policy", attached('attachment; filename="report.docm"')),
    ("attachment_policy", attached("attachment; filename*=UTF-8''%E4%BF%A1.pdf")),
    ("attachment_policy", attached('attachment; filename="big.pdf"', ("A" * 76 + "\n") * 140_000)),
]  # fmt: skip


def names(findings: tuple[Finding, ...]) -> set[str]:
    return {finding.rule for finding in findings}


def test_a_clean_message_passes_every_rule() -> None:
    assert check(CLEAN, CONTEXT) == ()


def test_a_signed_message_and_one_with_a_harmless_attachment_pass_every_rule() -> None:
    assert check(message(header=SIGNATURE + HEADER), CONTEXT) == ()
    assert check(attached('attachment; filename="issue-190.pdf"'), CONTEXT) == ()


@pytest.mark.parametrize("address", ["mailto:office@example.cn", "MAILTO:office@example.cn?Subject=%E6%8A%A5%E5%90%8D"])
def test_a_link_to_a_mailbox_may_say_what_the_answer_is_about(address: str) -> None:
    assert check(html((PARAGRAPH, f'<p><a href="{address}">来信</a>')), CONTEXT) == ()


@pytest.mark.parametrize("behind", ["?body=x", "?subject=x&amp;bcc=b@example.cn", ",b@example.cn"])
def test_a_link_to_a_mailbox_that_says_more_is_told_how_to_be_written(behind: str) -> None:
    (finding,) = check(html((PARAGRAPH, f'<p><a href="mailto:office@example.cn{behind}">来信</a>')), CONTEXT)
    assert "mailto:name@host" in finding.cure


@pytest.mark.parametrize("words", [r"$\frac{1}{n_{k}}$", "the limit is undefined", "集合{{a}, {b}}", "占30%}", "|* 注"])
def test_formulas_and_the_words_of_mathematics_are_no_unfilled_places(words: str) -> None:
    assert check(message(text=f"{words}\n{TEXT}", html=HTML.replace("会议在", f"{words}会议在")), CONTEXT) == ()


@pytest.mark.parametrize("address", ["wang@institute.example", "综合处 <office@institute.example>"])
def test_the_mail_that_an_issue_becomes_passes_every_rule(address: str) -> None:
    letterhead = Letterhead("联谊会", "news@example.cn", "信息集锦", "jianbao.example.cn", "https://mail.example.cn")
    composer = Composer(render(SAMPLE, imprint=IMPRINT), letterhead, Tokens(b"k" * 32), mailing_id=1, date=NOW)
    name, _, mailbox = address.rpartition(" ")
    octets = composer.compose(Recipient(7, mailbox.strip("<>"), name or None, "北京<示例>研究院")).content

    assert check(octets, CONTEXT) == ()


@pytest.mark.parametrize(("rule", "octets"), FAULTY, ids=[f"{number}-{rule}" for number, (rule, _) in enumerate(FAULTY)])
def test_a_faulty_message_breaks_exactly_its_rule(rule: str, octets: bytes) -> None:
    findings = check(octets, CONTEXT)

    assert names(findings) == {rule}, findings
    assert all(finding.place and finding.message and finding.cure for finding in findings)


def test_every_rule_has_a_message_that_breaks_it() -> None:
    assert {rule for rule, _ in FAULTY} == {rule.__name__ for rule in RULES}


def test_a_mailbox_at_a_provider_of_free_mail_is_no_sender() -> None:
    octets = header(("news@example.cn", "news@163.com"), ("m-token@example.cn", "m-token@163.com"))

    assert names(check(octets, CONTEXT)) == {"from_single"}


def test_long_base64_lines_are_found() -> None:
    long_line = base64.b64encode(HTML.replace("\n", "\r\n").encode())
    wrapped = base64.encodebytes(HTML.replace("\n", "\r\n").encode()).replace(b"\n", b"\r\n")

    assert names(check(CLEAN.replace(wrapped, long_line + b"\r\n"), CONTEXT)) == {"base64_lines"}


def test_the_loopback_address_may_be_plain_http_where_the_context_says_so() -> None:
    here, page = "http://127.0.0.1:8025/u/token", HTML.replace("https://mail.example.cn", "http://127.0.0.1:8025")
    octets = message(header=HEADER.replace(UNSUBSCRIBE, here), html=page)

    assert names(check(octets, CONTEXT)) == {"list_unsub_pair", "links_https_and_allowed", "images_have_alt_and_width"}
    assert check(octets, replace(CONTEXT, insecure_hosts=frozenset({"127.0.0.1"}))) == ()


def test_a_message_of_no_list_must_not_offer_to_leave_one() -> None:
    notice = replace(CONTEXT, list_id=None)
    without = header((f"List-Unsubscribe: <{UNSUBSCRIBE}>, <mailto:leave@example.cn?subject=u-token>\n", ""))

    assert names(check(CLEAN, notice)) == {"list_unsub_pair"}
    assert check(without, notice) == ()


def test_what_may_leave_is_a_warning_and_what_must_not_is_an_error() -> None:
    (long_html,) = check(html((PARAGRAPH, f"<!--{'x' * 71_000}--><p>")), CONTEXT)
    (longer_html,) = check(html((PARAGRAPH, f"<!--{'x' * 96_000}--><p>")), CONTEXT)

    assert (long_html.level, longer_html.level) == (Level.WARNING, Level.ERROR)
    assert str(long_html).startswith("warning: text/html: ")


def _cut(octets: bytes, start: int, length: int) -> bytes:
    return octets[:start] + octets[start + length :]


def _swap(octets: bytes, start: int, length: int) -> bytes:
    return octets[:start] + octets[start : start + length][::-1] + octets[start + length :]


@given(st.sampled_from([_cut, _swap]), st.integers(0, len(CLEAN)), st.integers(1, 400))
def test_whatever_is_cut_or_turned_about_there_is_an_answer(
    damage: Callable[[bytes, int, int], bytes], start: int, length: int
) -> None:
    check(damage(CLEAN, start, length), CONTEXT)


@given(st.binary(max_size=300), st.text(max_size=100))
def test_any_octets_and_any_html_get_an_answer(octets: bytes, markup: str) -> None:
    check(octets, CONTEXT)
    check(message(html=markup.encode("utf-8", "replace").decode()), CONTEXT)
