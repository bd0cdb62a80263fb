"""The mail hosts of recipients' domains, as one process finds and remembers them."""

from __future__ import annotations

import asyncio
import ipaddress
import random
from dataclasses import dataclass, replace

import dns.asyncresolver

from mailer.mx import DomainDead, LookupFailed, MailHosts, Route, find_route, system_resolver

_FRESH_SECONDS = 60.0  # Answers are kept for as long as they hold by the resolver; this only spares putting them together anew.
_MOST_DOMAINS = 10_000


@dataclass(frozen=True, slots=True)
class _Known:
    route: Route
    until: float  # by the event loop's clock


class Routes:
    """Looks up each domain once at a time, and keeps what it found for a minute. For one event loop.

    No route leads to this machine itself, which some domains name to be left alone; `on_loopback` allows that, for tests.
    """

    def __init__(self, resolver: dns.asyncresolver.Resolver, rng: random.Random, *, on_loopback: bool = False) -> None:
        self._resolver = resolver
        self._rng = rng
        self._on_loopback = on_loopback
        self._known: dict[str, _Known] = {}
        self._lookups: dict[str, asyncio.Task[Route]] = {}

    async def find(self, domain: str) -> Route:
        """The hosts for a domain's mail, that it takes none, or that nobody can say."""
        known = self._known.get(domain)
        if known is not None and known.until > asyncio.get_running_loop().time():
            return known.route
        if domain not in self._lookups:
            self._lookups[domain] = asyncio.create_task(self._look_up(domain))
        return await self._lookups[domain]

    async def _look_up(self, domain: str) -> Route:
        try:
            route = await find_route(domain, self._resolver, self._rng)
        finally:
            del self._lookups[domain]
        if not self._on_loopback:
            route = _elsewhere(domain, route)
        self._known.pop(domain, None)
        if len(self._known) >= _MOST_DOMAINS:
            del self._known[next(iter(self._known))]
        self._known[domain] = _Known(route, asyncio.get_running_loop().time() + _FRESH_SECONDS)
        return route


def system_routes(rng: random.Random) -> Routes:
    """Routes by this machine's name servers. ServiceError where there are none."""
    return Routes(system_resolver(), rng)


def _elsewhere(domain: str, route: Route) -> Route:
    """The route without the addresses that would lead back to this machine."""
    if isinstance(route, DomainDead | LookupFailed):
        return route
    hosts = [replace(host, addresses=tuple(filter(_is_elsewhere, host.addresses))) for host in route.hosts]
    reachable = tuple(host for host in hosts if host.addresses)
    if not reachable:
        return LookupFailed(f"{domain}: none of its mail hosts has an address that could be another machine's")
    return MailHosts(reachable)


def _is_elsewhere(text: str) -> bool:
    address = ipaddress.ip_address(text)
    address = getattr(address, "ipv4_mapped", None) or address
    return not (address.is_loopback or address.is_unspecified or address.is_link_local or address.is_multicast)
