"""The table of what speaks for a machine: read from `origins.toml`, which gives the source of every row."""

from __future__ import annotations

import hashlib
import ipaddress
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from mailer.models import EventKind
from mailer.origin import egress
from mailer.origin.egress import Egress

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class AgentRow:
    """One kind of program by its User-Agent. `contains` and `equals` are in lower case; no `kinds` means any. Behind one that is `shared`
    are many people at once, by whom no scanner is told."""

    name: str
    score: int
    source: str
    sample: str
    contains: tuple[str, ...] = ()
    equals: tuple[str, ...] = ()
    kinds: tuple[EventKind, ...] = ()
    shared: bool = False

    def fits(self, agent: str, kind: EventKind) -> bool:
        """Whether a User-Agent in lower case is of this kind."""
        if self.kinds and kind not in self.kinds:
            return False
        return agent in self.equals or any(word in agent for word in self.contains)


@dataclass(frozen=True)
class OriginTable:
    """Agents in their order, what each signal is worth, the signals' limits, known networks, relays. `version` is the content's hash."""

    version: str
    machine: int
    person_below: int
    agents: tuple[AgentRow, ...]
    signals: Mapping[str, int]
    limits: Mapping[str, int]
    networks: Mapping[Network, str]
    relays: Egress

    @classmethod
    @cache
    def load(cls) -> OriginTable:
        """The table as shipped, with Apple's relays if they were fetched."""
        return cls.parse(files("mailer.origin").joinpath("origins.toml").read_text(encoding="utf-8"), egress.read_kept())

    @classmethod
    def parse(cls, content: str, relays: str = "") -> OriginTable:
        """A table written like `origins.toml`, and Apple's relays, a network a line."""
        document = tomllib.loads(content)
        return cls(
            version=hashlib.sha256(f"{content}{relays}".encode()).hexdigest()[:12],
            relays=Egress.parse(relays.split()),
            machine=document["score"]["machine"],
            person_below=document["score"]["person_below"],
            agents=tuple(_agent(row) for row in document["agent"]),
            signals=document["signal"],
            limits=document["limit"],
            networks={ipaddress.ip_network(one): row["name"] for row in document["network"] for one in row["networks"]},
        )

    def agent(self, agent: str, kind: EventKind) -> AgentRow | None:
        """The first row that a User-Agent fits."""
        return _agent_row(self.agents, agent.lower(), kind)

    def is_known(self, network: str) -> bool:
        """Whether a network belongs to somebody who looks at mail before people do."""
        asked = ipaddress.ip_network(network)
        return any(asked.version == known.version and asked.subnet_of(known) for known in self.networks)  # type: ignore[arg-type]


@lru_cache(_REMEMBERED)
def _agent_row(rows: tuple[AgentRow, ...], agent: str, kind: EventKind) -> AgentRow | None:
    return next((row for row in rows if row.fits(agent, kind)), None)


def _agent(row: Mapping[str, Any]) -> AgentRow:
    words = {name: tuple(row.get(name, ())) for name in ("contains", "equals")}
    kinds = tuple(map(EventKind, row.get("kinds", ())))
    shared = row.get("shared", False)
    return AgentRow(row["name"], row["score"], row["source"], row["sample"], kinds=kinds, shared=shared, **words)
