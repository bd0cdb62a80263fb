"""A feed that keeps its books, and one call that sends everything and gives what became of it."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, replace

from mailer.relay import Relay, parse_relays
from mailer.smtp import Client, Deadlines, Outcome, RelayDown, Replied
from tests.smtp_server import Script, Server, serve


@dataclass(frozen=True, slots=True)
class Mail:
    key: int
    sender: str
    recipient: str
    content: bytes
    eight_bit: bool = False
    smtputf8: bool = False
    envelope_id: str = ""


def mail(key: int, *, recipient: str | None = None, size: int = 0) -> Mail:
    """A message whose content names its key; `size` fills it up."""
    content = b"Subject: %d\r\n\r\nbulletin %d\r\n" % (key, key)
    content += (b"x" * 70 + b"\r\n") * (size // 72)
    return Mail(key, f"b-{key}@bounce.test", recipient or f"member{key}@institute.test", content, envelope_id=f"d{key}")


class ListFeed:
    """Gives the messages of a list; `exhausted` when they are used up, unless `open_ended`."""

    def __init__(self, messages: Iterable[Mail], *, open_ended: bool = False) -> None:
        self.messages = deque(messages)
        self.taken: list[int] = []
        self.settled: list[tuple[int, Outcome]] = []
        self.open_ended = open_ended

    @property
    def exhausted(self) -> bool:
        return not self.messages and not self.open_ended

    def take(self, behind: int | None = None) -> Mail | None:
        if not self.messages:
            return None
        message = self.messages.popleft()
        self.taken.append(message.key)
        return message

    def settle(self, key: int, outcome: Outcome) -> None:
        self.settled.append((key, outcome))

    def outcomes(self) -> dict[int, Outcome]:
        """By key; fails unless each message taken was settled exactly once."""
        assert sorted(key for key, _ in self.settled) == sorted(self.taken)
        return dict(self.settled)


@dataclass
class Sent:
    """How a run ended."""

    server: Server
    feed: ListFeed
    outcomes: dict[int, Outcome]
    down: RelayDown | None

    def code(self, key: int) -> int:
        """The code of the reply that a message got."""
        outcome = self.outcomes[key]
        assert isinstance(outcome, Replied), outcome
        return outcome.reply.code


QUICK = Deadlines(connect=2, greeting=0.15, tls=0.5, command=0.15, data=0.15, write=0.15, dot=0.15, quit=0.1, idle=0.05)
PATIENT = Deadlines(connect=5, greeting=5, tls=5, command=5, data=5, write=5, dot=5, quit=5, idle=5)


def relay_at(port: int, options: str = "starttls=none", login: str = "") -> Relay:
    """The relay of a test server."""
    return parse_relays(f"smtp://{login}127.0.0.1:{port}?{options}")[0]


async def within(running: Awaitable[None]) -> None:
    """Wait, but not for ever: a client that hangs fails its test."""
    async with asyncio.timeout(10):
        await running


async def send_to(
    server: Server,
    messages: Iterable[Mail],
    *,
    relay: Relay | None = None,
    connections: int = 1,
    per_connection: int = 100,
    deadlines: Deadlines = PATIENT,
    ssl_context: ssl.SSLContext | None = None,
    keep_port: bool = False,
) -> Sent:
    """Send the messages to a running server; `relay` is given its port."""
    feed = ListFeed(messages)
    if relay is None or not keep_port:
        relay = replace(relay or relay_at(1), port=server.port)
    client = Client(
        relay,
        feed,
        connections=connections,
        messages_per_connection=per_connection,
        deadlines=deadlines,
        ssl_context=ssl_context,
    )
    down = None
    try:
        await within(client.run())
    except RelayDown as error:
        down = error
    return Sent(server, feed, feed.outcomes(), down)


def send(
    script: Script,
    messages: Iterable[Mail],
    *,
    relay: Relay | None = None,
    connections: int = 1,
    per_connection: int = 100,
    deadlines: Deadlines = PATIENT,
    ssl_context: ssl.SSLContext | None = None,
    keep_port: bool = False,
    runner: Callable[[Coroutine[None, None, Sent]], Sent] = asyncio.run,
) -> Sent:
    """Send the messages to a server that follows the script."""

    async def both() -> Sent:
        async with serve(script) as server:
            sent = await send_to(
                server,
                messages,
                relay=relay,
                connections=connections,
                per_connection=per_connection,
                deadlines=deadlines,
                ssl_context=ssl_context,
                keep_port=keep_port,
            )
            for _ in range(20):  # so that the server hears our last word
                await asyncio.sleep(0)
            return sent

    return runner(both())
