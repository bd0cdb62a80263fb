"""The web application put together: routes, limits, headers, and a page for every error."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, tzinfo
from pathlib import Path

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError, TimeoutError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ExceptionHandler

from mailer.render import SHIPPED
from mailer.tokens import Tokens
from mailer.web.archiving import Archiving
from mailer.web.editions import Editions
from mailer.web.health import Health
from mailer.web.hits import HitWriter
from mailer.web.language import language_of
from mailer.web.limits import RateLimits
from mailer.web.pages import Pages
from mailer.web.patience import BodyPatience
from mailer.web.picturing import Picturing
from mailer.web.preferring import Preferring
from mailer.web.receiving import Receiving
from mailer.web.room import Room
from mailer.web.security import PlainPaths, SecurityHeaders
from mailer.web.signing_up import SigningUp
from mailer.web.site import Site
from mailer.web.spool import Spool
from mailer.web.tracking import Tracking
from mailer.web.unsubscribing import PATIENCE_SECONDS, Unsubscribing
from mailer.web.viewing import Viewing
from subscribers.db import waiting_no_longer
from subscribers.errors import ServiceError

MAX_BODY_OCTETS = 64 * 1024
_REDIS_SECONDS = 2.0
_REDIS_CONNECTIONS = 50  # Who finds them taken waits; a pool that refuses would let everybody through in a rush.
_TRY_AGAIN_SECONDS = 120

log = structlog.get_logger()


def create_app(
    engine: Engine,
    redis_url: str,
    tokens: Tokens,
    *,
    base_url: str = "",
    theme_folders: Sequence[Path] = (SHIPPED,),
    more_routes: Sequence[Route] = (),
    spool: Path | None = None,
    clock: Callable[[], datetime] | None = None,
    zone: tzinfo = UTC,
) -> Starlette:
    """The application over a database, a broker and the keys of the tokens; nothing is connected before the first request.

    Every address in its pages is relative, so that it may stand behind any path of a proxy; only feeds name `base_url`. Hits, and
    who leaves, wait in the folder `spool` while the broker is away. Days are those of `zone`. It keeps no session and sets no cookie.
    """
    # One more try at once, for a connection that the broker closed while it was idle; a longer wait would be the reader's.
    connections = BlockingConnectionPool.from_url(
        redis_url,
        max_connections=_REDIS_CONNECTIONS,
        timeout=_REDIS_SECONDS,
        socket_timeout=_REDIS_SECONDS,
        socket_connect_timeout=_REDIS_SECONDS,
        retry=Retry(NoBackoff(), 1),
    )
    redis = Redis.from_pool(connections)
    pages = Pages()
    # Those who wait for rows that an import holds keep the connections of all other pages.
    site = Site(waiting_no_longer(engine, PATIENCE_SECONDS), redis, tokens, pages, clock or _utc_now)
    hits = HitWriter(redis, Spool(spool) if spool else None)

    def too_many(request: Request, seconds: int) -> Response:
        return pages.notice(429, language_of(request), {"Retry-After": str(seconds)})

    def full(request: Request) -> Response:
        return pages.notice(503, language_of(request), {"Retry-After": str(_TRY_AGAIN_SECONDS)})

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        handing_on = asyncio.create_task(hits.hand_on_for_ever())
        yield
        handing_on.cancel()
        await redis.aclose()

    app = Starlette(
        routes=[*_routes(site, hits, Archiving(site, base_url, tuple(theme_folders), zone)), *more_routes],
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(Room, refuse=full),
            Middleware(RateLimits, redis=redis, refuse=too_many),
            Middleware(RequestBodyLimitMiddleware, max_body_size=MAX_BODY_OCTETS),
            Middleware(BodyPatience),
            Middleware(PlainPaths),
        ],
        exception_handlers=_exception_handlers(pages),
        lifespan=lifespan,
    )
    # A redirect on the way to an unsubscription is forbidden (RFC 8058 §3.1).
    app.router.redirect_slashes = False
    return app


def _routes(site: Site, hits: HitWriter, archiving: Archiving) -> list[Route]:
    editions = Editions(site.engine)
    parts = (
        Tracking(site, editions, hits),
        Unsubscribing(site, hits),
        Viewing(site, editions),
        Picturing(site),
        Receiving(site),
        Preferring(site),
        SigningUp(site),
        archiving,
        Health(site),
    )
    return [route for part in parts for route in part.routes()]


def _exception_handlers(pages: Pages) -> Mapping[type[Exception], ExceptionHandler]:
    def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return pages.notice(error.status_code, language_of(request), error.headers)

    def hung_up(request: Request, error: Exception) -> Response:
        return pages.notice(400, language_of(request))

    def unavailable(request: Request, error: Exception) -> Response:
        log.error("database_unreachable", error=str(error))
        return pages.notice(503, language_of(request), {"Retry-After": str(_TRY_AGAIN_SECONDS)})

    def broken(request: Request, error: Exception) -> Response:
        # Starlette raises the error again once this is sent, and the server logs it.
        return pages.notice(500, language_of(request))

    return {
        HTTPException: http_error,
        ClientDisconnect: hung_up,
        ServiceError: unavailable,
        OperationalError: unavailable,
        TimeoutError: unavailable,
        Exception: broken,
    }


def _utc_now() -> datetime:
    return datetime.now(UTC)
