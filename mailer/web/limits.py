"""How much one visitor may ask of the pages: counted by minute in the broker, for all web servers together.

What a mail program or a mail service asks is never refused: the pixel, the counted links, and the one-click unsubscription, which
comes from a few addresses of a large service for very many people at once.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MINUTE_SECONDS = 60
_NOT_FOUND = 404

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Limit:
    """So many requests a minute from one address to paths that begin so; any method where none is given."""

    name: str
    prefix: str
    method: str | None
    each_minute: int

    def covers(self, method: str, path: str) -> bool:
        """Whether a request falls under it."""
        return path.startswith(self.prefix) and self.method in (None, method)


# A whole institute may stand behind one address.
LIMITS = (
    Limit("change", "/p/", "POST", 60),
    Limit("sign-up", "/join/", "POST", 60),
    Limit("receipt", "/v/", "POST", 300),
    Limit("page", "/p/", None, 600),
    Limit("page", "/u/", "GET", 600),
    Limit("page", "/v/", None, 600),
    Limit("page", "/s/", None, 600),
    Limit("page", "/join/", None, 600),
    Limit("page", "/archive/", None, 600),
)
# Whoever meets this many dead ends in a minute is guessing, and has to wait for every page.
MISSES = Limit("miss", "/", None, 120)
# Elsewhere nobody guesses: browsers that show an issue ask by themselves for /favicon.ico and the like.
_GUESSED = ("/c/", "/u/", "/v/", "/p/", "/s/", "/i/", "/archive/", "/join/", "/hooks/")


class RateLimits:
    """ASGI middleware. Where the broker cannot be asked, everybody is let through."""

    def __init__(self, app: ASGIApp, redis: Redis, refuse: Callable[[Request, int], Response]) -> None:
        self._app = app
        self._redis = redis
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = next((limit for limit in LIMITS if limit.covers(scope["method"], scope["path"])), None)
        if limit is not None and await self._is_over(limit, _visitor(scope)):
            await self._refuse(Request(scope), MINUTE_SECONDS)(scope, receive, send)
            return
        missed = False

        async def watching(message: Message) -> None:
            nonlocal missed
            missed = missed or (message["type"] == "http.response.start" and message["status"] == _NOT_FOUND)
            await send(message)

        await self._app(scope, receive, watching)
        if missed and scope["path"].startswith(_GUESSED):
            await self._count(MISSES, _visitor(scope))

    async def _is_over(self, limit: Limit, visitor: str) -> bool:
        asked, missed = await self._count(limit, visitor)
        if asked > limit.each_minute or missed > MISSES.each_minute:
            log.warning("too_many_requests", limit=limit.name)  # In the same words each time, which are told once a minute.
            return True
        return False

    async def _count(self, limit: Limit, visitor: str) -> tuple[int, int]:
        """How often they came within the minute, this time included, and how many dead ends they met.

        Both are one question to the broker: where it hangs, the page waits once for its answer.
        """
        key = _key(limit, visitor)
        try:
            async with self._redis.pipeline() as pipeline:  # One transaction: the counter must not expire in the middle.
                pipeline.set(key, 0, ex=MINUTE_SECONDS, nx=True)  # Redis 6.2 knows no EXPIRE with NX.
                pipeline.incr(key)
                pipeline.get(_key(MISSES, visitor))
                _, asked, missed = await pipeline.execute(raise_on_error=False)
        except RedisError as error:
            log.warning("limits_unknown", error=repr(error))
            return 0, 0
        return _number(asked), _number(missed)


def _number(answer: object) -> int:
    """A counter as the broker tells it; 0 where there is none, or an error instead."""
    return int(answer) if isinstance(answer, int | bytes) else 0


def _key(limit: Limit, visitor: str) -> str:
    return f"jianbao:limit:{limit.name}:{visitor}"


def _visitor(scope: Scope) -> str:
    """An address as a hash: what is in the broker for a minute names nobody at sight.

    Of IPv6 it is the first half, for whoever has one address there may take any that begins so (RFC 4291 §2.5.1).
    """
    host = scope["client"][0] if scope.get("client") else ""
    with suppress(ipaddress.AddressValueError):
        address = ipaddress.IPv6Address(host)
        host = host if address.ipv4_mapped else address.exploded[:19]
    return hashlib.blake2b(host.encode(), digest_size=12).hexdigest()
