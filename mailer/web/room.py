"""Room for whom no page may keep out: where the database hangs, pages that wait for it would fill the server."""

from __future__ import annotations

import re
from collections.abc import Callable

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

# The server refuses everything beyond 2,000 requests under way (mailer/web/server.py). So many of them may be for pages; the others are
# left to hits, which need no database, and to who leaves, which is kept elsewhere where that takes long (mailer/web/unsubscribing.py).
MOST_PAGES = 1_500
_NO_PAGE = re.compile(r"GET /[oc]/.*|POST /u/[^/]+", re.DOTALL)

log = structlog.get_logger()


class Room:
    """ASGI middleware: refuses a page where MOST_PAGES are under way."""

    def __init__(self, app: ASGIApp, refuse: Callable[[Request], Response]) -> None:
        self._app = app
        self._refuse = refuse
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _NO_PAGE.fullmatch(f"{scope['method']} {scope['path']}"):
            await self._app(scope, receive, send)
            return
        if self._under_way >= MOST_PAGES:
            log.warning("too_many_pages_at_once")
            await self._refuse(Request(scope))(scope, receive, send)
            return
        self._under_way += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._under_way -= 1
