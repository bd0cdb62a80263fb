"""A mailing shared by two machines, with the database on a third: `python -m tests.machines.run`, as root, on Linux with iproute2.

One machine loses its network in the middle and gets it back; then the other loses its power. Exit code 1 when anybody was lost, more
was sent twice than may be, or the pace was not kept.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import redis
from sqlalchemy import Engine, text

from mailer.deliveries import of_mailing
from mailer.demo.comparison import compare
from mailer.models import DeliveryState
from mailer.processes import Processes
from mailer.rate import Rate
from mailer.sending import WINDOW
from mailer.world.shares import Shares
from mailer.world.world import World, running
from subscribers.db import make_engine, transaction
from tests import factories
from tests.chaos.proxy import Proxy
from tests.chaos.supervisor import environment
from tests.chaos.waiting import is_finished, wait_for
from tests.machines.network import Machine, machines
from tests.machines.services import Urls, services

_RELAY_PORT = 2525
_PATIENCE = 120.0
_WARM = 200  # recipients after which things begin to break
_WINDOW_SECONDS = 10
_EXCESS = 1.05
_SHARES = Shares.parse("greylisted=0.01,unknown_user=0.01")
# A transaction that its machine leaves behind: it keeps the lock on the publication until the database notices.
_HOLD_A_LOCK = """
import sys, time
from sqlalchemy import text
from subscribers.db import make_engine
with make_engine(sys.argv[1]).begin() as connection:
    connection.execute(text("SELECT FROM publication FOR UPDATE"))
    print("held", flush=True)
    time.sleep(300)
"""


@dataclass(slots=True)
class Findings:
    """What happened: seconds from the start of the mailing by event, and what was wrong."""

    seconds: dict[str, float] = field(default_factory=dict)
    recipients: int = 0
    doubles: int = 0
    fastest_window: float = 0.0  # The most that arrived in any ten seconds, as a multiple of the pace.
    wrong: list[str] = field(default_factory=list)


class Trial:
    """The machines and what runs on them; `tell` shows their story."""

    def __init__(self, engine: Engine, broker: redis.Redis, world: World, processes: Processes, *, ageing: bool) -> None:
        self.engine = engine
        self.broker = broker
        self.world = world
        self.processes = processes
        self.ageing = ageing
        self.findings = Findings()
        self.began = 0.0

    def note(self, event: str) -> None:
        """It is now that this happened."""
        self.findings.seconds[event] = round(time.monotonic() - self.began, 1)
        sys.stderr.write(f"{self.findings.seconds[event]:6.1f} s  {event}\n")

    def come_to(self, event: str, reached: Callable[[], object]) -> None:
        """Wait until it happens."""
        if not wait_for(reached, _PATIENCE):
            raise SystemExit(f"it has not come to this: {event}; {sorted(set(factories.states(self.engine).values()))}")
        self.note(event)

    def send(self, recipients: int, pace: Rate) -> int:
        """Schedule the mailing. Returns its id."""
        terms = replace(factories.TERMS, pace=pace, retry_scale=1e-5, give_up_hours=1e9)
        addresses = [f"reader{n}@163.example" for n in range(recipients)]
        mailing_id = factories.schedule(self.engine, addresses, terms).mailing_id
        self.began = time.monotonic()
        return mailing_id

    def holders(self) -> set[int]:
        """The process ids of the workers that hold batches."""
        with transaction(self.engine) as connection:
            names = connection.execute(text("SELECT DISTINCT leased_by FROM batch WHERE lease IS NOT NULL")).scalars()
            return {int(name.rpartition(":")[2]) for name in names}

    def clients(self, machine: Machine) -> list[dict[str, str]]:
        """The connections to the broker that come from a machine."""
        return [client for client in self.broker.client_list() if client["addr"].startswith(f"{machine.address}:")]

    def reached(self) -> int:
        """How many recipients a server has kept the message for."""
        return self.world.ledger.summary().reached

    def expire(self, machine: Machine, pid: int) -> None:
        """In the short form, leases of a worker that has gone run out now and not after 20 seconds."""
        if self.ageing:
            # Its last question for tasks stands for a second: what is queued in that time is told to nobody, and again after 30 seconds.
            wait_for(lambda: all(int(client["idle"]) >= 2 for client in self.clients(machine)), _PATIENCE)
            with transaction(self.engine) as connection:
                aged = "UPDATE batch SET lease_until = now(), queued_at = NULL WHERE leased_by LIKE :owner"
                connection.execute(text(aged), {"owner": f"%:{pid}"})


def main() -> int:
    """Tell the story on stderr and its findings on stdout."""
    parser = argparse.ArgumentParser(prog="python -m tests.machines.run", description=__doc__)
    parser.add_argument("--recipients", type=int, default=3000)
    parser.add_argument("--pace", type=Rate.parse, default=Rate.parse("60/s"))
    parser.add_argument("--short", action="store_true", help="let leases of machines that have gone run out at once")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        findings = run(Path(folder), arguments.recipients, arguments.pace, ageing=arguments.short)
    sys.stdout.write(json.dumps({name: getattr(findings, name) for name in findings.__slots__}, ensure_ascii=False) + "\n")
    return 1 if findings.wrong else 0


def run(folder: Path, recipients: int, pace: Rate, *, ageing: bool) -> Findings:
    """Build the machines, send, break, mend, and judge."""
    folder.chmod(0o755)  # PostgreSQL runs as another user.
    ledger_file = folder / "servers.jsonl"
    with ExitStack() as stack:
        hub, east, west = stack.enter_context(machines("hub", "east", "west"))
        hub.enter()
        urls = stack.enter_context(services(hub, folder))
        engine = make_engine(urls.database)
        stack.callback(engine.dispose)
        world = stack.enter_context(running(World(shares=_SHARES, ledger_file=ledger_file)))
        stack.enter_context(Proxy(("127.0.0.1", world.port), host=hub.address, port=_RELAY_PORT).running())
        processes = stack.enter_context(_processes(folder, urls, hub, (east, west)))
        trial = Trial(engine, redis.Redis.from_url(urls.redis), world, processes, ageing=ageing)
        mailing_id = trial.send(recipients, pace)
        _story(trial, urls, mailing_id, (east, west))
        _judge_recipients(trial, mailing_id, recipients)
    _judge_pace(trial.findings, ledger_file, pace)
    return trial.findings


@contextmanager
def _processes(folder: Path, urls: Urls, hub: Machine, others: tuple[Machine, Machine]) -> Iterator[Processes]:
    settings = {
        "DATABASE_URL": urls.database,
        "REDIS_URL": urls.redis,
        "SECRET_KEY": "a key of trials, long enough",
        "SMTP_URL": f"smtp://{hub.address}:{_RELAY_PORT}?starttls=none",
        "DATA_DIR": str(folder / "data"),
    }
    with open(folder / "log", "wb") as log, Processes(environment(settings, {}), log) as processes:
        processes.start("scheduler", hub.command([sys.executable, "-m", "workers.scheduler"]))
        for name, machine in zip(("east", "west"), others, strict=True):
            processes.start(name, machine.command([sys.executable, "-m", "workers.worker"]))
        if not wait_for(lambda: (folder / "log").read_bytes().count(b"worker_started") == 2, _PATIENCE):
            raise SystemExit((folder / "log").read_text())
        yield processes


def _story(trial: Trial, urls: Urls, mailing_id: int, others: tuple[Machine, Machine]) -> None:
    """East loses its network and gets it back, west its power."""
    east, west = others
    east_pid, west_pid = (trial.processes.children[name].pid for name in ("east", "west"))
    trial.come_to("both machines send", lambda: trial.holders() == {east_pid, west_pid} and trial.reached() > _WARM)
    left_behind = trial.processes.start("lock", east.command([sys.executable, "-c", _HOLD_A_LOCK, urls.database]))
    trial.come_to("a transaction of east's holds a lock", lambda: not _lock_is_free(trial.engine))
    east.pull_cable()
    trial.note("east has no network")
    trial.expire(east, east_pid)
    trial.come_to("west holds what was east's", lambda: trial.holders() == {west_pid})
    if not trial.ageing:
        trial.come_to("the lock that east left behind is given up", lambda: _lock_is_free(trial.engine))
    left_behind.kill()
    east.plug_cable()
    trial.note("east has its network again")
    trial.come_to("east waits for tasks again", lambda: _asks_for_tasks(trial, east))
    west.pull_cable()
    trial.processes.children.pop("west").kill()
    trial.note("west has no power")
    trial.expire(west, west_pid)
    trial.come_to("east holds what was west's", lambda: trial.holders() == {east_pid})
    trial.come_to("everybody is settled", lambda: is_finished(trial.engine, mailing_id))


def _lock_is_free(engine: Engine) -> bool:
    with transaction(engine) as connection:
        return connection.execute(text("SELECT id FROM publication FOR UPDATE SKIP LOCKED")).first() is not None


def _asks_for_tasks(trial: Trial, machine: Machine) -> bool:
    """Whether the broker has heard of the machine's worker just now, which asks for tasks every second."""
    return any("b" in client["flags"] and int(client["idle"]) <= 1 for client in trial.clients(machine))


def _judge_recipients(trial: Trial, mailing_id: int, recipients: int) -> None:
    findings, ledger = trial.findings, trial.world.ledger
    with transaction(trial.engine) as connection:
        findings.wrong += [str(each) for each in compare(of_mailing(connection, mailing_id, None), ledger)]
    states = factories.states(trial.engine)
    settled = (DeliveryState.ACCEPTED, DeliveryState.BOUNCED)
    findings.wrong += [f"{address} is {state}" for address, state in states.items() if state not in settled]
    findings.recipients = len(states)
    findings.doubles = sum(max(0, account.kept - 1) for account in ledger.recipients().values())
    if findings.doubles > 2 * WINDOW or findings.recipients != recipients:
        findings.wrong.append(f"{findings.doubles} doubles, {findings.recipients} recipients")


def _judge_pace(findings: Findings, ledger_file: Path, pace: Rate) -> None:
    """The servers' own times of all that they were sent, whatever they answered."""
    times = sorted(json.loads(line)["at"] for line in ledger_file.read_bytes().splitlines())
    most, first = 0, 0
    for last, at in enumerate(times):
        while at - times[first] > _WINDOW_SECONDS:
            first += 1
        most = max(most, last - first + 1)
    findings.fastest_window = round(most / (pace.per_second * _WINDOW_SECONDS), 3)
    if findings.fastest_window > _EXCESS:
        findings.wrong.append(f"{most} arrived within {_WINDOW_SECONDS} s, at a pace of {pace}")


if __name__ == "__main__":
    sys.exit(main())
