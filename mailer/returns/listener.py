"""A door for the bounce domain: SMTP or LMTP, where only return paths that we wrote ourselves are let in.

Who has no business here is told so at RCPT. Nothing that was taken is ever sent back: that would be one more bounce.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from datetime import UTC, datetime

import structlog
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from mailer.feedback_models import Way
from mailer.returns import intake
from mailer.returns.arrivals import Arrival
from mailer.returns.claims import names_our_mail
from mailer.returns.door import Door, tls_of
from mailer.returns.intake import Reader
from mailer.returns.visitors import Guarded, Visitors
from subscribers.errors import InputError, ServiceError, first_line

_LARGEST = 10 * 1024 * 1024
_IDLE_SECONDS = 60.0
_LONGEST_LINE = 1_000_000  # What is returned of others' mail has lines above the 1000 octets of RFC 5321 §4.5.3.1.6.
# Everybody who has a mail domain is to be reached there (RFC 2142); complaints often come to these.
_ALWAYS = frozenset({"postmaster", "abuse"})
_READ_AFTER_SECONDS = 1.0

log = structlog.get_logger()


class Porter:
    """Decides who comes in, and keeps what is brought. A message for several return paths becomes one arrival for each."""

    def __init__(self, engine: Engine, reader: Reader, *, lmtp: bool, arrived: threading.Event) -> None:
        self._engine = engine
        self._reader = reader
        self._lmtp = lmtp
        self._arrived = arrived
        self._domain = reader.settings["BOUNCE_DOMAIN"].lower()
        leaving, _, domain = reader.settings["UNSUBSCRIBE_MAILTO"].lower().partition("@")
        self._always = _ALWAYS | ({leaving} if domain == self._domain else set())

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        """550 for every address that is none of ours. Who the sender is decides nothing: the address can only be known from our mail."""
        local, _, domain = address.rpartition("@")
        if domain.lower() != self._domain:
            return "550 5.7.1 No mail for that domain here"
        if local.lower() not in self._always and not names_our_mail(address, self._reader.tokens):
            log.info("return_path_refused")
            return "550 5.1.1 No such return path"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """250 once the message is committed; 451 where that cannot be done now, and it will be brought again."""
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        now, null_sender = datetime.now(UTC), envelope.mail_from in ("", "<>")
        kept = [
            Arrival(Way.LISTENER, content, now, envelope_to=(address,), null_sender=null_sender)
            for address in envelope.rcpt_tos
        ]
        try:
            await asyncio.to_thread(intake.keep, self._engine, kept)
        except (SQLAlchemyError, ServiceError) as error:
            log.error("bounce_not_kept", error=first_line(error))
            answer = "451 4.3.0 It cannot be kept now, try later"
        else:
            self._arrived.set()
            answer = "250 2.0.0 Ok"
        return "\r\n".join([answer] * (len(envelope.rcpt_tos) if self._lmtp else 1))  # RFC 2033 §4.2


class _Smtp(Guarded):
    """SMTP that takes long lines."""

    line_length_limit = _LONGEST_LINE


class _Lmtp(Guarded, LMTP):
    """LMTP that takes long lines."""

    line_length_limit = _LONGEST_LINE


async def serve(
    engine: Engine,
    reader: Reader,
    door: Door,
    stop: asyncio.Event,
    arrived: threading.Event,
    *,
    visitors: Visitors | None = None,
) -> None:
    """Listen until `stop`. ServiceError where the place is taken."""
    if not reader.settings["BOUNCE_DOMAIN"]:
        raise InputError("there is no bounce domain to take mail for. Set JIANBAO_BOUNCE_DOMAIN.")
    lmtp, tls, visitors = door.protocol == "lmtp", tls_of(reader.settings), visitors or Visitors()
    porter = Porter(engine, reader, lmtp=lmtp, arrived=arrived)
    loop = asyncio.get_running_loop()

    def make() -> SMTP:
        return (_Lmtp if lmtp else _Smtp)(
            porter,
            visitors=visitors,
            tls_context=tls,
            data_size_limit=_LARGEST,
            enable_SMTPUTF8=True,
            ident="Jianbao",
            hostname=reader.settings["BOUNCE_DOMAIN"],
            timeout=_IDLE_SECONDS,
            loop=loop,
        )

    try:
        server = await loop.create_server(make, door.host, door.port)
    except OSError as error:
        raise ServiceError(
            f"nothing can listen on {door.host} port {door.port}: {error.strerror}. Stop what does, or change JIANBAO_BOUNCE_LISTEN."
        ) from error
    async with server:
        log.info("listener_started", protocol=door.protocol, port=server.sockets[0].getsockname()[1])
        await stop.wait()


def receive(engine: Engine, reader: Reader, door: Door) -> None:
    """Listen, and read what comes, until SIGTERM or SIGINT."""
    asyncio.run(_receive(engine, reader, door))


async def _receive(engine: Engine, reader: Reader, door: Door) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await attend(engine, reader, door, stop)


async def attend(engine: Engine, reader: Reader, door: Door, stop: asyncio.Event, visitors: Visitors | None = None) -> None:
    """Listen, and read what comes, until `stop`."""
    arrived = threading.Event()
    reading = asyncio.create_task(_read(engine, reader, stop, arrived))
    try:
        await serve(engine, reader, door, stop, arrived, visitors=visitors)
    finally:
        stop.set()
        arrived.set()
        await reading


async def _read(engine: Engine, reader: Reader, stop: asyncio.Event, arrived: threading.Event) -> None:
    """Read what has arrived; where the database is away, a little later."""
    while not stop.is_set():
        await asyncio.to_thread(arrived.wait, _READ_AFTER_SECONDS)
        if not arrived.is_set():
            continue
        arrived.clear()
        try:
            await asyncio.to_thread(intake.read_waiting, engine, reader)
        except (SQLAlchemyError, ServiceError) as error:
            log.warning("feedback_waits", error=first_line(error))
            arrived.set()
            await asyncio.sleep(_READ_AFTER_SECONDS)
