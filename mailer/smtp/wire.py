"""One connection: bytes out, whole replies in, and one timer for all the deadlines."""

from __future__ import annotations

import asyncio
import math
import socket
import ssl
from time import monotonic
from typing import Protocol, cast

from mailer.reply import Command
from mailer.smtp.deadlines import Deadlines
from mailer.smtp.outcomes import Reason
from mailer.smtp.replies import Garbage, RawReply, ReplyReader

_RECEIVE_SIZE = 8192
_ACKNOWLEDGE = getattr(socket, "TCP_QUICKACK", socket.TCP_NODELAY)  # elsewhere than on Linux: what is set anyway


class Listener(Protocol):
    """Who speaks with the server at the moment."""

    def on_reply(self, raw: RawReply) -> None:
        """One whole reply came."""
        ...

    def on_lost(self, reason: Reason, detail: str) -> None:
        """The connection is over, and it was not we who ended it."""
        ...

    def on_silence(self) -> None:
        """The deadline passed; the connection is still there."""
        ...


class Wire(asyncio.BufferedProtocol):
    """A connection to a server. `listener` may be changed at any time; after `abort` it hears nothing more.

    Deadlines of RFC 5321 hold for whole replies: a server that drips bytes does not extend its time.
    """

    def __init__(self, listener: Listener, deadlines: Deadlines) -> None:
        self.listener = listener
        self.tls = False
        self.patience = deadlines.awaiting(Command.CONNECT)  # the seconds for the next reply
        self._deadlines = deadlines
        self._reader = ReplyReader()
        # The event loop would allocate 256 KiB for every read of replies that are 100 bytes long. It must be a view: asyncio
        # slices what it is given when a TLS record is read in parts, and a slice of a bytearray is a copy.
        self._received = memoryview(bytearray(_RECEIVE_SIZE))
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0
        self._blocked = False
        self._blocked_bytes = 0
        self._silent = True  # since bytes came last
        self._over = False

    @property
    def unread(self) -> bool:
        """Whether bytes have come beyond the reply that is being handled."""
        return self._reader.unread

    @property
    def blocked(self) -> bool:
        """Whether the server does not read: bytes wait in this process."""
        return self._blocked

    @property
    def local_address(self) -> str:
        """Our end's IP address."""
        assert self._transport is not None
        return str(self._transport.get_extra_info("sockname")[0])

    def write(self, *portions: bytes) -> None:
        """Send the portions as one write, without copying them where the event loop knows how; nothing after the end."""
        assert self._transport is not None
        if not self._over:
            self._silent = False
            self._transport.writelines(portions)
            if not self._blocked and self._transport.get_write_buffer_size():
                # Some releases of Python 3.12 and 3.13 forget to call pause_writing here (CVE-2024-12254); this makes them.
                self._limit_buffer(self._transport)

    def expect(self, seconds: float) -> None:
        """From now on the server has `seconds`, instead of what it had before."""
        self.patience = seconds
        self._wait_anew()

    def holds_back(self, tail: int) -> bool:
        """Whether bytes before the last `tail` ones written have certainly not left this process."""
        if not self._blocked:
            return False
        assert self._transport is not None
        # Under TLS the size counts records, and says nothing of what is in them.
        return tail == 0 or (not self.tls and self._transport.get_write_buffer_size() > tail)

    async def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """Make the connection private. Raises OSError; forgets all that was said before (RFC 3207 §4.2)."""
        assert self._transport is not None
        self.expect(math.inf)
        try:
            transport = await self._loop.start_tls(
                self._transport,
                self,
                context,
                server_hostname=host,
                ssl_handshake_timeout=self._deadlines.tls,
                ssl_shutdown_timeout=self._deadlines.quit,
            )
        except BaseException:
            self.abort()
            raise
        if transport is None:
            raise ConnectionResetError("the connection was closed during the handshake")
        self._reader = ReplyReader()
        self.tls = True
        self._use(transport)
        self.expect(self._deadlines.awaiting(Command.CONNECT))

    def close(self) -> None:
        """End in good order what has been said to the end; a server that does not read is not waited for."""
        if self._blocked or self._transport is None:
            self.abort()
        else:
            self._end()
            self._transport.close()

    def abort(self) -> None:
        """End at once."""
        self._end()
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._use(cast(asyncio.Transport, transport))
        self.expect(self._deadlines.awaiting(Command.CONNECT))
        self._arm()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._received

    def buffer_updated(self, nbytes: int) -> None:
        self._silent = True
        self._reader.feed(self._received[:nbytes].tobytes())
        try:
            self._give_replies(self._reader)
        except Garbage as garbage:
            self._lose(Reason.GARBAGE, str(garbage))
        if self._silent and not self._over:
            self._acknowledge()

    def eof_received(self) -> None:
        self._lose(Reason.CLOSED, "the server closed the connection")

    def connection_lost(self, exc: Exception | None) -> None:
        cause = f": {exc}" if exc is not None else ""
        self._lose(Reason.CLOSED, f"the connection was lost{cause}")

    def pause_writing(self) -> None:
        assert self._transport is not None
        self._blocked = True
        self._blocked_bytes = self._transport.get_write_buffer_size()
        self._deadline = monotonic() + self._deadlines.write

    def resume_writing(self) -> None:
        self._blocked = False
        self._wait_anew()

    def _give_replies(self, reader: ReplyReader) -> None:
        raw = reader.next()
        if raw is None:
            return
        while raw is not None and not self._over:
            self.listener.on_reply(raw)
            raw = reader.next()
        self._wait_anew()

    def _acknowledge(self) -> None:
        """Tell the kernel to acknowledge what has come, although we have nothing to say to it.

        A server that writes its replies one by one, with Nagle's algorithm on, waits with the second until the first has been
        acknowledged, and the kernel would wait 40 ms for something to send along: that often a message.
        """
        assert self._transport is not None
        self._transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, _ACKNOWLEDGE, 1)

    def _wait_anew(self) -> None:
        if not self._blocked:
            self._deadline = monotonic() + self.patience

    def _use(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._limit_buffer(transport)

    @staticmethod
    def _limit_buffer(transport: asyncio.Transport) -> None:
        # Not 0, which asyncio's TLS reaches with nothing to write.
        transport.set_write_buffer_limits(high=1, low=0)

    def _lose(self, reason: Reason, detail: str) -> None:
        if not self._over:
            self._end()
            self.listener.on_lost(reason, detail)  # before the transport forgets what it holds back
            self.abort()

    def _end(self) -> None:
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        # A deadline is moved several times a message and passes almost never, so that moving it must cost nothing: the timer
        # is set for the deadline, but never later than the shortest one from now. A deadline that is set meanwhile cannot lie
        # before that, and no timer has to be cancelled.
        delay = min(self._deadline - monotonic(), self._deadlines.shortest)
        self._timer = self._loop.call_later(delay, self._on_timer)

    def _on_timer(self) -> None:
        if self._blocked:
            self._look_for_progress()
        if monotonic() >= self._deadline:
            self.listener.on_silence()
        if not self._over:
            self._arm()

    def _look_for_progress(self) -> None:
        assert self._transport is not None
        waiting = self._transport.get_write_buffer_size()
        if waiting != self._blocked_bytes:
            self._blocked_bytes = waiting
            self._deadline = monotonic() + self._deadlines.write
