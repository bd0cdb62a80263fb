"""The public archive of a publication: its issues, each as a page, and feeds. A private one does not exist, as far as this tells."""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from mailer.archive import Archive, public_archive, public_page, read_issue
from mailer.feeds import MEDIA_TYPES, NEWEST, FeedFormat, feed, issue_title
from mailer.web.language import language_of
from mailer.web.security import ISSUE_POLICY, PUBLIC_HEADERS
from mailer.web.site import Site
from subscribers.db import transaction


class Archiving:
    """`/archive/`. `base_url` is where the world finds these pages, since a feed names them whole; `folders` hold the themes; days are
    those of `zone`.
    """

    def __init__(self, site: Site, base_url: str, folders: tuple[Path, ...], zone: tzinfo) -> None:
        self._site = site
        self._zone = zone
        self._folders = folders
        self._base_url = base_url.rstrip("/")

    def routes(self) -> list[Route]:
        """The list of issues, the feeds, one issue."""
        feeds = [Route(f"/archive/{{slug}}/feed.{kind}", self._feeder(kind)) for kind in FeedFormat]
        return [Route("/archive/{slug}", self.issues), *feeds, Route("/archive/{slug}/{ref}", self.issue)]

    def issues(self, request: Request) -> Response:
        """GET /archive/{slug}: the public issues, the newest first."""
        archive = self._archive(request)
        titles = [(one, issue_title(archive, one), one.day(self._zone)) for one in archive.issues]
        language = language_of(request)
        headers = {**PUBLIC_HEADERS, "Vary": "Accept-Language"}  # A cache before us keeps one for each (RFC 9110 §12.5.5).
        return self._site.pages.show("archive", language, 200, headers, switch=True, archive=archive, titles=titles)

    def issue(self, request: Request) -> Response:
        """GET /archive/{slug}/{ref}: one issue, the same for everybody."""
        archive = self._archive(request, ref=request.path_params["ref"])
        if not archive.issues:
            raise HTTPException(404)
        with transaction(self._site.engine) as connection:
            issue = read_issue(connection, archive.issues[0])
        page = public_page(archive, issue, self._folders)
        return HTMLResponse(page, headers={**PUBLIC_HEADERS, "Content-Security-Policy": ISSUE_POLICY})

    def _feeder(self, kind: FeedFormat) -> Callable[[Request], Response]:
        def give(request: Request) -> Response:
            content = feed(self._archive(request, newest=NEWEST), kind, self._base_url)
            return Response(content, headers=PUBLIC_HEADERS, media_type=MEDIA_TYPES[kind])

        return give

    def _archive(self, request: Request, *, ref: str | None = None, newest: int | None = None) -> Archive:
        with transaction(self._site.engine) as connection:
            archive = public_archive(connection, request.path_params["slug"], ref=ref, newest=newest)
        if archive is None:
            raise HTTPException(404)
        return archive
