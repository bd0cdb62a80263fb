"""Leaving by the page or by a mail program's one click (RFC 8058), and coming back."""

from __future__ import annotations

import asyncio

import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from mailer.events import Hit
from mailer.leaving import Method, come_back, leave
from mailer.models import EventKind
from mailer.tokens import Purpose
from mailer.web.hits import HitWriter
from mailer.web.language import language_of
from mailer.web.site import Site
from subscribers.db import transaction
from subscribers.errors import ServiceError

# What our own page sends. A mail program sends List-Unsubscribe=One-Click, in either encoding of a form (RFC 8058 §3.2).
_FROM_OUR_PAGE = b"from=page"
_LEFT = "已退订\n"
PATIENCE_SECONDS = 5.0  # Who waits longer may hang up.
MOST_UNDER_WAY = 500

log = structlog.get_logger()


class Unsubscribing:
    """`/u/`. Endpoints that need the database and no request body are plain functions, which Starlette runs in threads."""

    def __init__(self, site: Site, hits: HitWriter) -> None:
        self._site = site
        self._hits = hits
        self._under_way: set[asyncio.Task[Response]] = set()

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

        A mail program does not try again, as a person does who sees a page that says so: where the database does not do it, what the
        program asked for is kept in the broker or on disk.
        """
        from_our_page = await request.body() == _FROM_OUR_PAGE
        delivery_id = self._site.verified(Purpose.UNSUBSCRIBE, request)
        try:
            return await self._at_once(request, delivery_id, from_our_page=from_our_page)
        except (SQLAlchemyError, ServiceError):
            if from_our_page or not await self._kept_for_later(delivery_id):
                raise
            return PlainTextResponse(_LEFT)

    async def _at_once(self, request: Request, delivery_id: int, *, from_our_page: bool) -> Response:
        """Have the database do it. ServiceError where it has not after PATIENCE_SECONDS; what it does later does no harm."""
        if len(self._under_way) < MOST_UNDER_WAY:
            doing = asyncio.create_task(run_in_threadpool(self._leave, request, delivery_id, from_our_page=from_our_page))
            self._under_way.add(doing)
            doing.add_done_callback(self._ended)
            if (await asyncio.wait({doing}, timeout=PATIENCE_SECONDS))[0]:
                return doing.result()
        raise ServiceError(
            "the database takes too long to let somebody leave. See what it waits for, or whether it can be reached."
        )

    def _ended(self, doing: asyncio.Task[Response]) -> None:
        self._under_way.discard(doing)
        if not doing.cancelled():
            doing.exception()  # Of which nobody may be left to hear.

    def _leave(self, request: Request, delivery_id: int, *, from_our_page: bool) -> Response:
        recipient = self._site.addressee(delivery_id)
        method = Method.PAGE if from_our_page else Method.ONE_CLICK
        with transaction(self._site.engine) as connection:
            leave(connection, recipient, method=method, now=self._site.clock())
        log.info("unsubscribed", delivery=recipient.delivery_id, method=method.value)
        if from_our_page:
            token = self._site.tokens.sign(Purpose.UNSUBSCRIBE, delivery_id)
            return self._site.pages.show("goodbye", language_of(request, recipient.language), recipient=recipient, token=token)
        return PlainTextResponse(_LEFT)

    async def _kept_for_later(self, delivery_id: int) -> bool:
        try:
            await self._hits.write(Hit(delivery_id, EventKind.UNSUBSCRIBE, self._site.clock()))
        except (RedisError, OSError):
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
