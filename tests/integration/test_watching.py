"""`mailing watch` on a real database: whatever happens meanwhile, it says how far the mailing is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from mailer import mailings
from mailer.cli.progress import follow, predict
from mailer.models import MailingStatus
from mailer.rate import Bounds, Rate
from mailer.settings import read_settings
from mailer.terms import Canary
from subscribers.errors import InputError, ServiceError
from tests import factories
from tests.integration.conftest import Jianbao


@pytest.fixture
def beside(engine: Engine) -> Iterator[Engine]:
    """The same server by another database."""
    made = create_engine(engine.url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    yield made
    made.dispose()


def let_in(beside: Engine, database: str | None, *, allowed: bool) -> None:
    """Let the server serve a database, or not, as while it starts anew."""
    with beside.connect() as connection:
        connection.execute(text(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS {allowed}'))
        connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"), {"name": database}
        )


def test_it_outlives_the_database_and_says_so(engine: Engine, beside: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    scheduled = factories.schedule(engine, ["a@qq.example"])

    def meanwhile() -> Iterator[None]:
        let_in(beside, engine.url.database, allowed=False)
        yield
        let_in(beside, engine.url.database, allowed=True)
        with engine.begin() as connection:
            mailings.cancel(connection, scheduled.mailing_id, datetime.now(UTC))
        yield

    happens = meanwhile()
    try:
        record, _ = follow(engine, scheduled.mailing_id, check=lambda: next(happens))
    finally:
        let_in(beside, engine.url.database, allowed=True)
    assert record.status is MailingStatus.CANCELLED
    assert "cancelled by staff" in capsys.readouterr().err


def test_where_there_is_no_database_to_begin_with_nothing_is_waited_for(engine: Engine, beside: Engine) -> None:
    let_in(beside, engine.url.database, allowed=False)
    try:
        with pytest.raises(ServiceError, match="cannot be reached"):
            follow(engine, 1)
    finally:
        let_in(beside, engine.url.database, allowed=True)


def test_of_a_mailing_that_is_not_there_no_bar_is_shown(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="there is no mailing 99"):
        follow(engine, 99)
    assert "99" not in capsys.readouterr().err


def test_before_a_mailing_begins_no_number_is_shown(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    mailing_id = factories.schedule(engine, ["a@qq.example"]).mailing_id
    with engine.begin() as connection:
        mailings.cancel(connection, mailing_id, datetime.now(UTC))
    follow(engine, mailing_id)
    shown = capsys.readouterr().err
    assert "cancelled by staff" in shown
    assert "None" not in shown


def test_it_is_not_done_before_what_a_server_put_off_is_due(engine: Engine, tmp_path: Path) -> None:
    scheduled = factories.schedule(engine, ["a@qq.example", "b@163.example"])
    factories.start(engine)
    later = datetime.now(UTC) + timedelta(minutes=40)
    with engine.begin() as connection:
        connection.execute(text("UPDATE batch SET due_at = :later WHERE provider = 'tencent'"), {"later": later})
        record = mailings.find_mailing(connection, scheduled.mailing_id)
        settings = read_settings({"JIANBAO_DATA_DIR": str(tmp_path)}, tmp_path / ".env")
        assert predict(settings, connection, record, datetime.now(UTC)) == later


def test_it_is_not_done_before_the_last_that_was_put_off_is_due(engine: Engine, tmp_path: Path) -> None:
    scheduled = factories.schedule(engine, ["a@qq.example", "b@qq.example", "c@qq.example"])
    factories.start(engine)
    soon, later = (datetime.now(UTC) + timedelta(hours=hours) for hours in (1, 16))
    with engine.begin() as connection:
        put_off = text("UPDATE delivery SET state = 'deferred', next_attempt_at = :until WHERE address LIKE :who")
        for who, until in (("a@%", soon), ("b@%", later)):
            connection.execute(put_off, {"who": who, "until": until})
        connection.execute(text("UPDATE delivery SET state = 'accepted' WHERE address LIKE 'c@%'"))
        connection.execute(text("UPDATE batch SET due_at = :soon"), {"soon": soon})
    assert told(engine, tmp_path, scheduled.mailing_id, datetime.now(UTC)) == later


def test_a_long_reason_takes_no_room_from_the_numbers_and_is_shown_as_it_is(jianbao: Jianbao, engine: Engine) -> None:
    scheduled = factories.schedule(engine, [f"reader{number}@qq.example" for number in range(12)])
    factories.start(engine)
    why = "第二页的日期写错了，请先不要发送，等主任看过以后再说，电话里已经讲过了。" * 3 + "[b]see[/help]"
    with engine.begin() as connection:
        mailings.cancel(connection, scheduled.mailing_id, datetime.now(UTC))
        connection.execute(text("UPDATE mailing SET reason = :why"), {"why": why})
    shown = jianbao("mailing", "watch", str(scheduled.mailing_id)).stderr
    assert "12/12" in shown
    assert why in "".join(shown.split())


def told(engine: Engine, tmp_path: Path, mailing_id: int, now: datetime) -> datetime | None:
    settings = read_settings({"JIANBAO_DATA_DIR": str(tmp_path)}, tmp_path / ".env")
    with engine.connect() as connection:
        return predict(settings, connection, mailings.find_mailing(connection, mailing_id), now)


def test_the_wait_after_a_first_part_grows_shorter(engine: Engine, tmp_path: Path) -> None:
    terms = replace(factories.TERMS, canary=Canary.parse("10%", "2h"))
    mailing_id = factories.schedule(engine, [f"reader{n}@qq.example" for n in range(100)], terms).mailing_id
    factories.start(engine)
    now = datetime.now(UTC)
    whole = told(engine, tmp_path, mailing_id, now)
    assert whole is not None
    assert timedelta(hours=2) <= whole - now < timedelta(hours=2, minutes=1)
    with engine.begin() as connection:
        out = "state = 'accepted', attempts = 1, settled_at = now() - interval '100 minutes'"
        connection.execute(
            text(f"UPDATE delivery d SET {out} FROM batch b WHERE d.id BETWEEN first_id AND last_id AND hold IS NULL")
        )
        connection.execute(text("UPDATE batch SET due_at = NULL WHERE hold IS NULL"))
    rest = told(engine, tmp_path, mailing_id, now)
    assert rest is not None
    assert timedelta(minutes=20) - timedelta(seconds=10) < rest - now < timedelta(minutes=21)
    late = told(engine, tmp_path, mailing_id, now + timedelta(minutes=30))
    assert late is not None
    assert now + timedelta(minutes=30) <= late < now + timedelta(minutes=31)


def test_what_staff_hold_has_no_end_and_does_not_put_off_that_of_others(engine: Engine, tmp_path: Path) -> None:
    people = [f"reader{n}@qq.example" for n in range(100)] + ["a@163.example"]
    bounds = {"tencent": Bounds(Rate.parse("1/min"))}
    mailing_id = factories.schedule(engine, people, replace(factories.TERMS, providers=bounds)).mailing_id
    factories.start(engine)
    now = datetime.now(UTC)
    with engine.begin() as connection:
        mailings.pause_provider(connection, mailing_id, "tencent", "they called", now)
    others = told(engine, tmp_path, mailing_id, now)
    assert others is not None
    assert others - now < timedelta(minutes=1)
    with engine.begin() as connection:
        mailings.pause_provider(connection, mailing_id, "netease", "they too", now)
    assert told(engine, tmp_path, mailing_id, now) is None
