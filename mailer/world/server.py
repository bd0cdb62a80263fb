"""An SMTP connection on an event loop: what came in is acted on in order, and so are the replies sent."""

from __future__ import annotations

import asyncio
from typing import cast

from mailer.world.answers import NOT_TEXT, Answer
from mailer.world.dialogue import Dialogue
from mailer.world.intake import Intake
from mailer.world.mailboxes import Outcome


class Session(asyncio.BufferedProtocol):
    """One connection. The replies to what came in together leave together, as RFC 2920 §3.2 asks."""

    def __init__(self, dialogue: Dialogue, sessions: set[Session], *, enhanced_codes: bool) -> None:
        self._dialogue = dialogue
        self._sessions = sessions
        self._enhanced_codes = enhanced_codes
        self._transport: asyncio.Transport
        self._intake = Intake()
        self._output: list[bytes] = []
        self._waiting = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports are not instances of it.
        self._sessions.add(self)
        self._say(self._dialogue.greeting())
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._sessions.discard(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next octets go."""
        return self._intake.space()

    def buffer_updated(self, nbytes: int) -> None:
        """Act on what is complete now."""
        self._intake.filled(nbytes)
        self._proceed()

    def abort(self) -> None:
        """End the connection now."""
        self._transport.abort()

    def _proceed(self) -> None:
        while not self._waiting and not self._transport.is_closing():
            outcome = self._next()
            if outcome is None:
                break
            if outcome.delay_seconds:
                self._wait(outcome)
            else:
                self._carry_out(outcome)
        self._flush()

    def _carry_out(self, outcome: Outcome) -> None:
        if outcome.answer is not None:
            self._say(outcome.answer)
        if outcome.close:
            self._flush()
            self._transport.close()

    def _wait(self, outcome: Outcome) -> None:
        self._waiting = True
        self._transport.pause_reading()
        asyncio.get_running_loop().call_later(outcome.delay_seconds, self._go_on, outcome)

    def _go_on(self, outcome: Outcome) -> None:
        self._waiting = False
        if not self._transport.is_closing():
            self._transport.resume_reading()
            self._carry_out(outcome)
            self._proceed()

    def _say(self, answer: Answer) -> None:
        self._output.append(answer.on_the_wire(enhanced_codes=self._enhanced_codes))

    def _flush(self) -> None:
        if self._output:
            self._transport.write(b"".join(self._output))
            self._output.clear()

    def _next(self) -> Outcome | None:
        if self._dialogue.awaits_content:
            content = self._intake.content()
            return None if content is None else self._dialogue.content(content)
        try:
            line = self._intake.line()
        except ValueError:
            return Outcome(NOT_TEXT, close=True)
        return None if line is None else self._dialogue.command(line, more_follows=len(self._intake) > 0)
