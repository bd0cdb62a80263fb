"""Readers act on what they got while the sending goes on, at a small web server of the test's own."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from mailer.world.habits import Chances, habit
from mailer.world.ledger import Deed
from mailer.world.shares import FateKind, Shares
from mailer.world.world import World, running
from subscribers.errors import InputError

CHANCES = Chances(opens=0.6, clicks=0.3, leaves=0.1, scanned=0.1)
ADDRESSES = [f"reader{n}@{domain}.example" for domain in ("qq", "gmail", "ynjx.ac") for n in range(40)]
MESSAGE = """\
From: bulletin@b.example
Message-ID: <{name}@b.example>
List-Unsubscribe: <https://bulletin.example/u/{name}>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
Content-Type: text/html; charset=utf-8

<img src="https://bulletin.example/o/{name}.gif"><a href="https://bulletin.example/c/{name}.0">x</a>
<a href="https://bulletin.example/v/{name}">view</a>
"""


class Web(ThreadingHTTPServer):
    """A web server like the system's own; remembers each request as method, path, body and headers."""

    daemon_threads = True

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.requests: list[tuple[str, str, bytes, dict[str, str]]] = []
        self.connections = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # Head and body leave together, else each answer waits for a delayed acknowledgement.
    server: Web

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def _remember(self, body: bytes = b"") -> None:
        self.server.requests.append((self.command, self.path, body, dict(self.headers)))

    def do_GET(self) -> None:
        self._remember()
        if self.path.startswith("/c/"):
            self.send_response(302)
            self.send_header("Location", "https://elsewhere.example/")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif self.path.startswith("/v/"):
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"5\r\nhello\r\n0\r\n\r\n")
        else:
            self.send_response(200)
            self.send_header("Content-Length", "6")
            self.end_headers()
            self.wfile.write(b"GIF89a")

    def do_POST(self) -> None:
        self._remember(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


class Stubborn(Handler):
    """Closes after each answer, and lets nobody leave."""

    protocol_version = "HTTP/1.0"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(303)
        self.send_header("Location", "/login")
        self.end_headers()


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[Web]:
    with Web(handler) as web:
        thread = Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield web
        web.shutdown()
        thread.join()


def send(world: World, addresses: list[str]) -> None:
    with smtplib.SMTP("127.0.0.1", world.port) as client:
        for address in addresses:
            client.sendmail("b@b.example", [address], MESSAGE.format(name=address.partition("@")[0]))


def test_readers_do_what_their_habits_say_and_the_ledger_knows_it() -> None:
    habits = {address: habit(address, 5, CHANCES) for address in ADDRESSES}
    with serving(Handler) as web:
        with running(World(seed=5, shares=Shares.parse("none"), base_url=web.url, chances=CHANCES)) as world:
            send(world, ADDRESSES)
        for address, does in habits.items():
            visits = world.ledger.recipient(address).visits
            expected = {
                Deed.OPEN: does.opens,
                Deed.CLICK: does.clicks,
                Deed.UNSUBSCRIBE: does.leaves,
                Deed.SCAN: 4 * does.scanned,
            }
            assert visits == {deed: count for deed, count in expected.items() if count}
        assert world.ledger.summary().failed_visits == 0
        assert web.connections <= 4
        posts = [request for request in web.requests if request[0] == "POST"]
        assert len(posts) == sum(does.leaves for does in habits.values())
        assert {body for _, _, body, _ in posts} == {b"List-Unsubscribe=One-Click"}
        assert {headers["Host"] for *_, headers in web.requests} == {"bulletin.example"}
        assert len({headers["X-Forwarded-For"] for *_, headers in web.requests}) > 40


def test_a_message_that_comes_twice_is_read_once() -> None:
    always = Chances(opens=1.0, clicks=0.0, leaves=0.0, scanned=0.0)
    fixed = {"reader@qq.example": FateKind.DROPPED}
    with serving(Handler) as web:
        with running(World(shares=Shares.parse("none"), fixed=fixed, base_url=web.url, chances=always)) as world:
            with pytest.raises(smtplib.SMTPServerDisconnected):
                send(world, ["reader@qq.example"])
            send(world, ["reader@qq.example"])
        assert world.ledger.recipient("reader@qq.example").kept == 2
        assert world.ledger.recipient("reader@qq.example").visits == {Deed.OPEN: 1}


def test_an_answer_that_is_wrong_is_told_apart() -> None:
    leaving = Chances(opens=0.0, clicks=0.0, leaves=1.0, scanned=0.0)
    with serving(Stubborn) as web:
        with running(World(shares=Shares.parse("none"), base_url=web.url, chances=leaving)) as world:
            send(world, ADDRESSES[:5])
        summary = world.ledger.summary()
        assert (summary.opened, summary.unsubscribed, summary.failed_visits) == (5, 0, 5)


def test_a_web_server_that_is_gone_stops_no_mail() -> None:
    with serving(Handler) as web:
        url = web.url
    with running(World(shares=Shares.parse("none"), base_url=url, chances=Chances(opens=1.0, scanned=0.0))) as world:
        send(world, ADDRESSES[:5])
    summary = world.ledger.summary()
    assert (summary.messages_kept, summary.opened) == (5, 0)
    assert summary.failed_visits >= 5


@pytest.mark.parametrize("url", ["https://127.0.0.1:1", "http://bulletin.example", "ftp://127.0.0.1", "127.0.0.1:80"])
def test_readers_visit_this_machine_only(url: str) -> None:
    with pytest.raises(InputError, match="this machine only"):
        World(base_url=url)
