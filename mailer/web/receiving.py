"""The receipt (回执): a page with a button; only the button says that the issue came."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mailer.receipts import acknowledge
from mailer.tokens import Purpose
from mailer.web.language import language_of
from mailer.web.site import Site
from subscribers.db import transaction


class Receiving:
    """`/v/{token}/receipt`."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[Route]:
        """The page and the act."""
        return [
            Route("/v/{token}/receipt", self.ask),
            Route("/v/{token}/receipt", self.receive, methods=["POST"]),
        ]

    def ask(self, request: Request) -> Response:
        """GET: what the button says, and the button."""
        recipient = self._site.recipient(Purpose.VIEW, request)
        language = language_of(request, recipient.language)
        return self._site.pages.show("receipt", language, recipient=recipient, received_at=None, switch=True)

    async def receive(self, request: Request) -> Response:
        """POST: it is said; once or many times is the same."""
        await request.body()
        return await run_in_threadpool(self._receive, request)

    def _receive(self, request: Request) -> Response:
        recipient = self._site.recipient(Purpose.VIEW, request)
        with transaction(self._site.engine) as connection:
            received_at = acknowledge(connection, recipient.delivery_id, now=self._site.clock())
        language = language_of(request, recipient.language)
        return self._site.pages.show("receipt", language, recipient=recipient, received_at=received_at)
