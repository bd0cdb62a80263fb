"""Which keys sign: by the sender's domain, by age, and by what has been seen in the DNS."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mailer.dkim import Algorithm, generate_key, to_pem
from mailer.settings import Settings, read_settings
from mailer.signing import (
    SigningKey,
    check_keys,
    create_key,
    domains_with_keys,
    keys_of,
    record_strings,
    remember,
    retire,
    signers_for,
    signs,
    zone_entry,
)
from subscribers.errors import InputError

PEM = to_pem(generate_key()).decode()


def settings(folder: Path, **others: str) -> Settings:
    environ = {"JIANBAO_DATA_DIR": str(folder), **{f"JIANBAO_{name}": value for name, value in others.items()}}
    return read_settings(environ, folder / ".env")


def make(
    read: Settings, selector: str, *, at: float, domain: str = "example.org", kind: Algorithm = Algorithm.RSA
) -> SigningKey:
    """A key that was made at that time."""
    key = create_key(domain, selector, kind, read)
    os.utime(key.origin, (at, at))
    return key


def selectors(domain: str, read: Settings) -> list[str]:
    return [signer.selector for signer in signers_for(domain, read)]


def test_the_newest_published_key_of_each_algorithm_signs_rsa_on_top(tmp_path: Path) -> None:
    read = settings(tmp_path)
    for key in (make(read, "new-ed", at=3, kind=Algorithm.ED25519), make(read, "old", at=1), make(read, "new", at=2)):
        remember(key, published=True)
    assert selectors("example.org", read) == ["new", "new-ed"]


def test_a_new_key_does_not_sign_before_its_record_has_been_seen_though_nobody_looked_for_the_old_one_s(tmp_path: Path) -> None:
    read = settings(tmp_path)
    make(read, "old", at=1)
    new = make(read, "new", at=2)
    assert selectors("example.org", read) == ["old"]
    remember(new, published=True)
    assert selectors("example.org", read) == ["new"]


@pytest.mark.parametrize("closed", ["dkim", "dkim/example.org", "dkim/example.org/a.pem"])
def test_keys_that_belong_to_another_user_are_not_taken_for_none(tmp_path: Path, closed: str) -> None:
    read = settings(tmp_path)
    make(read, "a", at=1)
    (tmp_path / closed).chmod(0)
    us = os.geteuid()
    try:
        if us == 0:  # Root may read everything.
            os.seteuid(65534)
        for attempt in (lambda: signers_for("example.org", read), lambda: check_keys(read)):
            with pytest.raises(InputError, match="cannot be read: Permission denied"):
                attempt()
    finally:
        os.seteuid(us)
        (tmp_path / closed).chmod(0o700)


def test_a_new_key_waits_until_its_record_has_been_seen_where_an_older_one_s_has(tmp_path: Path) -> None:
    read = settings(tmp_path)
    old, new = make(read, "old", at=1), make(read, "new", at=2)
    remember(old, published=True)
    assert selectors("example.org", read) == ["old"]
    assert (signs(old, read), signs(new, read)) == (True, False)
    remember(new, published=True)
    assert selectors("example.org", read) == ["new"]
    remember(new, published=False)
    assert selectors("example.org", read) == ["old"]


def test_a_sender_is_signed_for_by_its_own_domain_else_by_the_one_that_is_set_else_by_none(tmp_path: Path) -> None:
    read = settings(tmp_path)
    make(read, "a", at=1, domain="example.org")
    make(read, "b", at=1, domain="简报.example")
    assert selectors("example.org", read) == ["a"]
    assert selectors("简报.example", read) == ["b"]
    assert selectors("news.example.org", read) == []
    read = settings(tmp_path, DKIM_DOMAIN="Example.ORG")
    assert [signer.domain for signer in signers_for("news.example.org", read)] == ["example.org"]
    assert selectors("简报.example", read) == ["b"]
    assert domains_with_keys(read) == ["example.org", "xn--4ru366c.example"]


def test_a_key_in_the_settings_needs_no_file_and_signs_for_its_domain_or_for_every_one(tmp_path: Path) -> None:
    read = settings(tmp_path, DKIM_KEY=PEM, DKIM_SELECTOR="s1")
    assert [(s.domain, s.selector) for s in signers_for("any.example", read)] == [("any.example", "s1")]
    read = settings(tmp_path, DKIM_KEY=PEM, DKIM_SELECTOR="s1", DKIM_DOMAIN="example.org")
    make(read, "own", at=1, domain="other.example")
    assert selectors("example.org", read) == ["s1"]
    assert [signer.domain for signer in signers_for("any.example", read)] == ["example.org"]
    assert selectors("other.example", read) == ["own"]


def test_a_key_in_the_settings_needs_its_selector(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="JIANBAO_DKIM_KEY and JIANBAO_DKIM_SELECTOR go together"):
        settings(tmp_path, DKIM_KEY=PEM)


def test_keys_are_their_owner_s_alone(tmp_path: Path) -> None:
    key = Path(create_key("example.org", "a", Algorithm.RSA, settings(tmp_path)).origin)
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.parent.stat().st_mode & 0o777 == 0o700
    assert list(key.parent.iterdir()) == [key]


def test_a_selector_is_used_once(tmp_path: Path) -> None:
    read = settings(tmp_path)
    first = create_key("example.org", "a", Algorithm.RSA, read)
    with pytest.raises(InputError, match=r"has a key 'a' already.*--selector"):
        create_key("example.org", "a", Algorithm.RSA, read)
    assert [key.signer.record for key in keys_of("example.org", read)] == [first.signer.record]


@pytest.mark.parametrize(("domain", "selector"), [("../etc", "a"), ("example.org", "../a"), ("", "a")])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, domain: str, selector: str) -> None:
    with pytest.raises(InputError):
        create_key(domain, selector, Algorithm.RSA, settings(tmp_path))
    assert not (tmp_path / "dkim").exists()


def test_a_key_that_is_retired_is_gone_with_what_was_seen_of_it(tmp_path: Path) -> None:
    read = settings(tmp_path)
    old = make(read, "old", at=1)
    remember(old, published=True)
    retire(old)
    assert keys_of("example.org", read) == ()
    assert list(Path(old.origin).parent.iterdir()) == []


def test_a_broken_key_is_named_before_a_mail_would_have_left_unsigned(tmp_path: Path) -> None:
    read = settings(tmp_path)
    broken = Path(make(read, "a", at=1).origin)
    broken.write_text("-----BEGIN PRIVATE KEY-----\n")
    for attempt in (lambda: check_keys(read), lambda: signers_for("example.org", read)):
        with pytest.raises(InputError, match=rf"{broken}: .*dkim create"):
            attempt()
    with pytest.raises(InputError, match=r"^JIANBAO_DKIM_KEY: "):
        check_keys(settings(tmp_path / "other", DKIM_KEY="no key", DKIM_SELECTOR="s"))


def test_a_record_is_cut_into_strings_that_a_zone_file_takes(tmp_path: Path) -> None:
    signer = create_key("example.org", "a", Algorithm.RSA, settings(tmp_path)).signer
    strings = record_strings(signer)
    assert "".join(strings) == signer.record
    assert max(map(len, strings)) <= 255
    first, *others = zone_entry(signer).splitlines()
    assert first == "a._domainkey.example.org. 3600 IN TXT ("
    assert [line.strip(' ")') for line in others] == strings
