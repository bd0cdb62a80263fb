"""Fates: known beforehand, in the proportions asked for, in the provider's own words."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.world.fates import Stage, fate, fate_of_kind
from mailer.world.shares import FateKind, Shares
from subscribers.errors import InputError

addresses = st.builds(
    "{}@{}.example".format, st.text("abcdefghij0123456789.", min_size=1), st.sampled_from(["qq", "163", "kmi.ac"])
)


@given(addresses, st.integers(), st.sampled_from([Shares(), Shares.parse("unknown_user=0.5,dropped=0.5")]))
def test_an_address_meets_the_same_fate_whenever_it_is_asked(address: str, seed: int, shares: Shares) -> None:
    assert fate(address, seed, shares) == fate(address, seed, shares)


@given(addresses, st.integers())
def test_without_shares_everybody_is_accepted(address: str, seed: int) -> None:
    assert fate(address, seed, Shares.parse("none")).kind is FateKind.ACCEPT


def test_fates_come_in_the_proportions_asked_for() -> None:
    count = 20_000
    found = Counter(fate(f"reader{n}@qq.example", 7, Shares()).kind for n in range(count))
    for kind, share in Shares().by_kind().items():
        assert found[kind] == pytest.approx(share * count, abs=5 * (share * count) ** 0.5)
    assert found[FateKind.ACCEPT] / count == pytest.approx(0.935, abs=0.01)


def test_another_seed_strikes_others() -> None:
    drawn = [[fate(f"reader{n}@qq.example", seed, Shares(unknown_user=0.5)).kind for n in range(200)] for seed in (1, 2)]
    assert drawn[0] != drawn[1]


@pytest.mark.parametrize(
    ("address", "answer"),
    [
        ("a@qq.example", "550 Mailbox not found. https://service.mail.qq.com/detail/122/169"),
        ("a@exmail.example", "550 Mailbox not found. https://service.mail.qq.com/detail/122/169"),
        ("a@163.example", "550 User not found: a@163.example"),
        ("bgs@ynjx.ac.example", "550 User not found: bgs@ynjx.ac.example"),
        ("a@aliyun.example", "554 RCPT (a@aliyun.example) dosn't exist"),
        ("a@outlook.example", "550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302)."),
        ("a@elsewhere.example", "550 5.1.1 <a@elsewhere.example>: Recipient address rejected: User unknown"),
        ("postmaster", "550 5.1.1 <postmaster>: Recipient address rejected: User unknown"),
    ],
)
def test_an_unknown_user_is_refused_in_the_providers_words(address: str, answer: str) -> None:
    assert str(fate_of_kind(FateKind.UNKNOWN_USER, address).answer) == answer


def test_gmail_refuses_in_several_lines() -> None:
    answer = fate_of_kind(FateKind.UNKNOWN_USER, "a@gmail.example").answer
    assert answer is not None
    lines = answer.on_the_wire(enhanced_codes=True).decode().splitlines()
    assert [line[:10] for line in lines] == ["550-5.1.1 "] * 3 + ["550 5.1.1 "]
    assert answer.on_the_wire(enhanced_codes=False).startswith(b"550-The email account")


def test_tencent_calls_a_passing_limit_550() -> None:
    limited = fate_of_kind(FateKind.FREQUENCY, "a@qq.example")
    assert limited.answer is not None
    assert (limited.answer.code, limited.answer.enhanced, limited.times) == (550, None, 1)


@pytest.mark.parametrize("kind", FateKind)
@pytest.mark.parametrize("domain", ["qq", "163", "ac", "aliyun", "sina", "gmail", "outlook", "elsewhere"])
def test_every_fate_has_what_it_needs(kind: FateKind, domain: str) -> None:
    found = fate_of_kind(kind, f"a@{domain}.example")
    speechless = kind in (FateKind.ACCEPT, FateKind.DROPPED, FateKind.SLOW)
    assert (found.answer is None) == speechless
    assert found.stage is Stage.RCPT or kind in (FateKind.CONTENT, *(FateKind.ACCEPT, FateKind.DROPPED, FateKind.SLOW))
    assert found.answer is None or "{" not in found.answer.text


def test_shares_are_read_from_words() -> None:
    assert Shares.parse("dropped=0.01, unknown_user=.5") == Shares(
        **{**dict.fromkeys(Shares.__dataclass_fields__, 0.0), "dropped": 0.01, "unknown_user": 0.5}
    )


@pytest.mark.parametrize("text", ["lost=0.1", "dropped", "dropped=x", "dropped=1.2.3", "unknown_user=0.9,dropped=0.2", ""])
def test_shares_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="Give"):
        Shares.parse(text)
