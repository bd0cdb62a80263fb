from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.rate import Bounds, Rate
from mailer.relay import Encryption, Mechanism, Relay, parse_relays
from subscribers.errors import InputError


def test_a_relay_with_a_login_wants_starttls_on_the_submission_port() -> None:
    assert parse_relays("smtp://me:secret@mail.example.org") == (
        Relay("mail.example.org", 587, Encryption.REQUIRE, user="me", password="secret"),
    )


def test_a_relay_without_a_login_takes_starttls_if_offered_on_port_25() -> None:
    assert parse_relays("smtp://mail.example.org") == (Relay("mail.example.org", 25, Encryption.IF_OFFERED),)


def test_smtps_is_encrypted_from_the_first_byte() -> None:
    assert parse_relays("smtps://me:secret@smtp.qq.com")[0].encryption is Encryption.IMPLICIT
    assert parse_relays("smtps://me:secret@smtp.qq.com")[0].port == 465


def test_every_option_is_read() -> None:
    options = "starttls=none&connections=8&messages=50&weight=3&bind=192.0.2.7&name=second&auth=login&helo=mx.example.org"
    relay = parse_relays(f"smtp://me:secret@mail.example.org:2525?{options}&cleartext_password=yes")[0]
    assert relay == Relay(
        host="mail.example.org",
        port=2525,
        encryption=Encryption.NONE,
        user="me",
        password="secret",
        mechanism=Mechanism.LOGIN,
        cleartext_password=True,
        name="second",
        connections=8,
        messages=50,
        weight=3,
        bind="192.0.2.7",
        helo="mx.example.org",
    )


def test_several_relays_are_separated_by_white_space() -> None:
    assert [relay.label for relay in parse_relays(" smtp://a.test:25\n smtp://b.test:26?name=spare ")] == ["a.test:25", "spare"]


def test_an_address_may_be_the_user_name() -> None:
    relay = parse_relays("smtps://bulletin@qq.com:secret@smtp.qq.com")[0]
    assert (relay.user, relay.host) == ("bulletin@qq.com", "smtp.qq.com")


def test_ipv6_literals_keep_their_brackets_in_the_url_only() -> None:
    relay = parse_relays("smtp://[2001:DB8::1]:2525")[0]
    assert (relay.host, relay.port, relay.label) == ("2001:db8::1", 2525, "[2001:db8::1]:2525")


def test_a_chinese_host_name_becomes_its_a_label() -> None:
    assert parse_relays("smtp://例子.测试")[0].host == "xn--fsqu00a.xn--0zwm56d"


@given(user=st.text(min_size=1), password=st.text(min_size=1))
def test_any_user_and_password_survive_percent_encoding(user: str, password: str) -> None:
    relay = parse_relays(f"smtp://{quote(user, safe='')}:{quote(password, safe='')}@mail.example.org")[0]
    assert (relay.user, relay.password) == (user, password)


def test_the_password_is_shown_nowhere() -> None:
    relay = parse_relays("smtps://me:hush%40@mail.example.org?connections=9&name=main")[0]
    for shown in (str(relay), repr(relay), f"{relay}"):
        assert "hush" not in shown
    assert str(relay) == "smtps://me:***@mail.example.org:465?name=main&connections=9"


@pytest.mark.parametrize(
    "url",
    [
        "smtp://mail.example.org:25?starttls=none&connections=2&helo=mx.example.org",
        "smtps://mail.example.org:465?bind=192.0.2.1",
        "smtp://[::1]:26?starttls=if_offered",
    ],
)
def test_str_of_a_relay_without_a_login_reads_back(url: str) -> None:
    relay = parse_relays(url)[0]
    assert parse_relays(str(relay))[0] == relay


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "JIANBAO_SMTP_URL"),
        ("http://mail.example.org", "begins with neither smtp:// nor smtps://"),
        ("mail.example.org:25", "begins with neither smtp:// nor smtps://"),
        ("smtp://", "no plain host name"),
        ("smtp://mail.example.org/inbox", "no plain host name"),
        ("smtp://mail.example.org:99999", "cannot be read"),
        ("smtp://mail.example.org:port", "cannot be read"),
        ("smtp://mail_.example..org", "cannot be read"),
        ("smtp://[2001:db8::zz]:25", "cannot be read"),
        ("smtp://me@mail.example.org", "user and password go together"),
        ("smtp://mail.example.org?conections=2", "unknown option 'conections'"),
        ("smtp://mail.example.org?connections=0", "no whole number above 0"),
        ("smtp://mail.example.org?messages=many", "no whole number above 0"),
        ("smtp://mail.example.org?starttls=maybe", "starttls=maybe is unknown. Give one of require, if_offered, none"),
        ("smtps://mail.example.org?starttls=require", "encrypted from the first byte"),
        ("smtp://mail.example.org?auth=ntlm", "Give one of plain, login, xoauth2"),
        ("smtp://mail.example.org?bind=eth0", "no IP address"),
        ("smtp://mail.example.org?helo=my+host", "no host name"),
        ("smtp://a.test smtp://a.test", "both called a.test:25"),
    ],
)
def test_a_bad_relay_is_refused_with_its_cure(url: str, says: str) -> None:
    with pytest.raises(InputError, match=says.replace("?", r"\?").replace("(", r"\(")):
        parse_relays(url)


def test_a_password_in_clear_must_be_asked_for() -> None:
    with pytest.raises(InputError, match="would send the password in clear"):
        parse_relays("smtp://me:secret@mail.example.org?starttls=none")


@pytest.mark.parametrize(
    "url",
    [
        "smtp://me:hush/hush@mail.example.org",
        "smtp://me:hush#hush@mail.example.org",
        "smtp://me:hush?hush@mail.example.org",
        "smtp://me:hush@mail.example.org:x",
        "smtp://me:hush@mail.example.org?starttls=none",
        "ftp://me:hush@mail.example.org",
        "smtp://hush@mail.example.org",
        "smtp//me:hush@mail.example.org",
        "me:hush@mail.example.org",
        "smtp://me:hush",
        "smtp://me:hush hush@mail.example.org",
    ],
)
def test_no_error_shows_the_password(url: str) -> None:
    with pytest.raises(InputError) as error:
        parse_relays(url)
    assert "hush" not in str(error.value)


def test_delivery_without_a_relay_is_an_address_too() -> None:
    url = "mx://?helo=mail.example.org&starttls=none&bind=192.0.2.1&weight=2&per_day=5000"
    relay = parse_relays(url)[0]
    assert relay == Relay(
        host="",
        port=25,
        encryption=Encryption.NONE,
        helo="mail.example.org",
        bind="192.0.2.1",
        weight=2,
        bounds=Bounds(per_day=5000),
        direct=True,
    )
    assert relay.label == "mx"
    assert parse_relays(str(relay))[0] == relay
    assert parse_relays("mx://?helo=mail.example.org&name=home")[0].label == "home"
    assert parse_relays("mx:?helo=mail.example.org")[0].encryption is Encryption.IF_OFFERED


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mx://", "needs the full name"),
        ("mx://?helo", "needs the full name"),
        ("mx://mail.example.org?helo=mail.example.org", "needs the full name"),
        ("mx://?helo=my+host", "no host name"),
        ("mx://?helo=mail.example.org&connections=4", "unknown option 'connections'"),
        ("mx://?helo=a.test mx://?helo=b.test", "both called mx"),
    ],
)
def test_a_bad_address_for_delivery_without_a_relay_is_refused_with_its_cure(url: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        parse_relays(url)


def test_what_a_relay_allows_is_read_and_written_the_same() -> None:
    url = "smtp://user:secret@smtp.example.org:587?starttls=require&rate=300/min&at_once=10&per_hour=500&per_day=3000"
    (relay,) = parse_relays(url)
    assert relay.bounds == Bounds(Rate(300, 60), at_once=10, per_hour=500, per_day=3000)
    (again,) = parse_relays(str(relay).replace("***", "secret"))
    assert again == relay


@pytest.mark.parametrize("option", ["rate=fast", "rate=0/s", "per_hour=0", "per_day=many", "at_once=-1"])
def test_an_allowance_that_is_none_is_refused_without_the_password(option: str) -> None:
    with pytest.raises(InputError, match="Give one like") as raised:
        parse_relays(f"smtp://user:secret@smtp.example.org:587?{option}")
    assert "secret" not in str(raised.value)
