"""Mail handed to the recipients' own hosts: a name server and mail servers on several addresses of loopback."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from concurrent.futures import Future
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace

import dns.asyncresolver
import dns.rcode
import pytest

from mailer.deliveries import DueDelivery
from mailer.message import Message
from mailer.provider import OTHER, ProviderTable
from mailer.relay import parse_relays
from mailer.reply import Command
from mailer.sending.copies import hand_over
from mailer.sending.direct import Direct
from mailer.sending.routes import Routes
from mailer.smtp import NotSent, Outcome, Reason, RelayDown, Replied
from tests.name_server import Zone, resolver_elsewhere, resolver_of
from tests.smtp_server import Act, Answer, Script, Server, certificate, serve

CONTENT = b"Subject: a bulletin\r\n\r\nthe text\r\n"


@dataclass(eq=False)
class Batch:
    """A batch that keeps what became of its deliveries; `ended` is set when all that was offered has ended."""

    provider: str = OTHER
    open: set[int] = field(default_factory=set)
    composed: list[int] = field(default_factory=list)
    outcomes: dict[str, tuple[Outcome, str]] = field(default_factory=dict)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def compose(self, due: DueDelivery) -> Message | None:
        self.composed.append(due.id)
        return Message(due.id, "news@sender.test", due.address, f"<{due.id}@sender.test>", CONTENT, False, f"d{due.id}")

    def settled(self, due: DueDelivery, outcome: Outcome, relay: str) -> None:
        assert due.id in self.open, "settled twice"
        self.open.remove(due.id)
        self.outcomes[due.address] = (outcome, relay)
        if not self.open:
            self.ended.set()

    def refused(self, dues: object, down: RelayDown) -> None:
        raise AssertionError(f"no domain may refuse the whole batch: {down}")

    def host(self, address: str) -> str:
        """Through what it went."""
        return self.outcomes[address][1]

    def code(self, address: str) -> int:
        """The code of the reply that it got."""
        outcome, _ = self.outcomes[address]
        assert isinstance(outcome, Replied), outcome
        return outcome.reply.code


@dataclass
class Net:
    """A small Internet: hosts by name, each at an address of its own; all listen on the same port."""

    direct: Direct
    servers: Mapping[str, Server]
    zone: dict[str, list[str] | dns.rcode.Rcode | None]
    queries: list[str]
    batch: Batch = field(default_factory=Batch)

    async def send(self, *addresses: str) -> Batch:
        """Offer deliveries for these addresses, and wait until all have ended."""
        self.offer(*addresses)
        async with asyncio.timeout(10):
            await self.batch.ended.wait()
        return self.batch

    def offer(self, *addresses: str) -> None:
        first = 1 + len(self.batch.open) + len(self.batch.outcomes)
        dues = [DueDelivery(number, address, None, None, 0, None) for number, address in enumerate(addresses, first)]
        self.batch.open |= {due.id for due in dues}
        self.batch.ended.clear()
        self.direct.offer(self.batch, dues)


@asynccontextmanager
async def net(
    zone: Zone, scripts: Mapping[str, Script | None], options: str = "", *, on_loopback: bool = True
) -> AsyncIterator[Net]:
    """The hosts of `scripts`, all with an address record; nobody listens where there is no script."""
    addresses = {host: f"127.0.0.{number}" for number, host in enumerate(scripts, 1)}
    records: dict[str, list[str] | dns.rcode.Rcode | None] = {**{f"{host} A": [a] for host, a in addresses.items()}, **zone}
    async with AsyncExitStack() as stack:
        resolver, server = await stack.enter_async_context(resolver_of(records))
        servers: dict[str, Server] = {}
        port = 0
        for host, script in scripts.items():
            if script is not None:
                servers[host] = await stack.enter_async_context(serve(script, addresses[host], port))
                port = servers[host].port
        relay = replace(parse_relays(f"mx://?helo=mail.sender.test{options}")[0], port=port or 1)
        routes = Routes(resolver, random.Random(1), on_loopback=on_loopback)
        direct = Direct(relay, routes, ProviderTable.load())
        yield Net(direct, servers, records, server.queries)
        async with asyncio.timeout(10):
            await direct.close()


def in_net(
    zone: Zone,
    scripts: Mapping[str, Script | None],
    story: Callable[[Net], Coroutine[None, None, None]],
    options: str = "",
    *,
    on_loopback: bool = True,
) -> None:
    """Run a story in a net."""

    async def run() -> None:
        async with net(zone, scripts, options, on_loopback=on_loopback) as made:
            await story(made)

    asyncio.run(run())


def answering(answers: Mapping[str, Answer]) -> Script:
    """A server that gives its own answer to lines that begin with a word."""

    def answer(line: str, connection: int) -> Answer:
        return next((given for start, given in answers.items() if line.upper().startswith(start)), None)

    return Script(answer=answer)


def test_each_domain_s_mail_goes_to_the_host_that_it_prefers() -> None:
    async def story(net: Net) -> None:
        batch = await net.send("a@one.test", "b@Two.test", "c@one.test")
        assert batch.host("a@one.test") == "mx/mx1.test"
        assert batch.host("b@Two.test") == "mx/mx2.test"
        assert {batch.code(address) for address in batch.outcomes} == {250}
        assert [mail.rcpt[0].split(">")[0] for mail in net.servers["mx2.test"].accepted] == ["RCPT TO:<b@Two.test"]
        assert net.servers["mx1.test"].lines[0][1] == "EHLO mail.sender.test"

    zone: Zone = {"one.test MX": ["10 mx1.test.", "20 mx2.test."], "two.test MX": ["10 mx2.test."]}
    in_net(zone, {"mx1.test": Script(), "mx2.test": Script()}, story)


def test_a_domain_without_mx_is_its_own_host() -> None:
    async def story(net: Net) -> None:
        assert (await net.send("a@inst.test")).host("a@inst.test") == "mx/inst.test"

    in_net({}, {"inst.test": Script()}, story)


GOING_ON = {
    "nobody listens": None,
    "it refuses us at its greeting": Script(greeting=b"554 5.7.1 go away\r\n"),
    "it is too busy at its greeting": Script(greeting=b"421 4.3.2 not now\r\n"),
    "it hangs up at once": Script(greeting=Act.CLOSE),
    "it hangs up at RCPT": answering({"RCPT": Act.CLOSE}),
    "it speaks another language": Script(greeting=b"SSH-2.0-OpenSSH_9.9\r\n"),
}


@pytest.mark.parametrize("first", GOING_ON.values(), ids=GOING_ON)
def test_where_a_host_does_not_answer_for_a_message_the_next_one_is_tried(first: Script | None) -> None:
    async def story(net: Net) -> None:
        addresses = [f"reader{number}@inst.test" for number in range(5)]
        batch = await net.send(*addresses)
        assert {batch.host(address) for address in addresses} == {"mx/second.test"}
        assert {batch.code(address) for address in addresses} == {250}
        await net.send("later@inst.test")
        assert batch.code("later@inst.test") == 250

    zone: Zone = {"inst.test MX": ["10 first.test.", "20 second.test."]}
    in_net(zone, {"second.test": Script(), "first.test": first}, story)


def test_a_host_that_refuses_a_recipient_has_answered_for_it() -> None:
    async def story(net: Net) -> None:
        batch = await net.send("a@inst.test")
        assert (batch.code("a@inst.test"), batch.host("a@inst.test")) == (550, "mx/first.test")
        assert net.servers["second.test"].connections == 0

    zone: Zone = {"inst.test MX": ["10 first.test.", "20 second.test."]}
    in_net(zone, {"first.test": answering({"RCPT": b"550 5.1.1 no such user\r\n"}), "second.test": Script()}, story)


def test_a_domain_that_cannot_be_reached_costs_only_itself() -> None:
    async def story(net: Net) -> None:
        live = [f"reader{number}@live.test" for number in range(20)]
        batch = await net.send("a@dead.test", *live[:10], "b@dead.test", *live[10:])
        assert {batch.code(address) for address in live} == {250}
        for address in ("a@dead.test", "b@dead.test"):
            outcome, _ = batch.outcomes[address]
            assert isinstance(outcome, NotSent)
            assert "no connection" in outcome.detail

    zone: Zone = {"live.test MX": ["10 mx.test."], "dead.test MX": ["10 gone1.test.", "20 gone2.test."]}
    in_net(zone, {"mx.test": Script(), "gone1.test": None, "gone2.test": None}, story)


def test_a_host_that_was_down_a_moment_ago_is_not_tried_again_at_once() -> None:
    async def story(net: Net) -> None:
        await net.send("a@inst.test")
        connections = net.servers["busy.test"].connections
        outcome, host = (await net.send("b@inst.test")).outcomes["b@inst.test"]
        assert isinstance(outcome, Replied)
        assert (outcome.reply.code, outcome.reply.command, host) == (554, Command.CONNECT, "mx/busy.test")
        assert net.servers["busy.test"].connections == connections

    in_net({"inst.test MX": ["10 busy.test."]}, {"busy.test": Script(greeting=b"554 5.7.1 your address is listed\r\n")}, story)


@pytest.mark.parametrize("records", [{"inst.test MX": ["0 ."]}, {}])
def test_a_domain_that_takes_no_mail_is_answered_for_by_the_dns(records: Zone) -> None:
    async def story(net: Net) -> None:
        outcome, host = (await net.send("a@inst.test")).outcomes["a@inst.test"]
        assert isinstance(outcome, Replied)
        assert outcome.reply.enhanced in ("5.1.10", "5.1.2")
        assert host == "mx"

    in_net(records, {"mx.test": Script()}, story)


def test_a_name_server_that_fails_puts_off_and_another_domain_goes_on() -> None:
    async def story(net: Net) -> None:
        batch = await net.send("a@broken.test", "b@inst.test")
        outcome, _ = batch.outcomes["a@broken.test"]
        assert isinstance(outcome, NotSent)
        assert batch.code("b@inst.test") == 250

    zone: Zone = {"broken.test MX": dns.rcode.SERVFAIL, "inst.test MX": ["10 mx.test."]}
    in_net(zone, {"mx.test": Script()}, story)


def test_many_recipients_of_a_domain_cost_one_lookup_and_share_connections() -> None:
    async def story(net: Net) -> None:
        await net.send(*(f"reader{number}@inst.test" for number in range(30)))
        await net.send(*(f"reader{number}@inst.test" for number in range(30, 60)))
        assert net.queries.count("inst.test MX") == 1
        server = net.servers["mx.test"]
        assert len(server.accepted) == 60
        assert server.most_open == 1  # what an unknown provider is begun with
        assert server.connections == 6  # with ten messages each

    in_net({"inst.test MX": ["10 mx.test."]}, {"mx.test": Script()}, story)


def test_a_provider_is_known_by_its_host_and_has_its_own_limits() -> None:
    async def story(net: Net) -> None:
        await net.send(*(f"reader{number}@inst.test" for number in range(16)))
        assert net.servers["mxbiz1.qq.com"].connections == 2  # eight messages each

    in_net({"inst.test MX": ["5 mxbiz1.qq.com."]}, {"mxbiz1.qq.com": Script()}, story)


def test_tls_is_used_unverified_where_it_is_offered() -> None:
    async def story(net: Net) -> None:
        await net.send("a@inst.test")
        assert net.servers["mx.test"].accepted[0].tls

    script = Script(start_tls=certificate("another.test").server)
    in_net({"inst.test MX": ["10 mx.test."]}, {"mx.test": script}, story)


def test_a_host_whose_tls_is_broken_gets_its_mail_without() -> None:
    async def story(net: Net) -> None:
        batch = await net.send("a@inst.test")
        assert batch.code("a@inst.test") == 250
        assert not net.servers["mx.test"].accepted[0].tls

    script = answering({"STARTTLS": b"454 4.7.0 not available\r\n"})
    script.start_tls = certificate("mx.test").server
    in_net({"inst.test MX": ["10 mx.test."]}, {"mx.test": script}, story)


def test_where_tls_is_required_nothing_goes_without() -> None:
    async def story(net: Net) -> None:
        outcome, _ = (await net.send("a@inst.test")).outcomes["a@inst.test"]
        assert isinstance(outcome, NotSent)
        assert net.servers["mx.test"].accepted == []

    in_net({"inst.test MX": ["10 mx.test."]}, {"mx.test": Script()}, story, "&starttls=require")


def test_what_no_connection_has_begun_can_be_withdrawn() -> None:
    async def story(net: Net) -> None:
        net.offer("a@inst.test", "b@silent.test")
        assert net.direct.withdraw(net.batch) == 2
        net.batch.open.clear()
        await net.send("c@inst.test")
        assert list(net.batch.outcomes) == ["c@inst.test"]
        assert len(net.servers["mx.test"].accepted) == 1

    in_net({"inst.test MX": ["10 mx.test."], "silent.test MX": None}, {"mx.test": Script()}, story)


def test_what_is_under_way_when_its_batch_withdraws_goes_to_no_other_host() -> None:
    script = Script()

    async def story(net: Net) -> None:
        def answer(line: str, connection: int) -> Answer:
            if not line.startswith("RCPT"):
                return None
            assert net.direct.withdraw(net.batch) == 0
            return Act.CLOSE

        script.answer = answer
        outcome, host = (await net.send("a@inst.test")).outcomes["a@inst.test"]
        assert isinstance(outcome, NotSent)
        assert host == "mx/first.test"
        assert net.servers["second.test"].connections == 0

    in_net({"inst.test MX": ["10 first.test.", "20 second.test."]}, {"first.test": script, "second.test": Script()}, story)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - what is waited for has no event of its own
            await asyncio.sleep(0)


async def lose_patience(net: Net, begun: int) -> None:
    """Let those who wait for a host have waited for too long, once `begun` of all that are offered have begun."""
    waiting = [journey for journeys in net.direct._journeys.values() for journey in journeys]
    await until(lambda: all(journey._outlet is not None for journey in waiting) and len(net.batch.composed) >= begun)
    for journey in waiting:
        journey._wait_no_longer()


def busy(batch: Batch, *addresses: str) -> bool:
    outcomes = [batch.outcomes[address][0] for address in addresses]
    return all(isinstance(outcome, NotSent) and outcome.reason is Reason.BUSY for outcome in outcomes)


def test_a_host_that_is_silent_keeps_one_message_and_holds_up_no_other_domain() -> None:
    async def story(net: Net) -> None:
        net.offer("a@silent.test", "b@silent.test", "c@silent.test")
        await lose_patience(net, 1)
        assert busy(net.batch, "b@silent.test", "c@silent.test")
        net.offer("d@silent.test", "e@live.test")
        await until(lambda: len(net.batch.open) == 1)
        assert busy(net.batch, "d@silent.test")
        assert net.batch.code("e@live.test") == 250
        assert net.servers["silent.test"].connections == 1
        net.direct.abandon()

    in_net({}, {"live.test": Script(), "silent.test": Script(greeting=Act.HANG)}, story)


def test_a_host_that_answers_again_has_its_mail_again() -> None:
    async def story(net: Net) -> None:
        net.offer("a@slow.test", "b@slow.test")
        await lose_patience(net, 1)
        await net.send("c@slow.test")
        assert busy(net.batch, "b@slow.test", "c@slow.test")
        assert net.batch.code("a@slow.test") == 250
        assert (await net.send("d@slow.test")).code("d@slow.test") == 250

    in_net({}, {"slow.test": Script()}, story)


def test_nobody_waits_for_the_next_host_of_a_copy_that_is_given_up() -> None:
    zone: Zone = {
        "inst.test MX": ["10 first.test.", "20 second.test."],
        "first.test A": ["127.0.0.1"],
        "second.test A": ["127.0.0.2"],
    }
    messages = [
        Message(key, "news@sender.test", "a@inst.test", f"<{key}@sender.test>", CONTENT, False, f"d{key}") for key in range(3)
    ]
    give_up, ended = threading.Event(), Future[dict[int, Outcome]]()

    async def story(resolver: dns.asyncresolver.Resolver) -> dict[int, Outcome]:
        async with (
            serve(answering({"RCPT": Act.CLOSE}), "127.0.0.1") as first,
            serve(Script(greeting=Act.HANG), "127.0.0.2", first.port) as second,
        ):
            relay = replace(parse_relays("mx://?helo=mail.sender.test")[0], port=first.port)
            copies = hand_over(relay, messages, lambda rng: Routes(resolver, rng, on_loopback=True), give_up)
            threading.Thread(target=lambda: ended.set_result(dict(copies)), daemon=True).start()
            await until(lambda: sum(line.startswith("RCPT") for _, line in first.lines) >= 2 and second.connections == 1)
            give_up.set()
            async with asyncio.timeout(10):
                return await asyncio.wrap_future(ended)

    with resolver_elsewhere(zone) as (resolver, _):
        outcomes = asyncio.run(story(resolver))
    assert {outcome.reason for outcome in outcomes.values() if isinstance(outcome, NotSent)} == {Reason.STOPPED}


def test_no_domain_leads_back_to_this_machine() -> None:
    async def story(net: Net) -> None:
        outcome, _ = (await net.send("a@inst.test")).outcomes["a@inst.test"]
        assert isinstance(outcome, NotSent)
        assert net.servers["mx.test"].connections == 0

    in_net({"inst.test MX": ["10 mx.test."]}, {"mx.test": Script()}, story, on_loopback=False)


def test_hosts_that_nobody_needs_any_more_are_left() -> None:
    async def story(net: Net) -> None:
        for number in range(150):
            await net.send(f"reader@inst{number}.test")
        assert len(net.batch.outcomes) == 150
        assert net.servers["mx.test"].open_now <= 130

    zone: dict[str, list[str] | dns.rcode.Rcode | None] = {}
    for number in range(150):
        zone |= {f"inst{number}.test MX": [f"10 mx{number}.test."], f"mx{number}.test A": ["127.0.0.1"]}
    in_net(zone, {"mx.test": Script()}, story)
