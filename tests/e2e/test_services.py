"""The parts as processes: the commands of docker-compose.yml outside a container, and `jianbao up`, which is all of them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml
from sqlalchemy import Engine, text

from mailer.demo.stage import free_port
from mailer.embedded import embedded_services, stop_services
from mailer.models import DeliveryState
from mailer.world.shares import Shares
from mailer.world.world import World, running
from tests import factories
from tests.paths import PROJECT

COMPOSE = yaml.safe_load((PROJECT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
Start = Callable[[Sequence[str]], "subprocess.Popen[bytes]"]


@pytest.fixture
def environment(engine: Engine, redis_client: redis.Redis, database_url: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    """The settings of a whole system on this test's empty database."""
    del engine, redis_client
    clean = {name: value for name, value in os.environ.items() if not name.startswith("JIANBAO_")}
    port = str(free_port())
    ours = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "DATA_DIR": str(tmp_path),
        "SECRET_KEY": "a key of tests, long enough",
        "SMTP_URL": "smtp://127.0.0.1:1?starttls=none",
        "BASE_URL": f"http://127.0.0.1:{port}",
        "WEB_PORT": port,
        "WORKER_PROCESSES": "1",
    }
    return clean | {f"JIANBAO_{name}": value for name, value in ours.items()}


@contextmanager
def started(environment: dict[str, str], *words: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "mailer.cli", *words]
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for_events(process: subprocess.Popen[bytes], *names: str) -> dict[str, dict[str, Any]]:
    """Read what the process logs until it has logged each of these events; they are returned by name."""
    assert process.stderr is not None
    found: dict[str, dict[str, Any]] = {}
    heard = []
    for line in process.stderr:
        heard.append(line.decode())
        if line.startswith(b"{"):
            entry = json.loads(line)
            found[entry["event"]] = entry
        if found.keys() >= set(names):
            return found
    pytest.fail(f"it ended without {set(names) - found.keys()}: {''.join(heard)}")


def get(environment: dict[str, str], path: str) -> int:
    with urllib.request.urlopen(environment["JIANBAO_BASE_URL"] + path, timeout=10) as answer:
        return int(answer.status)


@pytest.mark.parametrize("service", ["web", "worker", "scheduler"])
def test_a_service_of_the_compose_file_starts_and_ends_in_order(service: str, environment: dict[str, str]) -> None:
    with started(environment, *COMPOSE[service]["command"]) as process:
        wait_for_events(process, f"{service}_started")
        if service == "web":
            assert get(environment, "/healthz") == 200
        process.send_signal(signal.SIGTERM)
        said, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors.decode()
    assert said == b""
    for line in errors.splitlines():
        json.loads(line)


def test_the_web_server_ends_although_a_page_waits_for_a_database_that_hangs(
    environment: dict[str, str], engine: Engine
) -> None:
    with started(environment, "web") as process, engine.begin() as holding:
        wait_for_events(process, "web_started")
        holding.execute(text("LOCK TABLE mailing_list"))
        with socket.create_connection(("127.0.0.1", int(environment["JIANBAO_WEB_PORT"]))) as reader:
            reader.sendall(b"GET /join/members HTTP/1.1\r\nHost: x\r\n\r\n")
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as looking:
                while not looking.execute(factories.WAITING_FOR_LOCKS).scalar_one():
                    pass
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors.decode()


def test_a_scheduler_that_could_judge_no_bounce_says_so_and_does_not_start(environment: dict[str, str]) -> None:
    with started(environment | {"JIANBAO_BOUNCE_POLICY": "full=banana"}, "scheduler") as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "'full=banana': give a number of issues" in errors.decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_backup_that_is_told_to_end_leaves_nothing_behind(
    environment: dict[str, str], engine: Engine, tmp_path: Path, number: signal.Signals
) -> None:
    factories.subscribe(engine, ["a@163.example"])
    folder = tmp_path / "backups"
    folder.mkdir()
    with engine.begin() as holding, started(environment, "db", "backup", str(folder / "all.dump")) as process:
        holding.execute(text("LOCK TABLE mailing_list"))
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as looking:
            while not looking.execute(factories.WAITING_FOR_LOCKS).scalar_one():
                assert process.poll() is None
        assert [each.name for each in folder.iterdir()] == ["all.dump.unfinished"]
        process.send_signal(number)
        process.communicate(timeout=60)
        assert process.returncode == 130
        assert list(folder.iterdir()) == []


def test_an_import_that_is_told_to_end_does_not_read_on(environment: dict[str, str], tmp_path: Path) -> None:
    page = tmp_path / "long.html"
    page.write_text("<h1>题</h1>" + "<p>这是正文内容。</p>" * 400_000, encoding="utf-8")
    with started(environment, "issue", "import", str(page)) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while not children.read_text().split():
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in errors


def test_the_one_shot_service_brings_the_schema_up_to_date_and_ends(environment: dict[str, str]) -> None:
    with started(environment, *COMPOSE["migrate"]["command"]) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors.decode()


def test_up_is_all_of_them_and_ctrl_c_drains_and_stops(environment: dict[str, str], engine: Engine) -> None:
    world = World(shares=Shares.parse("none"))
    with running(world):
        environment["JIANBAO_SMTP_URL"] = f"{world.smtp_url}?starttls=none"
        with started(environment, "up") as process:
            wait_for_events(process, "web_started", "scheduler_started", "worker_started")
            assert get(environment, "/healthz") == 200
            factories.schedule(engine, [f"reader{n}@163.example" for n in range(20)])
            wait_for_events(process, "mailing_finished")
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=40)
    assert process.returncode == 0, errors.decode()
    assert set(factories.states(engine).values()) == {DeliveryState.ACCEPTED}


def test_up_starts_a_part_that_was_killed_again_and_leaves_none_behind_when_its_terminal_is_closed(
    environment: dict[str, str],
) -> None:
    with started(environment, "up") as process:
        first = wait_for_events(process, "web_started", "scheduler_started", "worker_started")["worker_started"]
        os.kill(int(first["worker"].rpartition(":")[2]), signal.SIGKILL)
        again = wait_for_events(process, "part_killed", "worker_started")
        assert (again["part_killed"]["part"], again["part_killed"]["signal"]) == ("worker 1", signal.SIGKILL)
        process.send_signal(signal.SIGHUP)
        _, errors = process.communicate(timeout=40)  # Its parts have this pipe too: it ends when they all have.
    assert process.returncode == 0, errors.decode()


def test_a_worker_outlives_a_broker_that_becomes_a_replica(environment: dict[str, str], tmp_path: Path) -> None:
    with embedded_services(tmp_path / "services") as urls:
        broker = redis.Redis.from_url(urls.redis, decode_responses=True)
        with started(environment | {"JIANBAO_REDIS_URL": urls.redis}, "worker") as process:
            wait_for_events(process, "worker_started")
            broker.replicaof("127.0.0.1", "1")
            assert process.stderr is not None
            assert any(b"Connection to broker lost" in line for line in process.stderr)
            broker.replicaof("NO", "ONE")
            while not any(client["cmd"] == "brpop" for client in broker.client_list()):
                assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors.decode()
    stop_services(tmp_path / "services")


def test_up_says_which_part_ended_and_stops_the_others(environment: dict[str, str]) -> None:
    with started(environment | {"JIANBAO_WEB_HOST": "192.0.2.1"}, "up") as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "web ended with status 3" in errors.decode()
