"""Where a request came from, no closer than its network: what is kept of an address names nobody."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

PREFIX = {4: 24, 6: 48}
_REMEMBERED = 10_000


@lru_cache(_REMEMBERED)
def network_of(address: str | None) -> str | None:
    """The network of a public address, /24 or /48; None for one of our own, and for what is no address."""
    try:
        found = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    if (
        found.is_loopback
        or found.is_link_local
        or (found.is_private and not found.is_reserved and not _is_documentation(found))
    ):
        return None
    return str(ipaddress.ip_network((found, PREFIX[found.version]), strict=False))


def _is_documentation(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """RFC 5737 and 3849: the mail world of the demo lives there."""
    return any(address.version == network.version and address in network for network in _DOCUMENTATION)


_DOCUMENTATION = [ipaddress.ip_network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")]
