"""The faults: what each does to a running system, for how long, and how many workers may lose by it what is on their wires."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Engine, text

from mailer.deliveries import LEASE
from subscribers.db import transaction
from tests.chaos.proxy import Wire
from tests.chaos.system import WORKERS, System, kill
from tests.chaos.waiting import wait_for
from workers.queues import SEND_BATCH

_HOUR = 3600


class Need(StrEnum):
    """What a fault cannot be made without."""

    DISK = "a disk of its own, which takes root"
    CLOCKS = "a C compiler"


@dataclass(frozen=True, slots=True)
class Kind:
    """`strike` is given the seconds it lasts and the number of whom it befalls (1 or 2). `severs` workers may end up without a record
    of what was on their wires: so many pipelines of at most 64 messages are in doubt. `kills`: workers that are killed for it."""

    name: str
    about: str
    strike: Callable[[System, float, int], None]
    seconds: tuple[float, float] = (0.0, 0.0)
    severs: int = 0
    kills: int = 0
    need: Need | None = None


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault of a run: when `progress` of the recipients have been seen by a server, whom, for how long."""

    kind: Kind
    progress: float
    seconds: float
    target: int

    def __str__(self) -> str:
        lasting = f", {self.seconds:.1f} s" if self.seconds else ""
        return f"{self.kind.name} {self.target}{lasting} at {self.progress:.0%}"


# -- Processes --


def _kill_worker(system: System, _seconds: float, target: int) -> None:
    system.supervisor.send(f"worker {target}", signal.SIGKILL)


def _stop_worker(system: System, _seconds: float, target: int) -> None:
    system.supervisor.send(f"worker {target}", signal.SIGTERM)


def _freeze_worker(system: System, seconds: float, target: int) -> None:
    pid = system.supervisor.send(f"worker {target}", signal.SIGSTOP)
    if system.stage.ageing:
        system.age_leases(f"%:{pid}")
    time.sleep(seconds)
    kill(pid, signal.SIGCONT)


def _kill_scheduler(system: System, _seconds: float, target: int) -> None:
    system.supervisor.send(f"scheduler {target}", signal.SIGKILL)


def _kill_everything(system: System, _seconds: float, _target: int) -> None:
    system.supervisor.kill_all()
    for pid in (system.keeper(), system.postmaster(), system.valkey()):
        kill(pid)


# -- Database and broker --


def _kill_keeper(system: System, _seconds: float, _target: int) -> None:
    kill(system.keeper())


def _kill_postgres(system: System, _seconds: float, _target: int) -> None:
    kill(system.postmaster())


def _restart_postgres(system: System, _seconds: float, target: int) -> None:
    kill(system.postmaster(), signal.SIGINT if target == 1 else signal.SIGQUIT)  # fast and immediate shutdown


def _fail_over(system: System, seconds: float, _target: int) -> None:
    name = system.engine.url.database
    try:
        with system.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
            connection.execute(_BREAK_OFF)
        time.sleep(seconds)
    finally:  # Also where another fault broke in.
        wait_for(lambda: _let_write(system.engine, f"ALTER DATABASE {name} RESET default_transaction_read_only"), _LONG[1])


def _let_write(engine: Engine, statement: str) -> bool:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET default_transaction_read_only = off"))
        connection.execute(text(statement))
    return True


_BREAK_OFF = text("""
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()""")


def _kill_broker(system: System, _seconds: float, _target: int) -> None:
    kill(system.valkey())


def _wipe_broker(system: System, _seconds: float, _target: int) -> None:
    system.broker.flushall()
    if system.stage.ageing:
        system.age_queue()


def _lose_broker(system: System, _seconds: float, _target: int) -> None:
    kill(system.valkey())
    shutil.rmtree(system.data / "valkey", ignore_errors=True)
    if system.stage.ageing:
        system.age_queue()


def _fill_disk(system: System, seconds: float, _target: int) -> None:
    ballast = system.data / "ballast"
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline:
            free = os.statvfs(system.data).f_bavail * os.statvfs(system.data).f_frsize
            if free:
                _occupy(ballast, free)
            time.sleep(0.05)
    finally:
        ballast.unlink(missing_ok=True)


def _occupy(ballast: os.PathLike[str], octets: int) -> None:
    with open(ballast, "ab") as file:
        try:
            os.posix_fallocate(file.fileno(), file.tell(), octets)
        except OSError:  # Somebody else took of it meanwhile; the rest is for the next turn.
            file.write(bytes(min(octets, 4096)))


# -- Wires --


def _on_wire(
    where: str, wire: Wire, *, drop: bool = False, outlasts_lease: bool = False
) -> Callable[[System, float, int], None]:
    """Something passes no more on the wire `where`, for a while; with `drop`, what was held back until then is lost."""

    def strike(system: System, seconds: float, target: int) -> None:
        chosen = system.wires[f"{where} {target}"]
        chosen.become(wire)
        if outlasts_lease and system.stage.ageing:
            system.age_leases(f"%:{system.supervisor.pid(f'worker {target}')}")
        time.sleep(seconds)
        if drop:
            chosen.become(Wire.CUT)
        chosen.become(Wire.WHOLE)

    return strike


def _isolate_worker(system: System, seconds: float, target: int) -> None:
    chosen = [system.wires[f"{where} {target}"] for where in ("database", "broker")]
    for wire in chosen:
        wire.become(Wire.FROZEN)
    if system.stage.ageing:
        system.age_leases(f"%:{system.supervisor.pid(f'worker {target}')}")
    time.sleep(seconds)
    for wire in chosen:
        wire.become(Wire.WHOLE)


def _send_tasks_twice(system: System, _seconds: float, _target: int) -> None:
    with transaction(system.engine) as connection:
        ids = connection.execute(text("SELECT id FROM batch")).scalars().all()
    for batch_id in (*ids, *ids):
        system.queue.send_task(SEND_BATCH, (batch_id,))


# -- Clocks --


def _worker_clock(system: System, _seconds: float, target: int) -> None:
    system.clocks[f"worker {target}"].jump(_HOUR if target == 1 else -_HOUR)


def _machine_clock_forward(system: System, _seconds: float, _target: int) -> None:
    system.clocks["machine"].jump(_HOUR)


def _machine_clock_back(system: System, seconds: float, _target: int) -> None:
    system.clocks["machine"].jump(-_HOUR)
    time.sleep(seconds)
    system.clocks["machine"].jump(_HOUR)


_LEASE = LEASE.total_seconds()
_BRIEF, _LONG = (0.5, 6.0), (_LEASE + 2, _LEASE + 8)

KINDS: Sequence[Kind] = (
    Kind("worker_killed", "kill -9 of a worker", _kill_worker, severs=1, kills=1),
    Kind("worker_stopped", "SIGTERM to a worker, which drains", _stop_worker),
    Kind("worker_frozen", "a worker stands still until others hold its batches, and goes on", _freeze_worker, _LONG, severs=1),
    Kind("scheduler_killed", "kill -9 of a scheduler; there are two", _kill_scheduler),
    Kind("keeper_killed", "kill -9 of what keeps the embedded servers", _kill_keeper),
    Kind("postgres_killed", "kill -9 of PostgreSQL's first process", _kill_postgres),
    Kind("postgres_restarted", "PostgreSQL restarted: fast (1), immediate (2)", _restart_postgres),
    Kind("database_read_only", "a failover: for a while the database lets itself only be read", _fail_over, (0.5, _LONG[1])),
    Kind("broker_killed", "kill -9 of Valkey", _kill_broker),
    Kind("broker_wiped", "FLUSHALL", _wipe_broker),
    Kind("broker_lost", "kill -9 of Valkey, and its files removed", _lose_broker),
    Kind("disk_full", "the disk of database and broker is full", _fill_disk, (1.0, 8.0), severs=2, need=Need.DISK),
    Kind(
        "relay_silent",
        "a relay takes all, says nothing, and hangs up",
        _on_wire("relay", Wire.MUTE, drop=True),
        _BRIEF,
        severs=2,
    ),
    Kind("relay_down", "a relay hangs up and refuses", _on_wire("relay", Wire.CUT), _BRIEF, severs=2),
    Kind("relay_frozen", "the network to a relay stands still, and goes on", _on_wire("relay", Wire.FROZEN), _BRIEF),
    Kind(
        "database_frozen", "the network from a worker to the database stands still", _on_wire("database", Wire.FROZEN), _BRIEF
    ),
    Kind("database_cut", "a worker's connections to the database break", _on_wire("database", Wire.CUT), _BRIEF),
    Kind("broker_frozen", "the network from a worker to the broker stands still", _on_wire("broker", Wire.FROZEN), _BRIEF),
    Kind("broker_cut", "a worker's connections to the broker break", _on_wire("broker", Wire.CUT), _BRIEF),
    Kind(
        "database_gone",
        "a worker cannot reach the database until others hold its batches",
        _on_wire("database", Wire.CUT, outlasts_lease=True),
        _LONG,
        severs=1,
    ),
    Kind("worker_isolated", "a worker reaches relays alone until others hold its batches", _isolate_worker, _LONG, severs=1),
    Kind("tasks_twice", "every batch's id put into the queue twice more", _send_tasks_twice),
    Kind("worker_clock", "a worker's clock jumps an hour: forward (1), back (2)", _worker_clock, need=Need.CLOCKS),
    Kind("clocks_forward", "everybody's clock jumps an hour forward", _machine_clock_forward, severs=2, need=Need.CLOCKS),
    Kind(
        "clocks_back",
        "everybody's clock jumps an hour back, and is put right",
        _machine_clock_back,
        _BRIEF,
        severs=2,
        need=Need.CLOCKS,
    ),
    Kind("everything_killed", "kill -9 of everything at once", _kill_everything, severs=2, kills=2),
)


def plan(rng: random.Random, count: int, kinds: Sequence[Kind], *, longest: float) -> list[Strike]:
    """`count` strikes in the order of their time: every kind comes before any comes again. None lasts longer than `longest`."""
    chosen: list[Kind] = []
    while len(chosen) < count:
        chosen += rng.sample(kinds, k=min(len(kinds), count - len(chosen)))
    times = sorted(rng.uniform(0.02, 0.9) for _ in chosen)
    return [
        Strike(kind, progress, min(longest, rng.uniform(*kind.seconds)), rng.choice(WORKERS))
        for kind, progress in zip(chosen, times, strict=True)
    ]
