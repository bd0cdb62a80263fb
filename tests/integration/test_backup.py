"""The database as one file, and back: with PostgreSQL's own programs on real servers."""

from __future__ import annotations

import os
import signal
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from mailer import backup, migrations
from subscribers.db import make_engine, other_programs, transaction
from subscribers.errors import InputError, ServiceError
from tests import factories


@pytest.fixture
def empty(database_url: str) -> Iterator[Engine]:
    """An engine on a database without a table."""
    name = database_url.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}_other WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name}_other TEMPLATE template0")
    engine = make_engine(database_url.replace(f"/{name}", f"/{name}_other"))
    yield engine
    engine.dispose()
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name}_other WITH (FORCE)")


def addresses(engine: Engine) -> list[str]:
    with engine.begin() as connection:
        return sorted(connection.execute(text("SELECT address FROM subscriber")).scalars())


@pytest.fixture(params=[False, True])
def older_server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once as it is done with this server, and once as with those before PostgreSQL 17."""
    if request.param:
        monkeypatch.setattr(backup, "_FIRST_WITH_TIMEOUT", 99)


@pytest.mark.usefixtures("older_server")
def test_what_was_backed_up_is_there_again_after_a_restore(engine: Engine, empty: Engine, tmp_path: Path) -> None:
    factories.subscribe(engine, ["a@qq.example", "张@inst.example"])
    octets = backup.back_up(engine, tmp_path / "all.dump")
    assert octets == (tmp_path / "all.dump").stat().st_size > 0
    assert stat.S_IMODE((tmp_path / "all.dump").stat().st_mode) == 0o600
    backup.restore(empty, tmp_path / "all.dump", replace=False)
    assert addresses(empty) == addresses(engine) == ["a@qq.example", "张@inst.example"]
    with empty.begin() as connection:
        connection.execute(text("INSERT INTO audit (actor, action, subject) VALUES ('li', 'create', 'list')"))
    with empty.begin() as connection, pytest.raises(DBAPIError, match="only ever added to"):
        connection.execute(text("DELETE FROM audit"))


def test_an_empty_database_is_not_backed_up_since_it_is_hardly_the_one_that_is_meant(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="hardly the one to be backed up"):
        backup.back_up(engine, tmp_path / "all.dump")
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_holds_something_is_replaced_only_when_asked(engine: Engine, empty: Engine, tmp_path: Path) -> None:
    factories.subscribe(engine, ["first@qq.example"])
    backup.back_up(engine, tmp_path / "first.dump")
    backup.restore(empty, tmp_path / "first.dump", replace=False)
    factories.subscribe(engine, ["second@qq.example"])
    backup.back_up(engine, tmp_path / "second.dump")
    with pytest.raises(InputError, match="--replace"):
        backup.restore(empty, tmp_path / "second.dump", replace=False)
    assert addresses(empty) == ["first@qq.example"]
    backup.restore(empty, tmp_path / "second.dump", replace=True)
    assert addresses(empty) == ["first@qq.example", "second@qq.example"]


def test_a_backup_of_an_earlier_program_replaces_what_a_later_one_has_made(
    engine: Engine, empty: Engine, tmp_path: Path
) -> None:
    with empty.begin() as connection:
        migrations.upgrade(connection, "0018")
        connection.exec_driver_sql("INSERT INTO publication (slug, publisher, title, kind) VALUES ('a', '院', '集锦', '简报')")
    backup.back_up(empty, tmp_path / "earlier.dump")
    with empty.begin() as connection:
        migrations.upgrade(connection)
        connection.exec_driver_sql("CREATE TABLE later (id integer REFERENCES subscriber (id))")
        connection.exec_driver_sql("CREATE FUNCTION later() RETURNS integer LANGUAGE sql AS 'SELECT 1'")
    backup.restore(empty, tmp_path / "earlier.dump", replace=True)
    with empty.begin() as connection:
        assert migrations.current(connection) == "0018"
        assert connection.execute(text("SELECT to_regclass('later'), to_regproc('later')")).one() == (None, None)
        migrations.upgrade(connection)
        assert set(inspect(connection).get_table_names()) == set(inspect(engine).get_table_names())


def test_a_database_that_others_use_is_not_replaced_and_the_restore_waits_for_nobody(
    engine: Engine, empty: Engine, database_url: str, tmp_path: Path
) -> None:
    factories.subscribe(engine, ["first@qq.example"])
    backup.back_up(engine, tmp_path / "all.dump")
    backup.restore(empty, tmp_path / "all.dump", replace=False)
    target = empty.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(target, application_name="a worker") as other:
        other.execute("SELECT FROM subscriber")
        with pytest.raises(InputError, match=r"connected to the database \(a worker\).*Stop scheduler, workers and web"):
            backup.restore(empty, tmp_path / "all.dump", replace=True)
    with empty.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while other_programs(connection):  # The server ends a session in a moment of its own.
            pass
    backup.restore(empty, tmp_path / "all.dump", replace=True)
    assert addresses(empty) == ["first@qq.example"]


@pytest.mark.usefixtures("older_server")
def test_a_damaged_backup_changes_nothing(engine: Engine, empty: Engine, tmp_path: Path) -> None:
    factories.subscribe(engine, [f"reader{number}@qq.example" for number in range(500)])
    file = tmp_path / "all.dump"
    backup.back_up(engine, file)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) * 9 // 10])
    with pytest.raises(ServiceError, match="changed nothing"):
        backup.restore(empty, file, replace=False)
    assert _tables(empty) == 0


def _tables(engine: Engine) -> int:
    with engine.begin() as connection:
        return connection.execute(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")).scalar_one()


_ENDS_SESSION = """
    CREATE FUNCTION leave() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); END $$;
    CREATE EVENT TRIGGER leaves ON ddl_command_start EXECUTE FUNCTION leave()
"""


def _restore(engine: Engine, file: Path, *, replace: bool) -> Future[None]:
    """A restore that goes on beside the test, which need not wait for it to end."""
    done: Future[None] = Future()

    def work() -> None:
        try:
            done.set_result(backup.restore(engine, file, replace=replace))
        except Exception as error:
            done.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return done


@pytest.mark.usefixtures("older_server")
@pytest.mark.parametrize(
    ("in_the_way", "said"),
    [
        ("CREATE SEQUENCE audit", '"audit" already exists. Restore into a database that has just been made'),
        (_ENDS_SESSION, "terminating connection due to administrator command. See why in the logs"),
    ],
)
def test_a_database_that_refuses_a_backup_says_why_at_once(
    engine: Engine, empty: Engine, tmp_path: Path, in_the_way: str, said: str
) -> None:
    factories.subscribe(engine, [f"reader{number}@qq.example" for number in range(3_000)])  # more than fits into pipes
    backup.back_up(engine, tmp_path / "all.dump")
    with empty.begin() as connection:
        connection.exec_driver_sql(in_the_way)
    with pytest.raises(ServiceError, match=f"changed nothing: .*{said}"):
        _restore(empty, tmp_path / "all.dump", replace=False).result(timeout=30)
    assert _tables(empty) == 0


@pytest.mark.usefixtures("older_server")
def test_a_program_that_is_killed_is_told_and_changes_nothing(
    engine: Engine, empty: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.subscribe(engine, ["first@qq.example"])
    backup.back_up(engine, tmp_path / "first.dump")
    backup.restore(empty, tmp_path / "first.dump", replace=False)
    with empty.connect() as holder, empty.connect().execution_options(isolation_level="AUTOCOMMIT") as observer:
        holder.execute(text("LOCK TABLE audit"))
        monkeypatch.setattr(backup, "other_programs", lambda _: [])  # As if they had come after the look.
        restoring = _restore(empty, tmp_path / "first.dump", replace=True)
        while not observer.execute(factories.WAITING_FOR_LOCKS).scalar_one():
            assert not restoring.done()
        (child,) = _children("psql") or _children("pg_restore")
        os.kill(child, signal.SIGKILL)
        with pytest.raises(ServiceError, match="changed nothing: it was ended by signal 9"):
            restoring.result(timeout=30)
    assert addresses(empty) == ["first@qq.example"]


def _children(program: str) -> list[int]:
    """This process's children that run a program of that name."""
    children = (
        int(child) for thread in Path("/proc/self/task").iterdir() for child in (thread / "children").read_text().split()
    )
    return [child for child in children if Path(f"/proc/{child}/comm").read_text().strip() == program]


@pytest.mark.parametrize(
    ("said", "disk"),
    [
        ("pg_dump: error: could not write to output file: No space left on device", "where the backup is to be"),
        ('ERROR:  could not extend file "base/1/2": No space left on device', "of PostgreSQL"),
    ],
)
def test_the_disk_that_is_full_is_the_one_that_is_named(said: str, disk: str) -> None:
    assert f"Make room on the disk {disk}" in str(backup._failed("pg_dump", 1, said))


def test_no_file_is_overwritten_and_none_is_left_half_done(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "kept.dump").write_text("mine")
    for place, words in (("kept.dump", "exists already"), ("nowhere/x.dump", "there is no folder")):
        with pytest.raises(InputError, match=words):
            backup.back_up(engine, tmp_path / place)
    assert [path.name for path in tmp_path.iterdir()] == ["kept.dump"]
    assert (tmp_path / "kept.dump").read_text() == "mine"


def test_what_is_no_backup_is_told_from_one(empty: Engine, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("SELECT 1")
    with pytest.raises(InputError, match="is no backup"):
        backup.restore(empty, tmp_path / "a.txt", replace=True)
    with pytest.raises(InputError, match="cannot be read"):
        backup.restore(empty, tmp_path / "absent.dump", replace=True)


def test_a_password_among_the_options_of_the_url_is_in_no_error_and_in_no_argument() -> None:
    engine = make_engine("postgresql:///jianbao?host=127.0.0.1&port=1&user=u&password=se%25cret&sslpassword=also")
    with pytest.raises(ServiceError) as raised, transaction(engine):
        pass
    assert "port=1" in str(raised.value)
    assert not any(secret in str(raised.value) for secret in ("cret", "also"))
    target, environment = backup._target(engine)
    assert environment["PGPASSWORD"] == "se%cret"
    assert "cret" not in target
