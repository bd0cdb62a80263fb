"""`python -m benchmarks.pixel_server (ours|constant) DATABASE REDIS`: the web server on a port of its own, which it prints.

`constant` is the same server, the same middleware and the same route, and answers the picture without reading or keeping anything.
"""

from __future__ import annotations

import socket
import sys

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.pixel import TOKENS
from mailer.web.app import create_app
from mailer.web.server import serve
from mailer.web.tracking import PIXEL
from subscribers.db import make_engine


async def _constant(request: Request) -> Response:
    return Response(PIXEL, media_type="image/gif")


def application(kind: str, database: str, redis: str) -> Starlette:
    """The application, or the same with another answer."""
    app = create_app(make_engine(database), redis, TOKENS)
    if kind == "constant":
        app.router.routes[:] = [Route("/o/{token}.gif", _constant)]
    return app


def main() -> None:
    """Serve until ended."""
    structlog.configure(
        processors=[structlog.processors.JSONRenderer()], logger_factory=structlog.PrintLoggerFactory(sys.stderr)
    )
    kind, database, redis = sys.argv[1:]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    serve(application(kind, database, redis), "127.0.0.1", port)


if __name__ == "__main__":
    main()
