"""DNS lookups for what staff ask: an answer, that there is none, or that nobody can say."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import dns.exception
import dns.name
import dns.resolver

from subscribers.errors import InputError, ServiceError

_LIFETIME_SECONDS = 5.0
_PORT = 53


def make_resolver(nameserver: str | None = None) -> dns.resolver.Resolver:
    """A resolver that asks `nameserver`, an IP address with or without `:port`, or else those of the system."""
    try:
        resolver = dns.resolver.Resolver(configure=nameserver is None)
        if nameserver is not None:
            host, port = _host_and_port(nameserver)
            resolver.nameservers, resolver.port = [host], port
    except dns.resolver.NoResolverConfiguration as error:
        raise ServiceError("no name server is configured here. Give one with --nameserver, like 223.5.5.5.") from error
    except ValueError as error:
        raise InputError(f"{nameserver!r} is no name server. Give an IP address, like 223.5.5.5 or 127.0.0.1:5353.") from error
    resolver.lifetime = _LIFETIME_SECONDS
    return resolver


def _host_and_port(text: str) -> tuple[str, int]:
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        port = port.removeprefix(":")
    elif text.count(":") > 1:
        host, port = text, ""
    else:
        host, _, port = text.partition(":")
    return host, int(port or _PORT)


def text_lookup(resolver: dns.resolver.Resolver) -> Callable[[str], Sequence[str]]:
    """A function that looks up the TXT records of a name; none where there is no such name. ServiceError: no answer came."""
    return lambda name: _lookup(resolver, name, "TXT")


def mail_hosts(resolver: dns.resolver.Resolver, domain: str) -> Sequence[str]:
    """The MX records of a domain, as text, but for one that says that it takes no mail (RFC 7505). ServiceError: no answer came."""
    return [record for record in _lookup(resolver, domain, "MX") if not record.endswith(" .")]


def _lookup(resolver: dns.resolver.Resolver, name: str, kind: str) -> Sequence[str]:
    try:
        answer = resolver.resolve(name, kind, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return ()
    except dns.exception.DNSException as error:
        servers = ", ".join(map(str, resolver.nameservers))
        raise ServiceError(
            f"the name server ({servers}) does not say what {name} {kind} is: {type(error).__name__}. "
            "Check the network, or ask another one with --nameserver."
        ) from error
    if kind == "TXT":
        return tuple(b"".join(record.strings).decode("utf-8", "replace") for record in answer)
    return tuple(record.to_text() for record in answer)
