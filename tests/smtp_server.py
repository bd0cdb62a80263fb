"""An SMTP server for tests, on loopback, that does byte for byte what a test tells it: also the wrong thing."""

from __future__ import annotations

import asyncio
import datetime
import functools
import ipaddress
import socket
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Act(Enum):
    """What a server may do instead of answering."""

    CLOSE = "close"
    READ_A_LITTLE = "read_a_little"  # of whatever comes, and forget it
    HANG = "hang"  # says and reads nothing any more, and does not close
    START_TLS = "start_tls"  # 220, then the handshake


Answer = bytes | Act | tuple[bytes | Act, ...] | None  # several are done one after the other
ALL_EXTENSIONS = ("PIPELINING", "SIZE 10000000", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES")


@dataclass
class Accepted:
    """A message for which the server said 2xx, all of it."""

    mail: str
    rcpt: list[str]
    content: bytes
    connection: int
    tls: bool


@dataclass
class Script:
    """What the server says. `answer` sees each line (and `.` for the end of a content) with the number of its connection
    and gives what to send, or None for the usual answer. `portion` cuts all that is sent into pieces of that many bytes,
    `drip` seconds apart; `sends` and `reads` are the bytes after which the first connection is broken off."""

    extensions: tuple[str, ...] = ALL_EXTENSIONS
    extensions_after_tls: tuple[str, ...] | None = None
    greeting: bytes | Act = b"220 mx.test ESMTP\r\n"
    answer: Callable[[str, int], Answer] = lambda line, connection: None
    portion: int | None = None
    drip: float = 0
    sends: int | None = None
    reads: int | None = None
    implicit_tls: ssl.SSLContext | None = None
    start_tls: ssl.SSLContext | None = None
    receive_buffer: int | None = None
    nagle: bool = False


class _Broken(Exception):
    """The connection is at its end."""


@dataclass
class Server:
    """What has happened so far."""

    script: Script
    port: int = 0
    connections: int = 0
    open_now: int = 0
    most_open: int = 0
    lines: list[tuple[int, str]] = field(default_factory=list)
    dots: list[bytes] = field(default_factory=list)  # contents whose final dot came, accepted or not
    bytes_sent: int = 0
    bytes_read: int = 0
    accepted: list[Accepted] = field(default_factory=list)
    pipelined_groups: int = 0  # times at which a command was already there while the one before was being answered

    def verbs(self, connection: int = 1) -> list[str]:
        """The first word of every line of a connection."""
        return [line.split(" ")[0].split(":")[0].upper() for number, line in self.lines if number == connection]


class _Talk:
    """One connection."""

    def __init__(self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        self.number = server.connections
        self.server = server
        self.script = server.script
        self.reader = reader
        self.writer = writer
        self.buffer = b""
        self.tls = server.script.implicit_tls is not None
        first = self.number == 1
        self.may_send = server.script.sends if first else None
        self.may_read = server.script.reads if first else None
        self.mail = ""
        self.rcpt: list[str] = []

    async def run(self) -> None:
        try:
            await self.act(self.script.greeting)
            while True:
                await self.command((await self.line()).decode("utf-8", "surrogateescape"))
        except (_Broken, OSError):
            pass
        finally:
            self.writer.transport.abort()

    async def command(self, line: str) -> None:
        self.server.lines.append((self.number, line))
        if self.buffer:
            self.server.pipelined_groups += 1
        verb = line.split(" ", maxsplit=1)[0].split(":", maxsplit=1)[0].upper()
        first, *others = self.answers(line, self.usual(verb))
        said_yes = isinstance(first, bytes) and first.startswith(b"2")
        if verb == "MAIL" and said_yes:
            self.mail, self.rcpt = line, []
        if verb == "RCPT" and said_yes:
            self.rcpt.append(line)
        await self.act(first)
        for other in others:
            await self.act(other)
        if verb == "DATA" and isinstance(first, bytes) and first.startswith(b"354"):
            await self.content()
        if verb == "QUIT":
            raise _Broken

    def answers(self, line: str, usual: bytes | Act) -> tuple[bytes | Act, ...]:
        answer = self.script.answer(line, self.number)
        if answer is None:
            answer = usual
        return answer if isinstance(answer, tuple) else (answer,)

    def usual(self, verb: str) -> bytes | Act:
        match verb:
            case "EHLO":
                after_tls = self.script.extensions_after_tls if self.tls else None
                lines = ["mx.test", *(self.script.extensions if after_tls is None else after_tls)]
                if self.script.start_tls is not None and not self.tls:
                    lines.append("STARTTLS")
                return "".join(
                    f"250{' ' if number == len(lines) else '-'}{line}\r\n" for number, line in enumerate(lines, 1)
                ).encode()
            case "DATA":
                return b"354 go ahead\r\n" if self.rcpt else b"554 5.5.1 no valid recipients\r\n"
            case "RCPT" if not self.mail:
                return b"503 5.5.1 MAIL first\r\n"
            case "RSET":
                self.mail, self.rcpt = "", []
                return b"250 2.0.0 ok\r\n"
            case "QUIT":
                return b"221 2.0.0 bye\r\n"
            case "STARTTLS" if self.script.start_tls is not None:
                return Act.START_TLS
            case _:
                return b"250 2.0.0 ok\r\n"

    async def content(self) -> None:
        content = b""
        while (line := await self.line()) != b".":
            content += line + b"\r\n"
        self.server.dots.append(content)
        first, *others = self.answers(".", b"250 2.0.0 queued as %d\r\n" % len(self.server.dots))
        mail, rcpt, self.mail, self.rcpt = self.mail, self.rcpt, "", []
        await self.act(first)
        if isinstance(first, bytes) and first.startswith(b"2"):
            self.server.accepted.append(Accepted(mail, rcpt, content, self.number, self.tls))
        for other in others:
            await self.act(other)

    async def act(self, answer: bytes | Act) -> None:
        match answer:
            case bytes():
                await self.send(answer)
            case Act.CLOSE:
                raise _Broken
            case Act.READ_A_LITTLE:
                await self.reader.read(1000)
            case Act.HANG:
                await asyncio.Event().wait()
            case Act.START_TLS:
                assert self.script.start_tls is not None
                await self.send(b"220 2.0.0 go ahead\r\n")
                await self.writer.start_tls(self.script.start_tls)
                self.tls = True

    async def send(self, answer: bytes) -> None:
        portion = self.script.portion or len(answer) or 1
        for start in range(0, len(answer), portion):
            piece = answer[start : start + portion]
            whole = len(piece)
            if self.may_send is not None:
                piece = piece[: self.may_send]
                self.may_send -= len(piece)
            self.server.bytes_sent += len(piece)
            self.writer.write(piece)
            await self.writer.drain()
            if len(piece) < whole:
                raise _Broken
            await asyncio.sleep(self.script.drip)

    async def line(self) -> bytes:
        while b"\n" not in self.buffer:
            limit = 65536 if self.may_read is None else min(65536, self.may_read)
            if limit == 0:
                raise _Broken
            portion = await self.reader.read(limit)
            if not portion:
                raise _Broken
            if self.may_read is not None:
                self.may_read -= len(portion)
            self.server.bytes_read += len(portion)
            self.buffer += portion
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.removesuffix(b"\r")


@asynccontextmanager
async def serve(script: Script | None = None, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Server]:
    """Run a server on an address of loopback while the block lasts, on a free port of it; its connections end with it."""
    server = Server(script or Script())
    talks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        server.open_now += 1
        server.most_open = max(server.most_open, server.open_now)
        try:
            await _Talk(server, reader, writer).run()
        finally:
            server.open_now -= 1
            talks.discard(task)

    ear = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    ear.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, not server.script.nagle)
    if server.script.receive_buffer is not None:
        ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, server.script.receive_buffer)
    server.port = ear.getsockname()[1]
    listener = await asyncio.start_server(connected, sock=ear, ssl=server.script.implicit_tls)
    try:
        yield server
    finally:
        listener.close()
        for talk in tuple(talks):
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


@dataclass(frozen=True)
class Certificate:
    """A certificate that nobody has signed but itself, as both ends need it."""

    server: ssl.SSLContext
    client: ssl.SSLContext  # trusts it, and nothing else
    pem: bytes  # with its key


@functools.cache
def certificate(host: str = "127.0.0.1") -> Certificate:
    """A fresh certificate for an address or a name."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mx.test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([_general_name(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "certificate.pem"
        path.write_bytes(pem + secret)
        server.load_cert_chain(path)
    return Certificate(server, ssl.create_default_context(cadata=pem.decode()), pem + secret)


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
