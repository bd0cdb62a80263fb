import html
import re
from dataclasses import replace
from datetime import datetime
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.dkim import Algorithm, Signer, generate_key, relaxed_body
from mailer.edition import Edition, Field, Hole
from mailer.headers import plain_line
from mailer.message import Composer, Recipient
from mailer.salutation import salutation
from mailer.tokens import Purpose
from subscribers.errors import InputError
from tests.unit.message.composing import (
    DATE,
    EDITION,
    LETTERHEAD,
    TOKENS,
    ZHANG,
    Read,
    composer,
    plainly_filled,
    urls,
)
from tests.unit.message.texts import ANYTHING, LINES
from tests.unit.message.verifying import signature_tags, verified

SINGLE = [
    *("Date", "From", "Reply-To", "To", "Subject", "Message-ID", "MIME-Version", "Content-Type"),
    *("List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Post", "Precedence", "Feedback-ID", "Content-Language"),
]
HOSTILE_NAMES = [
    "{{ salutation }}{% raw %}%s%(x)s${x}%b",
    "<script>alert(1)</script>&amp;",
    "张三\r\nBcc: victim@example.org\r\n\r\nbody",
    "\u202eevil\u2066\u2029",
    '"张", O\'Neil; <x@example.org>, \\',
    "长" * 300,
    "a" * 300,
    "=?UTF-8?Q?x?=",
    ".",
    "\x00\x1b[31m\ud800",
    "👩\u200d🔬𠮷",
]
SEGMENTS = st.lists(
    st.one_of(LINES, st.sampled_from([".", "\n", "\r\n", "\n.\n", "%"]), st.sampled_from(Field).map(Hole)), max_size=12
).map(tuple)
RECIPIENTS = st.builds(
    Recipient,
    delivery_id=st.integers(0, 2**40 - 1),
    address=st.sampled_from(["a@b.cn", "o'neil&co@example.org", "zhang@例子.中国", "张三@例子.中国"]),
    name=st.one_of(st.none(), ANYTHING, st.sampled_from(HOSTILE_NAMES)),
    institute=st.one_of(st.none(), ANYTHING, st.sampled_from(HOSTILE_NAMES)),
)


def fields_of(recipient: Recipient, *, escaped: bool) -> dict[Field, str]:
    name, institute = plain_line(recipient.name or ""), plain_line(recipient.institute or "")
    escape = html.escape if escaped else str
    return {
        **urls(recipient.delivery_id),
        Field.SALUTATION: escape(salutation(name, institute)),
        Field.INSTITUTE: escape(institute),
        Field.ADDRESS: escape(recipient.address),
    }


def faults(content: bytes) -> list[str]:
    """What RFC 5321 and RFC 5322 forbid in the octets of a message, and what we promise beyond them."""
    lines = content.split(b"\r\n")
    header = content.partition(b"\r\n\r\n")[0]
    return [
        fault
        for fault, found in {
            "a bare CR or LF": any(b"\r" in line or b"\n" in line for line in lines),
            "no CRLF at the end": not content.endswith(b"\r\n"),
            "a line that begins with a dot": any(line.startswith(b".") for line in lines),
            "a line of more than 998 octets": max(map(len, lines)) > 998,
            "a body line of more than 76 octets": max(map(len, content[len(header) :].split(b"\r\n"))) > 76,
            "a fold after the colon": re.search(rb"(?m)^[A-Za-z-]+:[ \t]*\r$", header),
            "an eighth bit": not content.isascii(),
            "a NUL": b"\0" in content,
        }.items()
        if found
    ]


@settings(deadline=None)
@given(SEGMENTS, SEGMENTS, RECIPIENTS)
def test_any_edition_for_any_recipient_is_legal_and_decodes_to_its_plain_filling(text, page, recipient):
    message = composer(Edition("简报", page, text, ())).compose(recipient)
    read = Read.from_octets(message.content)
    assert faults(message.content) == (["an eighth bit"] if message.eight_bit else [])
    assert [part.get_content_type() for part in read.message.iter_parts()] == ["text/plain", "text/html"]
    assert read.text == plainly_filled(text, fields_of(recipient, escaped=False))
    assert read.html == plainly_filled(page, fields_of(recipient, escaped=True))


def test_the_message_reads_back_as_what_was_meant():
    read = Read.from_octets(composer().compose(ZHANG).content)
    assert read.defects == []
    assert read["Subject"] == EDITION.subject
    assert [(a.display_name, a.addr_spec) for a in read.message["From"].addresses] == [
        ("中国研究所联合会", "bulletin@example.org")
    ]
    assert [(a.display_name, a.addr_spec) for a in read.message["To"].addresses] == [("张三", "zhang@iphy.example.cn")]
    assert read["Reply-To"] == "office@example.org"
    assert read["List-Id"] == "信息集锦 <bulletin.example.org>"
    assert read.html.startswith("<html><body><p>张三老师（物理研究所）：</p>\r\n<p>正文 100%。</p>")
    assert read.text.startswith("张三老师：\r\n\r\n.正文以点开头\r\nhttps://bulletin.example.org/c/")


def test_the_fields_of_a_bulletin_are_there_once_and_exact():
    read = Read.from_octets(composer().compose(ZHANG).content)
    leave = TOKENS.sign(Purpose.UNSUBSCRIBE, ZHANG.delivery_id)
    assert {name: len(read.message.get_all(name)) for name in SINGLE} == dict.fromkeys(SINGLE, 1)
    assert parsedate_to_datetime(read["Date"]) == DATE
    assert read["Date"].endswith("+0800")
    assert read["MIME-Version"] == "1.0"
    assert read["List-Post"] == "NO"
    assert read["Precedence"] == "bulk"
    assert read["X-Auto-Response-Suppress"] == "OOF, AutoReply"
    assert read["Content-Language"] == "zh-CN"
    assert read["Feedback-ID"] == "12:bulletin.example.org:bulletin:exampleorg"
    assert read["List-Unsubscribe"] == (
        f"<https://bulletin.example.org/u/{leave}>, <mailto:leave@example.org?subject=u-{leave}>"
    )
    assert read["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert not {"Return-Path", "Bcc", "Received", "X-Mailer", "Auto-Submitted", "Sender"} & set(read.message.keys())


def test_structured_fields_are_never_encoded():
    header = composer().compose(ZHANG).content.partition(b"\r\n\r\n")[0]
    encoded = {line.partition(b":")[0] for line in re.sub(rb"\r\n ", b" ", header).split(b"\r\n") if b"=?" in line}
    assert encoded == {b"From", b"To", b"Subject", b"List-Id", b"Organization"}


def test_the_envelope_carries_the_delivery_in_every_place_that_comes_back():
    message = composer().compose(ZHANG)
    token = TOKENS.sign(Purpose.BOUNCE, ZHANG.delivery_id)
    assert message.key == ZHANG.delivery_id
    assert message.sender == f"b-{token}@bounce.example.org"
    assert message.recipient == "zhang@iphy.example.cn"
    assert message.message_id == f"<m-{token}@example.org>"
    assert Read.from_octets(message.content)["Message-ID"] == message.message_id
    assert message.envelope_id == token
    assert not message.smtputf8


def test_without_a_bounce_domain_the_sender_is_the_address_that_may_send():
    assert composer(letterhead=replace(LETTERHEAD, bounce_domain=None)).compose(ZHANG).sender == "bulletin@example.org"


def test_a_second_attempt_sends_the_same_octets_and_no_two_deliveries_do():
    first = composer()
    assert first.compose(ZHANG) == composer().compose(ZHANG)
    messages = [first.compose(ZHANG._replace(delivery_id=number)) for number in range(50)]
    assert len({message.message_id for message in messages}) == 50
    assert len({message.sender for message in messages}) == 50


def test_several_at_once_are_the_messages_that_each_is_alone_and_an_error_costs_only_itself():
    signed = composer(signers=[Signer("example.org", "r", generate_key())])
    recipients = [ZHANG._replace(delivery_id=number) for number in range(1, 12)]
    recipients[4] = ZHANG._replace(address="no address")
    drafts = signed.draft_each(recipients)
    assert isinstance(drafts.pop(4), InputError)
    assert list(map(signed.finish, drafts)) == [
        signed.compose(recipient) for recipient in recipients if recipient.address != "no address"
    ]
    with pytest.raises(InputError):
        signed.compose(recipients[4])


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_hostile_name_arrives_as_text_and_adds_nothing(name):
    kind = Recipient(1, "a@b.cn", "张三", "所")
    ordinary, read = (Read.from_octets(composer().compose(who).content) for who in (kind, kind._replace(name=name)))
    assert read.message.keys() == ordinary.message.keys()
    assert [address.addr_spec for address in read.message["To"].addresses] == ["a@b.cn"]
    assert read.html.count("<") == ordinary.html.count("<")
    assert read.text.startswith(salutation(plain_line(name), "所"))


def test_the_bodies_are_marked_as_utf_8_in_base64_and_the_boundary_belongs_to_the_edition():
    message = Read.from_octets(composer().compose(ZHANG).content).message
    other = Read.from_octets(composer().compose(ZHANG._replace(delivery_id=1)).content).message
    assert message.get_boundary() == other.get_boundary()
    changed = Read.from_octets(composer(replace(EDITION, subject="另一期")).compose(ZHANG).content).message
    assert changed.get_boundary() != message.get_boundary()
    assert [(p.get_content_charset(), p["Content-Transfer-Encoding"]) for p in message.iter_parts()] == [
        ("utf-8", "base64")
    ] * 2


def test_a_chinese_domain_is_written_in_ascii_and_needs_no_extension():
    message = composer().compose(ZHANG._replace(address="zhang@例子.中国"))
    assert message.recipient == "zhang@xn--fsqu00a.xn--fiqs8s"
    assert b"<zhang@xn--fsqu00a.xn--fiqs8s>" in message.content
    assert not message.smtputf8
    assert "zhang@例子.中国" in Read.from_octets(message.content).html, "the person sees the address as they gave it"


def test_a_chinese_local_part_needs_smtputf8_and_stays_as_it_is():
    message = composer().compose(ZHANG._replace(address="张三@例子.中国"))
    assert message.smtputf8
    assert message.recipient == "张三@xn--fsqu00a.xn--fiqs8s"
    assert "<张三@xn--fsqu00a.xn--fiqs8s>\r\n".encode() in message.content


@pytest.mark.parametrize("address", ["a@b.cn>\r\nRCPT TO:<x@y.cn", "a b@c.cn", "nobody", "a,b@c.cn", ""])
def test_what_is_no_address_is_refused_before_it_reaches_the_envelope(address):
    with pytest.raises(InputError):
        composer().compose(ZHANG._replace(address=address))


def test_without_a_name_the_institute_is_addressed():
    read = Read.from_octets(composer().compose(ZHANG._replace(name=None)).content)
    assert read.message["To"].addresses[0].display_name == "物理研究所"
    assert read.text.startswith("物理研究所：")


def test_a_test_is_marked_in_the_subject_and_in_the_feedback_id():
    read = Read.from_octets(composer(test=True).compose(ZHANG).content)
    assert read["Subject"] == f"【测试】{EDITION.subject}"
    assert read["Feedback-ID"].split(":")[2] == "test"


@pytest.mark.parametrize("subject", ["第9期\r\nBcc: x@example.org", "第9期\0", "第9期\u2028"])
def test_a_subject_that_would_break_the_header_is_refused(subject):
    with pytest.raises(InputError, match=r"Subject: .*U\+"):
        composer(replace(EDITION, subject=subject))


def test_a_date_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="zone"):
        composer(date=datetime(2023, 8, 3))  # noqa: DTZ001


RSA = Signer("example.org", "r1", generate_key())
ED25519 = Signer("example.org", "e1", generate_key(Algorithm.ED25519))
RECORDS = {signer.record_name: signer.record for signer in (RSA, ED25519)}


@settings(deadline=None, max_examples=50)
@given(SEGMENTS, SEGMENTS, RECIPIENTS)
def test_both_signatures_hold_on_any_message(text, page, recipient):
    signed = composer(Edition("简报", page, text, ()), signers=(RSA, ED25519))
    content = signed.compose(recipient).content
    assert content.startswith(b"DKIM-Signature: v=1; a=rsa-sha256;")
    assert verified(content, RECORDS, 0)
    assert verified(content, RECORDS, 1)
    body = content.partition(b"\r\n\r\n")[2]
    assert relaxed_body(body) == body


def test_a_signature_covers_what_the_standards_demand_and_says_when():
    tags = signature_tags(composer(signers=[RSA]).compose(ZHANG).content)
    names = tags["h"].split(":")
    assert {"list-id", "feedback-id", "content-language"} <= set(names)
    doubled = ["from", "subject", "date", "to", "reply-to", "message-id", "mime-version", "content-type"]
    doubled += ["list-unsubscribe", "list-unsubscribe-post"]
    assert {name: names.count(name) for name in doubled} == dict.fromkeys(doubled, 2)
    assert tags["t"] == str(int(DATE.timestamp()))
    assert "l" not in tags


def test_what_is_signed_is_otherwise_the_message_that_is_not():
    plain, signed = composer().compose(ZHANG).content, composer(signers=[RSA, ED25519]).compose(ZHANG).content
    assert signed.endswith(b"\r\n" + plain)


def test_the_composer_keeps_nothing_of_a_recipient():
    one: Composer = composer(signers=[ED25519])
    before = one.compose(ZHANG)
    one.compose(Recipient(9, "li@example.org", "李四" * 40, None))
    assert one.compose(ZHANG) == before
