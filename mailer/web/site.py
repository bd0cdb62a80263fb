"""What is done at each address that stands in a mail.

GET never changes what anybody is subscribed to: scanners and previews fetch every link of a message (RFC 8058 §1). A token counts
in the path and nowhere else, and one that is forged, cut or unknown gets the same answer.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Callable
from datetime import datetime

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response

from mailer.edition import Field, fill
from mailer.events import Hit
from mailer.models import EventKind
from mailer.salutation import salutation
from mailer.tokens import Purpose, Tokens
from mailer.web.editions import Editions
from mailer.web.hits import HitWriter
from mailer.web.pages import Pages
from mailer.web.recipients import Recipient, come_back, find_recipient, leave
from mailer.web.security import ISSUE_POLICY
from subscribers.db import transaction
from subscribers.errors import ServiceError

_MAX_LINK_DIGITS = 4
# What our own page sends. A mail program sends List-Unsubscribe=One-Click, in either encoding of a form (RFC 8058 §3.2).
_FROM_OUR_PAGE = b"from=page"
# The smallest picture: GIF89a, one transparent pixel, 43 octets.
_PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
_UNCOUNTED_PIXEL = f"data:image/gif;base64,{base64.b64encode(_PIXEL).decode()}"

log = structlog.get_logger()


class Site:
    """The endpoints. Those that may need the database and no request body are plain functions, which Starlette runs in threads."""

    def __init__(self, engine: Engine, redis: Redis, tokens: Tokens, pages: Pages, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._redis = redis
        self._tokens = tokens
        self._pages = pages
        self._clock = clock
        self._hits = HitWriter(redis)
        self._editions = Editions(engine)

    async def open(self, request: Request) -> Response:
        """GET /o/{token}.gif: the pixel, whoever asks for it; only a true token's is counted."""
        delivery_id = self._tokens.verify(Purpose.OPEN, request.path_params["token"])
        if delivery_id is not None:
            await self._note(request, delivery_id, EventKind.OPEN)
        return Response(_PIXEL, media_type="image/gif")

    async def click(self, request: Request) -> Response:
        """GET /c/{token}.{number}: on to where the edition's link leads. No address in the request can lead anywhere else."""
        delivery_id = self._tokens.verify(Purpose.CLICK, request.path_params["token"])
        number = _link_number(request.path_params["number"])
        links = None if delivery_id is None or number is None else await self._editions.links(delivery_id)
        if delivery_id is None or number is None or links is None or number >= len(links):
            raise HTTPException(404)
        await self._note(request, delivery_id, EventKind.CLICK, number)
        return RedirectResponse(links[number], 302)

    def ask(self, request: Request) -> Response:
        """GET /u/{token}: what leaving would do, and a button. It acts on nothing and tells nothing of who has left."""
        return self._pages.leave(self._recipient(Purpose.UNSUBSCRIBE, request))

    async def leave(self, request: Request) -> Response:
        """POST /u/{token}: leave the lists, now (RFC 8058 §3.2); from our page, with a page for an answer."""
        body = await request.body()
        return await run_in_threadpool(self._leave, request, from_our_page=body == _FROM_OUR_PAGE)

    def _leave(self, request: Request, *, from_our_page: bool) -> Response:
        recipient = self._recipient(Purpose.UNSUBSCRIBE, request)
        with transaction(self._engine) as connection:
            leave(connection, recipient, method="page" if from_our_page else "one-click", now=self._clock())
        log.info("unsubscribed", delivery=recipient.delivery_id)
        if from_our_page:
            return self._pages.goodbye(recipient, request.path_params["token"])
        return PlainTextResponse("已退订\n")

    async def undo(self, request: Request) -> Response:
        """POST /u/{token}/undo: take that back."""
        await request.body()
        return await run_in_threadpool(self._undo, request)

    def _undo(self, request: Request) -> Response:
        recipient = self._recipient(Purpose.UNSUBSCRIBE, request)
        with transaction(self._engine) as connection:
            restored = come_back(connection, recipient, now=self._clock())
        return self._pages.restored(recipient, restored=restored)

    def view(self, request: Request) -> Response:
        """GET /v/{token}: the issue as it was mailed, without the pixel."""
        recipient = self._recipient(Purpose.VIEW, request)
        edition = self._editions.edition(recipient.edition_id)
        page = fill(edition.html, self._values(recipient), escape=html.escape)
        return HTMLResponse(page, headers={"Content-Security-Policy": ISSUE_POLICY})

    async def health(self, request: Request) -> Response:
        """GET /healthz: 200 where both the database and the broker answer, else 503; the body says which."""
        answers = {"database": await run_in_threadpool(self._database_answers), "redis": await self._redis_answers()}
        report = {name: "ok" if answer else "unreachable" for name, answer in answers.items()}
        return JSONResponse(report, 200 if all(answers.values()) else 503)

    async def _note(self, request: Request, delivery_id: int, kind: EventKind, link: int | None = None) -> None:
        """Count a GET. A reader gets the answer even where the broker is away, and the loss is logged."""
        if request.method != "GET":
            return
        try:
            await self._hits.write(Hit(delivery_id, kind, self._clock(), link))
        except RedisError as error:
            log.warning("hit_lost", delivery=delivery_id, kind=kind.value, error=repr(error))

    def _recipient(self, purpose: Purpose, request: Request) -> Recipient:
        delivery_id = self._tokens.verify(purpose, request.path_params["token"])
        if delivery_id is None:
            raise HTTPException(404)
        with transaction(self._engine) as connection:
            recipient = find_recipient(connection, delivery_id)
        if recipient is None:
            raise HTTPException(404)
        return recipient

    def _values(self, recipient: Recipient) -> dict[Field, str]:
        """The holes as relative addresses: an empty VIEW_URL leads to places in the page itself."""
        tokens, delivery_id = self._tokens, recipient.delivery_id
        return {
            Field.SALUTATION: salutation(recipient.name or "", recipient.institute or ""),
            Field.INSTITUTE: recipient.institute or "",
            Field.ADDRESS: recipient.masked_address,
            Field.UNSUBSCRIBE_URL: f"../u/{tokens.sign(Purpose.UNSUBSCRIBE, delivery_id)}",
            Field.VIEW_URL: "",
            Field.PIXEL_URL: _UNCOUNTED_PIXEL,
            Field.CLICK_URL: f"../c/{tokens.sign(Purpose.CLICK, delivery_id)}",
        }

    def _database_answers(self) -> bool:
        try:
            with transaction(self._engine) as connection:
                connection.execute(text("SELECT 1"))
        except (ServiceError, SQLAlchemyError):
            return False
        return True

    async def _redis_answers(self) -> bool:
        try:
            return bool(await self._redis.ping())
        except RedisError:
            return False


def _link_number(digits: str) -> int | None:
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= _MAX_LINK_DIGITS else None
