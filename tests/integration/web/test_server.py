"""The application as a process on a port: it takes requests, logs none of them, and stops when told to."""

from __future__ import annotations

import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from sqlalchemy import Engine

from mailer.tokens import Purpose, Tokens
from mailer.web.app import create_app
from mailer.web.server import serve
from subscribers.db import transaction
from subscribers.errors import ServiceError
from tests.integration.web.mailing import send

_PROGRAM = """
import resource, sys
from mailer.tokens import Tokens
from mailer.web.app import create_app
from mailer.web.server import serve
from subscribers.db import make_engine
database, redis, port = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_NOFILE, (1_024, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))  # as most systems start a process
serve(create_app(make_engine(database), redis, Tokens(b"a key for the tests alone")), "127.0.0.1", int(port))
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0], "files at most, drained", flush=True)
"""


@contextmanager
def _server(database_url: str, redis_url: str, port: int) -> Iterator[subprocess.Popen[str]]:
    arguments = [sys.executable, "-c", _PROGRAM, database_url, redis_url, str(port)]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
        yield process
    finally:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def delivery(engine: Engine) -> int:
    with transaction(engine) as connection:
        return send(connection, ["zhang@cas.example.org"]).delivery_ids[0]


def test_sigterm_ends_it_after_the_request_under_way_and_no_token_was_logged(
    database_url: str, redis_url: str, tokens: Tokens, delivery: int
) -> None:
    port = _free_port()
    with _server(database_url, redis_url, port) as process:
        with urllib.request.urlopen(
            f"http://127.0.0.1:{port}/o/{tokens.sign(Purpose.OPEN, delivery)}.gif", timeout=30
        ) as pixel:
            assert len(pixel.read()) == 43
            assert "server" not in pixel.headers
        with socket.create_connection(("127.0.0.1", port), timeout=30) as slow:
            token = tokens.sign(Purpose.UNSUBSCRIBE, delivery)
            slow.sendall(
                f"POST /u/{token} HTTP/1.1\r\nHost: x\r\nContent-Length: 26\r\nConnection: close\r\n\r\nList-Uns".encode()
            )
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=30).close()  # By now the other has been read.
            process.send_signal(signal.SIGTERM)
            slow.sendall(b"ubscribe=One-Click")
            assert slow.recv(4096).startswith(b"HTTP/1.1 200")
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    most_files = int(output.removesuffix(" files at most, drained\n").splitlines()[-1])
    assert most_files >= min(4_000, resource.getrlimit(resource.RLIMIT_NOFILE)[1]), "more than it takes connections"
    assert not any(tokens.sign(purpose, delivery) in output for purpose in Purpose)


def test_a_port_that_is_taken_is_said_with_the_cure(engine: Engine, redis_url: str, tokens: Tokens) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServiceError, match=f"127.0.0.1 port {port}: Address already in use.*JIANBAO_WEB_PORT"):
            serve(create_app(engine, redis_url, tokens), "127.0.0.1", port)
