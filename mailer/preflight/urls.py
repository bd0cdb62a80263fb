"""Where a URL leads."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

import idna

from mailer.preflight.finding import Context


def split_url(url: str) -> SplitResult:
    """The parts of a URL; all of them empty where it cannot be read."""
    try:
        parts = urlsplit(url)
        _ = parts.hostname
    except ValueError:
        return SplitResult("", "", "", "", "")
    return parts


def is_web(url: str) -> bool:
    """Whether it is an absolute address of a page."""
    parts = split_url(url)
    return parts.scheme in {"https", "http"} and bool(parts.hostname)


def is_secure(url: str, context: Context) -> bool:
    """Whether it is HTTPS, or leads to a host that needs no TLS."""
    return split_url(url).scheme == "https" or host_of(url) in context.insecure_hosts


def host_of(url: str) -> str:
    """Its host, in lower case and as the DNS has it, or nothing."""
    host = split_url(url).hostname or ""
    try:
        return host if host.isascii() else idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        return host


def within(domain: str, parent: str) -> bool:
    """Whether `domain` is `parent` or below it."""
    return f".{domain.lower()}".endswith(f".{parent.lower()}")
