"""The preview as a page on this machine: the mail in frames, its text, its headers, its size, and what `issue check` finds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import policy
from email.parser import BytesParser

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from mailer.inspection import inspect
from mailer.page_templates import TEMPLATES, page_environment
from mailer.preview.simulations import ABOUT, Scheme, View, simulated
from mailer.preview.sources import Source
from subscribers.errors import InputError

_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; frame-src 'self'; img-src 'self'"
)
# The mail itself runs nothing and fetches nothing but pictures; frame-ancestors keeps it in this page.
_MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' https: data:; frame-ancestors 'self'; "
    "sandbox allow-same-origin"
)


@dataclass(frozen=True, slots=True)
class Frame:
    """One look at the mail."""

    view: View
    scheme: Scheme
    width: int

    @property
    def title(self) -> str:
        """What stands above it."""
        return f"{ABOUT[self.view].title} · {self.width} px · {self.scheme}"

    @property
    def name(self) -> str:
        """What a file of it is called."""
        return f"{self.view}-{self.width}-{self.scheme}"


PHONE, TABLET, DESKTOP = 375, 680, 1000
FRAMES = (
    *(Frame(View.AS_SENT, scheme, width) for scheme in Scheme for width in (PHONE, TABLET, DESKTOP)),
    Frame(View.NO_PICTURES, Scheme.LIGHT, PHONE),
    *(Frame(view, Scheme.LIGHT, TABLET) for view in (View.GMAIL, View.OUTLOOK_WINDOWS, View.QQ, View.NETEASE)),
)


class PreviewSite:
    """The endpoints; each request makes the mail anew, so that it is never older than the file and the theme."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._environment = page_environment()

    def overview(self, request: Request) -> Response:
        """GET /: everything on one page."""
        theme = _theme(request)
        try:
            stored, specimen = self._source.specimen(theme)
            findings = inspect(stored, specimen, self._source.settings)
        except InputError as error:
            return self._page("fault", fault=str(error), theme=theme, version="")
        headers, _, _ = specimen.content.partition(b"\r\n\r\n")
        return self._page(
            "overview",
            stored=stored,
            theme=theme or self._source.theme or stored.publication.theme,
            themes=self._source.themes(),
            chosen=theme,
            frames=FRAMES,
            about=ABOUT,
            headers=_unfolded(headers),
            raw_headers=headers.decode("ascii", "replace"),
            text=specimen.text,
            sizes={
                "message on the wire": len(specimen.content),
                "HTML": len(specimen.html.encode()),
                "text": len(specimen.text.encode()),
            },
            cut=bool(specimen.edition.page),
            findings=findings,
            version=self._source.version(theme),
        )

    def mail(self, request: Request) -> Response:
        """GET /mail: the mail as one view shows it."""
        try:
            view, scheme = (
                View(request.query_params.get("view", View.AS_SENT)),
                Scheme(request.query_params.get("scheme", "light")),
            )
            page = self._source.page(_theme(request))
        except (InputError, ValueError) as error:
            return PlainTextResponse(str(error), 400)
        return HTMLResponse(simulated(page, view, scheme), headers={**_HEADERS, "Content-Security-Policy": _MAIL_POLICY})

    def version(self, request: Request) -> Response:
        """GET /version: a word that changes when the page should be loaded again."""
        try:
            return PlainTextResponse(self._source.version(_theme(request)), headers=_HEADERS)
        except InputError as error:
            return PlainTextResponse(f"fault {hash(str(error))}", headers=_HEADERS)

    def script(self, request: Request) -> Response:
        """GET /preview.js: what asks for the version, and fits frames to their mail."""
        return Response(
            (TEMPLATES / "preview" / "preview.js").read_text(encoding="utf-8"), media_type="text/javascript", headers=_HEADERS
        )

    def _page(self, name: str, **context: object) -> HTMLResponse:
        html = self._environment.get_template(f"preview/{name}.html").render(context)
        return HTMLResponse(html, headers={**_HEADERS, "Content-Security-Policy": _PAGE_POLICY})


def preview_app(source: Source) -> Starlette:
    """The preview as an application. Only requests that name this machine are answered: no site elsewhere may ask through a browser."""
    site = PreviewSite(source)
    routes = [
        Route("/", site.overview),
        Route("/mail", site.mail),
        Route("/version", site.version),
        Route("/preview.js", site.script),
    ]
    return Starlette(
        routes=routes, middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost", "testserver"])]
    )


def _theme(request: Request) -> str | None:
    return request.query_params.get("theme") or None


def _unfolded(headers: bytes) -> list[tuple[str, str]]:
    """Each header field as a mail program shows it."""
    message = BytesParser(policy=policy.default).parsebytes(headers)
    return [(name, re.sub(r"\s+", " ", str(value))) for name, value in message.items()]
