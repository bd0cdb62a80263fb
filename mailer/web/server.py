"""The application on a port, until somebody asks it to stop."""

from __future__ import annotations

import gc
import resource
import signal
import socket
from types import FrameType

import structlog
import uvicorn
from starlette.applications import Starlette

from mailer.web.patience import ImpatientProtocol, cut_off_who_takes_nothing
from subscribers.errors import ServiceError

_GRACE_SECONDS = 10
_MOST_AT_ONCE = 2_000  # Connections and requests under way; more are told 503, and come again.
# A request that waits for the broker outlives Python's 700 new objects, so that the collector would go through all of those under way
# again and again: a sixth of what a hit costs. Cycles are few here, and this many objects are some ten megabytes.
_OBJECTS_BETWEEN_COLLECTIONS = 50_000

log = structlog.get_logger()


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Say when requests are answered."""
        await super().startup(sockets)
        _collect_seldom()
        log.info("web_started", port=sockets[0].getsockname()[1] if sockets else None)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop, and let `run` return; uvicorn's own would raise the signal again, and end the process that goes on after us."""
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


def serve(app: Starlette, host: str, port: int, *, proxies: str = "") -> None:
    """Serve until SIGTERM or SIGINT, let requests under way end for up to ten seconds, and return.

    `proxies` are the addresses and networks of those who may say for whom they ask (X-Forwarded-For); nobody else is believed.
    Requests are not logged: their paths hold tokens. ServiceError where the port cannot be had.
    """
    config = uvicorn.Config(
        app,
        http=ImpatientProtocol,
        limit_concurrency=_MOST_AT_ONCE,
        lifespan="on",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies.split(),
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    _have_files_for_all()
    with _listen(host, port) as listener:
        _Server(config).run(sockets=[listener])


def _have_files_for_all() -> None:
    """Let the process open as many files as it takes connections, and as many again: most systems allow 1,024 until they are asked."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * _MOST_AT_ONCE
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def _collect_seldom() -> None:
    """Have the collector look seldom, and never again at what was there when the server started (Python's `gc.freeze`)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, *gc.get_threshold()[1:])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise ServiceError(
            f"nothing can listen on {host} port {port}: {error.strerror}. "
            "Stop what does, or give another with JIANBAO_WEB_HOST and JIANBAO_WEB_PORT, and a preview with --port."
        ) from error
    cut_off_who_takes_nothing(listener)
    return listener
