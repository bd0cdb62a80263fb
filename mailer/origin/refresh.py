"""Makes the kept list of Apple's relays anew: `make apple-egress`. Reads what Apple publishes, prints what is kept."""

from __future__ import annotations

import csv
import ipaddress
import sys
from collections.abc import Iterable

from mailer.origin.network import PREFIX

_FEWEST = 100  # The list has had some hundred thousand lines; what is much shorter is an error's page.


def kept(lines: Iterable[str]) -> list[str]:
    """The networks of Apple's table, no narrower than hits are kept by, joined and in order. ValueError for another table."""
    networks = [_widened(row[0].strip()) for row in csv.reader(lines) if row]
    if len(networks) < _FEWEST:
        raise ValueError(f"{len(networks)} lines are no list of Apple's relays")
    fourth = {one for one in networks if isinstance(one, ipaddress.IPv4Network)}
    sixth = {one for one in networks if isinstance(one, ipaddress.IPv6Network)}
    return [*map(str, ipaddress.collapse_addresses(fourth)), *map(str, ipaddress.collapse_addresses(sixth))]


def _widened(written: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    network = ipaddress.ip_network(written)
    widest = PREFIX[network.version]
    return network.supernet(new_prefix=widest) if network.prefixlen > widest else network


if __name__ == "__main__":
    sys.stdout.writelines(f"{network}\n" for network in kept(sys.stdin))
