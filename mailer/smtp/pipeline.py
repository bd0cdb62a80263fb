"""Messages through one session, with one round trip each.

With PIPELINING (RFC 2920) the content of a message, its final dot and the next message's MAIL, RCPT and DATA leave in one
write. The next content waits for the 354, which comes after the reply to the dot: so at most one dot is unanswered.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from mailer.reply import Command, Reply
from mailer.smtp import envelope, replies
from mailer.smtp.conversation import Conversation, Step
from mailer.smtp.deadlines import Deadlines
from mailer.smtp.feed import Sendable
from mailer.smtp.opening import Session
from mailer.smtp.outcomes import InDoubt, NotSent, Outcome, Reason, RelayDown, Replied
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

    def take(self, behind: int | None = None) -> Sendable | None: ...
    def settle(self, key: int, outcome: Outcome) -> None: ...


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
        self._talk = Conversation(session.wire, pipelining=session.capabilities.pipelining)
        self._mail = Step(Command.MAIL, self._on_mail, deadlines.awaiting(Command.MAIL))
        self._rcpt = Step(Command.RCPT, self._on_rcpt, deadlines.awaiting(Command.RCPT))
        self._data = Step(Command.DATA, self._on_data, deadlines.awaiting(Command.DATA))
        self._dot = Step(Command.DOT, self._on_dot, deadlines.awaiting(Command.DOT))
        self._rset = Step(Command.RSET, lambda _: None, deadlines.awaiting(Command.RSET))  # its reply changes nothing
        self._quit = Step(Command.QUIT, lambda _: self._finish(), deadlines.awaiting(Command.QUIT))
        self._announced: Sendable | None = None  # its MAIL has left, its content has not
        self._dotted: Sendable | None = None  # its final dot has left, and is not answered
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
            self._begin()
            return await self._ended
        finally:
            self._break(Reason.STOPPED, "the client was stopped")

    def wake(self) -> None:
        """There may be messages again, or none for ever."""
        if self._talk.awaited is None and not self._over:
            try:
                self._begin()
            except Exception as error:
                self._fail(error)

    def on_reply(self, raw: RawReply) -> None:
        try:
            step = self._talk.answered()
            if step is None:
                self._on_unasked(raw)
            elif raw.code == _SERVICE_CLOSING:
                self._on_closing(step.command, raw)
            else:
                step.handle(raw)
                if not self._over and not self._talk.go_on():
                    self._begin()
        except Exception as error:
            self._fail(error)

    def on_lost(self, reason: Reason, detail: str) -> None:
        step = self._talk.awaited
        if step is None or step is self._quit:
            self._finish()
        else:
            self._break(reason, f"{detail} when its reply to {step.command} was due")

    def on_silence(self) -> None:
        step = self._talk.awaited
        if step is None:
            self._say_quit()
        elif step is self._quit:
            self._finish()
        elif self._wire.blocked:
            self._break(Reason.TIMEOUT, f"the server read nothing for {self._deadlines.write:g} s")
        else:
            self._break(Reason.TIMEOUT, f"no reply to {step.command} within {step.seconds:g} s")

    def _begin(self) -> None:
        """Nothing is awaited: begin with the next message, or rest."""
        message = self._take()
        if message is not None:
            self._talk.say(*self._announce(message))
        elif self._source.exhausted or self._begun >= self._messages:
            self._say_quit()
        else:
            self._wire.expect(self._deadlines.idle)

    def _take(self, behind: Sendable | None = None) -> Sendable | None:
        """The next message that this server can carry; those that it cannot are settled here."""
        before = behind.key if behind is not None else None
        while self._begun < self._messages and (message := self._source.take(before)) is not None:
            obstacle = envelope.obstacle(message, self._capabilities)
            if obstacle is None:
                self._begun += 1
                return message
            self._source.settle(message.key, obstacle)
        return None

    def _announce(self, message: Sendable) -> list[tuple[Step, bytes]]:
        commands = [
            (self._mail, envelope.mail(message, self._capabilities)),
            (self._rcpt, envelope.rcpt(message, self._capabilities)),
            (self._data, envelope.DATA),
        ]
        if self._stale:
            commands.insert(0, (self._rset, envelope.RSET))
            self._stale = False
        self._announced = message
        return commands

    def _on_mail(self, raw: RawReply) -> None:
        if raw.code >= _INTERMEDIATE:
            self._on_refusal(Command.MAIL, raw)

    def _on_rcpt(self, raw: RawReply) -> None:
        if raw.code >= _INTERMEDIATE:
            self._on_refusal(Command.RCPT, raw)

    def _on_data(self, raw: RawReply) -> None:
        if not _INTERMEDIATE <= raw.code < _REFUSED:
            self._on_refusal(Command.DATA, raw)
        elif self._wire.unread:
            self._nonsense(Command.DATA, raw)  # a server that goes on talking answers what it has not seen
        else:
            following = self._take(self._announced) if self._capabilities.pipelining else None
            self._dotted, self._announced = self._announced, None
            self._stale = False
            # DATA may be answered with 354 although no recipient was accepted; an empty message ends that (RFC 2920 §3.1).
            content = self._dotted.content if self._dotted is not None else b""
            self._talk.deliver(self._dot, content, *(self._announce(following) if following is not None else ()))

    def _on_dot(self, raw: RawReply) -> None:
        message = self._dotted
        if message is None:
            return
        if raw.code < _REFUSED and (raw.code >= _INTERMEDIATE or self._talk.content_is_held_back):
            self._nonsense(Command.DOT, raw)
            return
        self._dotted = None
        self._answer(message, Command.DOT, raw)

    def _on_refusal(self, command: Command, raw: RawReply) -> None:
        if raw.code < _REFUSED:
            self._nonsense(command, raw)
            return
        self._stale = True
        self._talk.withdraw()
        message, self._announced = self._announced, None
        if message is not None:  # else it was refused at a command before
            self._answer(message, command, raw)

    def _on_closing(self, command: Command, raw: RawReply) -> None:
        if command is Command.QUIT:
            self._finish()
            return
        message = self._dotted
        if command is Command.DOT and message is not None:
            self._dotted = None
            self._answer(message, command, raw)
        self._break(Reason.CLOSING, "the server ends the session", self._reply(command, raw))

    def _on_unasked(self, raw: RawReply) -> None:
        # A server that ends an idle session may say so (RFC 5321 §3.8). Anything else means that we have lost count.
        if raw.code == _SERVICE_CLOSING:
            self._finish()
        else:
            self._break(Reason.GARBAGE, f"an answer to nothing: {raw.code}")

    def _answer(self, message: Sendable, command: Command, raw: RawReply) -> None:
        self.answered += 1
        self._source.settle(message.key, Replied(self._reply(command, raw)))

    def _nonsense(self, command: Command, raw: RawReply) -> None:
        self._break(Reason.GARBAGE, f"{raw.code} is no answer to {command}", self._reply(command, raw))

    def _reply(self, command: Command, raw: RawReply) -> Reply:
        return replies.build(command, raw, self._relay.host, self._wire.tls)

    def _say_quit(self) -> None:
        self._talk.say((self._quit, envelope.QUIT))

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
        not_sent = NotSent(reason, detail, reply)
        held_back = self._talk.content_is_held_back
        self._wire.abort()
        self._settle(self._dotted, not_sent if held_back else InDoubt(reason, detail))
        self._settle(self._announced, not_sent)
        if not self._ended.done():
            self._ended.set_result(RelayDown(self._relay.label, reason, detail, reply))

    def _settle(self, message: Sendable | None, outcome: Outcome) -> None:
        if message is not None:
            try:
                self._source.settle(message.key, outcome)
            except Exception as error:
                self._fail(error)

    def _fail(self, error: Exception) -> None:
        """What the source raises must reach the one who runs us, and not vanish in the event loop."""
        if not self._ended.done():
            self._ended.set_exception(error)
        self._break(Reason.STOPPED, f"we failed: {error!r}")
