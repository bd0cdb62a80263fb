"""Which hosts take a domain's mail (RFC 5321 §5.1), and which domains say that they take none (RFC 7505)."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver
import idna

from mailer.reply import Command, Reply
from subscribers.errors import ServiceError

# The rest is never tried in practice, and a hostile domain may name thousands.
MOST_HOSTS = 8
_LIFETIME_SECONDS = 5.0
_CACHED_ANSWERS = 20_000


@dataclass(frozen=True, slots=True)
class MailHost:
    """A host that takes mail. `addresses` has at least one, IPv6 before IPv4; the implicit MX has preference 0."""

    name: str
    preference: int
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MailHosts:
    """Where the domain's mail goes, in the order in which the hosts are to be tried; never empty."""

    hosts: tuple[MailHost, ...]


@dataclass(frozen=True, slots=True)
class DomainDead:
    """The domain takes no mail, and trying again will not change that. `reply` says it as a server would."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class LookupFailed:
    """Nobody can say now; it is to be tried again later."""

    detail: str


Route = MailHosts | DomainDead | LookupFailed


def system_resolver(lifetime_seconds: float = _LIFETIME_SECONDS) -> dns.asyncresolver.Resolver:
    """A resolver that asks this machine's name servers, and keeps each answer for as long as it holds. ServiceError without any."""
    try:
        resolver = dns.asyncresolver.Resolver()
    except dns.resolver.NoResolverConfiguration as error:
        raise ServiceError("no name server is configured on this machine. Name one in /etc/resolv.conf.") from error
    resolver.lifetime = lifetime_seconds
    resolver.cache = dns.resolver.LRUCache(_CACHED_ANSWERS)
    return resolver


async def find_exchanges(domain: str, resolver: dns.asyncresolver.Resolver) -> tuple[str, ...] | None:
    """The names of the hosts for a domain's mail, by preference, whether or not they have addresses; None: nobody can say now.

    It is the domain itself where it has no MX record, and nothing where there is no such domain or it takes no mail.
    """
    name = _name(domain)
    try:
        exchanges = await _exchanges(name, resolver) if name is not None else []
    except dns.resolver.NXDOMAIN:
        return ()
    except dns.exception.DNSException:
        return None
    if exchanges is None:
        return (domain,)
    return tuple(_text(host) for _, host in sorted(exchanges, key=_preference))


async def find_route(domain: str, resolver: dns.asyncresolver.Resolver, rng: random.Random) -> Route:
    """The hosts for a domain, U-label or A-label, by preference, and by chance among equals.

    A null MX and a domain that does not exist, or has neither MX nor address, are dead. MX records whose hosts have no
    address are a fault that somebody will mend, and no word about the domain: that lookup has failed.
    """
    name = _name(domain)
    if name is None:
        return _dead(domain, 550, "5.1.2", "this is no domain name")
    try:
        exchanges = await _exchanges(name, resolver)
        if exchanges == []:
            return _dead(domain, 556, "5.1.10", "the domain has a null MX: it takes no mail")
        if exchanges is None:
            return await _implicit(domain, name, resolver)
        return await _explicit(domain, exchanges, resolver, rng)
    except dns.resolver.NXDOMAIN:
        return _dead(domain, 550, "5.1.2", "the domain does not exist")
    except dns.exception.DNSException as error:
        return LookupFailed(f"{domain}: the name servers gave no answer ({type(error).__name__})")


def _name(domain: str) -> dns.name.Name | None:
    try:
        name = dns.name.from_text(domain if domain.isascii() else idna.encode(domain, uts46=True).decode("ascii"))
    except (dns.exception.DNSException, idna.IDNAError):
        return None
    return name if name != dns.name.root else None


async def _exchanges(name: dns.name.Name, resolver: dns.asyncresolver.Resolver) -> list[tuple[int, dns.name.Name]] | None:
    """Preference and host of each MX record; empty for a null MX, None where there is no record at all."""
    try:
        answer = await resolver.resolve(name, dns.rdatatype.MX, search=False)
    except dns.resolver.NoAnswer:
        return None
    # A null MX must stand alone (RFC 7505 §3); beside others it means nothing.
    return [(record.preference, record.exchange) for record in answer if record.exchange != dns.name.root]


async def _implicit(domain: str, name: dns.name.Name, resolver: dns.asyncresolver.Resolver) -> Route:
    addresses = await _addresses(name, resolver)
    if not addresses:
        return _dead(domain, 550, "5.1.2", "the domain has neither MX nor address records")
    return MailHosts((MailHost(_text(name), 0, addresses),))


async def _explicit(
    domain: str, exchanges: list[tuple[int, dns.name.Name]], resolver: dns.asyncresolver.Resolver, rng: random.Random
) -> Route:
    rng.shuffle(exchanges)
    chosen = sorted(exchanges, key=_preference)[:MOST_HOSTS]
    found = await asyncio.gather(*(_addresses_or_none(host, resolver) for _, host in chosen))
    hosts = tuple(
        MailHost(_text(host), preference, addresses)
        for (preference, host), addresses in zip(chosen, found, strict=True)
        if addresses
    )
    if not hosts:
        return LookupFailed(f"{domain}: none of its mail hosts has an address ({', '.join(_text(host) for _, host in chosen)})")
    return MailHosts(hosts)


async def _addresses_or_none(host: dns.name.Name, resolver: dns.asyncresolver.Resolver) -> tuple[str, ...]:
    try:
        return await _addresses(host, resolver)
    except dns.exception.DNSException:
        return ()


async def _addresses(host: dns.name.Name, resolver: dns.asyncresolver.Resolver) -> tuple[str, ...]:
    """All addresses of a host. Raises DNSException when neither kind could be looked up, or the name does not exist."""
    kinds = (dns.rdatatype.AAAA, dns.rdatatype.A)
    answers = await asyncio.gather(*(_records(host, kind, resolver) for kind in kinds), return_exceptions=True)
    addresses = [address for answer in answers if not isinstance(answer, BaseException) for address in answer]
    failures = [answer for answer in answers if isinstance(answer, BaseException)]
    if failures and not addresses:
        raise failures[0]
    return tuple(addresses)


async def _records(host: dns.name.Name, kind: dns.rdatatype.RdataType, resolver: dns.asyncresolver.Resolver) -> list[str]:
    try:
        return [record.address for record in await resolver.resolve(host, kind, search=False)]
    except dns.resolver.NoAnswer:
        return []


def _preference(exchange: tuple[int, dns.name.Name]) -> int:
    return exchange[0]


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()


def _dead(domain: str, code: int, enhanced: str, text: str) -> DomainDead:
    # As a relay would refuse the recipient (RFC 7504 §4): before that nobody has spoken of the domain.
    return DomainDead(Reply(Command.RCPT, code, enhanced, text, domain, False))
