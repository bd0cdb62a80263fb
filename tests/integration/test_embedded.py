"""The embedded services: shared, stopped when unused, and found again after whatever was killed."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import redis

from mailer.embedded import Places, _Valkey, embedded_services, stop_services
from subscribers.errors import ServiceError

STRANGE = '数 据, "it\'s" 100%'


def keeper_pid(data_dir: Path) -> int:
    return int((Places(data_dir).run / "keeper").read_text().split()[0])


def postmaster_pid(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "postmaster.pid").read_text().split()[0])


def until(reached: Callable[[], bool]) -> None:
    """Ask until it is true, and take it as not yet so where nobody answers."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(psycopg.OperationalError, redis.RedisError, OSError, IndexError):
            if reached():
                return
        time.sleep(0.05)
    pytest.fail("it has not come to it")


def wait_for_end(pid: int) -> None:
    """Block until the process has ended, by reading what only it holds open: its pidfd."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    with os.fdopen(descriptor) as handle:
        assert select.select([handle], [], [], 30)[0], f"{pid} lives on"


def test_both_services_answer_under_a_path_with_spaces_quotes_and_chinese(tmp_path: Path) -> None:
    data_dir = tmp_path / STRANGE
    data_dir.mkdir(mode=0o700)
    with embedded_services(data_dir) as urls, psycopg.connect(urls.database) as connection:
        (version,) = connection.execute("SHOW server_version").fetchone() or ("",)
        assert version.startswith("18.")
        assert redis.Redis.from_url(urls.redis).ping()
    stop_services(data_dir)
    with pytest.raises(redis.ConnectionError):
        redis.Redis.from_url(urls.redis, retry=None).ping()


def test_no_service_listens_on_the_network(tmp_path: Path) -> None:
    with embedded_services(tmp_path) as urls:
        with psycopg.connect(urls.database) as connection:
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert redis.Redis.from_url(urls.redis, decode_responses=True).config_get("port") == {"port": "0"}
    stop_services(tmp_path)


def test_no_time_is_lost_by_asking_a_server_that_has_yet_to_be_started(tmp_path: Path) -> None:
    began = time.monotonic()
    assert not _Valkey(Places(tmp_path)).answers()
    assert time.monotonic() - began < 0.5


def test_a_second_user_finds_the_first_one_s_data(tmp_path: Path) -> None:
    with embedded_services(tmp_path) as first, embedded_services(tmp_path) as second:
        assert first == second
        with psycopg.connect(first.database) as connection:
            connection.execute("CREATE TABLE kept (id integer)")
        with psycopg.connect(second.database) as connection:
            connection.execute("SELECT * FROM kept")
    stop_services(tmp_path)


def test_a_killed_keeper_leaves_servers_that_the_next_user_adopts(tmp_path: Path) -> None:
    with embedded_services(tmp_path) as urls:
        with psycopg.connect(urls.database) as connection:
            connection.execute("CREATE TABLE kept (id integer)")
        killed = keeper_pid(tmp_path)
        os.kill(killed, signal.SIGKILL)
        wait_for_end(killed)
    with embedded_services(tmp_path) as urls, psycopg.connect(urls.database) as connection:
        connection.execute("SELECT * FROM kept")
        assert keeper_pid(tmp_path) != killed
    stop_services(tmp_path)


def test_a_killed_keeper_is_replaced_while_the_services_are_used(tmp_path: Path) -> None:
    with embedded_services(tmp_path):
        killed = keeper_pid(tmp_path)
        os.kill(killed, signal.SIGKILL)
        wait_for_end(killed)
        until(lambda: keeper_pid(tmp_path) != killed)
    stop_services(tmp_path)


def test_killed_servers_are_started_again_while_they_are_used(tmp_path: Path) -> None:
    with embedded_services(tmp_path) as urls:
        client = redis.Redis.from_url(urls.redis, retry=None)
        client.set("kept", "in the broker")
        with psycopg.connect(urls.database) as connection:
            connection.execute("CREATE TABLE kept (id integer)")
        killed = [int(client.info("server")["process_id"]), postmaster_pid(tmp_path)]
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
            wait_for_end(pid)
        until(lambda: bool(client.ping()))
        assert client.get("kept") == b"in the broker"
        until(lambda: count_kept(urls.database) == 0)
        assert postmaster_pid(tmp_path) not in killed
    stop_services(tmp_path)


def test_the_servers_logs_are_begun_anew_when_they_have_grown_long(tmp_path: Path) -> None:
    run = Places(tmp_path).run
    with embedded_services(tmp_path) as urls:
        for name in ("postgres", "valkey"):
            with open(run / f"{name}.log", "a") as log:
                log.write("said again and again\n" * 600_000)
            until(lambda log=run / f"{name}.log": log.stat().st_size < 1_000_000)
            assert (run / f"{name}.log.1").stat().st_size > 12_000_000
        with psycopg.connect(urls.database) as connection, contextlib.suppress(psycopg.errors.DivisionByZero):
            connection.execute("SELECT 1 / 0")
        until(lambda: b"division by zero" in (run / "postgres.log").read_bytes())
        assert b"\0" not in (run / "postgres.log").read_bytes()
    stop_services(tmp_path)


def count_kept(url: str) -> int:
    with psycopg.connect(url) as connection:
        (count,) = connection.execute("SELECT count(*) FROM kept").fetchone() or (-1,)
        return int(count)


def test_after_all_was_killed_the_next_user_starts_all_again(tmp_path: Path) -> None:
    with embedded_services(tmp_path) as urls:
        with psycopg.connect(urls.database) as connection:
            connection.execute("CREATE TABLE kept (id integer)")
        valkey = int(redis.Redis.from_url(urls.redis).info("server")["process_id"])
        for pid in (keeper_pid(tmp_path), postmaster_pid(tmp_path), valkey):
            os.kill(pid, signal.SIGKILL)
            wait_for_end(pid)
    with embedded_services(tmp_path) as urls, psycopg.connect(urls.database) as connection:
        connection.execute("SELECT * FROM kept")
    stop_services(tmp_path)


def test_a_number_that_a_killed_server_left_behind_and_somebody_else_has_now_is_let_be(tmp_path: Path) -> None:
    with embedded_services(tmp_path):
        pass
    stop_services(tmp_path)
    (tmp_path / "run" / "valkey.log").unlink()
    (
        tmp_path / "run" / "valkey.log"
    ).mkdir()  # It can be written by nobody, so that the keeper ends before it has started anything.
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as somebody:
        (tmp_path / "postgres" / "postmaster.pid").write_text(f"{somebody.pid}\n{tmp_path / 'postgres'}\n1\n5432\n\n\n")
        with pytest.raises(ServiceError, match="did not start"), embedded_services(tmp_path):
            pass
        somebody.communicate(b"\n")
    assert somebody.returncode == 0


def test_a_folder_of_sockets_that_is_open_to_others_is_to_be_closed_and_not_removed(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run").chmod(0o755)
    with (
        pytest.raises(ServiceError, match=f"is open to others. Close it: chmod 700 {tmp_path}/run"),
        embedded_services(tmp_path),
    ):
        pass
    (tmp_path / "run").chmod(0o700)
    with embedded_services(tmp_path):
        pass
    stop_services(tmp_path)


def test_the_keeper_stops_the_services_when_nobody_uses_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIANBAO_TEST_IDLE_SECONDS", "0.2")
    with embedded_services(tmp_path):
        keeper = keeper_pid(tmp_path)
    wait_for_end(keeper)
    assert not (tmp_path / "postgres" / "postmaster.pid").exists()


def test_a_killed_user_does_not_keep_the_services_running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIANBAO_TEST_IDLE_SECONDS", "0.2")
    code = "import sys; from pathlib import Path; from mailer.embedded import embedded_services\n"
    code += "with embedded_services(Path(sys.argv[1])): print('ready', flush=True); sys.stdin.read()"
    user = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert user.stdout is not None
    assert user.stdout.readline() == b"ready\n"
    keeper = keeper_pid(tmp_path)
    user.kill()
    user.communicate()
    wait_for_end(keeper)


def test_what_keeps_them_from_starting_is_said(tmp_path: Path) -> None:
    (tmp_path / "postgres").write_text("in the way")
    with pytest.raises(ServiceError, match="did not start"), embedded_services(tmp_path):
        pass
