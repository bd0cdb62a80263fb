"""What the pace spares just now: relays and providers that are closed or slowed down after an answer of theirs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import redis

from mailer.bootstrap import Services
from mailer.pacing import Pacer
from mailer.publishing import relays_of
from mailer.terms import provider_limit, relay_limit
from subscribers.errors import ServiceError


@dataclass(frozen=True, slots=True)
class Spared:
    """A limit, until when it is closed, and the share of its pace at which it goes on."""

    limit: str
    closed_until: datetime | None
    factor: float


def find_spared(opened: Services, providers: Iterable[str]) -> list[Spared]:
    """What is spared, of the relays in force and of these providers there; nothing is known where the broker does not answer."""
    try:
        pacer = Pacer(opened.redis())
        names = [
            name
            for relay in relays_of(opened.settings)
            for name in (relay_limit(relay.label), *(provider_limit(relay.label, provider) for provider in sorted(providers)))
        ]
        now = datetime.now(UTC)
        standings = [(name, pacer.standing(name)) for name in names]
    except (ServiceError, redis.RedisError):
        return []
    return [
        Spared(name, now + standing.closed_for if standing.closed_for else None, standing.factor)
        for name, standing in standings
        if standing.closed_for or standing.factor < 1
    ]
