"""SPF, DKIM and DMARC records: what is wrong with them, and what is not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.dkim import Algorithm, Signer, generate_key
from mailer.sender_records import Dmarc, Fault, aligned, dkim_fault, dmarc_fault, find_dmarc, spf_fault, tags

RSA = Signer("example.org", "a", generate_key())
OTHER = Signer("example.org", "a", generate_key())
ED25519 = Signer("example.org", "b", generate_key(Algorithm.ED25519))
KEY = tags(RSA.record)["p"]


def said(found: Fault | None) -> str:
    return f"{found.message}. {found.cure}" if found else ""


@pytest.mark.parametrize("signer", [RSA, ED25519])
def test_a_record_as_we_print_it_is_right(signer: Signer) -> None:
    assert dkim_fault(signer, [signer.record]) is None
    assert dkim_fault(signer, ["google-site-verification=x", signer.record]) is None


def test_a_record_may_say_less_and_be_spaced_as_one_likes() -> None:
    assert dkim_fault(RSA, [f"p={KEY[:40]} {KEY[40:]}"]) is None
    assert dkim_fault(RSA, [f"V=DKIM1;k = rsa ; h=sha1:sha256; t=s; p={KEY};"]) is None


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        ([], "no key is published. Publish at a._domainkey.example.org"),
        (["v=spf1 -all"], "no key is published"),
        ([RSA.record, OTHER.record], "2 keys are published"),
        ([OTHER.record], "another key is published"),
        ([ED25519.record], "another key is published"),
        (["v=DKIM1; p="], "revoked"),
        ([f"v=DKIM1; h=sha1; p={KEY}"], "does not allow our signatures"),
        ([f"v=DKIM2; p={KEY}"], "does not allow our signatures"),
        ([f"v=DKIM1; t=y:s; p={KEY}"], "it is a test"),
    ],
)
def test_a_record_that_is_not_as_it_has_to_be_says_why(texts: list[str], why: str) -> None:
    assert why in said(dkim_fault(RSA, texts))


def spf(record: str, **others: str) -> str:
    zone = {"example.org": [record], **{name.replace("_", "."): [text] for name, text in others.items()}}
    return said(spf_fault("example.org", lambda name: zone.get(name, [])))


@pytest.mark.parametrize("record", ["v=spf1 ip4:192.0.2.1 -all", "v=spf1 a mx ~all", "V=SPF1 redirect=_spf.example.org"])
def test_an_spf_record_that_holds(record: str) -> None:
    assert spf(record) == ""


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ("v=spf10 -all", "there is no SPF record"),
        ("v=spf1 ptr -all", "ptr"),
        ("v=spf1 ?ptr:example.org -all", "ptr"),
        ("v=spf1 a mx", "forbids nobody"),
        ("v=spf1 +all", "forbids nobody"),
        ("v=spf1 " + " ".join(f"a:h{n}.example.org" for n in range(11)) + " -all", "more than the 10 lookups"),
    ],
)
def test_an_spf_record_that_does_not_says_why(record: str, why: str) -> None:
    assert why in spf(record)


def test_the_lookups_of_what_is_included_count_too_even_in_a_circle() -> None:
    four = "v=spf1 a:a.x mx:b.x exists:c.x a:d.x -all"
    assert spf("v=spf1 include:one.x include:two.x -all", one_x=four, two_x="v=spf1 ip4:192.0.2.1 -all") == ""
    assert "more than the 10 lookups" in spf(
        "v=spf1 include:one.x include:two.x redirect=three.x", one_x=four, two_x=four, three_x="v=spf1 a"
    )
    assert "more than the 10 lookups" in spf("v=spf1 include:example.org -all")


def test_two_spf_records_are_none() -> None:
    assert "there are 2 SPF records" in said(spf_fault("example.org", lambda name: ["v=spf1 -all", "v=spf1 ~all"]))


def dmarc(domain: str, **zone: str) -> Dmarc | Fault:
    def texts(name: str) -> Sequence[str]:
        return [zone[name.replace(".", "_")]] if name.replace(".", "_") in zone else []

    return find_dmarc(domain, texts)


def test_the_dmarc_record_is_the_domain_s_own_or_the_nearest_above_it() -> None:
    own = dmarc("news.example.org", _dmarc_news_example_org="v=DMARC1; p=none", _dmarc_example_org="v=DMARC1; p=reject")
    assert isinstance(own, Dmarc)
    assert (own.domain, own.policy) == ("news.example.org", "none")
    above = dmarc("news.example.org", _dmarc_example_org="v=DMARC1;p=reject")
    assert isinstance(above, Dmarc)
    assert (above.domain, above.policy) == ("example.org", "reject")


def test_no_dmarc_record_says_where_one_has_to_be() -> None:
    found = dmarc("news.example.org", _dmarc_org="v=DMARC1; p=none", _dmarc_example_org="v=spf1 -all")
    assert isinstance(found, Fault)
    assert '_dmarc.news.example.org: "v=DMARC1; p=none;' in found.cure


@pytest.mark.parametrize(
    ("text", "signed_by", "why"),
    [
        ("v=DMARC1; p=none", None, ""),
        ("v=DMARC1; p=reject; adkim=s", "news.example.org", ""),
        ("v=DMARC1; p=reject", "example.org", ""),
        ("v=DMARC1; p=reject; adkim=s", "example.org", "is signed by example.org"),
        ("v=DMARC1; p=none", "relay.example", "is signed by relay.example"),
        ("v=DMARC1", None, "policy is ''"),
        ("v=DMARC1; p=quarantine; pct=20", None, "has pct"),
    ],
)
def test_what_a_dmarc_record_asks_for_has_to_be_so(text: str, signed_by: str | None, why: str) -> None:
    found = said(dmarc_fault(Dmarc("example.org", tags(text)), signed_by=signed_by, from_domain="news.example.org"))
    assert why in found if why else found == ""


@given(st.sampled_from(["a.example", "b.a.example", "example", "xa.example"]), st.sampled_from(["a.example", "b.a.example"]))
def test_alignment_is_mutual_and_never_by_a_part_of_a_label(one: str, other: str) -> None:
    assert aligned(one, other) == aligned(other, one)
    assert aligned(one, one, strict=True)
    assert not aligned("xa.example", "a.example")
