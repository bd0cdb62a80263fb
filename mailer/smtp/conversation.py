"""Who speaks next: which commands have been said and are not answered, and which still wait for their turn."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from mailer.reply import Command
from mailer.smtp.envelope import DOT
from mailer.smtp.replies import RawReply
from mailer.smtp.wire import Wire


class Step(NamedTuple):
    """A command, what to do with its reply, and the seconds the reply may take."""

    command: Command
    handle: Callable[[RawReply], None]
    seconds: float


class Conversation:
    """Says commands over a wire: together where the server allows PIPELINING (RFC 2920), else each after the reply to the one
    before."""

    def __init__(self, wire: Wire, *, pipelining: bool) -> None:
        self._wire = wire
        self._pipelining = pipelining
        self._said: deque[Step] = deque()
        self._held: deque[tuple[Step, bytes]] = deque()
        self._tail = 0  # the octets that were written behind the last content

    @property
    def awaited(self) -> Step | None:
        """The step whose reply comes next, None when nothing has been asked."""
        return self._said[0] if self._said else None

    @property
    def content_is_held_back(self) -> bool:
        """Whether the end of the content that was said last has certainly not left this process."""
        return self._wire.holds_back(self._tail)

    def say(self, *commands: tuple[Step, bytes]) -> None:
        """Say commands when nothing is awaited."""
        if self._pipelining:
            self._wire.write(self._together(commands))
            self._wire.expect(self._said[0].seconds)
        else:
            self._held.extend(commands)
            self._release()

    def deliver(self, dot: Step, content: bytes, *commands: tuple[Step, bytes]) -> None:
        """Say a content, its final dot and, with PIPELINING, commands behind it, all in one write.

        The dot and the commands are one portion, and under TLS one record: Postfix collects its replies only while it has
        more to read of the same record.
        """
        self._said.append(dot)
        lines = self._together(commands)
        self._wire.write(content, DOT + lines)
        self._tail = len(lines)
        self._wire.expect(dot.seconds)

    def answered(self) -> Step | None:
        """The step that a reply belongs to, None when it answers nothing."""
        return self._said.popleft() if self._said else None

    def go_on(self) -> bool:
        """Let the next one speak after a reply; False when there is nothing more to say or to wait for."""
        if self._said:
            self._wire.patience = self._said[0].seconds
        elif self._held:
            self._release()
        else:
            return False
        return True

    def withdraw(self) -> None:
        """Leave unsaid what has not been said."""
        self._held.clear()

    def _together(self, commands: Sequence[tuple[Step, bytes]]) -> bytes:
        self._said.extend([step for step, _ in commands])
        return b"".join([line for _, line in commands])

    def _release(self) -> None:
        step, line = self._held.popleft()
        self._said.append(step)
        self._wire.write(line)
        self._wire.expect(step.seconds)
