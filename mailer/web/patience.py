"""How long the server waits for a client: for a request's head, for its body, and until an answer is taken.

Whoever is slower is cut off, and holds up nobody.
"""

from __future__ import annotations

import asyncio
import socket

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0
BODY_SECONDS = 20.0
ANSWER_SECONDS = 30.0


def cut_off_who_takes_nothing(listener: socket.socket) -> None:
    """Have Linux end each connection whose client takes nothing of an answer for ANSWER_SECONDS.

    A client that lives and does not read is waited for for ever (RFC 9293 §3.8.6.1): 2,000 of them would keep everybody else out.
    """
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(1000 * ANSWER_SECONDS))


class BodyPatience:
    """ASGI middleware: 408 to whoever takes longer than `seconds` to send a body."""

    def __init__(self, app: ASGIApp, seconds: float = BODY_SECONDS) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        deadline = asyncio.get_running_loop().time() + self._seconds

        async def receive_in_time() -> Message:
            try:
                async with asyncio.timeout_at(deadline):
                    return await receive()
            except TimeoutError as error:
                raise HTTPException(408, headers={"Connection": "close"}) from error

        await self._app(scope, receive_in_time if scope["type"] == "http" else receive, send)


class ImpatientProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, which closes a connection on which a request's head does not come to its end within HEAD_SECONDS.

    uvicorn itself waits for ever, so that a few thousand clients who send a letter a minute would keep everybody else out.
    """

    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Take what came, and wait on where the head is still not whole."""
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            self._await_head()
        elif self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        if self._head_timer is not None:
            self._head_timer.cancel()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _give_up(self) -> None:
        self._head_timer = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
