"""The talk that opens a session: greeting, EHLO, STARTTLS, EHLO again, AUTH. One command at a time, one reply each."""

from __future__ import annotations

import asyncio

from mailer.relay import Relay
from mailer.reply import Command, Reply
from mailer.smtp import replies
from mailer.smtp.deadlines import Deadlines
from mailer.smtp.outcomes import Reason, RelayDown
from mailer.smtp.replies import RawReply
from mailer.smtp.wire import Wire

_SERVICE_CLOSING = 421
_UNASKED = (Reason.GARBAGE, "the server spoke without being asked")
_REFUSED_BECAUSE = {Command.STARTTLS: Reason.TLS, Command.AUTH: Reason.AUTH}


class Dialogue:
    """Asks and waits. Every failure is a RelayDown; `reply` in it is what the server said."""

    def __init__(self, relay: Relay, deadlines: Deadlines) -> None:
        self.wire = Wire(self, deadlines)
        self._relay = relay
        self._deadlines = deadlines
        self._asked = Command.CONNECT
        self._answer: asyncio.Future[RawReply] | None = asyncio.get_running_loop().create_future()
        self._failure: RelayDown | None = None

    async def greeting(self) -> None:
        """Wait for the server's first word, and fail unless it is 2xx."""
        self._check(await self._answered())

    async def ask(self, command: Command, line: bytes) -> tuple[Reply, RawReply]:
        """Send one line and wait for its reply, whatever it says except 421."""
        self.check_silence()
        self._asked = command
        self._answer = asyncio.get_running_loop().create_future()
        self.wire.expect(self._deadlines.awaiting(command))
        self.wire.write(line, b"\r\n")
        raw = await self._answered()
        return self._reply(raw), raw

    async def demand(self, command: Command, line: bytes) -> RawReply:
        """Send one line, and fail unless its reply is 2xx."""
        _, raw = await self.ask(command, line)
        self._check(raw)
        return raw

    def refused(self, reason: Reason, detail: str, reply: Reply | None = None) -> RelayDown:
        """The failure to raise."""
        return RelayDown(self._relay.label, reason, detail, reply)

    def on_reply(self, raw: RawReply) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(raw)
        else:
            self.wire.abort()
            self._fail(*_UNASKED)

    def on_lost(self, reason: Reason, detail: str) -> None:
        self._fail(reason, f"{detail} when its {self._due()} was due")

    def on_silence(self) -> None:
        self.wire.abort()
        self._fail(Reason.TIMEOUT, f"no {self._due()} within {self._deadlines.awaiting(self._asked):g} s")

    def check_silence(self) -> None:
        """Fail if the server has gone, or has said more than it was asked for.

        Whatever comes unasked before TLS may have been put there by somebody in the middle (RFC 3207 §6).
        """
        if self._failure is not None:
            raise self._failure
        if self.wire.unread or (self._answer is not None and self._answer.done()):
            raise self.refused(*_UNASKED)

    async def _answered(self) -> RawReply:
        assert self._answer is not None
        raw = await self._answer
        self._answer = None
        if raw.code == _SERVICE_CLOSING:
            raise self.refused(Reason.CLOSING, "the server ends the session", self._reply(raw))
        return raw

    def _check(self, raw: RawReply) -> None:
        if raw.code // 100 != 2:
            reason = _REFUSED_BECAUSE.get(self._asked, Reason.GREETING)
            raise self.refused(reason, f"{self._asked} was refused", self._reply(raw))

    def _due(self) -> str:
        return "greeting" if self._asked is Command.CONNECT else f"reply to {self._asked}"

    def _fail(self, reason: Reason, detail: str) -> None:
        self._failure = self.refused(reason, detail)
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(self._failure)

    def _reply(self, raw: RawReply) -> Reply:
        return replies.build(self._asked, raw, self._relay.host, self.wire.tls)
