"""Who is at the door at one time: no more than we can attend to, and no host so many that others stay outside."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import structlog
from aiosmtpd.smtp import SMTP

# As many as Postfix takes by default: a mail server that finds the door full comes again.
AT_ONCE = 100
OF_ONE_HOST = 50
_FULL = b"421 4.3.2 Too many connections, try later\r\n"

log = structlog.get_logger()


class Visitors:
    """Those inside, by host."""

    def __init__(self, at_once: int = AT_ONCE, of_one_host: int = OF_ONE_HOST) -> None:
        self._at_once = at_once
        self._of_one_host = of_one_host
        self._inside: Counter[str] = Counter()

    @property
    def inside(self) -> int:
        """How many there are."""
        return self._inside.total()

    def admit(self, host: str) -> bool:
        """Whether there is room for one more from there, who is then inside."""
        if self.inside >= self._at_once or self._inside[host] >= self._of_one_host:
            return False
        self._inside[host] += 1
        return True

    def leave(self, host: str) -> None:
        """One from there has gone."""
        self._inside[host] -= 1
        if not self._inside[host]:
            del self._inside[host]


class Guarded(SMTP):
    """A connection that begins only where there is room, and is told so at once where there is none."""

    def __init__(self, *arguments: Any, visitors: Visitors, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._visitors = visitors
        self._host: str | None = None
        self._begun_on: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Also called when TLS begins, for the same visitor."""
        if self._host is None:
            host = str((transport.get_extra_info("peername") or ("",))[0])
            if not self._visitors.admit(host):
                log.warning("listener_full", host=host)
                assert isinstance(transport, asyncio.WriteTransport)
                transport.write(_FULL)
                transport.close()
                return
            self._host = host
        self._begun_on = transport
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Make room, if this one was inside."""
        if self._host is not None:
            self._visitors.leave(self._host)
            self._host = None
            super().connection_lost(error)

    def _timeout_cb(self) -> None:
        """Nobody says of who was silent in the middle of beginning TLS that they have gone: asyncio takes them for not yet there."""
        beginning_tls = self.transport is not self._begun_on
        super()._timeout_cb()  # type: ignore[no-untyped-call]
        if beginning_tls:
            self.connection_lost(None)
