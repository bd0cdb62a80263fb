"""The system that faults befall: two schedulers and two workers, their database and broker, the servers they send to, wires between.

Database and broker are the embedded ones. The schedulers use them as `jianbao up` does; the workers reach them, and two relays, as
from another machine, through wires that can be cut. Whatever ends is started again, as an init system does.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis
from celery import Celery
from sqlalchemy import Engine, text

from mailer import migrations
from mailer.dkim import generate_key, to_pem
from mailer.embedded import Places, Urls, embedded_services, stop_services
from mailer.world.shares import Shares
from subscribers.db import make_engine, transaction
from tests.chaos.clock import Clock, library
from tests.chaos.proxy import Proxy
from tests.chaos.supervisor import End, Supervisor, environment
from tests.chaos.waiting import UNAVAILABLE
from workers.app import make_app

WORKERS = (1, 2)
RELAYS = (1, 2)
SHARES = Shares(
    unknown_user=0.02,
    greylisted=0.02,
    full_for_now=0.01,
    frequency=0.01,
    content=0.005,
    closing=0.005,
    dropped=0.005,
    slow=0.01,
)


@dataclass(frozen=True, slots=True)
class Stage:
    """Where and how: `disk_octets` makes the data directory a disk of its own of that size, `clocks` gives everybody a clock that can
    be set wrong, `ageing` lets the leases of a dead worker run out at once, which else takes 20 seconds."""

    folder: Path
    seed: int
    disk_octets: int | None
    clocks: bool
    ageing: bool


class System:
    """All of it, running; made by `running`."""

    def __init__(self, stage: Stage, urls: Urls, ledger_file: Path, wires: dict[str, Proxy], clocks: dict[str, Clock]) -> None:
        self.stage = stage
        self.ledger_file = ledger_file
        self.wires = wires
        self.clocks = clocks
        self.data = stage.folder / "data"
        self.places = Places(self.data)
        self.urls = urls
        self.engine: Engine = make_engine(urls.database)
        self.broker = redis.Redis.from_url(urls.redis, socket_timeout=5)
        self.queue: Celery = make_app(urls.redis)
        self.supervisor = Supervisor(stage.folder / "processes.log", self._worker_ended)

    def start(self) -> None:
        """Start schedulers and workers."""
        python = [sys.executable, "-m"]
        ours = {"DATA_DIR": str(self.data), "SECRET_KEY": "a key of trials, long enough", "SMTP_URL": self._relays()}
        # Signed mail is composed before its turn.
        ours |= {"DKIM_KEY": to_pem(generate_key()).decode(), "DKIM_SELECTOR": "chaos"}
        for number in (1, 2):
            self.supervisor.add(f"scheduler {number}", [*python, "workers.scheduler"], environment(ours, {}))
        for number in WORKERS:
            theirs = {"DATABASE_URL": self._database_url(number), "REDIS_URL": self._redis_url(number)}
            clock = self.clocks.get(f"worker {number}")
            more = clock.environment if clock else {}
            self.supervisor.add(f"worker {number}", [*python, "workers.worker"], environment(ours | theirs, more))

    def _relays(self) -> str:
        ports = (self.wires[f"relay {number}"].port for number in RELAYS)
        return " ".join(f"smtp://127.0.0.1:{port}?starttls=none" for port in ports)

    def _database_url(self, worker: int) -> str:
        return f"postgresql://jianbao@127.0.0.1:{self.wires[f'database {worker}'].port}/jianbao"

    def _redis_url(self, worker: int) -> str:
        return f"redis://127.0.0.1:{self.wires[f'broker {worker}'].port}/0"

    def _worker_ended(self, end: End) -> None:
        if self.stage.ageing and end.name.startswith("worker"):
            self.age_leases(f"%:{end.pid}")

    def age_leases(self, owner: str) -> None:
        """Let the leases of the workers whose names are like `owner` run out now, if the database can be asked."""
        with contextlib.suppress(*UNAVAILABLE), transaction(self.engine) as connection:
            aged = "UPDATE batch SET lease_until = now(), queued_at = NULL WHERE leased_by LIKE :owner"
            connection.execute(text(aged), {"owner": owner})

    def age_queue(self) -> None:
        """Let the scheduler believe at once that the broker has lost what it queued, which else takes 30 seconds."""
        with contextlib.suppress(*UNAVAILABLE), transaction(self.engine) as connection:
            connection.execute(text("UPDATE batch SET queued_at = NULL"))

    # -- What runs --

    def postmaster(self) -> int | None:
        """The process id of PostgreSQL's first process, if it runs."""
        return self._running(self.places.cluster / "postmaster.pid")

    def keeper(self) -> int | None:
        """The process id of what keeps the embedded servers, if it runs."""
        return self._running(self.places.run / "keeper")

    def valkey(self) -> int | None:
        """The process id of the broker, if it answers."""
        try:
            return int(self.broker.info("server")["process_id"])
        except redis.RedisError:
            return None

    def _running(self, file: Path) -> int | None:
        """The process that the file names, if it is one of this system's: the file may be old, and the number another's by now."""
        try:
            pid = int(file.read_text().split()[0])
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError, IndexError):
            return None
        return pid if os.fsencode(self.data) in command else None


def kill(pid: int | None, number: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal to a process that may be gone already."""
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


@contextmanager
def running(stage: Stage) -> Iterator[System]:
    """The whole system on an empty folder, with its schema, before anything is scheduled."""
    with ExitStack() as stack:
        shutil.rmtree(stage.folder, ignore_errors=True)
        data = stage.folder / "data"
        data.mkdir(parents=True)
        clocks = _clocks(stage) if stage.clocks else {}
        ledger_file = stage.folder / "servers.jsonl"
        smtp_port = stack.enter_context(_world(stage, ledger_file))
        if stage.disk_octets is not None:
            stack.enter_context(_disk(data, stage.disk_octets))
        if clocks:
            stack.enter_context(_environ(clocks["machine"].environment))
        stack.callback(stop_services, data)
        urls = stack.enter_context(embedded_services(data))
        _upgrade(urls)
        wires = {name: stack.enter_context(wire.running()) for name, wire in _wires(Places(data), smtp_port).items()}
        system = System(stage, urls, ledger_file, wires, clocks)
        stack.callback(system.engine.dispose)
        stack.enter_context(system.supervisor)
        system.start()
        yield system


def _clocks(stage: Stage) -> dict[str, Clock]:
    """One for the whole machine, and one for each worker, as it would have on another machine."""
    preloaded = library(stage.folder)
    assert preloaded is not None, "there is no C compiler"
    names = ["machine", *(f"worker {number}" for number in WORKERS)]
    return {name: Clock(stage.folder / f"{name.replace(' ', '-')}.clock", preloaded) for name in names}


def _wires(places: Places, smtp_port: int) -> dict[str, Proxy]:
    database, broker = places.sockets / ".s.PGSQL.5432", places.sockets / "valkey.sock"
    wires = {f"database {number}": Proxy(database) for number in WORKERS} | {f"broker {n}": Proxy(broker) for n in WORKERS}
    return wires | {f"relay {number}": Proxy(("127.0.0.1", smtp_port)) for number in RELAYS}


def _upgrade(urls: Urls) -> None:
    engine = make_engine(urls.database)
    with engine.begin() as connection:
        migrations.upgrade(connection)
    engine.dispose()


@contextmanager
def _disk(folder: Path, octets: int) -> Iterator[None]:
    """A file system of its own, in memory, that can be filled without harm to others."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={octets},mode=0755", "tmpfs", str(folder)]
    subprocess.run(mount, check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def _environ(more: dict[str, str]) -> Iterator[None]:
    """Variables for what this process starts: the keeper of the embedded servers takes them over from us."""
    os.environ.update(more)
    try:
        yield
    finally:
        for name in more:
            del os.environ[name]


@contextmanager
def _world(stage: Stage, ledger_file: Path) -> Iterator[int]:
    """The mail servers, in a process of their own; yields their port."""
    shares = ",".join(f"{kind}={share}" for kind, share in SHARES.by_kind().items())
    options = ["--seed", str(stage.seed), "--ledger", str(ledger_file), "--shares", shares]
    command = [sys.executable, "-m", "mailer.world", *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment({}, {})) as process:
        assert process.stdout is not None
        yield int(json.loads(process.stdout.readline())["port"])
        process.terminate()
