"""A name server for tests, on loopback, that answers from a zone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from threading import Thread
from typing import cast

import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Zone = Mapping[str, "list[str] | dns.rcode.Rcode | None"]


class NameServer(asyncio.DatagramProtocol):
    """Answers from a zone: "name TYPE" to its records, to an error code, or to None for silence. Names are known by any of
    their types; a name that is not known does not exist."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self.known = {key.split()[0] for key in zone}
        self.queries: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        name, kind = query.question[0].name, query.question[0].rdtype
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        host = name.to_text(omit_final_dot=True)
        self.queries.append(f"{host} {dns.rdatatype.to_text(kind)}")
        match self.zone.get(self.queries[-1], []):
            case None:
                return
            case dns.rcode.Rcode() as code:
                answer.set_rcode(code)
            case [] if host not in self.known:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            case []:
                pass
            case records:
                answer.answer.append(dns.rrset.from_text_list(name, 60, "IN", kind, records))
        self.transport.sendto(answer.to_wire(), addr)


@asynccontextmanager
async def resolver_of(zone: Zone) -> AsyncIterator[tuple[dns.asyncresolver.Resolver, NameServer]]:
    """A resolver, and a server of that zone, whom alone it asks; it runs while the block lasts."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(lambda: NameServer(zone), local_addr=("127.0.0.1", 0))
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers = ["127.0.0.1"]
    resolver.port = transport.get_extra_info("sockname")[1]
    # Silence costs the whole of it; where each is answered, a busy machine may take its time.
    resolver.lifetime = 0.3 if None in zone.values() else 10
    try:
        yield resolver, server
    finally:
        transport.close()


@contextmanager
def resolver_elsewhere(zone: Zone) -> Iterator[tuple[dns.asyncresolver.Resolver, NameServer]]:
    """The same for a test that has no event loop; the resolver may be used on any."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="name server", daemon=True)
    thread.start()
    serving = resolver_of(zone)
    try:
        yield asyncio.run_coroutine_threadsafe(serving.__aenter__(), loop).result()
    finally:
        asyncio.run_coroutine_threadsafe(serving.__aexit__(None, None, None), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def name_server(zone: Zone) -> Iterator[str]:
    """The same for a program, which is told the server's address and port."""
    with resolver_elsewhere(zone) as (resolver, _):
        yield f"127.0.0.1:{resolver.port}"


def txt(text: str) -> str:
    """A text as a TXT record has it: strings of at most 255 octets."""
    return " ".join(f'"{text[start : start + 255]}"' for start in range(0, len(text), 255))
