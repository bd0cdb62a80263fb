"""The pixel and the counted links: verified, put into the stream, answered; no database in the way."""

from __future__ import annotations

import re
from secrets import randbits

import structlog
from redis.exceptions import RedisError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from mailer.events import Hit
from mailer.models import EventKind
from mailer.origin import network_of
from mailer.tokens import Purpose
from mailer.web.editions import Editions
from mailer.web.hits import HitWriter
from mailer.web.site import Site

_LINK_NUMBER = re.compile("([0-9]{1,4})[^0-9A-Za-z]*")  # and what programs take for the end of an address
_NUMBER_BITS = 63  # bigint
_AGENT_LENGTH = 200
# The smallest picture: GIF89a, one transparent pixel, 43 octets.
PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")

log = structlog.get_logger()


class Tracking:
    """`/o/` and `/c/`."""

    def __init__(self, site: Site, editions: Editions, hits: HitWriter) -> None:
        self._site = site
        self._editions = editions
        self._hits = hits

    def routes(self) -> list[Route]:
        """The addresses that stand in a mail that is tracked."""
        return [Route("/o/{token}.gif", self.open), Route("/c/{token}.{number}", self.click)]

    async def open(self, request: Request) -> Response:
        """GET /o/{token}.gif: the pixel, whoever asks for it; only a true token's is counted."""
        delivery_id = self._site.tokens.verify(Purpose.OPEN, request.path_params["token"])
        if delivery_id is not None:
            await self._note(request, delivery_id, EventKind.OPEN)
        return Response(PIXEL, media_type="image/gif")

    async def click(self, request: Request) -> Response:
        """GET /c/{token}.{number}: on to where the edition's link leads. No address in the request can lead anywhere else."""
        delivery_id = self._site.verified(Purpose.CLICK, request)
        number = _link_number(request.path_params["number"])
        links = None if number is None else await self._editions.links(delivery_id)
        if number is None or links is None or number >= len(links):
            raise HTTPException(404)
        await self._note(request, delivery_id, EventKind.CLICK, number)
        return RedirectResponse(links[number], 302)

    async def _note(self, request: Request, delivery_id: int, kind: EventKind, link: int | None = None) -> None:
        """Count a GET. A reader gets the answer even where the hit cannot be kept anywhere, and the loss is logged."""
        if request.method != "GET":
            return
        headers, client = request.headers, request.client
        hit = Hit(
            delivery_id,
            kind,
            self._site.clock(),
            link,
            number=randbits(_NUMBER_BITS),
            agent=_printable(headers.get("user-agent", "")[:_AGENT_LENGTH]),
            network=network_of(client.host) if client else None,
            speaks="accept-language" in headers,
        )
        try:
            await self._hits.write(hit)
        except (RedisError, OSError) as error:
            log.error("hit_lost", delivery=delivery_id, kind=kind.value, error=repr(error))


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(filter(str.isprintable, text))


def _link_number(written: str) -> int | None:
    found = _LINK_NUMBER.fullmatch(written)
    return int(found[1]) if found else None
