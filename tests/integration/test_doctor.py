"""`jianbao doctor` on a real installation, and on ones with one fault each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from click.testing import CliRunner, Result
from dns.rcode import Rcode
from sqlalchemy import Engine, text

from mailer import issues, migrations
from mailer.checkup import Outcome, services, work
from mailer.cli import cli
from mailer.dkim import Algorithm
from mailer.installation import TAKEOVER, Lease
from mailer.settings import read_settings
from mailer.signing import create_key
from mailer.world.shares import Shares
from mailer.world.world import World, running
from tests import factories
from tests.name_server import name_server, txt

Zone = dict[str, "list[str] | Rcode | None"]
TITLE, PUBLISHER = factories.ISSUE.title, factories.ISSUE.publisher
SOUND: Zone = {
    "sender.example TXT": ['"v=spf1 ip4:192.0.2.1 -all"'],
    "bounce.example TXT": ['"v=spf1 ip4:192.0.2.1 -all"'],
    "bounce.example MX": ["10 mx.example."],
    "_dmarc.sender.example TXT": ['"v=DMARC1; p=none; rua=mailto:dmarc@sender.example"'],
}


@dataclass
class Installation:
    """One with everything in order, until a test changes it."""

    settings: dict[str, str]
    zone: Zone

    def doctor(self, *words: str) -> Result:
        environ = {f"JIANBAO_{name}": value for name, value in self.settings.items()}
        with name_server(self.zone) as server:
            return CliRunner().invoke(cli, ["doctor", "--nameserver", server, *words], env=environ)

    def faults(self) -> dict[str, dict[str, Any]]:
        """What doctor says is wrong, by name; its exit code says the same."""
        done = self.doctor("--json")
        document = json.loads(done.stdout)
        found = {check["name"]: check for check in document["checks"] if check["outcome"] == "fault"}
        assert (done.exit_code, document["ok"]) == ((1, False) if found else (0, True))
        return found


@pytest.fixture
def installed(
    engine: Engine, redis_client: redis.Redis, database_url: str, redis_url: str, tmp_path: Path
) -> Iterator[Installation]:
    """An installation that has a key, a publication, a scheduler that was at work just now, and a relay on this machine."""
    with engine.begin() as connection:
        issues.create_publication(
            connection, "bulletin", title=TITLE, kind="简报", publisher=PUBLISHER, sender="news@sender.example"
        )
    key = "a key of tests that is long enough for doctor"
    known = read_settings({"JIANBAO_DATA_DIR": str(tmp_path), "JIANBAO_SECRET_KEY": key}, tmp_path / ".env")
    assert Lease(engine, redis_client, known, None).holds()
    with running(World(shares=Shares.parse("none"))) as world:
        settings = {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "DATA_DIR": str(tmp_path),
            "SMTP_URL": f"{world.smtp_url}?starttls=none",
            "SECRET_KEY": key,
            "BASE_URL": "https://bulletin.sender.example",
            "BOUNCE_DOMAIN": "bounce.example",
            "WEBHOOKS": "postmark?basic=user:password",
        }
        read = read_settings({"JIANBAO_DATA_DIR": str(tmp_path)}, tmp_path / ".env")
        signer = create_key("sender.example", "s", Algorithm.RSA, read).signer
        yield Installation(settings, {**SOUND, f"{signer.record_name} TXT": [txt(signer.record)]})


def test_a_sound_installation_is_said_to_be_so_on_lines_that_a_small_terminal_holds(installed: Installation) -> None:
    done = installed.doctor()
    assert done.exit_code == 0, done.output
    assert "fault" not in done.stdout
    for name in ("database: PostgreSQL", "schema:", "broker: ", "relay:", "clock:", "spf sender.example", "scheduler: it runs"):
        assert f"ok       {name}" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


Change = Callable[[Installation, Engine], None]


def _zone(key: str, *records: str) -> Change:
    def change(one: Installation, engine: Engine) -> None:
        one.zone[key] = list(records)

    return change


def _without(key: str) -> Change:
    return _zone(key)


def _setting(name: str, value: str) -> Change:
    def change(one: Installation, engine: Engine) -> None:
        one.settings[name] = value

    return change


def _with_a_key_of_its_own(key: str) -> Change:
    def change(one: Installation, engine: Engine) -> None:
        one.settings["SECRET_KEY"] = key
        with engine.begin() as connection:
            connection.execute(text("UPDATE installation SET key_fingerprint = NULL"))

    return change


def _sql(statement: str) -> Change:
    def change(one: Installation, engine: Engine) -> None:
        with engine.begin() as connection:
            connection.execute(text(statement))

    return change


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("relay", _setting("SMTP_URL", ""), "JIANBAO_SMTP_URL"),
        ("relay", _setting("SMTP_URL", "smtp://127.0.0.1:1"), "no connection"),
        ("pages", _setting("BASE_URL", "http://bulletin.sender.example"), "is not https"),
        ("secret key", _with_a_key_of_its_own("short"), "5 characters"),
        ("installation's key", _setting("SECRET_KEY", "another key that is long enough for doctor"), "another secret key"),
        ("bounces", _setting("BOUNCE_POLICY", "full=banana"), "give a number of issues"),
        ("disk", _setting("DATA_DIR", "/proc/jianbao"), "/proc/jianbao"),
        ("spf sender.example", _without("bounce.example TXT"), "there is no SPF record"),
        ("dmarc sender.example", _without("_dmarc.sender.example TXT"), "there is no DMARC record"),
        ("dkim s._domainkey.sender.example", _without("s._domainkey.sender.example TXT"), "no key is published"),
        ("bounces bounce.example", _without("bounce.example MX"), "no MX record"),
        ("bounces bounce.example", _zone("bounce.example MX", "0 ."), "no MX record"),
        ("installation", _sql("UPDATE installation SET beat = 0"), "a later state of this database is known"),
    ],
)
def test_each_fault_is_found_alone_and_has_a_cure(
    installed: Installation, engine: Engine, name: str, change: Change, said: str
) -> None:
    change(installed, engine)
    found = installed.faults()
    assert said in f"{found[name]['message']}"
    assert found[name]["cure"]
    assert len(found) == 1 or name == "disk"


def test_a_schema_that_is_not_this_program_s_is_said_and_nothing_is_asked_of_it(
    installed: Installation, engine: Engine
) -> None:
    try:
        _sql("UPDATE alembic_version SET version_num = '0001'")(installed, engine)
        done = installed.doctor()
    finally:
        _sql(f"UPDATE alembic_version SET version_num = '{migrations.head()}'")(installed, engine)
    assert done.exit_code == 1
    assert "Run `jianbao db upgrade`." in done.stdout
    assert "skipped  scheduler: it waits until schema is in order" in done.stdout


@pytest.mark.parametrize("setting", ["DATABASE_URL", "REDIS_URL"])
def test_a_service_that_is_not_there_is_one_fault_and_no_traceback(installed: Installation, setting: str) -> None:
    installed.settings[setting] = {"DATABASE_URL": "postgresql://x@127.0.0.1:1/x", "REDIS_URL": "redis://127.0.0.1:1"}[setting]
    assert list(installed.faults()) == ["database" if setting == "DATABASE_URL" else "broker"]


def test_a_database_that_only_lets_itself_be_read_is_a_fault(installed: Installation, engine: Engine) -> None:
    name = engine.url.database
    try:
        _sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")(installed, engine)
        found = installed.faults()
    finally:
        _sql(f"SET default_transaction_read_only = off; ALTER DATABASE {name} RESET default_transaction_read_only")(
            installed, engine
        )
    assert list(found) == ["database"]


def test_a_table_that_somebody_holds_is_not_waited_for(installed: Installation, engine: Engine) -> None:
    with engine.connect() as connection, connection.begin():
        connection.execute(text("LOCK TABLE mailing IN ACCESS EXCLUSIVE MODE"))
        faults = installed.faults()
    assert list(faults) == ["scheduler", "mailings"]
    assert all("somebody holds a table" in one["message"] for one in faults.values())


def test_a_login_that_a_relay_refuses_is_said_with_its_reply_and_never_the_password(installed: Installation) -> None:
    relay = installed.settings["SMTP_URL"].replace("smtp://", "smtp://user:hunter2@") + "&cleartext_password=yes"
    installed.settings["SMTP_URL"] = relay
    done = installed.doctor()
    assert done.exit_code == 1
    assert "hunter2" not in done.output


def test_direct_delivery_has_no_relay_that_could_be_tried(installed: Installation) -> None:
    installed.settings["SMTP_URL"] = "mx://?helo=mail.sender.example"
    assert "skipped  relay: " in installed.doctor().stdout
    assert installed.faults() == {}


def test_without_an_answer_from_the_dns_that_part_is_skipped_with_the_reason(
    installed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailer.dns_lookup._LIFETIME_SECONDS", 0.2)
    installed.zone["bounce.example TXT"] = None
    done = installed.doctor()
    assert done.exit_code == 0
    assert "skipped  dns: the name server (127.0.0.1) does not say" in done.stdout


def test_an_installation_that_nobody_has_used_yet_is_not_ill(installed: Installation, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE installation, publication CASCADE"))
    client = redis.Redis.from_url(installed.settings["REDIS_URL"])
    client.flushdb()
    client.close()
    assert installed.faults() == {}


def test_a_mailing_that_waits_for_a_scheduler_or_is_stuck_is_a_fault(installed: Installation, engine: Engine) -> None:
    mailing_id = factories.schedule(engine, ["a@qq.example"]).mailing_id
    assert installed.faults() == {}
    _sql("UPDATE installation SET beat_at = beat_at - interval '1 hour'")(installed, engine)
    assert "none has run since" in installed.faults()["scheduler"]["message"]
    _sql("UPDATE installation SET beat_at = beat_at - interval '6 hours'")(installed, engine)
    held = installed.faults()["installation"]  # One that is started would be held.
    assert "more than six hours" in held["message"]
    assert TAKEOVER in held["cure"]
    factories.start(engine)
    _sql("UPDATE mailing SET stuck_since = now()")(installed, engine)
    assert f"jianbao mailing show {mailing_id}" in installed.faults()[f"mailing {mailing_id}"]["cure"]


def test_a_clock_that_is_wrong_is_told_from_a_slow_answer(engine: Engine) -> None:
    (finding,) = services.clock(engine, lambda: datetime.now(UTC) + timedelta(minutes=1))
    assert finding.outcome is Outcome.FAULT
    slow = iter([datetime.now(UTC) - timedelta(seconds=12), datetime.now(UTC) + timedelta(seconds=1)])
    (finding,) = services.clock(engine, lambda: next(slow))
    assert finding.outcome is Outcome.OK


SAID = {"redis_version": "7.2.4", "maxmemory_policy": "noeviction", "aof_enabled": 1}


@pytest.mark.parametrize(
    ("facts", "snapshots", "said"),
    [
        ({"redis_version": "6.0.16"}, "", "Use Redis 6.2"),
        ({"role": "slave"}, "", "lead to the primary"),
        ({"maxmemory_policy": "allkeys-lru"}, "", "Set it to noeviction"),
        ({"aof_last_write_status": "err"}, "", "disk is full"),
        ({"aof_enabled": 0}, "", "Set appendonly yes"),
        ({"maxmemory": 2**30, "used_memory": 2**30 - 1}, "", "Raise maxmemory"),
    ],
)
def test_a_broker_that_forgets_is_a_fault(facts: dict[str, object], snapshots: str, said: str) -> None:
    (found,) = (one for one in services.judge_broker(SAID | facts, snapshots) if one.outcome is Outcome.FAULT)
    assert said in (found.cure or "")


@pytest.mark.parametrize(
    ("facts", "snapshots"),
    [({"valkey_version": "9.1.0"}, None), ({"aof_enabled": 0}, "3600 1 300 100"), ({"aof_enabled": 0}, None), ({}, "")],
)
def test_a_broker_that_keeps_what_it_gets_or_does_not_say_is_none(facts: dict[str, object], snapshots: str | None) -> None:
    assert not [one for one in services.judge_broker(SAID | facts, snapshots) if one.outcome is Outcome.FAULT]


def test_a_broker_that_keeps_nothing_hides_no_fault_of_what_works_with_it(
    installed: Installation, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.schedule(engine, ["a@qq.example"])
    _sql("UPDATE installation SET beat_at = beat_at - interval '1 hour'")(installed, engine)
    monkeypatch.setattr(services, "broker", lambda _client: services.judge_broker(SAID | {"aof_enabled": 0}, ""))
    assert installed.faults().keys() == {"broker disk", "scheduler"}


def test_the_broker_of_the_product_is_as_it_has_to_be(redis_client: redis.Redis) -> None:
    assert {finding.outcome for finding in services.broker(redis_client)} == {Outcome.OK}


def test_work_is_looked_at_without_a_mark_being_set(installed: Installation, engine: Engine) -> None:
    factories.schedule(engine, ["a@qq.example"])
    factories.start(engine)
    assert [finding.outcome for finding in work.stuck(engine)] == [Outcome.OK]
