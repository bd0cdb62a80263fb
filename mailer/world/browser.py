"""One keep-alive HTTP/1.1 connection (RFC 9112) to one server on this machine, and to nothing else."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from urllib.parse import urlsplit

from mailer.world.errands import Errand
from subscribers.errors import InputError

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_TIMEOUT_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Page:
    """What came back: the status, and where a redirect leads."""

    status: int
    location: str | None


class Browser:
    """Runs errands one after another. Whatever host a link names, the request goes to `base_url`, as through a proxy in front of it."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        if parts.scheme != "http" or parts.hostname not in _LOOPBACK:
            raise InputError(f"readers visit this machine only, not {base_url}. Give an address like http://127.0.0.1:8025.")
        self._host, self._port = parts.hostname, parts.port or 80
        self._streams: tuple[StreamReader, StreamWriter] | None = None

    async def run(self, errand: Errand) -> Page | None:
        """Make the request; None when no answer came. A connection that the server had closed meanwhile is opened anew."""
        reused = self._streams is not None
        try:
            return await self._ask(errand)
        except (OSError, EOFError, ValueError):  # TimeoutError is an OSError; ValueError: not HTTP.
            await self.close()
            return await self.run(errand) if reused else None

    async def close(self) -> None:
        """Close the connection."""
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()

    async def _ask(self, errand: Errand) -> Page:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            if self._streams is None:
                self._streams = await asyncio.open_connection(self._host, self._port)
            reader, writer = self._streams
            writer.write(request_octets(errand))
            status_line = (await reader.readuntil(b"\r\n")).split(b" ", 2)
            header = await _header(reader)
            status = int(status_line[1])
            await _skip_body(reader, status, header)
        if str(header.get("Connection", "")).lower() == "close":
            await self.close()
        return Page(status, header.get("Location"))


def request_octets(errand: Errand) -> bytes:
    """The request as it is sent; the reader's own address is told as a proxy tells it."""
    parts = urlsplit(errand.url)
    target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    fields: Mapping[str, str] = {
        "Host": parts.netloc,
        "User-Agent": errand.agent,
        "X-Forwarded-For": errand.ip_address,
        "X-Forwarded-Proto": parts.scheme,
        **errand.headers,
        **({"Content-Length": str(len(errand.body))} if errand.body else {}),
    }
    lines = [f"{errand.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode() + errand.body


async def _header(reader: StreamReader) -> Message:
    lines: list[bytes] = []
    while (line := await reader.readuntil(b"\r\n")) != b"\r\n":
        lines.append(line)
    return message_from_bytes(b"".join(lines))


async def _skip_body(reader: StreamReader, status: int, header: Message) -> None:
    if status in (204, 304):
        return
    if str(header.get("Transfer-Encoding", "")).lower() == "chunked":
        while size := int(await reader.readuntil(b"\r\n"), 16):
            await reader.readexactly(size + 2)
        await _header(reader)
    else:
        await reader.readexactly(int(header.get("Content-Length", "0")))
