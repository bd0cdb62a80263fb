"""Who runs a mailbox, by address and by MX."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.provider import OTHER, ProviderTable
from subscribers.errors import InputError

TABLE = ProviderTable.load()


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("12345@qq.com", "tencent"),
        ("a@vip.qq.com", "tencent"),
        ("a@FOXMAIL.com", "tencent"),
        ("a@163.com", "netease"),
        ("a@126.com", "netease"),
        ("a@yeah.net", "netease"),
        ("a@vip.163.com", "netease"),
        ("a@188.com", "netease"),
        ("a@gmail.com", "google"),
        ("a@hotmail.com", "microsoft"),
        ("a@live.cn", "microsoft"),
        ("a@yahoo.com", "yahoo"),
        ("a@me.com", "apple"),
        ("a@sina.cn", "sina"),
        ("a@sohu.com", "sohu"),
        ("a@139.com", "139"),
        ("a@189.cn", "189"),
        ("a@263.net", "263"),
        ("a@aliyun.com", "aliyun"),
        ("a@itp.ac.cn", OTHER),
        ("a@notqq.com", OTHER),
        ("a@mail.qq.com.example", OTHER),
        ("no address", OTHER),
    ],
)
def test_an_address_tells_its_provider_by_its_whole_domain(address: str, key: str) -> None:
    assert TABLE.provider_of_address(address).key == key


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("mx3.qq.com", "tencent"),
        ("mxbiz1.qq.com.", "tencent"),
        ("163mx01.mxmail.netease.com", "netease"),
        ("qiye163mx01.mxmail.netease.com", "netease"),
        ("mxn.mxhichina.com", "aliyun"),
        ("mx1.qiye.aliyun.com", "aliyun"),
        ("mail.cstnet.cn", "coremail"),
        ("hzmx01.icoremail.net", "coremail"),
        ("gmail-smtp-in.l.google.com", "google"),
        ("institute-cn.mail.protection.outlook.com", "microsoft"),
        ("institute-cn.mail.protection.partner.outlook.cn", "microsoft"),
        ("mta5.am0.yahoodns.net", "yahoo"),
        ("mx01.mail.icloud.com", "apple"),
        ("freemx1.sinamail.sina.com.cn", "sina"),
    ],
)
def test_a_host_tells_its_provider_by_whole_labels(host: str, key: str) -> None:
    provider = TABLE.provider_of_mx(host)
    assert provider is not None
    assert provider.key == key


@pytest.mark.parametrize("host", ["mx.institute.example", "notqq.com", "qq.com.example", "", "."])
def test_a_host_that_nobody_knows_has_no_provider(host: str) -> None:
    assert TABLE.provider_of_mx(host) is None


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_has_some_provider_and_perhaps_an_mx(text: str) -> None:
    assert TABLE.provider_of_address(text).key in TABLE.keys
    TABLE.provider_of_mx(text)


def test_every_provider_begins_no_harder_than_it_was_seen_to_bear() -> None:
    for key in TABLE.keys:
        limits = TABLE.provider(key).limits
        assert 1 <= limits.connections <= limits.connections_at_most
        assert limits.messages_per_connection >= 1
        assert min(limits.rate) >= 1
        assert limits.source


def test_tencent_and_netease_get_few_messages_on_a_connection() -> None:
    assert TABLE.provider("tencent").limits.messages_per_connection == 8
    assert TABLE.provider("netease").limits.messages_per_connection == 7
    assert TABLE.provider("google").limits.rate == (5, 1)


def test_no_domain_and_no_host_belongs_to_two() -> None:
    providers = [TABLE.provider(key) for key in TABLE.keys]
    for names in ([p.domains for p in providers], [p.mx_suffixes for p in providers]):
        assert sum(len(own) for own in names) == len(frozenset().union(*names))


def test_staff_add_a_domain_to_a_shipped_provider_and_a_provider_of_their_own(tmp_path: Path) -> None:
    extra = tmp_path / "ours.toml"
    extra.write_text(
        '[[provider]]\nkey = "coremail"\ndomains = ["ynjx.ac.cn"]\n\n[[provider]]\nkey = "city"\nname_zh = "市局"\n'
        'domains = ["city.example"]\nmx_suffixes = [".mx.city.example"]\n'
        'connections = [1, 1]\nmessages = 5\npace = [1, 10]\nsource = "their word"\n',
        encoding="utf-8",
    )
    table = ProviderTable.load(extra)
    assert table.provider_of_address("a@ynjx.ac.cn").key == "coremail"
    assert table.provider("coremail").limits == TABLE.provider("coremail").limits
    assert table.provider_of_address("a@city.example").limits.rate == (1, 10)
    found = table.provider_of_mx("in1.mx.city.example")
    assert found is not None
    assert found.key == "city"


def test_staff_say_what_a_provider_takes_by_the_clock_and_the_rest_stays_as_it_was(tmp_path: Path) -> None:
    extra = tmp_path / "ours.toml"
    extra.write_text('[[provider]]\nkey = "netease"\nper_hour = 50\nper_day = 300\n', encoding="utf-8")
    bounds = ProviderTable.load(extra).provider("netease").limits.bounds
    assert bounds == replace(TABLE.provider("netease").limits.bounds, per_hour=50, per_day=300)
    assert (str(bounds.rate), bounds.at_once) == ("1/3s", 2)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[provider", "cannot be read"),
        ('[[provider]]\nkey = "netease"\nper_day = 0', "per_day is no number above 0"),
        ("provider = 3", "no list of tables"),
        ('[[provider]]\nname_zh = "x"', "[[provider]] 1: key is missing"),
        ('[[provider]]\nkey = "x"\nname_zh = "x"\nconnections = [0, 1]', "connections is no pair of numbers above 0"),
        ('[[provider]]\nkey = "x"\nname_zh = "x"\nconnections = [1, 1]\nmessages = "5"', "messages is no number above 0"),
        ('[[provider]]\nkey = "x"\ndomains = "x.example"', "domains is no list of names"),
        ('[[provider]]\nkey = "x"\ndomain = ["x.example"]', "unknown key 'domain'. Use one of: connections"),
    ],
)
def test_a_mistake_is_told_with_file_row_and_cure(tmp_path: Path, text: str, complaint: str) -> None:
    extra = tmp_path / "ours.toml"
    extra.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as raised:
        ProviderTable.load(extra)
    assert str(raised.value).startswith("ours.toml: ")
    assert complaint in str(raised.value)
