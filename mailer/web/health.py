"""Whether what the pages need answers, for whoever watches the process."""

from __future__ import annotations

from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mailer.web.site import Site
from subscribers.db import transaction
from subscribers.errors import ServiceError


class Health:
    """`/healthz`."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[Route]:
        """The one address."""
        return [Route("/healthz", self.health)]

    async def health(self, request: Request) -> Response:
        """GET /healthz: 200 where both the database and the broker answer, else 503; the body says which."""
        answers = {"database": await run_in_threadpool(self._database_answers), "redis": await self._redis_answers()}
        report = {name: "ok" if answer else "unreachable" for name, answer in answers.items()}
        return JSONResponse(report, 200 if all(answers.values()) else 503)

    def _database_answers(self) -> bool:
        try:
            with transaction(self._site.engine) as connection:
                connection.execute(text("SELECT 1"))
        except (ServiceError, SQLAlchemyError):
            return False
        return True

    async def _redis_answers(self) -> bool:
        try:
            return bool(await self._site.redis.ping())
        except RedisError:
            return False
