"""From a relay to a session in which messages can be sent."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from mailer.relay import Encryption, Relay
from mailer.reply import Command
from mailer.smtp import auth, capabilities, envelope, tls
from mailer.smtp.capabilities import Capabilities
from mailer.smtp.deadlines import Deadlines
from mailer.smtp.dialogue import Dialogue
from mailer.smtp.outcomes import Reason, RelayDown
from mailer.smtp.wire import Wire

_UNENCRYPTED = "the password would go in clear; use starttls=require, or add cleartext_password=yes"
_CHALLENGE = 334
_LAST_FOR = 600.0  # Seconds for which an address that failed is tried after the others.


@dataclass(frozen=True, slots=True)
class Session:
    """An open connection, greeted, private and logged in as its relay wants it."""

    relay: Relay
    wire: Wire
    capabilities: Capabilities


class Failures:
    """Which addresses of a relay failed lately: of several, those are tried last, for each may cost a deadline."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}  # by the event loop's clock

    def note(self, address: str) -> None:
        """There was no session at that address."""
        self._until[address] = asyncio.get_running_loop().time() + _LAST_FOR

    def last(self, addresses: Sequence[str]) -> list[str]:
        """The addresses in their order, but those that failed lately behind the others."""
        now = asyncio.get_running_loop().time()
        return sorted(addresses, key=lambda address: self._until.get(address, 0.0) > now)


async def open_session(
    relay: Relay, deadlines: Deadlines, context: ssl.SSLContext | None, failures: Failures | None = None
) -> Session:
    """Connect and say all that comes before the first MAIL. `context` is for TLS, None where the relay uses none.

    Raises RelayDown with the server's reply where there was one. When cancelled, the connection is ended.
    """
    failures = failures or Failures()
    address, dialogue = await _connect(relay, deadlines, failures)
    try:
        if relay.encryption is Encryption.IMPLICIT:
            await _encrypt(dialogue, relay, context)
        await dialogue.greeting()
        offered = await _greet(dialogue, relay)
        if _wants_starttls(dialogue, relay, offered):
            await dialogue.demand(Command.STARTTLS, b"STARTTLS")
            await _encrypt(dialogue, relay, context)
            offered = await _greet(dialogue, relay)
        if relay.user is not None:
            await _log_in(dialogue, relay, offered)
        dialogue.check_silence()
    except RelayDown as down:
        failures.note(address)
        _take_leave(dialogue.wire, down)
        raise
    except BaseException:
        dialogue.wire.abort()
        raise
    return Session(relay, dialogue.wire, offered)


async def _connect(relay: Relay, deadlines: Deadlines, failures: Failures) -> tuple[str, Dialogue]:
    loop = asyncio.get_running_loop()
    local = (relay.bind, 0) if relay.bind is not None else None
    said = []
    for address in failures.last(await _addresses(relay)):
        dialogue = Dialogue(relay, deadlines)
        try:
            async with asyncio.timeout(deadlines.connect):
                await loop.create_connection(lambda wire=dialogue.wire: wire, address, relay.port, local_addr=local)
        except TimeoutError:
            said.append(f"{address} did not answer within {deadlines.connect:g} s")
        except OSError as error:
            said.append(f"{address}: {error.strerror or error}")
        else:
            return address, dialogue
        failures.note(address)
    raise RelayDown(relay.label, Reason.CONNECT, f"no connection ({'; '.join(said)})")


async def _addresses(relay: Relay) -> Sequence[str]:
    if relay.addresses:
        return relay.addresses
    try:
        found = await asyncio.get_running_loop().getaddrinfo(relay.host, relay.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise RelayDown(relay.label, Reason.CONNECT, f"the name cannot be resolved ({error.strerror})") from None
    return [str(address[0]) for _, _, _, _, address in found]


async def _greet(dialogue: Dialogue, relay: Relay) -> Capabilities:
    name = (relay.helo or _address_literal(dialogue.wire.local_address)).encode()
    reply, raw = await dialogue.ask(Command.EHLO, b"EHLO " + name)
    if 500 <= reply.code <= 599:
        # RFC 5321 §4.1.4 names 500 and 502; others say the same with 501, 504 or 550.
        await dialogue.demand(Command.EHLO, b"HELO " + name)
        return Capabilities()
    if reply.code // 100 != 2:
        raise dialogue.refused(Reason.GREETING, "EHLO was refused", reply)
    return capabilities.parse(raw.lines)


def _wants_starttls(dialogue: Dialogue, relay: Relay, offered: Capabilities) -> bool:
    match relay.encryption:
        case Encryption.IMPLICIT | Encryption.NONE:
            return False
        case Encryption.IF_OFFERED:
            return offered.starttls
        case Encryption.REQUIRE if not offered.starttls:
            raise dialogue.refused(Reason.TLS, "STARTTLS is required and not offered")
        case Encryption.REQUIRE:
            return True


async def _encrypt(dialogue: Dialogue, relay: Relay, context: ssl.SSLContext | None) -> None:
    assert context is not None
    dialogue.check_silence()
    try:
        await dialogue.wire.start_tls(context, relay.host)
    except OSError as error:
        raise dialogue.refused(Reason.TLS, tls.failure(error)) from None


async def _log_in(dialogue: Dialogue, relay: Relay, offered: Capabilities) -> None:
    assert relay.user is not None
    assert relay.password is not None
    if not dialogue.wire.tls and not relay.cleartext_password:
        raise dialogue.refused(Reason.TLS, _UNENCRYPTED)
    mechanism = auth.choose(relay.mechanism, offered.mechanisms)
    if mechanism is None:
        ours = relay.mechanism.value.upper() if relay.mechanism is not None else "PLAIN or LOGIN"
        theirs = ", ".join(sorted(offered.mechanisms)) or "no login at all"
        raise dialogue.refused(Reason.AUTH, f"we would log in by {ours}, the server offers {theirs}")
    login = auth.login(mechanism, relay.user, relay.password)
    lines = iter((login.command, *login.answers))
    reply, _ = await dialogue.ask(Command.AUTH, next(lines))
    while reply.code == _CHALLENGE:
        # One challenge more than the mechanism has answers for is called off (RFC 4954 §4).
        reply, _ = await dialogue.ask(Command.AUTH, next(lines, b"*"))
    if reply.code // 100 != 2:
        raise dialogue.refused(Reason.AUTH, "the login was refused", reply)


def _take_leave(wire: Wire, down: RelayDown) -> None:
    if down.reason in (Reason.GREETING, Reason.TLS, Reason.AUTH):
        wire.write(envelope.QUIT)
        wire.close()
    else:
        wire.abort()


def _address_literal(address: str) -> str:
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"
