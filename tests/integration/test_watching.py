"""`mailing watch` on a real database: whatever happens meanwhile, it says how far the mailing is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from mailer import mailings
from mailer.cli.progress import follow, predict
from mailer.models import MailingStatus
from mailer.settings import read_settings
from subscribers.errors import ServiceError
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


def test_it_is_not_done_before_what_a_server_put_off_is_due(engine: Engine, tmp_path: Path) -> None:
    scheduled = factories.schedule(engine, ["a@qq.example", "b@163.example"])
    factories.start(engine)
    later = datetime.now(UTC) + timedelta(minutes=40)
    with engine.begin() as connection:
        connection.execute(text("UPDATE batch SET due_at = :later WHERE provider = 'tencent'"), {"later": later})
        record = mailings.find_mailing(connection, scheduled.mailing_id)
        settings = read_settings({"JIANBAO_DATA_DIR": str(tmp_path)}, tmp_path / ".env")
        assert predict(settings, connection, record, datetime.now(UTC)) == later


def test_a_long_reason_takes_no_room_from_the_numbers(jianbao: Jianbao, engine: Engine) -> None:
    scheduled = factories.schedule(engine, [f"reader{number}@qq.example" for number in range(12)])
    factories.start(engine)
    why = "第二页的日期写错了，请先不要发送，等主任看过以后再说，电话里已经讲过了。" * 3
    with engine.begin() as connection:
        mailings.cancel(connection, scheduled.mailing_id, datetime.now(UTC))
        connection.execute(text("UPDATE mailing SET reason = :why"), {"why": why})
    shown = jianbao("mailing", "watch", str(scheduled.mailing_id)).stderr
    assert "12/12" in shown
    assert why in "".join(shown.split())
