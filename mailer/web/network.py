"""From which network a request came: enough to count by, and not enough to know a person by."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from starlette.requests import Request

_UNKNOWN = "unknown"
_BITS = {4: 24, 6: 48}  # What one office or one subscriber line usually has.


def network_of(request: Request) -> str:
    """The /24 or /48 that a request came from, as our proxy saw it.

    A peer on this machine or in a private network is our proxy, and the last address in X-Forwarded-For is what it added itself. From
    any other peer that header is only what somebody wrote.
    """
    peer = _address(request.client.host if request.client else "")
    if peer is not None and (peer.is_loopback or peer.is_private):
        forwarded = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
        peer = _address(forwarded) or peer
    return _UNKNOWN if peer is None else str(ip_network((peer, _BITS[peer.version]), strict=False))


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.strip("[]"))
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
