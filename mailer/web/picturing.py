"""The pictures that issues show, by their hashes: whoever knows one has the issue."""

from __future__ import annotations

from functools import lru_cache

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mailer.block import picture_type
from mailer.pictures import find_picture
from mailer.web.site import Site
from subscribers.db import transaction

_REMEMBERED = 32  # at most 1 MB each
_HASH_LENGTH = 64
# A hash never names another picture, so what was fetched once need not be asked for again.
_HEADERS = {"Cache-Control": "public, max-age=31536000, immutable", "Cross-Origin-Resource-Policy": "cross-origin"}


class Picturing:
    """`/i/`."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._find = lru_cache(_REMEMBERED)(self._read)

    def routes(self) -> list[Route]:
        """The one address."""
        return [Route("/i/{sha256}", self.picture)]

    def picture(self, request: Request) -> Response:
        """GET /i/{sha256}: the picture."""
        sha256 = request.path_params["sha256"]
        if len(sha256) != _HASH_LENGTH or not sha256.isalnum():
            raise HTTPException(404)
        content = self._find(sha256)
        return Response(content, media_type=picture_type(content), headers=_HEADERS)

    def _read(self, sha256: str) -> bytes:
        with transaction(self._site.engine) as connection:
            content = find_picture(connection, sha256)
        if content is None:
            raise HTTPException(404)
        return content
