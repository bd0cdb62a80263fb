"""Valid addresses that are doubtful all the same, and those that must be left in peace."""

from __future__ import annotations

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers import doubts
from subscribers.address import parse_address
from subscribers.doubts import COMMON_DOMAINS, DoubtKind, doubts_about, is_slip, meant_domain


def _kinds(address: str) -> list[DoubtKind]:
    return [doubt.kind for doubt in doubts_about(parse_address(address))]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("qq.con", "qq.com"),
        ("qq.comm", "qq.com"),
        ("qq.co", "qq.com"),
        ("qqq.com", "qq.com"),
        ("vip.qq.con", "vip.qq.com"),
        ("vipqq.com", "vip.qq.com"),
        ("163.co", "163.com"),
        ("163.con", "163.com"),
        ("163.cn", "163.com"),
        ("163.com.cn", "163.com"),
        ("1633.com", "163.com"),
        ("126.cm", "126.com"),
        ("126.cpm", "126.com"),
        ("gmial.com", "gmail.com"),
        ("gmai.com", "gmail.com"),
        ("gmal.con", "gmail.com"),
        ("gnail.com", "gmail.com"),
        ("hotmial.com", "hotmail.com"),
        ("foxmai.com", "foxmail.com"),
        ("outlok.com", "outlook.com"),
        ("sina.con", "sina.com"),
        ("sina.con.cn", "sina.com.cn"),
        ("yeah.com", "yeah.net"),
        ("189.com", "189.cn"),
        ("yahoo.com.cm", "yahoo.com.cn"),
        ("institute.ac.cm", "institute.ac.cn"),
        ("institute.edu.con", "institute.edu.cn"),
        ("institute.con", "institute.com"),
        ("institute.ogr", "institute.org"),
    ],
)
def test_a_slip_in_a_domain_is_named_with_what_was_meant(written: str, meant: str) -> None:
    typo = doubts_about(parse_address(f"Wang@{written}"))[0]
    assert (typo.kind, typo.proposal) == (DoubtKind.TYPO, f"Wang@{meant}")


@pytest.mark.parametrize(
    "domain",
    [
        *sorted(COMMON_DOMAINS),
        *("mail.com", "email.com", "china.com.cn", "163.net", "aa.com", "sinap.ac.cn", "cas.cn", "itp.ac.cn", "pku.edu.cn"),
        *("icloud.company", "outlook.fr", "corp.163.net", "institute.example", "xn--8ouu99bkvb.example", "univ.cm", "firm.co"),
    ],
)
def test_a_real_domain_raises_no_doubt(domain: str) -> None:
    assert _kinds(f"wang.fang@{domain}") == []


def test_a_throw_away_mailbox_is_named_also_under_a_domain_of_its_provider() -> None:
    assert _kinds("x@mailinator.com") == [DoubtKind.DISPOSABLE]
    assert _kinds("x@some.mailinator.com") == [DoubtKind.DISPOSABLE]


def test_chinese_providers_are_not_taken_for_throw_away_ones() -> None:
    assert _kinds("zhang@21cn.com") == []


@pytest.mark.parametrize(
    ("local", "kind"),
    [
        ("noreply", DoubtKind.UNATTENDED),
        ("No-Reply", DoubtKind.UNATTENDED),
        ("office", DoubtKind.ROLE),
        ("office2", DoubtKind.ROLE),
        ("info+bulletin", DoubtKind.ROLE),
        ("bangongshi", DoubtKind.ROLE),
    ],
)
def test_a_mailbox_that_is_no_person_s_is_named(local: str, kind: DoubtKind) -> None:
    assert _kinds(f"{local}@institute.example") == [kind]


def test_a_domain_without_mail_is_doubtful_only_where_dns_was_asked() -> None:
    address = parse_address("wang@institute.example")
    assert doubts_about(address) == doubts_about(address, takes_mail=True) == ()
    assert [doubt.kind for doubt in doubts_about(address, takes_mail=False)] == [DoubtKind.NO_MAIL]


def test_the_gravest_doubt_comes_first() -> None:
    found = doubts_about(parse_address("office@163.con"), takes_mail=False)
    assert [doubt.kind for doubt in found] == [DoubtKind.TYPO, DoubtKind.NO_MAIL, DoubtKind.ROLE]


@given(st.from_regex(r"[a-z0-9]{1,12}(\.[a-z]{2,4}){1,2}", fullmatch=True))
def test_what_is_proposed_is_not_doubtful_itself(domain: str) -> None:
    meant = meant_domain(domain)
    assert meant is None or (meant != domain and meant_domain(meant) is None)


ENDINGS = sorted({ending for ending, _ in doubts._NEAR} | doubts._DOUBLE_ENDINGS | {"example", "ac.cn", "con.con", ""})


@st.composite
def slips(draw: st.DrawFn) -> str:
    """A common domain's name, with up to two letters taken out, put in, changed or swapped, before any ending."""
    name = draw(st.sampled_from(sorted(COMMON_DOMAINS))).split(".")[0]
    for _ in range(draw(st.integers(0, 2))):
        place, letter = draw(st.integers(0, len(name))), draw(st.sampled_from(["", *"aloq16.-", *name]))
        name = name[:place] + letter + name[place + draw(st.integers(0, 1)) :]
        if draw(st.booleans()):
            name = name[:place] + name[place : place + 2][::-1] + name[place + 2 :]
    return f"{name}.{draw(st.sampled_from(ENDINGS))}"


def among_all(domain: str) -> str | None:
    """The first of all the common domains that `domain` may be a slip for; those with the very name first."""
    if domain in doubts._REAL:
        return None
    name, ending = doubts._divide(domain)
    for slip in (str.__eq__, is_slip):
        for right in sorted(COMMON_DOMAINS):
            right_name, right_ending = doubts._divide(right)
            meant = doubts._NO_ENDINGS.get(ending, ending) == right_ending
            if slip(name, right_name) and (meant or ending in doubts._WRONG_ENDINGS.get(right_ending, ())):
                return right
    return None


@hypothesis.settings(max_examples=2000)
@given(slips())
def test_the_few_that_a_domain_is_held_against_are_all_that_it_can_be_a_slip_for(domain: str) -> None:
    meant = meant_domain(domain)
    assert (meant if meant in COMMON_DOMAINS else None) == (among_all(domain) or doubts._WITHOUT_DOTS.get(domain))


@given(st.sampled_from(["gmail", "foxmail", "outlook"]), st.data())
def test_one_slip_of_the_hand_is_seen_and_no_slip_is_none(name: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(name) - 2))
    assert is_slip(name[:place] + name[place + 1 :], name)
    assert is_slip(name[:place] + name[place] + name[place:], name)
    swapped = name[:place] + name[place + 1] + name[place] + name[place + 2 :]
    assert is_slip(swapped, name) == (swapped != name)
    assert not is_slip(name, name)
