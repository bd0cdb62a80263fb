"""The world's SMTP server as clients meet it: on a socket, octet by octet, and through the standard library."""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from mailer.world.grammar import Extension
from mailer.world.ledger import Ledger
from mailer.world.shares import FateKind, Shares
from mailer.world.world import World, running

NOBODY_SPECIAL = Shares.parse("none")
CONTENT = "From: a@b.example\r\nMessage-ID: <{}@b.example>\r\n\r\n.text\r\n.\r\n\r\nmore\r\n"


class Line:
    """One end of a connection, by lines."""

    def __init__(self, world: World) -> None:
        self.socket = socket.create_connection(("127.0.0.1", world.port), timeout=10)
        self._file = self.socket.makefile("rb")

    def send(self, text: str) -> None:
        self.socket.sendall(text.encode())

    def replies(self, count: int) -> list[str]:
        """The codes of the next replies; fewer when the server has gone."""
        found: list[str] = []
        while len(found) < count and (line := self._file.readline()):
            if line[3:4] == b" ":
                found.append(line[:3].decode())
        return found


@contextmanager
def connected(world: World) -> Iterator[Line]:
    line = Line(world)
    with line.socket:
        assert line.replies(1) == ["220"]
        line.send("EHLO client.example\r\n")
        assert line.replies(1) == ["250"]
        yield line


def envelope(address: str) -> str:
    return f"MAIL FROM:<b@b.example>\r\nRCPT TO:<{address}>\r\nDATA\r\n"


def test_a_message_and_the_next_envelope_may_come_in_one_write() -> None:
    with running(World(shares=NOBODY_SPECIAL, fixed={"r1@qq.example": FateKind.UNKNOWN_USER})) as world:
        with connected(world) as line:
            line.send(envelope("r0@qq.example"))
            assert line.replies(3) == ["250", "250", "354"]
            line.send("Message-ID: <0@b.example>\r\n\r\ntext\r\n.\r\n" + envelope("r1@qq.example"))
            assert line.replies(4) == ["250", "250", "550", "554"]
            line.send("RSET\r\n" + envelope("r2@qq.example"))
            assert line.replies(4) == ["250", "250", "250", "354"]
            line.send(".\r\nQUIT\r\n")
            assert line.replies(3) == ["250", "221"]
        assert {address: account.kept for address, account in world.ledger.recipients().items()} == {
            "r0@qq.example": 1,
            "r1@qq.example": 0,
            "r2@qq.example": 1,
        }


def test_content_that_comes_before_its_go_ahead_ends_the_connection() -> None:
    with running(World(shares=NOBODY_SPECIAL)) as world, connected(world) as line:
        line.send(envelope("r@qq.example") + "text\r\n.\r\n")
        assert line.replies(4) == ["250", "250", "554"]
        assert world.ledger.recipients() == {}


def test_octets_may_come_one_by_one() -> None:
    with running(World(shares=NOBODY_SPECIAL)) as world, connected(world) as line:
        line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in (envelope("r@qq.example"), "Subject: x\r\n\r\n..\r\n.\r\n"):
            for character in piece:
                line.send(character)
            assert line.replies(piece.count("\r\n") if "MAIL" in piece else 1)[-1] in ("354", "250")
        assert world.messages[0].content == b"Subject: x\r\n\r\n.\r\n"


def test_a_dropped_message_is_kept_and_answered_by_silence_once() -> None:
    with running(World(shares=NOBODY_SPECIAL, fixed={"r@qq.example": FateKind.DROPPED})) as world:
        with connected(world) as line:
            line.send(envelope("r0@qq.example"))
            assert line.replies(3) == ["250", "250", "354"]
            line.send("\r\ntext\r\n.\r\n" + envelope("r@qq.example"))
            assert line.replies(4) == ["250", "250", "250", "354"]
            line.send(CONTENT.format(1) + ".\r\n" + envelope("r1@qq.example"))
            assert line.replies(4) == []
        with smtplib.SMTP("127.0.0.1", world.port) as client:
            assert client.sendmail("b@b.example", ["r@qq.example"], CONTENT.format(1)) == {}
        account = world.ledger.recipient("r@qq.example")
        assert (account.kept, account.doubled, account.attempts) == (2, True, 2)
        assert world.ledger.recipient("r1@qq.example").attempts == 0


def test_a_closing_server_says_so_and_goes() -> None:
    with running(World(shares=NOBODY_SPECIAL, fixed={"r@qq.example": FateKind.CLOSING})) as world, connected(world) as line:
        line.send(envelope("r@qq.example"))
        assert line.replies(3) == ["250", "421"]


def test_a_slow_server_answers_in_order() -> None:
    world = World(shares=NOBODY_SPECIAL, fixed={"slow@qq.example": FateKind.SLOW}, slow_seconds=0.05)
    with running(world), connected(world) as line:
        line.send(envelope("slow@qq.example"))
        assert line.replies(3) == ["250", "250", "354"]
        line.send("\r\nslow\r\n.\r\n" + envelope("gone"))
        assert line.replies(4) == ["250", "250", "553", "554"]


def test_a_message_that_is_too_big_is_refused_and_the_dialogue_goes_on() -> None:
    with running(World(shares=NOBODY_SPECIAL, max_octets=300_000)) as world, connected(world) as line:
        line.send(envelope("r@qq.example"))
        assert line.replies(3) == ["250", "250", "354"]
        line.send("0123456789abcdef\r\n" * 20_000 + ".\r\nNOOP\r\n")
        assert line.replies(2) == ["552", "250"]


def test_the_ledger_says_what_a_plain_client_was_told(tmp_path: Path) -> None:
    addresses = [f"reader{n}@{domain}.example" for domain in ("qq", "163", "ynjx.ac", "gmail") for n in range(60)]
    shares = Shares(unknown_user=0.2, greylisted=0.1, frequency=0.1, content=0.1, closing=0.05, dropped=0.05, slow=0.0)
    file = tmp_path / "ledger.jsonl"
    with running(World(seed=11, shares=shares, ledger_file=file)) as world:
        told = {address: told_by(world.port, address) for address in addresses}
        fates = {address: world.fate_of(address).kind for address in addresses}
    assert len(set(fates.values())) > 6
    for address in addresses:
        account, reply = world.ledger.recipient(address), told[address]
        assert account.last_reply == reply, address
        assert account.kept == (reply is None or reply.startswith("2")), address
    assert Ledger.load(file).recipients() == world.ledger.recipients()


def told_by(port: int, address: str) -> str | None:
    """The last reply to a message for `address`; None where the server went without one."""
    client = smtplib.SMTP("127.0.0.1", port)
    try:
        client.ehlo("client.example")
        assert client.mail("b@b.example")[0] == 250
        code, text = client.rcpt(address)
        if code == 250:
            code, text = client.data(CONTENT.format(address.partition("@")[0]))
    except smtplib.SMTPServerDisconnected:
        return None
    finally:
        with suppress(smtplib.SMTPException):
            client.quit()
    lines = text.decode().split("\n")
    enhanced = lines[0].partition(" ")[0]
    return f"{code} " + " ".join([lines[0], *(line.removeprefix(f"{enhanced} ") for line in lines[1:])])


def test_what_is_switched_off_is_neither_announced_nor_used() -> None:
    world = World(shares=NOBODY_SPECIAL, extensions={Extension.SIZE}, fixed={"r@qq.example": FateKind.GREYLISTED})
    with running(world), smtplib.SMTP("127.0.0.1", world.port) as client:
        client.ehlo("client.example")
        assert set(client.esmtp_features) == {"size"}
        client.mail("b@b.example")
        assert client.rcpt("r@qq.example") == (
            451,
            b"<r@qq.example>: Recipient address rejected: Greylisted, please try again later",
        )


def test_a_port_that_is_taken_is_told_to_the_caller() -> None:
    with running(World()) as world, pytest.raises(OSError, match="in use"), running(World(port=world.port)):
        pass
