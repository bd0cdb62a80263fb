"""The issue in a browser, as one recipient got it."""

from __future__ import annotations

import base64
import html

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from mailer.edition import Field, fill
from mailer.leaving import Recipient
from mailer.salutation import salutation
from mailer.tokens import Purpose
from mailer.web.editions import Editions
from mailer.web.security import ISSUE_POLICY
from mailer.web.site import Site
from mailer.web.tracking import PIXEL

_UNCOUNTED_PIXEL = f"data:image/gif;base64,{base64.b64encode(PIXEL).decode()}"


class Viewing:
    """`/v/`."""

    def __init__(self, site: Site, editions: Editions) -> None:
        self._site = site
        self._editions = editions

    def routes(self) -> list[Route]:
        """The one address."""
        return [Route("/v/{token}", self.view)]

    def view(self, request: Request) -> Response:
        """GET /v/{token}: the issue as it was mailed, without the pixel."""
        recipient = self._site.recipient(Purpose.VIEW, request)
        edition = self._editions.edition(recipient.edition_id)
        page = fill(edition.browser, self._values(recipient), escape=html.escape)
        page = page.replace('src="cid:', 'src="../i/')  # what the mail brought along lies here, too
        return HTMLResponse(page, headers={"Content-Security-Policy": ISSUE_POLICY})

    def _values(self, recipient: Recipient) -> dict[Field, str]:
        """The holes as relative addresses, which lead to places in the page itself and to the receipt below it."""
        tokens, delivery_id = self._site.tokens, recipient.delivery_id
        return {
            Field.SALUTATION: salutation(recipient.name or "", recipient.institute or ""),
            Field.INSTITUTE: recipient.institute or "",
            Field.ADDRESS: recipient.masked_address,
            Field.UNSUBSCRIBE_URL: f"../u/{tokens.sign(Purpose.UNSUBSCRIBE, delivery_id)}",
            Field.VIEW_URL: tokens.sign(Purpose.VIEW, delivery_id),
            Field.PIXEL_URL: _UNCOUNTED_PIXEL,
            Field.CLICK_URL: f"../c/{tokens.sign(Purpose.CLICK, delivery_id)}",
        }
