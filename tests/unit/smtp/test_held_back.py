"""Whether a final dot has left is decided by the octets that still lie in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from mailer.relay import parse_relays
from mailer.smtp.capabilities import Capabilities
from mailer.smtp.deadlines import Deadlines
from mailer.smtp.dialogue import Dialogue
from mailer.smtp.opening import Session
from mailer.smtp.outcomes import InDoubt, NotSent, Outcome
from mailer.smtp.pipeline import Pipeline

RELAY = parse_relays("smtp://mx.test?starttls=none")[0]


@dataclass(frozen=True)
class Letter:
    key: int
    sender: str = "b@bounce.test"
    recipient: str = "li@institute.test"
    content: bytes = b"Subject: x\r\n\r\nhello\r\n"
    eight_bit: bool = False
    smtputf8: bool = False
    envelope_id: str = ""


class Letters:
    def __init__(self, count: int) -> None:
        self.left = [Letter(key) for key in range(count, 0, -1)]
        self.outcomes: dict[int, Outcome] = {}

    @property
    def exhausted(self) -> bool:
        return not self.left

    def take(self, behind: int | None = None) -> Letter | None:
        return self.left.pop() if self.left else None

    def settle(self, key: int, outcome: Outcome) -> None:
        assert key not in self.outcomes
        self.outcomes[key] = outcome


class StuckTransport(asyncio.Transport):
    """Takes everything, and says that so many octets of it have not left."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = 0
        self.written: list[bytes] = []

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.written.append(b"".join(list_of_data))

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def abort(self) -> None:
        self.waiting = 0


def lost_with_octets_waiting(messages: int, beyond_the_envelope: int) -> dict[int, Outcome]:
    """Lose the connection after the first content, with the following envelope and so many octets more not gone."""

    async def scenario() -> dict[int, Outcome]:
        transport, letters = StuckTransport(), Letters(messages)
        wire = Dialogue(RELAY, Deadlines()).wire
        wire.connection_made(transport)
        session = Session(RELAY, wire, Capabilities(pipelining=True))
        running = asyncio.create_task(Pipeline(session, letters, Deadlines(), 100).run())
        await asyncio.sleep(0)
        answer = b"250 ok\r\n250 ok\r\n354 go\r\n"
        wire.get_buffer(-1)[: len(answer)] = answer
        wire.buffer_updated(len(answer))
        _, _, envelope = transport.written[-1].partition(b"\r\n.\r\n")
        transport.waiting = len(envelope) + beyond_the_envelope
        if transport.waiting:
            wire.pause_writing()
        wire.eof_received()
        await running
        return letters.outcomes

    return asyncio.run(scenario())


@pytest.mark.parametrize("messages", [1, 2])
def test_a_dot_of_which_octets_are_still_here_has_not_left(messages: int) -> None:
    assert isinstance(lost_with_octets_waiting(messages, 1)[1], NotSent)


@pytest.mark.parametrize("beyond", [0, -1])
def test_a_dot_has_left_when_only_the_next_envelope_is_still_here(beyond: int) -> None:
    outcomes = lost_with_octets_waiting(2, beyond)
    assert isinstance(outcomes[1], InDoubt)
    assert isinstance(outcomes[2], NotSent)


def test_a_dot_has_left_when_nothing_is_still_here() -> None:
    assert isinstance(lost_with_octets_waiting(1, 0)[1], InDoubt)
