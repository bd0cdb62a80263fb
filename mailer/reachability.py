"""Whether the pages that an issue links to are there. Only `issue check --online` asks; nothing of a page is read."""

from __future__ import annotations

import http.client
import ipaddress
import socket
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urljoin, urlsplit

from mailer.preflight import Finding, Level

_AT_ONCE = 8
_SECONDS = 10
_MOST_STEPS = 5
_MOVED = frozenset({301, 302, 303, 307, 308})
_GONE = frozenset({404, 410})
_HEADERS = {"User-Agent": "Jianbao link check", "Accept": "*/*"}


def is_public(address: str) -> bool:
    """Whether an IP address is one that anybody can reach."""
    return ipaddress.ip_address(address.partition("%")[0]).is_global


def reach(urls: Iterable[str], may_ask: Callable[[str], bool] = is_public) -> tuple[Finding, ...]:
    """A warning for each address that is not there or cannot be reached; servers that only refuse a program are let be.

    An IP address that `may_ask` says no to is not asked: an issue must not make this machine knock at doors behind the firewall.
    """
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        wanted = list(urls)
        return tuple(
            Finding("links_can_be_reached", Level.WARNING, url[:70], trouble, "Open it in a browser, and mend the address.")
            for url, trouble in zip(wanted, pool.map(lambda url: _trouble(url, may_ask), wanted), strict=True)
            if trouble
        )


def _trouble(url: str, may_ask: Callable[[str], bool]) -> str | None:
    """What is wrong with an address, or None."""
    try:
        for _ in range(_MOST_STEPS):
            status, location = _ask(url, may_ask)
            if status in _MOVED and location:
                url = urljoin(url, location)
                continue
            if status in _GONE or status >= 500:
                return f"answers {status}"
            return None
    except (OSError, http.client.HTTPException, ValueError) as error:
        return f"cannot be reached: {error or type(error).__name__}"
    return f"leads on more than {_MOST_STEPS} times"


def _ask(url: str, may_ask: Callable[[str], bool]) -> tuple[int, str | None]:
    """The status of a HEAD, or of a GET where the server knows no HEAD; private addresses are not asked."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("it is no web address")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    _require(parts.hostname, port, may_ask)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    path = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
    status, location = 0, None
    for method in ("HEAD", "GET"):
        connection = kind(parts.hostname, port, timeout=_SECONDS)
        try:
            connection.request(method, path, headers=_HEADERS)
            response = connection.getresponse()
            status, location = response.status, response.getheader("Location")
        finally:
            connection.close()
        if status not in (405, 501):
            break
    return status, location


def _require(host: str, port: int, may_ask: Callable[[str], bool]) -> None:
    for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        if not may_ask(str(address[0])):
            raise OSError(f"{host} is not on the public net")
