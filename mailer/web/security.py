"""What every answer tells the browser to forbid, and how the policies for our pages and for an issue differ."""

from __future__ import annotations

import base64
import hashlib

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_NO_CONTROLS = dict.fromkeys(range(0x20), "\N{REPLACEMENT CHARACTER}")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # A frame on another site could lay its own words over the button.
    "X-Frame-Options": "DENY",
    # The addresses hold tokens: no other site is told them, no cache keeps them, no search engine lists them.
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
}
# What is for everybody may be kept for a while and found by search engines.
PUBLIC_HEADERS = {"Cache-Control": "public, max-age=300", "X-Robots-Tag": "all"}
NOTHING_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# An issue brings styles in its elements, as mail does, and links that open pages; it has nothing else to do.
ISSUE_POLICY = (
    "default-src 'none'; img-src 'self' https: data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox allow-popups allow-popups-to-escape-sandbox allow-downloads"
)


def page_policy(css: str) -> str:
    """The Content-Security-Policy of a page whose one style element holds exactly `css`, and whose forms come back to us."""
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"


class SecurityHeaders:
    """ASGI middleware: puts HEADERS, and the policy that forbids everything, on each answer that does not bring its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        headers = {**HEADERS, "Content-Security-Policy": NOTHING_POLICY}
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(header for header in self._headers if header[0] not in own)]
            await send(message)

        await self._app(scope, receive, send_with_headers)


class PlainPaths:
    """ASGI middleware: control characters in a path become what stands for no character; PostgreSQL takes no NUL."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["path"].isprintable():
            scope = {**scope, "path": scope["path"].translate(_NO_CONTROLS)}
        await self._app(scope, receive, send)
