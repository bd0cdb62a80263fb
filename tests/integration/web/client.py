"""A browser's half of HTTP for an ASGI application: exactly the octets that a test wants to send, and nothing more."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.types import Message


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


class Client:
    """Speaks to the application in one event loop, as a server would."""

    def __init__(self, app: Starlette, runner: asyncio.Runner) -> None:
        self._app = app
        self._runner = runner

    def get(self, path: str) -> Answer:
        """GET."""
        return self.request("GET", path)

    def post(self, path: str, body: bytes = b"", content_type: str = "application/x-www-form-urlencoded") -> Answer:
        """POST, by default as a form."""
        headers = {"content-type": content_type, "content-length": str(len(body))}
        return self.request("POST", path, headers, body)

    def request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        *chunks: bytes,
        raise_errors: bool = True,
        peer: str = "127.0.0.1",
    ) -> Answer:
        """Any request, its body in chunks, from `peer` as the server sees it."""
        return self._runner.run(self.ask(method, path, headers or {}, chunks, raise_errors=raise_errors, peer=peer))

    def together(self, *requests: tuple[str, str]) -> list[Answer]:
        """Requests of method and path, all at once."""

        async def gather() -> list[Answer]:
            return await asyncio.gather(*(self.ask(method, path, {}, ()) for method, path in requests))

        return self._runner.run(gather())

    async def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        chunks: tuple[bytes, ...],
        *,
        raise_errors: bool = True,
        peer: str = "127.0.0.1",
    ) -> Answer:
        """One request and its answer."""
        target, _, query = path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(target),
            "raw_path": target.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "client": (peer, 1),
            "server": ("127.0.0.1", 80),
        }
        unsent = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
        unsent.append({"type": "http.request", "body": b"", "more_body": False})
        sent: list[Message] = []

        async def receive() -> Message:
            return unsent.pop(0) if unsent else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)

        try:
            await self._app(scope, receive, send)
        except Exception:
            if raise_errors or not sent:
                raise
        return _answer(sent)


def _answer(sent: list[Message]) -> Answer:
    start, *rest = sent
    headers: dict[str, str] = {}
    for name, value in start["headers"]:
        assert name.decode() not in headers, f"{name.decode()} was sent twice"
        headers[name.decode()] = value.decode()
    return Answer(start["status"], headers, b"".join(message.get("body", b"") for message in rest))


@contextmanager
def running(app: Starlette) -> Iterator[Client]:
    """A client of the application for as long as the block runs; then the application is shut down."""
    with asyncio.Runner() as runner:
        lifespan = app.router.lifespan_context(app)
        runner.run(lifespan.__aenter__())
        try:
            yield Client(app, runner)
        finally:
            runner.run(lifespan.__aexit__(None, None, None))
