"""Mailboxes whose servers do not give, or do not remove, what they are asked to."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import ClassVar

import pytest
from sqlalchemy import Engine

from mailer.returns import polling
from mailer.returns.intake import Reader
from mailer.returns.mailbox import Cursor, Mailbox
from mailer.returns.source import Message
from subscribers.errors import ServiceError
from tests.bounced import LETTER, ZHANG, report, return_path
from tests.integration.returns.conftest import mailbox_url


class _Full(socketserver.StreamRequestHandler):
    """A mailbox of two hundred thousand messages that are too large to be read, over IMAP."""

    def handle(self) -> None:
        """Answer until the client is gone."""
        says = {
            b"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\n",
            b"SELECT": b"* OK [UIDVALIDITY 7]\r\n",
            b"SEARCH": b"* SEARCH %b\r\n" % b" ".join(b"%d" % uid for uid in range(1_000_000, 1_200_000)),
            b"FETCH": b"* 1 FETCH (UID 1000000 RFC822.SIZE 99999999)\r\n",
        }
        self.wfile.write(b"* OK ready\r\n")
        for line in self.rfile:
            tag, *words = line.split()
            answer = next((says[word] for word in words if word in says), b"")
            self.wfile.write(answer + tag + b" OK done\r\n")


def test_a_mailbox_of_very_many_messages_is_read_from_its_beginning() -> None:
    with socketserver.TCPServer(("127.0.0.1", 0), _Full) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        with polling.open_box(Mailbox.parse(mailbox_url("imap", server.server_address[1]))) as box:
            assert next(iter(box.new(Cursor())))[0] == Message("1000000", None, Cursor(7, 1_000_000))


class _Damaged(socketserver.StreamRequestHandler):
    """A mailbox over POP3 whose first messages the server cannot read any more; the last one it can."""

    damaged = 1
    more = 0
    message = LETTER
    asked: ClassVar[list[bytes]] = []
    listed = b"%d 100\r\n"
    refused = b""

    def handle(self) -> None:
        """Answer until the client is gone."""
        numbers = range(1, self.damaged + self.more + 2)
        says = {
            b"UIDL": b"".join(b"%d name%d\r\n" % (number, number) for number in numbers) + b".\r\n",
            b"LIST": b"".join(self.listed % number for number in numbers) + b".\r\n",
            b"RETR": self.message + b".\r\n",
        }
        self.wfile.write(b"+OK ready\r\n")
        for line in self.rfile:
            word, *number = line.split()
            self.asked.append(word)
            refused = word == self.refused or (word == b"RETR" and int(number[0]) <= self.damaged)
            self.wfile.write(b"-ERR it is damaged\r\n" if refused else b"+OK\r\n" + says.get(word, b""))


class _Keeping(_Damaged):
    """A mailbox whose server removes nothing, whatever it is told, as providers do where their users say so."""

    damaged = 0


class _Away(_Damaged):
    """The same where the server can read none."""

    damaged = 100


@contextmanager
def _serving(handler: type[socketserver.StreamRequestHandler], rest: str = "") -> Iterator[Mailbox]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Mailbox.parse(mailbox_url("pop3", server.server_address[1], rest))
        server.shutdown()


def test_a_message_that_the_server_cannot_give_keeps_nobody_from_the_others_and_is_asked_for_again(
    engine: Engine, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _serving(_Damaged) as mailbox:
        assert polling.poll(engine, reader, mailbox).messages == 1
        monkeypatch.setattr(_Damaged, "damaged", 0)
        assert polling.poll(engine, reader, mailbox).messages == 1


def test_a_report_that_the_server_does_not_remove_is_read_once_and_soon_left_alone(
    engine: Engine, reader: Reader, sent: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []
    monkeypatch.setattr(_Keeping, "asked", asked)
    monkeypatch.setattr(_Keeping, "message", report(ZHANG, arrived_for=return_path(sent[ZHANG])))
    with _serving(_Keeping, "?then=delete") as mailbox:
        assert [polling.poll(engine, reader, mailbox).messages for _ in range(3)] == [1, 0, 0]
        assert asked.count(b"RETR") == 1
        monkeypatch.setattr(_Keeping, "message", LETTER)
        for number in range(1, 10):
            monkeypatch.setattr(_Keeping, "more", number)
            polling.poll(engine, reader, mailbox)
        asked.clear()
        assert polling.poll(engine, reader, mailbox).messages == 0
        assert b"DELE" not in asked


@pytest.mark.parametrize("listed", [b"%d 100 octets\r\n", b"\r\n%d 100\r\n", b"scan listing\r\n %d  100 \r\n"])
def test_what_a_server_says_beside_a_messages_size_is_passed_over(
    engine: Engine, reader: Reader, monkeypatch: pytest.MonkeyPatch, listed: bytes
) -> None:
    monkeypatch.setattr(_Keeping, "listed", listed)
    with _serving(_Keeping) as mailbox:
        assert [polling.poll(engine, reader, mailbox).messages for _ in range(2)] == [1, 0]


def test_where_the_server_refuses_to_remove_a_report_those_behind_it_are_read(
    engine: Engine, reader: Reader, sent: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Keeping, "refused", b"DELE")
    monkeypatch.setattr(_Keeping, "message", report(ZHANG, arrived_for=return_path(sent[ZHANG])))
    with _serving(_Keeping, "?then=delete") as mailbox:
        assert [polling.poll(engine, reader, mailbox).messages for _ in range(2)] == [1, 0]


class _Raving(socketserver.StreamRequestHandler):
    """A mailbox over IMAP that says what has no sense, and then is empty."""

    numbers: ClassVar[list[bytes]] = []

    def handle(self) -> None:
        """Answer until the client is gone."""
        self.wfile.write(b"* OK ready\r\n")
        for line in self.rfile:
            tag, command, *words = line.split()
            answer = {b"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\n", b"SELECT": b"* OK [UIDVALIDITY 7]\r\n"}.get(command, b"")
            if b"SEARCH" in words:
                answer = b"* SEARCH %b\r\n" % self.numbers.pop(0)
            self.wfile.write(answer + tag + b" OK done\r\n")


class _Twice(threading.Event):
    """Lets wait twice, for nothing."""

    waited = 0

    def wait(self, timeout: float | None = None) -> bool:
        """Once more, or no more."""
        self.waited += 1
        if self.waited > 1:
            self.set()
        return self.is_set()


def test_an_answer_that_nobody_understands_ends_nobody_who_follows_a_mailbox(
    engine: Engine, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [b"neither nor", b""]
    monkeypatch.setattr(_Raving, "numbers", answers)
    with _serving(_Raving) as mailbox:
        polling.follow(engine, reader, replace(mailbox, protocol="imap", folder="INBOX"), _Twice())
    assert not answers


def test_a_server_that_gives_none_of_many_messages_is_ill(engine: Engine, reader: Reader) -> None:
    with _serving(_Away) as mailbox, pytest.raises(ServiceError, match="damaged"):
        polling.poll(engine, reader, mailbox)
