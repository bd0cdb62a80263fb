"""POST /hooks/SERVICE: what mail services report. A request is proven, kept as it is, and answered; it is read later, elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType

import structlog
from cryptography.x509 import load_pem_x509_certificate
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from mailer.feedback import Judge, Refusal, RefusalReason, WebhookSecrets, read_webhook
from mailer.feedback.webhooks import LARGEST_BODY, READ_HEADERS, CertificateFetch
from mailer.feedback_models import Way
from mailer.returns import intake
from mailer.returns.arrivals import Arrival
from mailer.returns.fetching import fetch

_NOTHING = WebhookSecrets()
# Services try again after other answers than 2xx, some for days. A stranger learns nothing from the number.
_STATUS: Mapping[RefusalReason, int] = MappingProxyType(
    {
        RefusalReason.UNKNOWN_SERVICE: 404,
        RefusalReason.NOT_CONFIGURED: 404,
        RefusalReason.TOO_LARGE: 413,
        RefusalReason.UNAUTHENTICATED: 403,
        RefusalReason.FORGED: 403,
        RefusalReason.STALE: 403,
        RefusalReason.FOREIGN: 403,
        RefusalReason.MALFORMED: 400,
    }
)

log = structlog.get_logger()


class Hooks:
    """The endpoint for every service that has secrets."""

    def __init__(
        self,
        engine: Engine,
        judge: Judge,
        secrets: Mapping[str, WebhookSecrets],
        clock: Callable[[], datetime],
        fetch: CertificateFetch = fetch,
    ) -> None:
        self._engine = engine
        self._judge = judge
        self._secrets = secrets
        self._clock = clock
        self._certificate = _remembering(fetch)

    def routes(self) -> list[Route]:
        """Its routes; a body may be larger here than elsewhere."""
        larger = Middleware(RequestBodyLimitMiddleware, max_body_size=LARGEST_BODY)
        return [Route("/hooks/{service}", self.take, methods=["POST"], middleware=[larger])]

    async def take(self, request: Request) -> Response:
        """204 once the request is committed; 403 for one that is not proven, 404 where no service is expected."""
        body = await request.body()
        return await run_in_threadpool(self._take, request, body)

    def _take(self, request: Request, body: bytes) -> Response:
        service, now = request.path_params["service"], self._clock()
        read = read_webhook(
            service,
            request.headers,
            body,
            request.query_params,
            secrets=self._secrets.get(service, _NOTHING),
            now=now,
            judge=self._judge,
            fetch_certificate=self._certificate,
        )
        if isinstance(read, Refusal):
            log.warning("webhook_refused", service=service[:40], reason=read.reason.value, detail=read.detail[:200])
            return PlainTextResponse("", _STATUS[read.reason])
        # Of its header only what the body is read by is kept: the rest holds passwords.
        kept = {name: request.headers[name] for name in READ_HEADERS if name in request.headers}
        intake.keep(self._engine, [Arrival(Way.WEBHOOK, body, now, service=service, headers=kept)])
        return Response(status_code=204)


def _remembering(fetch: CertificateFetch) -> CertificateFetch:
    """Fetches each certificate once: another has another address, and a request that waited for it would keep a thread of the pages."""

    @lru_cache(maxsize=8)
    def certificate(url: str) -> bytes:
        content = fetch(url)
        load_pem_x509_certificate(content)  # ValueError: what is none is not remembered.
        return content

    return certificate
