"""What tests stand on: one PostgreSQL and one Valkey per run, a database per worker from a template, and no way out of loopback."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import psycopg
import pytest
import redis
from sqlalchemy import Engine, inspect

from mailer import migrations
from mailer.embedded import Urls, embedded_services
from subscribers.db import make_engine
from tests import factories

_TEMPLATE = "jianbao_template"
# A loaded machine is no reason for a property not to hold. The same examples are tried each time, so that a change is judged by what
# it changed; JIANBAO_TEST_EXPLORE=1 looks for new ones.
hypothesis.settings.register_profile("jianbao", deadline=None, derandomize="JIANBAO_TEST_EXPLORE" not in os.environ)
hypothesis.settings.load_profile("jianbao")
_connect = socket.socket.connect


@pytest.fixture(autouse=True, scope="session")
def _only_loopback() -> Iterator[None]:
    """A test that speaks to another machine is a mistake."""

    def connect(self: socket.socket, address: object) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            assert isinstance(address, tuple)
            assert str(address[0]).startswith("127.") or address[0] in ("::1", "localhost"), f"a test connects to {address}"
        _connect(self, address)  # type: ignore[arg-type]

    socket.socket.connect = connect  # type: ignore[method-assign,assignment]
    yield
    socket.socket.connect = _connect  # type: ignore[method-assign]


@pytest.fixture(scope="session")
def worker_number(request: pytest.FixtureRequest) -> int:
    """0 for the first test process of the run, 1 for the second …"""
    name = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    return int(name.removeprefix("gw"))


@pytest.fixture(scope="session")
def run_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that all processes of this run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def services(run_directory: Path) -> Iterator[Urls]:
    """The run's PostgreSQL and Valkey, the embedded ones of the product, shared by its processes.

    Other servers, of other versions, can be given: JIANBAO_TEST_DATABASE_URL names a database `jianbao` (`…/jianbao?…`) on a server
    where databases may be made, JIANBAO_TEST_REDIS_URL database 0 (`…/0`) of one that may be emptied.
    """
    if "JIANBAO_TEST_DATABASE_URL" in os.environ:
        yield Urls(os.environ["JIANBAO_TEST_DATABASE_URL"], os.environ["JIANBAO_TEST_REDIS_URL"])
        return
    with embedded_services(run_directory / "services") as urls:
        yield urls


@pytest.fixture(scope="session")
def database_url(services: Urls, run_directory: Path, worker_number: int) -> str:
    """A database of this process, copied from a template that has the schema."""
    # What an earlier run left behind on a server that was given is of that run's schema, and in the way.
    with open(run_directory / "template.lock", "a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        with psycopg.connect(services.database, autocommit=True) as connection:
            if not lock.read():
                connection.execute(f"DROP DATABASE IF EXISTS {_TEMPLATE} WITH (FORCE)")
                connection.execute(f"CREATE DATABASE {_TEMPLATE}")
                _upgrade(services.database.replace("/jianbao?", f"/{_TEMPLATE}?"))
                lock.write("made")
            connection.execute(f"DROP DATABASE IF EXISTS test_{worker_number} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE test_{worker_number} TEMPLATE {_TEMPLATE} STRATEGY file_copy")
    return services.database.replace("/jianbao?", f"/test_{worker_number}?")


def _upgrade(url: str) -> None:
    engine = make_engine(url)
    with engine.begin() as connection:
        migrations.upgrade(connection)
    engine.dispose()


@pytest.fixture(scope="session")
def _engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url, pool_size=20)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def _tables(_engine: Engine) -> str:
    """All that there are, and not only those whose models a test of this process has imported."""
    return ", ".join(name for name in inspect(_engine).get_table_names() if name != "alembic_version")


@pytest.fixture
def engine(_engine: Engine, _tables: str) -> Engine:
    """An engine on an empty database with the schema."""
    with _engine.begin() as connection:
        factories.empty(connection, _tables)
    return _engine


@pytest.fixture(scope="session")
def redis_url(services: Urls, worker_number: int) -> str:
    """A logical database of the run's Valkey that belongs to this process."""
    return f"{services.redis.removesuffix('0')}{worker_number + 1}"


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    """A client of this process's logical database, emptied."""
    client = redis.Redis.from_url(redis_url)
    client.flushdb()
    yield client
    client.close()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a program of Debian's that is not here, with the reason."""
    for marker in item.iter_markers("debian"):
        for program in marker.args:
            if shutil.which(program) is None and not Path("/usr/sbin", program).exists():
                pytest.skip(f"needs {program} from Debian's packages")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what was skipped, since a skipped test checks nothing."""
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
        terminalreporter.write_line(f"skipped: {report.nodeid}: {reason}")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Where the programs that tests need are said to be installed, a test that is skipped for one is a failure of the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("JIANBAO_TEST_REQUIRE_DEBIAN") != "1" or reporter is None or exitstatus != pytest.ExitCode.OK:
        return
    # Material from outside the project that is "not here" is another matter: nothing that could be installed.
    if any("not here" not in str(report.longrepr) for report in reporter.stats.get("skipped", [])):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
