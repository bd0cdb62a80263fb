"""What a stranger may try on the ways by which mail comes back; docs/maintainers.md lists every attack with its test."""

from __future__ import annotations

import csv
import http.server
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from mailer.feedback_models import Way
from mailer.returns import fetching
from mailer.returns.intake import Reader
from subscribers.errors import ServiceError
from tests.bounced import LI, TOKENS, ZHANG, report, return_path
from tests.integration.conftest import Jianbao
from tests.integration.returns.conftest import JUDGE, Arrive, facts, listening
from tests.integration.returns.test_door import settings
from tests.smtp_server import Certificate, certificate


class Speaker:
    """A client that says exactly what it is told to."""

    def __init__(self, port: int) -> None:
        self._socket: socket.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._file = self._socket.makefile("rb")

    def say(self, octets: bytes) -> None:
        """Send."""
        self._socket.sendall(octets)

    def code(self) -> int:
        """The code of the next reply, all its lines read."""
        while (line := self._file.readline())[3:4] == b"-":
            pass
        return int(line[:3]) if line else 0

    def secure(self, context: ssl.SSLContext) -> None:
        """Go on under TLS, with nothing of what was read before."""
        self._socket = context.wrap_socket(self._socket, server_hostname="127.0.0.1")
        self._file = self._socket.makefile("rb")

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


def _kept(engine: Engine) -> list[str]:
    """Whom each message that was kept was written to."""
    with engine.connect() as connection:
        return [to for row in connection.execute(text("SELECT envelope_to FROM feedback_raw ORDER BY id")) for to in row[0]]


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\n", b"\r\n.\r", b"\r\n\x00.\r\n"])
def test_no_second_message_is_smuggled_behind_an_end_that_is_none(
    engine: Engine, reader: Reader, sent: dict[str, int], end: bytes
) -> None:
    """VU#302671: of two servers in a row, one took for the end of a message what the other did not."""
    true, others = return_path(sent[ZHANG]), return_path(sent[LI])
    smuggled = (
        b"MAIL FROM:<>\r\nRCPT TO:<" + others.encode() + b">\r\nDATA\r\n" + report(LI).replace(b"\n", b"\r\n") + b"\r\n.\r\n"
    )
    with listening(engine, reader, "smtp") as door:
        client = Speaker(door.port)
        client.code()
        for words in (b"EHLO a.example", b"MAIL FROM:<>", f"RCPT TO:<{true}>".encode(), b"DATA"):
            client.say(words + b"\r\n")
            client.code()
        client.say(b"Subject: x\r\n\r\nwords" + end + smuggled)
        client.code()
        client.close()
    assert _kept(engine) in ([], [true])


def test_what_was_said_before_tls_is_not_done_under_it(engine: Engine, sent: dict[str, int], tmp_path: Path) -> None:
    """CVE-2024-34083: commands that somebody on the way puts behind STARTTLS."""
    made = certificate()
    (tmp_path / "chain.pem").write_bytes(made.pem)
    reader = Reader(settings(tmp_path, BOUNCE_CERTIFICATE=str(tmp_path / "chain.pem")), JUDGE, TOKENS)
    with listening(engine, reader, "smtp") as door:
        client = Speaker(door.port)
        client.code()
        client.say(b"EHLO a.example\r\n")
        client.code()
        injected = f"EHLO b.example\r\nMAIL FROM:<>\r\nRCPT TO:<{return_path(sent[ZHANG])}>\r\n"
        client.say(b"STARTTLS\r\n" + injected.encode())
        assert client.code() == 220
        client.secure(made.client)
        client.say(b"RSET\r\n")
        first = client.code()
        client.say(b"DATA\r\n")
        assert client.code() in (0, 503)  # Nobody has named a recipient since.
        client.close()
    assert first in (0, 250, 503)
    assert _kept(engine) == []


ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e"


def test_nothing_that_came_back_speaks_to_the_terminal_of_staff(
    engine: Engine, jianbao: Jianbao, arrive: Arrive, sent: dict[str, int]
) -> None:
    hostile = report(ZHANG, diagnostic=f"550 5.9.9 {ESCAPES}unheard of", status="5.9.9")
    arrive(hostile, to=return_path(sent[ZHANG]))
    arrive(report(LI, diagnostic=f"550 5.9.8 {ESCAPES}", status="5.9.8"), way=Way.MAILBOX)
    arrive(f"From: a@b.example\nSubject: {ESCAPES}\n\nhello\n".encode(), way=Way.MAILBOX)
    for words in (
        ("feedback", "unmatched"),
        ("bounce", "unknown"),
        ("subscriber", "history", ZHANG),
        ("mailing", "deliveries", "1"),
        ("task", "list"),
    ):
        result = jianbao(*words)
        assert result.exit_code == 0
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(result.output), words
    assert len(facts(engine)) == 2


def test_nothing_that_came_back_is_a_formula_in_the_sheet(
    engine: Engine, jianbao: Jianbao, arrive: Arrive, sent: dict[str, int], tmp_path: Path
) -> None:
    arrive(report(ZHANG, diagnostic='=HYPERLINK("https://evil.example","550 5.1.1")'), to=return_path(sent[ZHANG]))
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE delivery SET name = '@SUM(A1)', institute = '+1', relay = '-1' WHERE address = :li"), {"li": LI}
        )
    assert jianbao("mailing", "report", "1", "--csv", str(tmp_path / "r.csv")).exit_code == 0
    with (tmp_path / "r.csv").open(encoding="utf-8-sig", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert "'@SUM(A1)" in cells
    assert any(cell.startswith("'=HYPERLINK") for cell in cells)
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


@contextmanager
def _https(made: Certificate, answer: int, location: str) -> Iterator[tuple[int, list[str]]]:
    """A server that answers everything so, and what it was asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(answer)
            self.send_header("Location", location)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    server.socket = made.server.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1], asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "file:///etc/passwd", "https:///x", "ftp://a.example/", "gopher://x"])
def test_nothing_but_https_is_fetched(url: str) -> None:
    with pytest.raises(ServiceError, match="not https"):
        fetching.fetch(url)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    made = certificate()
    (tmp_path / "trusted.pem").write_bytes(made.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))
    with _https(made, status, "/inside") as (port, asked), pytest.raises(ServiceError, match=f"answers {status}"):
        fetching.fetch(f"https://127.0.0.1:{port}/SubscribeURL")
    assert asked == ["/SubscribeURL"]


def test_whoever_has_no_certificate_of_the_host_is_not_listened_to() -> None:
    with _https(certificate(), 200, "") as (port, asked), pytest.raises(ServiceError, match="cannot be fetched"):
        fetching.fetch(f"https://127.0.0.1:{port}/cert.pem")
    assert asked == []
