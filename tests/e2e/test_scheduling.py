"""Scheduling as staff do it: hours, working days, a first part, paces, what is told beforehand, and what is held back."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from types import FrameType

import pytest
import redis
from click.testing import CliRunner, Result
from sqlalchemy import Connection, Engine, event, text

from mailer import issues, planning, scheduling
from mailer.bootstrap import Services
from mailer.cli import cli
from mailer.cli import schedule as cli_schedule
from mailer.installation import Lease
from mailer.mailings import find_mailing
from mailer.message import Composer
from mailer.pacing import Pacer
from mailer.render import render
from mailer.settings import read_settings
from mailer.terms import Canary, provider_limit
from subscribers.errors import InputError
from tests import factories

Run = Callable[..., Result]
RELAY = "smtp://relay.example:25?rate=20/s"


@pytest.fixture
def settings_in_force(
    redis_client: redis.Redis, database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This process's database and emptied broker, and a relay with a limit."""
    del redis_client
    settings = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "DATA_DIR": str(tmp_path), "SMTP_URL": RELAY}
    for name, value in settings.items():
        monkeypatch.setenv(f"JIANBAO_{name}", value)


class InNovember(datetime):
    """The days that are asked for here lie ahead, whatever day it is."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        return datetime(2026, 11, 28, 2, 0, tzinfo=UTC).astimezone(tz)


@pytest.fixture
def run(engine: Engine, settings_in_force: None, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`jianbao` in this process, on an empty database with an issue, and a list of 700 readers at Tencent and 300 elsewhere."""
    del settings_in_force
    monkeypatch.setattr(cli_schedule, "datetime", InNovember)
    factories.subscribe(engine, [f"r{n}@qq.com" for n in range(700)] + [f"r{n}@inst{n}.example" for n in range(300)])
    with engine.begin() as connection:
        imported = issues.import_issue(
            connection, factories.ISSUE, slug=None, source_name="a", source_sha256="0" * 64, warnings=(), created_by="test"
        )
        issues.set_sender(connection, imported.stored.publication.slug, "news@sender.example")

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(cli, words, catch_exceptions=False)

    return invoke


def scheduled(run: Run, *words: str, at: str = "2026-12-01 10:00") -> dict[str, object]:
    document = json.loads(run("mailing", "schedule", "2026-11", "--list", "members", "--at", at, "--json", *words).stdout)
    assert isinstance(document, dict)
    return document


def forecast(run: Run, *words: str, at: str = "2026-12-01 10:00") -> dict[str, object]:
    told = scheduled(run, *words, at=at)["forecast"]
    assert isinstance(told, dict)
    return told


def test_it_is_told_how_long_each_providers_mail_will_take(run: Run) -> None:
    told = forecast(run)
    by_provider = {course["provider"]: course for course in told["providers"]}  # type: ignore[attr-defined]
    assert (by_provider["tencent"]["recipients"], by_provider["tencent"]["rate"]) == (700, "1/3s")
    assert by_provider["tencent"]["finishes_at"].startswith("2026-12-01T02:35:00")
    assert by_provider["other"]["finishes_at"].startswith("2026-12-01T02:00:15")


def test_over_an_allowance_it_is_told_how_many_days_it_will_take(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("JIANBAO_SMTP_URL", f"{RELAY}&per_day=400")
    assert forecast(run)["days"] == 3
    providers = tmp_path / "providers.toml"
    providers.write_text('[[provider]]\nkey = "tencent"\nper_day = 100\n')
    monkeypatch.setenv("JIANBAO_PROVIDERS_FILE", str(providers))
    monkeypatch.setenv("JIANBAO_SMTP_URL", RELAY)
    assert forecast(run)["days"] == 7


def test_a_mailing_begins_when_its_hours_do(run: Run) -> None:
    assert scheduled(run, "--hours", "09:00-18:00", "--workdays", at="2026-12-05 10:00")["at"] == "2026-12-07T01:00:00+00:00"
    assert scheduled(run, "--quiet", "22:00-07:00", at="2026-12-05 23:00")["at"] == "2026-12-05T23:00:00+00:00"
    hours = ("--hours", "09:00-18:00", "--zone", "Europe/Berlin")
    assert scheduled(run, *hours, at="2026-12-05 10:00")["at"] == "2026-12-05T08:00:00+00:00"
    assert "It begins when its hours do: 09:00-18:00" in run(
        "mailing", "schedule", "2026-11", "--list", "members", "--at", "2026-12-05 03:00", "--hours", "09:00-18:00"
    ).stderr  # fmt: skip


@pytest.mark.parametrize(
    ("at", "is_past"), [("2026-11-28 09:00", True), ("2025-12-01 10:00", True), ("2026-11-28 09:50", False)]
)
def test_a_time_that_is_past_is_asked_about_and_does_not_mean_at_once(run: Run, at: str, *, is_past: bool) -> None:
    if is_past:
        with pytest.raises(InputError, match=f"{at} is past"):
            scheduled(run, "--hours", "08:00-18:00", at=at)
        assert json.loads(run("mailing", "list", "--json").stdout) == []
    else:
        assert scheduled(run, at=at)["id"] == 1


def test_what_would_keep_it_from_leaving_is_said_at_once(
    run: Run, engine: Engine, redis_client: redis.Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("mailing", "schedule", "2026-11", "--list", "members", "--at", "2026-12-01 10:00")
    assert "`jianbao up` has to run when its time comes" in run(*words).stderr
    settings = read_settings({"JIANBAO_DATA_DIR": str(tmp_path)}, tmp_path / ".env")
    assert Lease(engine, redis_client, settings, "a machine").holds()
    said = run(*words).stderr
    assert "nothing runs here" not in said
    assert "to these lists by mailing 1 (scheduled) as well" in said
    assert "by mailing" not in run(*words, "--segment", "not received(2026-11)").stderr
    monkeypatch.setenv("JIANBAO_SMTP_URL", "")
    assert "JIANBAO_SMTP_URL names no mail server yet" in run(*words).stderr


def test_mailings_that_share_the_pace_are_named(run: Run) -> None:
    first, second, third = (
        run("mailing", "schedule", "2026-11", "--list", "members", "--at", at).stderr
        for at in ("2026-12-01 10:00", "2026-12-03 10:00", "2026-12-01 10:10")
    )
    assert "still goes out then" not in first
    assert "It takes longer if mailing 1 still goes out then" in second
    assert "if mailing 1 still" in third


def test_a_message_that_is_faulty_for_one_reader_alone_keeps_the_mailing_back(run: Run, engine: Engine) -> None:
    words = ("mailing", "schedule", "2026-11", "--list", "members", "--at", "2026-12-01 10:00")
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO institute (name) VALUES ('{{ institute }}')"))
        last = (
            "UPDATE subscriber SET institute_id = (SELECT max(id) FROM institute) WHERE id = (SELECT max(id) FROM subscriber)"
        )
        connection.execute(text(last))
    with pytest.raises(InputError, match=r"to r299@inst299\.example: an unfilled place"):
        run(*words)
    assert json.loads(run("mailing", "list", "--json").stdout) == []
    assert run(*words, "--override", "a test").exit_code == 0


@pytest.fixture
def made_while_open() -> Iterator[list[str]]:
    """Each page that is rendered and each message that is composed in this process, with how many transactions are open then."""
    open_, found, making = set[int](), list[str](), {render.__code__: "a page", Composer.compose.__code__: "a message"}

    def begin(connection: Connection) -> None:
        open_.add(id(connection))

    def end(connection: Connection) -> None:
        open_.discard(id(connection))

    def look(frame: FrameType, what: str, _argument: object) -> None:
        if what == "call" and frame.f_code in making:
            found.append(f"{making[frame.f_code]}, {len(open_)} open")

    ears = {"begin": begin, "commit": end, "rollback": end}
    for name, ear in ears.items():
        event.listen(Engine, name, ear)
    sys.setprofile(look)
    yield found
    sys.setprofile(None)
    for name, ear in ears.items():
        event.remove(Engine, name, ear)


@pytest.mark.parametrize("tracking", ["aggregate", "off"])
def test_nothing_is_rendered_or_composed_while_a_transaction_is_open(
    run: Run, engine: Engine, made_while_open: list[str], tracking: str
) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE mailing_list SET tracking = :tracking"), {"tracking": tracking})
    scheduled(run)
    assert set(made_while_open) == {"a page, 0 open", "a message, 0 open"}


def test_a_plan_is_not_carried_out_when_its_lists_are_counted_otherwise_by_then(run: Run, engine: Engine) -> None:
    del run
    services = Services(read_settings(os.environ), engine, "")
    with engine.begin() as connection:
        stored = issues.find_issue(connection, "2026-11")
        audience = scheduling.find_audience(connection, ["members"], [], None, services.settings)
    now = datetime.now(UTC)
    plan = scheduling.make_plan(services, stored, audience, scheduling.Wish(now, None, {}, None, None, None), now)
    with engine.begin() as connection:
        connection.execute(text("UPDATE mailing_list SET tracking = 'off'"))
    with pytest.raises(InputError, match="Schedule it again"):
        scheduling.carry_out(services, plan, now, by="test")
    with engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM mailing")).scalar_one() == 0


def test_a_year_that_was_not_announced_has_to_be_entered_first(run: Run) -> None:
    with pytest.raises(InputError, match="jianbao workdays set 2031"):
        scheduled(run, "--workdays", at="2031-01-01 10:00")
    assert json.loads(run("workdays", "show", "2031", "--json").stdout)["source"] is None
    run("workdays", "set", "2031", "--off", "01-01..01-03", "--work", "01-05")  # a Sunday
    assert scheduled(run, "--workdays", at="2031-01-01 10:00")["at"] == "2031-01-04T16:00:00+00:00"
    shown = json.loads(run("workdays", "show", "2031", "--json").stdout)
    assert shown == {
        "year": 2031,
        "source": "staff",
        "off": ["2031-01-01", "2031-01-02", "2031-01-03"],
        "worked": ["2031-01-05"],
    }
    run("workdays", "forget", "2031")
    with pytest.raises(InputError, match="nothing was entered for 2031"):
        run("workdays", "forget", "2031")


def test_a_mailing_that_lasts_into_such_a_year_says_so(run: Run) -> None:
    assert forecast(run, "--workdays", "--hours", "09:00-09:20", at="2026-12-31 09:00")["unannounced"] == 2027


def test_days_are_shown_as_people_read_them(run: Run) -> None:
    shown = run("workdays", "show", "2026").stdout
    assert "as announced by the State Council" in shown
    assert "2026-10-05 Mon – 2026-10-07 Wed" in shown


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--pace", "50/s"), "more than the relays allow: relay.example:25 20/s"),
        (("--pace", "tencent=50/s"), "more than the relays allow"),
        (("--pace", "nobody=1/s"), "there is no provider 'nobody'"),
        (("--zone", "Asia/Shanghai"), "whose hours are meant"),
        (("--hours", "9-18"), "no span of hours"),
        (("--workdays", "--zone", "Mars"), "not a time zone"),
        (("--canary", "none"), "no part of an audience"),
    ],
)
def test_what_cannot_be_is_refused_with_a_cure(run: Run, words: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        scheduled(run, *words)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "Give the public holidays"),
        (("--off", "2031-13-01"), "is not a day"),
        (("--off", "01-01", "--work", "01-01"), "off and as worked"),
    ],
)
def test_a_year_is_entered_whole_and_without_contradiction(run: Run, words: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        run("workdays", "set", "2031", *words)


def test_a_pace_may_be_raised_within_what_the_relay_allows(run: Run) -> None:
    told = forecast(run, "--pace", "tencent=10/s")
    by_provider = {course["provider"]: course["rate"] for course in told["providers"]}  # type: ignore[attr-defined]
    assert by_provider == {"tencent": "10/s", "other": None}


def test_no_pace_is_above_that_of_everything(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIANBAO_PACE", "5/s")
    with pytest.raises(InputError, match="more than JIANBAO_PACE, 5/s, allows"):
        scheduled(run, "--pace", "10/s")
    assert forecast(run)["finishes_at"] == forecast(run, "--pace", "5/s")["finishes_at"]


def test_a_first_part_is_part_of_the_terms(run: Run, engine: Engine) -> None:
    mailing_id = scheduled(run, "--canary", "5%", "--canary-wait", "1h")["id"]
    assert isinstance(mailing_id, int)
    with engine.connect() as connection:
        assert find_mailing(connection, mailing_id).terms.canary == Canary(0.05, None, timedelta(hours=1))


def test_what_holds_a_mailing_back_is_shown_and_can_be_lifted(run: Run, engine: Engine, redis_client: redis.Redis) -> None:
    scheduled(run, "--canary", "5%", at="now")
    with engine.begin() as connection:
        planning.start_due(connection, find_mailing(connection, 1).at, {"qq.com": "tencent"})
    Pacer(redis_client).cool(provider_limit("relay.example:25", "tencent"), timedelta(minutes=10), slower=True)
    run("mailing", "pause", "1", "--provider", "tencent", "--why", "they called")
    document = json.loads(run("mailing", "show", "1", "--json").stdout)
    assert [(one["provider"], one["cause"], one["reason"]) for one in document["held"]] == [("tencent", "staff", "they called")]
    assert document["rest_waits"] is True
    assert [(one["limit"], one["factor"]) for one in document["spared"]] == [("relay:relay.example:25:tencent", 0.5)]
    shown = run("mailing", "show", "1").stdout
    for said in (
        "at tencent: they called",
        "resume 1 --provider tencent",
        "then at 50% of its pace",
        "Its first part goes ahead",
    ):
        assert said in shown
    with pytest.raises(InputError, match="held is its mail to tencent"):
        run("mailing", "resume", "1")
    run("mailing", "resume", "1", "--provider", "tencent")
    assert json.loads(run("mailing", "show", "1", "--json").stdout)["held"] == []
