"""`jianbao dkim`, against a name server on loopback."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from dns.rcode import Rcode
from sqlalchemy import Engine

from mailer import issues
from mailer.cli import cli
from subscribers.errors import InputError, ServiceError
from tests.name_server import Zone, name_server, txt

Dkim = Callable[..., Result]


@pytest.fixture
def dkim(engine: Engine, database_url: str, redis_url: str, tmp_path: Path) -> Dkim:
    """`jianbao dkim` on an empty database and an empty data directory."""
    del engine

    def run(*words: str, **settings: str) -> Result:
        ours = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "DATA_DIR": str(tmp_path)} | settings
        return CliRunner().invoke(cli, ["dkim", *words], env={f"JIANBAO_{name}": value for name, value in ours.items()})

    return run


def document(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, (result.stderr, result.exception)
    found = json.loads(result.stdout)
    assert isinstance(found, list)
    return found


def make(dkim: Dkim, selector: str, *words: str) -> dict[str, Any]:
    return document(dkim("create", "--domain", "example.org", "--selector", selector, "--json", *words))[0]


def test_a_key_that_is_made_shown_and_published_is_found(dkim: Dkim) -> None:
    made = document(dkim("create", "--domain", "example.org", "--ed25519", "--json"))
    assert [key["algorithm"] for key in made] == ["rsa", "ed25519"]
    assert document(dkim("show", "--json")) == made
    records: Zone = {f"{key['name']} TXT": [txt(key["value"])] for key in made}
    with name_server(records) as server:
        checked = dkim("check", "--nameserver", server, "--json")
    assert checked.exit_code == 0
    assert [(one["name"], one["ok"]) for one in json.loads(checked.stdout)] == [(key["name"], True) for key in made]


def test_what_is_printed_can_be_put_into_a_zone_file_or_a_form(dkim: Dkim) -> None:
    made = make(dkim, "s1")
    shown = dkim("show").stdout
    assert f"name:  s1._domainkey.example.org\ntype:  TXT\nvalue: {made['value']}\n" in shown
    assert "s1._domainkey.example.org. 3600 IN TXT (\n" in shown
    assert max(map(len, made["strings"])) <= 255


def test_a_key_that_is_not_published_is_a_no_with_what_to_do(dkim: Dkim) -> None:
    made = make(dkim, "s1")
    zones: tuple[tuple[Zone, str], ...] = (
        ({}, "no key is published"),
        ({f"{made['name']} TXT": ['"v=DKIM1; k=rsa; p=AAAA"']}, "another key is published"),
    )
    for records, why in zones:
        with name_server(records) as server:
            checked = dkim("check", "--nameserver", server)
        assert checked.exit_code == 1
        assert why in checked.stdout
        assert "jianbao dkim show" in checked.stdout


def test_a_key_is_changed_without_a_mail_that_nobody_can_verify(dkim: Dkim) -> None:
    old = make(dkim, "old")
    records: dict[str, list[str] | Rcode | None] = {f"{old['name']} TXT": [txt(old["value"])]}
    with name_server(records) as server:
        assert dkim("check", "--nameserver", server).exit_code == 0
        new = make(dkim, "new")
        assert new["signs"] is False
        assert isinstance(dkim("retire", "old").exception, InputError)
        assert dkim("check", "--nameserver", server).exit_code == 1
        records[f"{new['name']} TXT"] = [txt(new["value"])]
        assert dkim("check", "--nameserver", server).exit_code == 0
        assert [(key["selector"], key["signs"]) for key in document(dkim("show", "--json"))] == [("old", False), ("new", True)]
        assert dkim("retire", "old").exit_code == 0
        assert [key["selector"] for key in document(dkim("show", "--json"))] == ["new"]


def test_a_name_server_that_is_silent_is_a_service_that_cannot_be_reached(dkim: Dkim, monkeypatch: pytest.MonkeyPatch) -> None:
    make(dkim, "s1")
    monkeypatch.setattr("mailer.dns_lookup._LIFETIME_SECONDS", 0.2)
    checked = dkim("check", "--nameserver", "127.0.0.1:1")
    assert isinstance(checked.exception, ServiceError)
    assert "(127.0.0.1) does not say" in str(checked.exception)


@pytest.mark.parametrize("server", ["ns.example.org", "127.0.0.1:dns", "[::1]:x", ""])
def test_what_is_no_name_server_is_refused(dkim: Dkim, server: str) -> None:
    make(dkim, "s1")
    assert isinstance(dkim("check", "--nameserver", server).exception, InputError)


def test_the_domain_is_the_one_that_publications_send_from_where_there_is_one(dkim: Dkim, engine: Engine) -> None:
    assert "no publication has a sender yet" in str(dkim("create").exception)
    with engine.begin() as connection:
        issues.create_publication(connection, "a", title="t", kind="k", publisher="p", sender="news@a.example")
    assert document(dkim("create", "--json"))[0]["domain"] == "a.example"
    with engine.begin() as connection:
        issues.create_publication(connection, "b", title="t", kind="k", publisher="p", sender="news@b.example")
    assert "publications send from a.example, b.example" in str(dkim("create").exception)
    assert document(dkim("create", "--json", DKIM_DOMAIN="c.example"))[0]["domain"] == "c.example"


def test_without_a_key_one_is_told_how_to_make_one(dkim: Dkim) -> None:
    assert "`jianbao dkim create` makes one" in str(dkim("show").exception)
