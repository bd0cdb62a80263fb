"""Schedulers, a database, a broker, and copies of the database: who may start mailings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
import redis
from sqlalchemy import Connection, Engine, event, text

from mailer import installation, mailings
from mailer.embedded import Urls
from mailer.installation import Doubt, Lease, look, take_over, tokens
from mailer.mailings import MailingRecord
from mailer.models import MailingStatus
from mailer.settings import read_settings
from subscribers import institutes, sign_ups
from subscribers.address import parse_address
from subscribers.db import make_engine
from subscribers.errors import ServiceError
from subscribers.institutes import NewInstitute
from subscribers.sign_ups import Asked
from tests import factories

MACHINE = "0" * 32
KEY = "a key of tests, long enough"
Copied = Callable[[], AbstractContextManager[Engine]]


class Place:
    """A machine: its folder and its name."""

    def __init__(self, folder: Path, machine: str | None = MACHINE, key: str = KEY) -> None:
        self.folder, self.machine = folder, machine
        self.settings = read_settings({"JIANBAO_DATA_DIR": str(folder), "JIANBAO_SECRET_KEY": key}, folder / ".env")

    def scheduler(self, engine: Engine, client: redis.Redis) -> Lease:
        """A scheduler that starts here, and beats at every look."""
        return Lease(engine, client, self.settings, self.machine, interval=timedelta())

    def another(self) -> Place:
        """A machine beside this one."""
        return Place(self.folder.with_name("there"), "f" * 32)


@pytest.fixture
def here(tmp_path: Path) -> Place:
    return Place(tmp_path / "here")


@pytest.fixture
def there(here: Place) -> Place:
    return here.another()


@pytest.fixture
def other_broker(services: Urls, worker_number: int) -> Iterator[redis.Redis]:
    """A broker that has never seen anything."""
    client = redis.Redis.from_url(services.redis.replace("db=0", f"db={15 - worker_number}"))
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


@pytest.fixture
def copied(engine: Engine, services: Urls) -> Copied:
    """Makes a copy of the whole database, as it is then, which is dropped when the block ends."""

    @contextmanager
    def copying() -> Iterator[Engine]:
        source = engine.url.database
        engine.dispose()
        with psycopg.connect(services.database, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {source}_copy TEMPLATE {source}")
            copy = make_engine(engine.url.set(database=f"{source}_copy").render_as_string(hide_password=False))
            try:
                yield copy
            finally:
                copy.dispose()
                connection.execute(f"DROP DATABASE {source}_copy")

    return copying


def time_passes(engine: Engine, hours: float) -> None:
    """Let the last beat be so long ago."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE installation SET beat_at = beat_at - make_interval(secs => :s)"), {"s": hours * 3600})


def mailing(engine: Engine, mailing_id: int) -> MailingRecord:
    with engine.connect() as connection:
        return mailings.find_mailing(connection, mailing_id)


def sending(engine: Engine) -> int:
    """A mailing in the middle of its life."""
    scheduled = factories.schedule(engine, ["a@qq.example", "b@163.example"])
    factories.start(engine)
    return scheduled.mailing_id


def test_a_fresh_installation_sends_and_so_do_restarts_a_second_machine_and_a_wiped_broker(
    engine: Engine, redis_client: redis.Redis, here: Place, there: Place
) -> None:
    factories.schedule(engine, ["a@qq.example"])
    first = here.scheduler(engine, redis_client)
    assert first.holds()
    assert first.holds()
    second = there.scheduler(engine, redis_client)
    assert second.holds()
    assert first.holds()
    redis_client.flushdb()
    assert first.holds()
    assert second.holds()
    redis_client.flushdb()
    assert here.scheduler(engine, redis_client).holds()
    assert there.scheduler(engine, redis_client).holds()


def test_two_schedulers_that_meet_in_a_fresh_database_are_one_installation(
    engine: Engine, redis_client: redis.Redis, here: Place, there: Place
) -> None:
    factories.schedule(engine, ["a@qq.example"])
    one, other = here.scheduler(engine, redis_client), there.scheduler(engine, redis_client)
    for _ in range(3):
        assert (one.holds(), other.holds()) == (True, True)


def test_a_dump_restored_beside_another_broker_pauses_what_would_be_sent_again(
    engine: Engine, redis_client: redis.Redis, other_broker: redis.Redis, copied: Copied, here: Place
) -> None:
    mailing_id, there = sending(engine), here.another()
    assert here.scheduler(engine, redis_client).holds()
    with copied() as copy:
        scheduler = there.scheduler(copy, other_broker)
        assert not scheduler.holds()
        assert mailing(copy, mailing_id).status is MailingStatus.SENDING  # The original could still be at work on it.
        time_passes(copy, 0.1)
        assert not scheduler.holds()
        held = mailing(copy, mailing_id)
        assert (held.status, held.reason) == (
            MailingStatus.PAUSED,
            f"{Doubt.UNKNOWN}; `jianbao installation takeover` if it is to send, then resume",
        )
        take_over(copy, other_broker, there.settings, there.machine)
        assert scheduler.holds()
        assert mailing(copy, mailing_id).status is MailingStatus.PAUSED
    assert here.scheduler(engine, redis_client).holds()
    assert mailing(engine, mailing_id).status is MailingStatus.SENDING


def test_what_is_due_later_is_held_when_it_is_due(engine: Engine, redis_client: redis.Redis, here: Place, there: Place) -> None:
    mailing_id = factories.schedule(engine, ["a@qq.example"]).mailing_id
    assert here.scheduler(engine, redis_client).holds()
    redis_client.flushdb()
    time_passes(engine, 0.1)
    copy = there.scheduler(engine, redis_client)
    with engine.begin() as connection:
        connection.execute(text("UPDATE mailing SET at = now() + interval '1 hour'"))
    assert not copy.holds()
    assert mailing(engine, mailing_id).status is MailingStatus.SCHEDULED
    with engine.begin() as connection:
        connection.execute(text("UPDATE mailing SET at = now()"))
    assert not copy.holds()
    assert mailing(engine, mailing_id).status is MailingStatus.PAUSED


def test_of_a_copy_at_the_same_broker_and_its_original_only_one_sends_and_takeover_says_which(
    engine: Engine, redis_client: redis.Redis, copied: Copied, here: Place, there: Place
) -> None:
    mailing_id = sending(engine)
    original = here.scheduler(engine, redis_client)
    assert original.holds()
    with copied() as copy:
        assert original.holds()
        scheduler = there.scheduler(copy, redis_client)
        assert not scheduler.holds()
        assert original.holds()
        take_over(copy, redis_client, there.settings, there.machine)
        assert scheduler.holds()
        time_passes(engine, 0.1)
        assert not original.holds()
        assert str(Doubt.OTHER) in (mailing(engine, mailing_id).reason or "")
        assert not here.scheduler(engine, redis_client).holds()


def test_last_night_s_backup_does_not_send_again_what_was_sent_since(
    engine: Engine, redis_client: redis.Redis, copied: Copied, here: Place
) -> None:
    mailing_id = sending(engine)
    scheduler = here.scheduler(engine, redis_client)
    assert scheduler.holds()
    with copied() as backup:
        assert scheduler.holds()  # The original goes on, and is lost. Then its backup is put in its place.
        time_passes(backup, 1)
        restored = here.scheduler(backup, redis_client)
        assert not restored.holds()
        assert str(Doubt.BEHIND) in (mailing(backup, mailing_id).reason or "")


def mailed(engine: Engine, address: str) -> set[int]:
    """The ids of deliveries, which links and return paths name, once that address was written to."""
    with engine.begin() as connection:
        before = set(connection.execute(text("SELECT id FROM delivery")).scalars())
    factories.schedule(engine, [address])
    factories.start(engine)
    with engine.begin() as connection:
        return set(connection.execute(text("SELECT id FROM delivery")).scalars()) - before


def test_what_was_mailed_since_a_copy_was_made_names_nobody_in_it_once_it_goes_on(
    engine: Engine, redis_client: redis.Redis, other_broker: redis.Redis, copied: Copied, here: Place
) -> None:
    assert here.scheduler(engine, redis_client).holds()
    with copied() as backup:
        lost = mailed(engine, "li@qq.example")
        take_over(backup, redis_client, here.settings, here.machine)
        assert lost.isdisjoint(mailed(backup, "wang@qq.example"))
    with copied() as backup:
        with backup.begin() as connection:
            connection.execute(text("UPDATE mailing SET status = 'finished'"))  # Nothing is open, so that nobody is asked.
        lost = mailed(engine, "zhao@qq.example")
        assert here.another().scheduler(backup, other_broker).holds()
        assert lost.isdisjoint(mailed(backup, "qian@qq.example"))


def test_a_restart_leaves_out_no_ids(engine: Engine, redis_client: redis.Redis, here: Place) -> None:
    for _ in range(2):
        scheduler = here.scheduler(engine, redis_client)
        assert scheduler.holds()
        scheduler.release()
    assert mailed(engine, "li@qq.example") == {1}


def test_a_whole_machine_that_comes_back_from_a_snapshot_asks_unless_it_was_stopped_in_order(
    engine: Engine, redis_client: redis.Redis, here: Place
) -> None:
    mailing_id = sending(engine)
    scheduler = here.scheduler(engine, redis_client)
    assert scheduler.holds()
    scheduler.release()
    time_passes(engine, 60)
    scheduler = here.scheduler(engine, redis_client)
    assert scheduler.holds()
    time_passes(engine, 60)
    assert not here.scheduler(engine, redis_client).holds()
    assert str(Doubt.SILENT) in (mailing(engine, mailing_id).reason or "")


def test_a_copied_data_directory_asks_on_the_other_machine(
    engine: Engine, redis_client: redis.Redis, here: Place, there: Place
) -> None:
    sending(engine)
    assert here.scheduler(engine, redis_client).holds()
    time_passes(engine, 1)
    there.folder = here.folder
    assert not there.scheduler(engine, redis_client).holds()


def test_a_scheduler_that_has_its_lease_keeps_it_while_the_broker_is_away(
    engine: Engine, redis_client: redis.Redis, here: Place
) -> None:
    sending(engine)
    away = redis.Redis(port=1, socket_connect_timeout=1, retry=None)
    scheduler = here.scheduler(engine, redis_client)
    assert scheduler.holds()
    scheduler._client = away
    assert scheduler.holds()
    with pytest.raises(redis.RedisError):
        here.scheduler(engine, away).holds()


def test_workers_begin_nothing_while_no_scheduler_that_may_send_is_at_work(
    engine: Engine, redis_client: redis.Redis, here: Place
) -> None:
    with engine.connect() as connection:
        assert installation.at_work(connection, datetime.now(UTC))
    assert here.scheduler(engine, redis_client).holds()
    with engine.connect() as connection:
        assert installation.at_work(connection, datetime.now(UTC))
        assert not installation.at_work(connection, datetime.now(UTC) + timedelta(minutes=1))


def test_a_machine_with_another_key_is_told_so_until_it_takes_over(
    engine: Engine, redis_client: redis.Redis, here: Place
) -> None:
    other = Place(here.folder.with_name("other"), key="another key, as long as the first")
    assert tokens(engine, other.settings)  # Nobody's links are signed yet.
    assert here.scheduler(engine, redis_client).holds()
    assert tokens(engine, here.settings)
    with pytest.raises(ServiceError, match=r"another secret key .* `jianbao installation takeover`"):
        tokens(engine, other.settings)
    take_over(engine, redis_client, other.settings, other.machine)
    assert tokens(engine, other.settings)
    with pytest.raises(ServiceError, match="another secret key"):
        tokens(engine, here.settings)


def test_one_may_look_without_touching_anything(engine: Engine, redis_client: redis.Redis, here: Place, there: Place) -> None:
    mailing_id = sending(engine)
    assert here.scheduler(engine, redis_client).holds()
    redis_client.flushdb()
    with engine.connect() as connection:
        before, doubt = look(connection, redis_client, there.folder, there.machine)
        assert doubt is Doubt.UNKNOWN
        assert look(connection, redis_client, here.folder, here.machine) == (before, None)
    assert mailing(engine, mailing_id).status is MailingStatus.SENDING


def bring_an_institute(connection: Connection, _list_id: int) -> None:
    institutes.ensure_institutes(connection, [NewInstitute("第一研究院")])


def sign_up(connection: Connection, list_id: int) -> None:
    asked = Asked(list_id, parse_address("b@163.example"), "192.0.2.0/24", "1", datetime.now(UTC))
    assert isinstance(sign_ups.sign_up(connection, asked), int)


@pytest.mark.parametrize("begin", [bring_an_institute, sign_up])
def test_a_scheduler_beats_while_an_import_brings_institutes_or_somebody_signs_up(
    engine: Engine, redis_client: redis.Redis, here: Place, database_url: str, begin: Callable[[Connection, int], None]
) -> None:
    list_id = factories.subscribe(engine, ["a@qq.example"])
    impatient = make_engine(database_url)
    event.listen(impatient, "begin", lambda connection: connection.exec_driver_sql("SET LOCAL lock_timeout = '2s'"))
    with engine.begin() as connection:
        begin(connection, list_id)
        assert here.scheduler(impatient, redis_client).holds()
    impatient.dispose()
