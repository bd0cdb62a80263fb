"""A server 20 ms away: our SMTP client against smtplib, with equally many connections.

A proxy holds every octet back for 10 ms each way, before fastsink (smtp-sink where that is absent). Both sides send the same 78 KB
message, ready made, over CONNECTIONS connections that stay open; smtplib has a thread for each. It says MAIL, RCPT, DATA and the
content one after the other and waits four times a message, so it is given a quarter of the messages to take about as long.
"""

from __future__ import annotations

import asyncio
import smtplib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import bulletin
from benchmarks.figures import CannotMeasure, Figure, Pair, Report, in_turns
from benchmarks.opponents import MESSAGE_OCTETS, quick_sink
from benchmarks.options import Options
from mailer.message import Message
from mailer.relay import Encryption, Relay
from mailer.smtp import Client, Outcome, Replied

RECIPIENTS = 4_000
CONNECTIONS = 16
_ONE_WAY_MILLISECONDS = 10


def run(options: Options) -> Report:
    """Messages a second of both."""
    composer = bulletin.composer_of(bulletin.edition_of(bulletin.issue_of(MESSAGE_OCTETS)))
    message = composer.compose(bulletin.SOMEBODY)
    with quick_sink() as sink, _delayed(sink) as port:
        measured = in_turns(
            options.pairs,
            lambda: _with_ours(port, message, options.recipients),
            lambda: _with_smtplib(port, message, max(CONNECTIONS, options.recipients // 4)),
            lambda ours, reference: f"{ours:.0f}/s against {reference:.0f}/s",
        )
    pairs = tuple(Pair(ours, reference) for ours, reference in measured)
    more = {"connections": CONNECTIONS, "round_trip_ms": 2 * _ONE_WAY_MILLISECONDS, "recipients": options.recipients}
    return Report("round_trip", (Figure("round_trip", "rate at 20 ms", "messages/s", pairs, least=3.0),), more)


@contextmanager
def _delayed(port: int) -> Iterator[int]:
    command = [sys.executable, "-m", "benchmarks.delay", str(port), str(_ONE_WAY_MILLISECONDS)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        yield int(child.stdout.readline())
    finally:
        child.kill()
        child.wait()


class _Repeated:
    """A feed of the same message again and again."""

    def __init__(self, message: Message, number: int) -> None:
        self.accepted = 0
        self._message = message
        self._taken = 0
        self._number = number

    @property
    def exhausted(self) -> bool:
        return self._taken == self._number

    def take(self, behind: int | None = None) -> Message | None:
        if self.exhausted:
            return None
        self._taken += 1
        return self._message._replace(key=self._taken)

    def settle(self, key: int, outcome: Outcome) -> None:
        self.accepted += isinstance(outcome, Replied) and outcome.reply.code == 250


def _with_ours(port: int, message: Message, number: int) -> float:
    async def send() -> None:
        await Client(relay, feed, connections=CONNECTIONS, messages_per_connection=number).run()

    relay, feed = Relay("127.0.0.1", port, Encryption.NONE), _Repeated(message, number)
    began = time.perf_counter()
    asyncio.run(send())
    seconds = time.perf_counter() - began
    if feed.accepted != number:
        raise CannotMeasure(f"{feed.accepted} of {number} messages were accepted.")
    return number / seconds


def _with_smtplib(port: int, message: Message, number: int) -> float:
    """A thread a connection; what any of them raises ends the benchmark."""
    each, more = divmod(number, CONNECTIONS)
    sent: list[int] = []

    def send(count: int) -> None:
        with smtplib.SMTP("127.0.0.1", port) as server:
            for _ in range(count):
                server.sendmail(message.sender, [message.recipient], message.content)
        sent.append(count)

    threads = [threading.Thread(target=send, args=(each + (place < more),)) for place in range(CONNECTIONS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    if sum(sent) != number:
        raise CannotMeasure("smtplib did not send everything.")
    return number / seconds
