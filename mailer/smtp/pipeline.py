"""Messages through one session, with one round trip each.

With PIPELINING (RFC 2920) the content of a message, its final dot and the next message's MAIL, RCPT and DATA leave in one
write. The next content waits for the 354, which comes after the reply to the dot: so at most one dot is unanswered. Without
PIPELINING every command waits for the reply to the one before.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from mailer.reply import Command, Reply
from mailer.smtp import envelope, replies
from mailer.smtp.deadlines import Deadlines
from mailer.smtp.feed import Sendable
from mailer.smtp.opening import Session
from mailer.smtp.outcomes import InDoubt, Outcome, Reason, RelayDown, Replied
from mailer.smtp.replies import RawReply

_SERVICE_CLOSING = 421  # RFC 5321 §3.8: may answer any command, and the session is over
_INTERMEDIATE = 300
_REFUSED = 400


class Source(Protocol):
    """Where a connection gets its messages from."""

    @property
    def exhausted(self) -> bool:
        """True when there will be no message for this connection again."""
        ...

    def take(self) -> Sendable | None: ...
    def settle(self, key: int, outcome: Outcome) -> None: ...


class _Step(NamedTuple):
    """A command whose reply is awaited, what to do with it, and the seconds it may take."""

    command: Command
    handle: Callable[[RawReply], None]
    seconds: float


class Pipeline:
    """Sends what `source` has over `session`, at most `messages`; settles each message exactly once."""

    def __init__(self, session: Session, source: Source, deadlines: Deadlines, messages: int) -> None:
        self.answered = 0
        self._begun = 0
        self._relay = session.relay
        self._wire = session.wire
        self._capabilities = session.capabilities
        self._source = source
        self._deadlines = deadlines
        self._messages = min(messages, session.capabilities.mail_limit or messages)
        self._steps = {command: _Step(command, handle, deadlines.awaiting(command)) for command, handle in self._handlers()}
        self._envelope = tuple(self._steps[command] for command in (Command.MAIL, Command.RCPT, Command.DATA))
        self._dot = self._steps[Command.DOT]
        self._awaited: deque[_Step] = deque()
        self._held: deque[tuple[_Step, bytes]] = deque()  # commands that wait for a reply, without PIPELINING
        self._announced: Sendable | None = None  # its MAIL has left, its content has not
        self._dotted: Sendable | None = None  # its final dot has left, and is not answered
        self._tail = 0  # the octets that were written after that dot
        self._stale = False  # a refusal may have left a useless transaction open at the server
        self._over = False
        self._ended: asyncio.Future[RelayDown | None] = asyncio.get_running_loop().create_future()

    async def run(self) -> RelayDown | None:
        """Send until the source is exhausted, the session has had its messages, or nobody needs it any more.

        Gives None when the session ended in good order, else why it broke. When cancelled, it settles what was under way
        and ends the connection. Raises what `source` raises.
        """
        self._wire.listener = self
        try:
            self._go_on()
            return await self._ended
        finally:
            self._break(Reason.STOPPED, "the client was stopped")

    def wake(self) -> None:
        """There may be messages again, or none for ever."""
        if not self._awaited and not self._over:
            try:
                self._go_on()
            except Exception as error:
                self._fail(error)

    def on_reply(self, raw: RawReply) -> None:
        try:
            if not self._awaited:
                self._unasked(raw)
                return
            step = self._awaited.popleft()
            if raw.code == _SERVICE_CLOSING:
                self._server_closes(step.command, raw)
                return
            step.handle(raw)
            if not self._over:
                self._advance()
        except Exception as error:
            self._fail(error)

    def on_lost(self, reason: Reason, detail: str) -> None:
        if self._under_way():
            self._break(reason, f"{detail} when its reply to {self._awaited[0].command} was due")
        else:
            self._finish()

    def on_silence(self) -> None:
        if self._under_way():
            self._break(Reason.TIMEOUT, self._silence())
        elif self._awaited:
            self._finish()
        else:
            self._quit()

    def _handlers(self) -> tuple[tuple[Command, Callable[[RawReply], None]], ...]:
        return (
            (Command.RSET, lambda _: None),  # what a server says to it changes nothing
            (Command.MAIL, self._on_mail),
            (Command.RCPT, self._on_rcpt),
            (Command.DATA, self._on_data),
            (Command.DOT, self._on_dot),
            (Command.QUIT, lambda _: self._finish()),
        )

    def _silence(self) -> str:
        if self._wire.blocked:
            return f"the server read nothing for {self._deadlines.write:g} s"
        return f"no reply to {self._awaited[0].command} within {self._awaited[0].seconds:g} s"

    def _advance(self) -> None:
        """A reply has been dealt with: wait for the next one, or go on when there is none to wait for."""
        if self._awaited:
            self._wire.patience = self._awaited[0].seconds
        elif self._held:
            self._release()
        else:
            self._go_on()

    def _on_mail(self, raw: RawReply) -> None:
        if raw.code >= _INTERMEDIATE:
            self._envelope_refused(Command.MAIL, raw)

    def _on_rcpt(self, raw: RawReply) -> None:
        if raw.code >= _INTERMEDIATE:
            self._envelope_refused(Command.RCPT, raw)

    def _envelope_refused(self, command: Command, raw: RawReply) -> None:
        if raw.code >= _REFUSED:
            self._held.clear()
            self._refused(command, raw)
        else:
            self._nonsense(command, raw)

    def _on_data(self, raw: RawReply) -> None:
        if raw.code >= _REFUSED:
            self._refused(Command.DATA, raw)
        elif raw.code < _INTERMEDIATE or self._wire.unread:
            self._nonsense(Command.DATA, raw)  # a server that goes on talking answers what it has not seen
        else:
            following = self._take() if self._capabilities.pipelining else None
            self._dotted, self._announced = self._announced, None
            self._stale = False
            self._awaited.append(self._dot)
            # DATA may be answered with 354 although no recipient was accepted; an empty message ends that (RFC 2920 §3.1).
            self._write(following, *((self._dotted.content,) if self._dotted is not None else ()), envelope.DOT)

    def _on_dot(self, raw: RawReply) -> None:
        if self._dotted is None:
            return
        if raw.code < _REFUSED and (raw.code >= _INTERMEDIATE or self._wire.holds_back(self._tail)):
            self._nonsense(Command.DOT, raw)
            return
        message, self._dotted = self._dotted, None
        self._answer(message, Command.DOT, raw)

    def _refused(self, command: Command, raw: RawReply) -> None:
        self._stale = True
        if self._announced is not None:
            message, self._announced = self._announced, None
            self._answer(message, command, raw)

    def _answer(self, message: Sendable, command: Command, raw: RawReply) -> None:
        self.answered += 1
        self._source.settle(message.key, Replied(self._reply(command, raw)))

    def _server_closes(self, command: Command, raw: RawReply) -> None:
        if command is Command.QUIT:
            self._finish()
            return
        if command is Command.DOT and self._dotted is not None:
            message, self._dotted = self._dotted, None
            self._answer(message, command, raw)
        self._break(Reason.CLOSING, "the server ends the session", self._reply(command, raw))

    def _unasked(self, raw: RawReply) -> None:
        # A server that ends an idle session may say so (RFC 5321 §3.8). Anything else means that we have lost count.
        if raw.code == _SERVICE_CLOSING:
            self._finish()
        else:
            self._break(Reason.GARBAGE, f"an answer to nothing: {raw.code}")

    def _nonsense(self, command: Command, raw: RawReply) -> None:
        self._break(Reason.GARBAGE, f"{raw.code} is no answer to {command}", self._reply(command, raw))

    def _go_on(self) -> None:
        """Nothing is awaited: begin with the next message, or rest."""
        message = self._take()
        if message is not None:
            self._write(message)
        elif self._source.exhausted or self._begun >= self._messages:
            self._quit()
        else:
            self._wire.expect(self._deadlines.idle)

    def _take(self) -> Sendable | None:
        """The next message that this server can carry; those that it cannot are settled here."""
        while self._begun < self._messages and (message := self._source.take()) is not None:
            obstacle = envelope.obstacle(message, self._capabilities)
            if obstacle is None:
                self._begun += 1
                return message
            self._source.settle(message.key, obstacle)
        return None

    def _write(self, message: Sendable | None, *before: bytes) -> None:
        """Write `before`, and behind it the envelope of `message`, as much of it as the server allows at once."""
        if message is None:
            self._tail = 0
            self._wire.write(*before)
            return
        mail, rcpt = envelope.mail(message, self._capabilities), envelope.rcpt(message, self._capabilities)
        self._announced = message
        if self._capabilities.pipelining:
            self._write_at_once(before, mail + rcpt + envelope.DATA)
        else:
            self._held.extend(zip(self._envelope, (mail, rcpt, envelope.DATA), strict=True))
            if self._stale:
                self._held.appendleft((self._steps[Command.RSET], envelope.RSET))
            self._release()
        self._stale = False

    def _write_at_once(self, before: tuple[bytes, ...], lines: bytes) -> None:
        if self._stale:
            self._awaited.append(self._steps[Command.RSET])
            lines = envelope.RSET + lines
        self._awaited.extend(self._envelope)
        self._tail = len(lines)
        self._wire.write(*before, lines)
        self._wire.expect(self._awaited[0].seconds)

    def _release(self) -> None:
        step, line = self._held.popleft()
        self._await(step, line)

    def _quit(self) -> None:
        self._await(self._steps[Command.QUIT], envelope.QUIT)

    def _await(self, step: _Step, line: bytes) -> None:
        self._awaited.append(step)
        self._wire.write(line)
        self._wire.expect(step.seconds)

    def _under_way(self) -> bool:
        return bool(self._awaited) and self._awaited[0].command is not Command.QUIT

    def _finish(self) -> None:
        if not self._over:
            self._over = True
            self._wire.close()
            self._ended.set_result(None)

    def _break(self, reason: Reason, detail: str, reply: Reply | None = None) -> None:
        """End the connection and settle what was under way."""
        if self._over:
            return
        self._over = True
        down = RelayDown(self._relay.label, reason, detail, reply)
        held_back = self._wire.holds_back(self._tail)
        self._wire.abort()
        try:
            if self._dotted is not None:
                self._source.settle(self._dotted.key, down.for_message() if held_back else InDoubt(reason, detail))
            if self._announced is not None:
                self._source.settle(self._announced.key, down.for_message())
        except Exception as error:
            self._fail(error)
        if not self._ended.done():
            self._ended.set_result(down)

    def _fail(self, error: Exception) -> None:
        """What the source raises must reach the one who runs us, and not vanish in the event loop."""
        self._over = True
        self._wire.abort()
        if not self._ended.done():
            self._ended.set_exception(error)

    def _reply(self, command: Command, raw: RawReply) -> Reply:
        return replies.build(command, raw, self._relay.host, self._wire.tls)
