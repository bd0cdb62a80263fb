"""What `issue check` asks others: SpamAssassin, and the servers behind an issue's links."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mailer.message import Composer, Recipient
from mailer.preflight import Level
from mailer.reachability import is_public, reach
from mailer.render import render
from mailer.render.sample import SAMPLE
from mailer.spam_filter import spam_filter
from mailer.tokens import Tokens
from tests.factories import LETTERHEAD


class _Site(BaseHTTPRequestHandler):
    """Pages that are there, that are not, that moved, and that know no HEAD."""

    def do_HEAD(self) -> None:
        self._answer(405 if self.path == "/no-head" else self._status())

    def do_GET(self) -> None:
        self._answer(self._status())

    def _status(self) -> int:
        return {"/gone": 404, "/broken": 503, "/forbidden": 403}.get(self.path, 302 if self.path.startswith("/moved") else 200)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        if status == 302:
            self.send_header("Location", {"/moved-well": "/", "/moved-badly": "/gone"}.get(self.path, self.path))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Site)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_pages_that_are_there_are_no_finding(site: str) -> None:
    urls = [f"{site}{path}" for path in ("", "/", "/a?b=c#d", "/no-head", "/forbidden", "/moved-well")]
    assert reach(urls, may_ask=lambda _: True) == ()


def test_pages_that_are_not_there_are_named(site: str) -> None:
    urls = [f"{site}{path}" for path in ("/gone", "/broken", "/moved-badly", "/moved-round")]
    findings = reach([*urls, "http://127.0.0.1:1/"], may_ask=lambda _: True)
    messages = [finding.message for finding in findings]
    assert [finding.place for finding in findings] == [*urls, "http://127.0.0.1:1/"]
    assert messages[:3] == ["answers 404", "answers 503", "answers 404"]
    assert "more than 5 times" in messages[3]
    assert "refused" in messages[4]


def test_nobody_is_asked_behind_the_firewall(site: str) -> None:
    (finding,) = reach([site])
    assert "not on the public net" in finding.message
    assert not any(map(is_public, ("127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fe80::1%eth0")))
    assert is_public("1.1.1.1")


@pytest.mark.debian("spamassassin")
def test_spamassassin_has_nothing_against_a_bulletin_and_much_against_an_advertisement() -> None:
    composer = Composer(render(SAMPLE), LETTERHEAD, Tokens(b"k" * 32), mailing_id=1, date=datetime.now(UTC))
    assert spam_filter(composer.compose(Recipient(7, "wang@institute.example", "王芳", "研究院")).content) == ()

    advertisement = EmailMessage()
    advertisement["Subject"] = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
    advertisement.set_content("XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\n")
    (finding,) = spam_filter(advertisement.as_bytes())
    assert finding.level is Level.ERROR
    assert "GTUBE" in finding.message
