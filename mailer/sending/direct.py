"""Mail handed to the hosts that the recipients' domains name, without a relay between (RFC 5321 §5.1)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from mailer.deliveries import DueDelivery
from mailer.message import Message
from mailer.mx import DomainDead, LookupFailed, MailHost, MailHosts, Route
from mailer.provider import OTHER, ProviderTable
from mailer.relay import Encryption, Relay
from mailer.sending.outlet import Outlet, Sending, Way
from mailer.sending.routes import Routes
from mailer.smtp import Deadlines, NotSent, Outcome, Reason, RelayDown, Replied

_MOST_HOSTS = 128  # more than a process may have deliveries under way, so that one of them is always idle
# Who is there answers within 15 seconds, in which TCP asks four times. Others want our idle connections more than we do.
_DEADLINES = Deadlines(connect=15.0, idle=10.0)
# So long mail waits for a host's connections before it makes room for other hosts': twice as long as hosts let wait on purpose.
_PATIENCE = 30.0
_REFUSED = 400
_NOT_THIS_HOST = frozenset({Reason.CLOSING, Reason.CLOSED, Reason.TIMEOUT, Reason.GARBAGE})


def way_of(relay: Relay, providers: ProviderTable, routes: Callable[[random.Random], Routes], rng: random.Random) -> Way:
    """How mail leaves by a relay's URL."""
    return Direct(relay, routes(rng), providers) if relay.direct else Outlet(relay)


class Direct:
    """One way for all domains, with an outlet for each host in use. A host that is down costs only its own domains' mail.

    Each delivery goes from host to host by preference until one has answered for it. What the last host said, or why none could be
    asked, settles the delivery; the batch is never refused. A host that keeps mail waiting holds up nobody else's: what has waited for
    too long is put off, and at once what comes for it before it has answered again, but for one message at a time that tries it.
    """

    def __init__(self, relay: Relay, routes: Routes, providers: ProviderTable) -> None:
        self.relay = relay
        self._routes = routes
        self._providers = providers
        self._journeys: dict[Sending, set[_Journey]] = {}
        self._outlets: dict[tuple[str, frozenset[str], Encryption], Outlet] = {}  # the one used last comes last
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def usable(self) -> bool:
        """Always: what is down is one domain's or another's."""
        return True

    def offer(self, batch: Sending, dues: Sequence[DueDelivery]) -> None:
        """Send these to their domains' hosts, as soon as these are known."""
        journeys = [_Journey(self, batch, due) for due in dues]
        self._journeys.setdefault(batch, set()).update(journeys)
        by_domain: dict[str, list[_Journey]] = {}
        for journey in journeys:
            by_domain.setdefault(journey.domain, []).append(journey)
        for domain, theirs in by_domain.items():
            self._keep(asyncio.create_task(self._set_out(domain, theirs)))

    def withdraw(self, batch: Sending) -> int:
        """Forget what `batch` offered and no connection has begun. Returns how many deliveries that is."""
        return sum(journey.withdraw() for journey in self._journeys.pop(batch, ()))

    def abandon(self) -> None:
        """Wait for no host any longer: what is under way is settled now, sent, not sent or in doubt."""
        for outlet in self._outlets.values():
            outlet.abandon()

    async def close(self) -> None:
        """Say QUIT to every host once what is under way has ended."""
        await asyncio.gather(*self._tasks, *(outlet.close() for outlet in self._outlets.values()))

    async def _set_out(self, domain: str, journeys: Sequence[_Journey]) -> None:
        route = await self._routes.find(domain)
        for journey in journeys:
            journey.begin(route)

    def ways(self, hosts: Sequence[MailHost]) -> Iterator[Relay]:
        """How to reach each host, gently enough for its provider, in order; behind the first way the one to take without TLS."""
        for host in hosts:
            limits = (self._providers.provider_of_mx(host.name) or self._providers.provider(OTHER)).limits
            way = replace(
                self.relay,
                direct=False,
                host=host.name,
                addresses=host.addresses,
                name=f"{self.relay.label}/{host.name}",
                connections=limits.connections,
                messages=limits.messages_per_connection,
            )
            yield way
            if way.encryption is Encryption.IF_OFFERED:
                yield replace(way, encryption=Encryption.NONE)

    def outlet(self, way: Relay) -> Outlet:
        """The outlet of a host, with the connections that it has by now."""
        key = (way.host, frozenset(way.addresses), way.encryption)
        found = self._outlets.pop(key, None)
        if found is None:
            self._make_room()
            found = Outlet(way, _DEADLINES, one_host=True)
        self._outlets[key] = found
        return found

    def ended(self, batch: Sending, journey: _Journey) -> None:
        """The journey is over."""
        theirs = self._journeys.get(batch, set())
        theirs.discard(journey)
        if not theirs:
            self._journeys.pop(batch, None)

    def _make_room(self) -> None:
        if len(self._outlets) >= _MOST_HOSTS:
            idle = next((key for key, outlet in self._outlets.items() if outlet.idle), None)
            if idle is not None:
                outlet = self._outlets.pop(idle)
                self._keep(asyncio.create_task(outlet.close()))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Journey:
    """One delivery on its way from host to host; to each host's outlet it is the batch."""

    def __init__(self, direct: Direct, batch: Sending, due: DueDelivery) -> None:
        self.domain = due.address.rpartition("@")[2].lower()
        self.provider = batch.provider
        self._direct = direct
        self._batch = batch
        self._due = due
        self._ways: Iterator[Relay] = iter(())
        self._outlet: Outlet | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._withdrawn = False

    def begin(self, route: Route) -> None:
        """Go to the first host, or end where there is none."""
        if self._withdrawn:
            return
        match route:
            case MailHosts(hosts):
                self._ways = self._direct.ways(hosts)
                self._go_on(None, self._direct.relay.label)
            case DomainDead(reply):
                self._end(Replied(reply), self._direct.relay.label)
            case LookupFailed(detail):
                self._end(NotSent(Reason.CONNECT, detail, kept_out=True), f"{self._direct.relay.label}/{self.domain}")

    def withdraw(self) -> int:
        """Go no further. Returns 1 where no connection has begun with it, else 0: then it ends where it is."""
        self._withdrawn = True
        self._stop_the_clock()
        return 1 if self._outlet is None else self._outlet.withdraw(self)

    def _go_on(self, failure: NotSent | None, label: str) -> None:
        """On to the next way that can be tried; when there is none, `failure` is what became of the delivery."""
        for way in self._ways:
            in_clear = way.encryption is Encryption.NONE and self._direct.relay.encryption is not Encryption.NONE
            if in_clear and (failure is None or failure.reason is not Reason.TLS):
                continue
            self._outlet = self._direct.outlet(way)
            if self._outlet.overdue and not self._outlet.idle:
                self._put_off(way.label)
            else:
                self._patience = asyncio.get_running_loop().call_later(_PATIENCE, self._wait_no_longer)
                self._outlet.offer(self, [self._due])  # Which may refuse it at once, and then it has gone on from there.
            return
        assert failure is not None
        # A host that would not have us may have said why, and then its words decide what follows.
        reply = failure.reply
        self._end(Replied(reply) if reply is not None and reply.code >= _REFUSED else failure, label)

    def _wait_no_longer(self) -> None:
        assert self._outlet is not None
        if self._outlet.withdraw(self):
            self._outlet.overdue = True
            self._put_off(self._outlet.relay.label)

    def _put_off(self, label: str) -> None:
        detail = f"the host has not answered for other mail of ours for {_PATIENCE:g} s"
        self._end(NotSent(Reason.BUSY, detail, kept_out=True), label)

    def _stop_the_clock(self) -> None:
        if self._patience is not None:
            self._patience.cancel()

    def _end(self, outcome: Outcome, label: str) -> None:
        self._direct.ended(self._batch, self)
        self._batch.settled(self._due, outcome, label)

    # -- What an outlet calls --

    def compose(self, due: DueDelivery) -> Message | None:
        self._stop_the_clock()
        message = self._batch.compose(due)
        if message is None:
            self._direct.ended(self._batch, self)
        return message

    def settled(self, due: DueDelivery, outcome: Outcome, relay: str) -> None:
        if isinstance(outcome, Replied) and self._outlet is not None:
            self._outlet.overdue = False
        if isinstance(outcome, NotSent) and outcome.reason in _NOT_THIS_HOST and not self._withdrawn:
            self._go_on(outcome, relay)
        else:
            self._end(outcome, relay)

    def refused(self, dues: Sequence[DueDelivery], down: RelayDown) -> None:
        self._stop_the_clock()
        if self._withdrawn:
            self._end(down.for_message(), down.relay)
        else:
            self._go_on(down.for_message(), down.relay)
