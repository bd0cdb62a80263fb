import base64
import hashlib
import re

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from dkim.canonicalization import Relaxed
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.dkim import (
    Algorithm,
    SignatureForm,
    Signer,
    Unsigned,
    dns_record,
    generate_key,
    load_key,
    relaxed_body,
    relaxed_field,
    to_pem,
)
from subscribers.errors import InputError
from tests.unit.message.verifying import signature_tags, verified

RSA = Signer("bulletin.example.org", "r2026", generate_key())
ED25519 = Signer("bulletin.example.org", "e2026", generate_key(Algorithm.ED25519))
RECORDS = {signer.record_name: signer.record for signer in (RSA, ED25519)}
TIME = 1_691_024_400

OVERSIGNED = [
    *("from", "subject", "date", "to", "cc", "reply-to", "sender", "message-id", "mime-version", "content-type"),
    *("list-unsubscribe", "list-unsubscribe-post"),
]
FROM = b"From: =?UTF-8?B?566A5oql?= <bulletin@example.org>"
VALUES = st.lists(st.text("ab:;= \t中文\N{NO-BREAK SPACE}", max_size=20), max_size=3).map(
    lambda lines: "\r\n ".join(["x", *[line + "y" for line in lines]]).encode()
)
FIELDS = st.lists(
    st.tuples(st.sampled_from([b"Subject", b"TO", b"date", b"List-Id", b"Feedback-ID", b"X-Unsigned", b"Received"]), VALUES),
    max_size=6,
).map(lambda fields: [b"%b: %b" % field for field in fields])
BODIES = st.lists(st.text("ab. \t中文=", max_size=30), max_size=6).map(
    lambda lines: "".join(f"{x}\r\n" for x in lines).encode()
)


def message(signatures: list[bytes], fields: list[bytes], body: bytes) -> bytes:
    return b"\r\n".join([*signatures, *fields, b"", body])


@settings(deadline=None)
@given(FIELDS, FIELDS, BODIES)
@pytest.mark.parametrize("signer", [RSA, ED25519], ids=lambda signer: signer.algorithm)
def test_an_independent_verifier_accepts_every_signed_message(signer, before, after, body):
    fields = [*before, FROM, *after]
    assert verified(message([signer.sign(fields, body, time=TIME)], fields, body), RECORDS)


@settings(deadline=None)
@given(FIELDS, BODIES)
def test_two_signatures_stand_beside_each_other(fields, body):
    fields = [FROM, *fields]
    signed = message([signer.sign(fields, body, time=TIME) for signer in (RSA, ED25519)], fields, body)
    assert verified(signed, RECORDS, 0)
    assert verified(signed, RECORDS, 1)


@given(BODIES)
def test_the_relaxed_body_is_the_one_that_the_verifier_hashes(body):
    assert relaxed_body(body) == Relaxed.canonicalize_body(body)


@pytest.mark.parametrize(
    ("body", "relaxed"),
    [(b"", b""), (b"\r\n\r\n", b""), (b" \t\r\n", b""), (b"a", b"a\r\n"), (b" C \r\nD \t E\r\n\r\n\r\n", b" C\r\nD E\r\n")],
)
def test_the_relaxed_body_is_as_rfc_6376_has_it(body, relaxed):
    assert relaxed_body(body) == relaxed


def test_the_relaxed_field_is_as_rfc_6376_has_it():
    assert relaxed_field(b"A: X") == b"a:X"
    assert relaxed_field(b"B : Y\t\r\n\tZ  ") == b"b:Y Z"


FULL = [
    FROM,
    b"To: <zhang@example.com>",
    b"Subject: a bulletin",
    b"List-Unsubscribe: <https://example.org/u/x>",
    b"Content-Type: text/plain; charset=utf-8",
    b"X-Unsigned: anything",
]


@pytest.mark.parametrize("signer", [RSA, ED25519], ids=lambda signer: signer.algorithm)
@pytest.mark.parametrize("name", OVERSIGNED)
def test_a_second_field_put_on_top_breaks_the_signature(signer, name):
    signature = signer.sign(FULL, b"text\r\n", time=TIME)
    assert verified(message([signature], FULL, b"text\r\n"), RECORDS)
    assert not verified(message([signature], [f"{name}: other".encode(), *FULL], b"text\r\n"), RECORDS)


@pytest.mark.parametrize("signer", [RSA, ED25519], ids=lambda signer: signer.algorithm)
@pytest.mark.parametrize("place", range(5))
def test_a_signed_field_that_was_changed_breaks_the_signature(signer, place):
    signature = signer.sign(FULL, b"text\r\n", time=TIME)
    changed = [field + b"." if at == place else field for at, field in enumerate(FULL)]
    assert not verified(message([signature], changed, b"text\r\n"), RECORDS)


@pytest.mark.parametrize("signer", [RSA, ED25519], ids=lambda signer: signer.algorithm)
def test_text_added_at_the_end_breaks_the_signature_because_there_is_no_length_tag(signer):
    signature = signer.sign(FULL, b"text\r\n", time=TIME)
    assert "l" not in signature_tags(message([signature], FULL, b"text\r\n"))
    assert not verified(message([signature], FULL, b"text\r\nmore\r\n"), RECORDS)


def test_the_tags_say_what_was_signed_and_when():
    tags = signature_tags(message([RSA.sign(FULL, b"text\r\n", time=TIME)], FULL, b"text\r\n"))
    assert {name: tags[name] for name in "vacdst"} == {
        "v": "1",
        "a": "rsa-sha256",
        "c": "relaxed/relaxed",
        "d": "bulletin.example.org",
        "s": "r2026",
        "t": str(TIME),
    }
    assert base64.b64decode(tags["bh"]) == hashlib.sha256(b"text\r\n").digest()


def test_each_oversigned_name_is_listed_once_more_than_it_stands_in_the_message():
    names = signature_tags(message([RSA.sign(FULL, b"", time=TIME)], FULL, b""))["h"].split(":")
    present = [field.partition(b":")[0].decode().lower() for field in FULL]
    assert {name: names.count(name) for name in OVERSIGNED} == {name: present.count(name) + 1 for name in OVERSIGNED}
    assert not {"x-unsigned", "received", "return-path", "bcc"} & set(names)


@settings(deadline=None)
@given(FIELDS, BODIES)
def test_the_signature_is_a_legal_header_field(fields, body):
    lines = RSA.sign([FROM, *fields], body, time=TIME).split(b"\r\n")
    assert lines[0].startswith(b"DKIM-Signature: v=1;")
    assert all(re.fullmatch(rb" [!-~][ -~]*", line) for line in lines[1:])
    assert max(map(len, lines)) <= 78


@settings(deadline=None)
@given(BODIES)
def test_a_form_signs_as_the_signer_itself_does(body):
    form = SignatureForm(ED25519, FULL[2:], ["From", "To"], time=TIME)
    for field in (b"To: <li@example.com>", b"To: =?UTF-8?B?5p2O?=\r\n <li@example.com>"):
        (signature,) = form.sign([Unsigned([FROM, field], hashlib.sha256(relaxed_body(body)).digest())])
        assert verified(message([signature], [FROM, field, *FULL[2:]], body), RECORDS)


def test_a_field_that_varies_has_to_be_one_that_is_signed():
    with pytest.raises(ValueError, match="X-Trace"):
        SignatureForm(RSA, FULL, ["X-Trace"], time=TIME)


def test_a_message_without_from_is_not_signed():
    with pytest.raises(ValueError, match="From"):
        RSA.sign(FULL[1:], b"", time=TIME)


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_key_survives_its_pem_file(algorithm):
    key = generate_key(algorithm)
    again = load_key(to_pem(key), "key.pem")
    assert dns_record(again.public_key()) == dns_record(key.public_key())
    assert dns_record(key.public_key()).startswith(f"v=DKIM1; k={algorithm}; p=")


def pem(key, form=serialization.PrivateFormat.PKCS8, encryption=None):
    return key.private_bytes(serialization.Encoding.PEM, form, encryption or serialization.NoEncryption())


def test_a_pkcs1_file_is_read_too():
    key = generate_key()
    pkcs1 = pem(key, serialization.PrivateFormat.TraditionalOpenSSL)
    assert pkcs1.startswith(b"-----BEGIN RSA PRIVATE KEY-----")
    assert dns_record(load_key(pkcs1, "key.pem").public_key()) == dns_record(key.public_key())


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "PEM"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "PEM"),
        (pem(generate_key(), encryption=serialization.BestAvailableEncryption(b"secret")), "unencrypted"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "neither"),
    ],
)
def test_what_is_no_key_for_dkim_is_refused_by_name(content, why):
    with pytest.raises(InputError, match=rf"^keys/old\.pem: .*{why}.*dkim create"):
        load_key(content, "keys/old.pem")


@pytest.mark.parametrize(
    ("domain", "selector"), [("exa mple.org", "s"), ("example.org", "s;t=1"), ("example.org", ""), ("", "s")]
)
def test_what_cannot_stand_in_the_dns_is_refused(domain, selector):
    with pytest.raises(InputError, match="DKIM"):
        Signer(domain, selector, generate_key(Algorithm.ED25519))


def test_a_chinese_domain_signs_under_its_a_label():
    assert Signer("例子.中国", "s", generate_key(Algorithm.ED25519)).record_name == "s._domainkey.xn--fsqu00a.xn--fiqs8s"
