"""Who runs the mailboxes of domains that the table of providers does not name: their MX says it, asked before a mailing is planned.

What was found is kept in `mail_domain`. A mailing waits no longer than a few seconds for it; what has not been found by then is planned
as nobody's in particular.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import dns.asyncresolver
import structlog
from sqlalchemy import Connection, Engine, select, text

from mailer.models import Mailing, MailingStatus
from mailer.mx import find_exchanges, system_resolver
from mailer.provider import OTHER, ProviderTable
from subscribers.db import database_time, transaction
from subscribers.errors import ServiceError

FRESH = timedelta(days=7)
AHEAD = timedelta(hours=1)
_ROUND_SECONDS = 3.0
_LOOKUP_SECONDS = 2.0
_LOOKUPS_AT_ONCE = 64
_REST_SECONDS = 300.0
_NOBODYS = frozenset({"example", "invalid", "localhost"})  # RFC 6761: no such name is in the public DNS.

log = structlog.get_logger()

MakeResolver = Callable[[], dns.asyncresolver.Resolver]
_QUICK: MakeResolver = partial(system_resolver, _LOOKUP_SECONDS)


@dataclass(frozen=True, slots=True)
class Recognised:
    """Who runs a domain's mailboxes, and the host that gave them away; none where the domain takes no mail."""

    domain: str
    provider: str
    mx: str | None


class Lookout:
    """Asks for the mailings that start within the hour, so that hardly any has to wait. A scheduler has one, and looks at every tick.

    It goes on while answers come. When nothing is left to ask, or nobody answers, it rests for five minutes or until the next mailing
    comes in sight.
    """

    def __init__(
        self,
        engine: Engine,
        providers: ProviderTable,
        resolver: MakeResolver = _QUICK,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._providers = providers
        self._resolver = resolver
        self._clock = clock
        self._seen: frozenset[int] = frozenset()
        self._rests_until = 0.0

    def look(self) -> None:
        """Ask for some seconds at most, where there is something to ask."""
        with transaction(self._engine) as connection:
            lists = _upcoming(connection, database_time(connection))
        nothing_new = self._seen.issuperset(lists)
        self._seen = frozenset(lists)
        if not lists or (nothing_new and self._clock() < self._rests_until):
            return
        list_ids = sorted({list_id for ids in lists.values() for list_id in ids})
        if not recognise(self._engine, list_ids, self._providers, self._resolver):
            self._rests_until = self._clock() + _REST_SECONDS


def recognise(engine: Engine, list_ids: Sequence[int], providers: ProviderTable, resolver: MakeResolver = _QUICK) -> int:
    """Ask who is behind the domains on those lists, the most frequent first, for three seconds at most.

    Those that are known, or were asked within a week, are left out. Returns how many were answered for. It never raises for the DNS.
    """
    with transaction(engine) as connection:
        domains = unknown_domains(connection, list_ids, providers, database_time(connection))
    if not domains:
        return 0
    try:
        found = asyncio.run(_ask(domains, providers, resolver()))
    except ServiceError as error:
        log.warning("domains_not_asked", error=str(error))
        return 0
    with transaction(engine) as connection:
        remember(connection, found, database_time(connection))
    log.info("domains_asked", domains=len(domains), answered=len(found))
    return len(found)


def _upcoming(connection: Connection, now: datetime) -> dict[int, Sequence[int]]:
    """The lists of each mailing that starts within the hour, by its id."""
    scheduled = (Mailing.status == MailingStatus.SCHEDULED.value) & (Mailing.at <= now + AHEAD)
    return {row.id: row.list_ids for row in connection.execute(select(Mailing.id, Mailing.list_ids).where(scheduled))}


def takes_mail(connection: Connection, list_id: int) -> dict[str, bool]:
    """Of the domains on a list that the DNS was asked about, whether they take mail."""
    return {row.domain: row.takes for row in connection.execute(_TAKES_MAIL, {"list": list_id})}


_TAKES_MAIL = text("""
    SELECT domain, mx IS NOT NULL AS takes FROM mail_domain
    WHERE domain IN (SELECT s.domain FROM subscription x JOIN subscriber s ON s.id = x.subscriber_id WHERE x.list_id = :list)""")
_UNKNOWN = text("""
    SELECT s.domain FROM subscription x JOIN subscriber s ON s.id = x.subscriber_id
    LEFT JOIN mail_domain d ON d.domain = s.domain AND d.checked_at > :since
    WHERE x.list_id = ANY(:lists) AND x.state = 'confirmed' AND s.state = 'active'
      AND d.domain IS NULL AND s.domain <> ALL(CAST(:known AS text[]))
    GROUP BY s.domain ORDER BY count(*) DESC, s.domain""")


def unknown_domains(connection: Connection, list_ids: Sequence[int], providers: ProviderTable, now: datetime) -> list[str]:
    """The domains on those lists of which nobody knows who runs them, or only from more than a week ago."""
    parameters = {"lists": list(list_ids), "known": list(providers.provider_of_domain), "since": now - FRESH}
    domains = connection.execute(_UNKNOWN, parameters).scalars()
    return [domain for domain in domains if domain.rpartition(".")[2] not in _NOBODYS]


# In the order of their keys, so that two schedulers that do the same do not wait for each other in a circle.
_REMEMBER = text("""
    INSERT INTO mail_domain (domain, provider, mx, checked_at)
    SELECT domain, provider, mx, :now
    FROM unnest(CAST(:domains AS text[]), CAST(:providers AS text[]), CAST(:hosts AS text[])) AS found(domain, provider, mx)
    ORDER BY domain
    ON CONFLICT (domain) DO UPDATE SET provider = excluded.provider, mx = excluded.mx, checked_at = excluded.checked_at""")


def remember(connection: Connection, found: Sequence[Recognised], now: datetime) -> None:
    """Keep what was found, instead of what was known before."""
    columns = {
        "domains": [one.domain for one in found],
        "providers": [one.provider for one in found],
        "hosts": [one.mx for one in found],
    }
    connection.execute(_REMEMBER, columns | {"now": now})


async def _ask(domains: Sequence[str], providers: ProviderTable, resolver: dns.asyncresolver.Resolver) -> list[Recognised]:
    """What is answered within a round."""
    waiting = iter(domains)
    found: list[Recognised] = []

    async def ask_on() -> None:
        for domain in waiting:
            hosts = await find_exchanges(domain, resolver)
            if hosts is not None:
                found.append(_behind(domain, hosts, providers))

    try:
        async with asyncio.timeout(_ROUND_SECONDS):
            await asyncio.gather(*(ask_on() for _ in range(_LOOKUPS_AT_ONCE)))
    except TimeoutError:
        pass  # The next round goes on where this one ended.
    return found


def _behind(domain: str, hosts: Sequence[str], providers: ProviderTable) -> Recognised:
    """The provider of the first host, by preference, that anybody knows."""
    for host in hosts:
        provider = providers.provider_of_mx(host)
        if provider is not None:
            return Recognised(domain, provider.key, host)
    return Recognised(domain, OTHER, hosts[0] if hosts else None)
