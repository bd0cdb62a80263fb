"""Leaving by the page or by a mail program's one click (RFC 8058), and coming back."""

from __future__ import annotations

import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import OperationalError, TimeoutError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from mailer.leaving import LEAVING_LATER, Method, come_back, for_later, leave
from mailer.tokens import Purpose
from mailer.web.language import language_of
from mailer.web.site import Site
from subscribers.db import transaction
from subscribers.errors import ServiceError

# What our own page sends. A mail program sends List-Unsubscribe=One-Click, in either encoding of a form (RFC 8058 §3.2).
_FROM_OUR_PAGE = b"from=page"
_LEFT = "已退订\n"

log = structlog.get_logger()


class Unsubscribing:
    """`/u/`. Endpoints that need the database and no request body are plain functions, which Starlette runs in threads."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[Route]:
        """The page, the act, and its undoing."""
        return [
            Route("/u/{token}", self.ask),
            Route("/u/{token}", self.leave, methods=["POST"]),
            Route("/u/{token}/undo", self.undo, methods=["POST"]),
        ]

    def ask(self, request: Request) -> Response:
        """GET /u/{token}: what leaving would do, and a button. It acts on nothing and tells nothing of who has left."""
        recipient = self._site.recipient(Purpose.UNSUBSCRIBE, request)
        return self._site.pages.show(
            "leave",
            language_of(request, recipient.language),
            recipient=recipient,
            preferences=self._site.preferences_path(recipient),
            switch=True,
        )

    async def leave(self, request: Request) -> Response:
        """POST /u/{token}: leave the lists, now (RFC 8058 §3.2); from our page, with a page for an answer.

        A mail program does not try again, as a person does who sees a page that says so: while the database is away, which is when
        nothing is sent either, the broker keeps what it asked for.
        """
        from_our_page = await request.body() == _FROM_OUR_PAGE
        try:
            return await run_in_threadpool(self._leave, request, from_our_page=from_our_page)
        except (OperationalError, TimeoutError, ServiceError):
            if from_our_page or not await self._kept_for_later(request):
                raise
            return PlainTextResponse(_LEFT)

    def _leave(self, request: Request, *, from_our_page: bool) -> Response:
        recipient = self._site.recipient(Purpose.UNSUBSCRIBE, request)
        method = Method.PAGE if from_our_page else Method.ONE_CLICK
        with transaction(self._site.engine) as connection:
            leave(connection, recipient, method=method, now=self._site.clock())
        log.info("unsubscribed", delivery=recipient.delivery_id, method=method.value)
        if from_our_page:
            token = request.path_params["token"]
            return self._site.pages.show("goodbye", language_of(request, recipient.language), recipient=recipient, token=token)
        return PlainTextResponse(_LEFT)

    async def _kept_for_later(self, request: Request) -> bool:
        delivery_id = self._site.tokens.verify(Purpose.UNSUBSCRIBE, request.path_params["token"])
        if delivery_id is None:
            return False
        try:
            await self._site.redis.rpush(LEAVING_LATER, for_later(delivery_id, self._site.clock()))
        except RedisError:
            return False
        log.warning("unsubscribed_later", delivery=delivery_id)
        return True

    async def undo(self, request: Request) -> Response:
        """POST /u/{token}/undo: take that back."""
        await request.body()
        return await run_in_threadpool(self._undo, request)

    def _undo(self, request: Request) -> Response:
        recipient = self._site.recipient(Purpose.UNSUBSCRIBE, request)
        with transaction(self._site.engine) as connection:
            restored = come_back(connection, recipient, now=self._site.clock())
        return self._site.pages.show(
            "restored",
            language_of(request, recipient.language),
            recipient=recipient,
            restored=restored,
            preferences=f"../{self._site.preferences_path(recipient)}",
        )
