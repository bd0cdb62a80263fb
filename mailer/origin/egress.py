"""The networks from which Apple's relays ask for the people behind them, as Apple publishes them: `make apple-egress` fetches the list.

Mail Privacy Protection and iCloud Private Relay share them. Of a hit no more is kept than its network, a /24 or a /48, so that nothing
narrower is kept here either. No list is shipped, as nobody may know how old it is by then; without one no network is a relay's.
"""

from __future__ import annotations

import ipaddress
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files

from mailer.origin.network import PREFIX

SOURCE = "https://mask-api.icloud.com/egress-ip-ranges.csv"
_KEPT = "apple_egress.txt"


@dataclass(frozen=True)
class Egress:
    """The relays' networks as ranges of addresses, by version of IP: where each begins, and where it ends. They do not overlap."""

    ranges: tuple[tuple[int, tuple[int, ...], tuple[int, ...]], ...]

    @classmethod
    def parse(cls, networks: Iterable[str]) -> Egress:
        """Networks as they are kept."""
        found = [ipaddress.ip_network(network) for network in networks]
        return cls(tuple(_ranges(version, [one for one in found if one.version == version]) for version in PREFIX))

    def has(self, network: str) -> bool:
        """Whether a network, as it is kept of a hit, has relays in it."""
        asked = ipaddress.ip_network(network)
        for version, firsts, lasts in self.ranges:
            if version == asked.version:
                place = bisect_right(firsts, int(asked.network_address)) - 1
                return place >= 0 and int(asked.network_address) <= lasts[place]
        return False


def read_kept() -> str:
    """The list that was fetched; empty where none was."""
    file = files("mailer.origin").joinpath(_KEPT)
    return file.read_text(encoding="ascii") if file.is_file() else ""


def _ranges(
    version: int, networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network]
) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    ordered = sorted((int(one.network_address), int(one.broadcast_address)) for one in networks)
    return version, tuple(first for first, _ in ordered), tuple(last for _, last in ordered)
