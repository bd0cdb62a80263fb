"""Many connections, one relay: how they are opened, limited, lost, opened again, drained and stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from mailer.smtp import Client, Deadlines, InDoubt, NotSent, Outcome, Reason, Replied
from mailer.smtp import client as smtp
from tests.integration.smtp.harness import PATIENT, QUICK, ListFeed, Mail, mail, relay_at, send, within
from tests.smtp_server import ALL_EXTENSIONS, Act, Answer, Script, Server, serve

MANY = [mail(key) for key in range(1, 201)]


def client_for(server: Server, feed: ListFeed, connections: int = 1, **options: object) -> Client:
    settings: dict[str, object] = {"messages_per_connection": 100, "deadlines": PATIENT, **options}
    return Client(relay_at(server.port), feed, connections=connections, **settings)  # type: ignore[arg-type]


async def until(condition: Callable[[], object]) -> None:
    """Let the loop turn until the condition holds; one that never does fails its test."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - neither side has an event to wait for, and the loop is never blocked
            await asyncio.sleep(0)


def test_all_messages_go_out_once_over_many_connections() -> None:
    sent = send(Script(), MANY, connections=8)
    assert sorted(accepted.content for accepted in sent.server.accepted) == sorted(message.content for message in MANY)
    assert {sent.code(message.key) for message in MANY} == {250}
    assert sent.server.connections == 8


def test_no_more_connections_are_opened_than_messages_need() -> None:
    assert send(Script(), [mail(1)], connections=16).server.connections == 1
    assert send(Script(), [], connections=16).server.connections == 0


@pytest.mark.parametrize(("limits", "ours"), [("LIMITS MAILMAX=2", 100), ("LIMITS MAILMAX=7", 2), ("8BITMIME", 2)])
def test_a_connection_carries_no_more_than_server_and_we_allow(limits: str, ours: int) -> None:
    sent = send(Script(extensions=("PIPELINING", limits)), [mail(key) for key in range(1, 6)], per_connection=ours)
    assert [accepted.connection for accepted in sent.server.accepted] == [1, 1, 2, 2, 3]
    assert [sent.server.verbs(number)[-1] for number in (1, 2, 3)] == ["QUIT"] * 3
    assert sent.server.most_open == 1


def test_refused_messages_count_for_the_limit_too() -> None:
    def answer(line: str, _: int) -> Answer:
        return b"550 no\r\n" if line.startswith("RCPT TO:<member1@") else None

    sent = send(Script(answer=answer), [mail(key) for key in (1, 2, 3)], per_connection=2)
    assert [accepted.connection for accepted in sent.server.accepted] == [1, 2]


def test_a_lost_connection_is_opened_again_while_others_go_on() -> None:
    def answer(line: str, number: int) -> Answer:
        return Act.CLOSE if number == 2 and line == "." else None

    sent = send(Script(answer=answer), MANY, connections=3)
    assert sent.down is None
    assert sent.server.connections == 4
    lost = [outcome for outcome in sent.outcomes.values() if not isinstance(outcome, Replied)]
    assert [type(outcome) for outcome in lost] == [InDoubt, NotSent] or [type(o) for o in lost] == [InDoubt]


def test_connections_that_the_relay_does_not_give_are_done_without() -> None:
    def answer(line: str, number: int) -> Answer:
        return b"421 4.7.0 too many connections\r\n" if number > 2 and line.startswith("EHLO") else None

    sent = send(Script(answer=answer), MANY, connections=8, per_connection=1000)
    assert sent.down is None
    assert {sent.code(message.key) for message in MANY} == {250}
    assert sent.server.connections == 8
    assert {accepted.connection for accepted in sent.server.accepted} == {1, 2}


def test_a_connection_that_the_relay_did_not_give_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "_REST", 0.0)

    def answer(line: str, number: int) -> Answer:
        if 2 <= number <= 4 and line.startswith("EHLO"):
            return b"421 4.7.0 too many connections\r\n"
        return Act.HANG if number == 1 and line == "." else None

    async def scenario() -> Server:
        async with serve(Script(extensions=(), answer=answer)) as server:
            running = asyncio.create_task(client_for(server, ListFeed(MANY), connections=2, messages_per_connection=1000).run())
            await until(lambda: len(server.accepted) == len(MANY) - 1)
            running.cancel()
            return server

    assert {accepted.connection for accepted in asyncio.run(scenario()).accepted} == {5}


def test_a_relay_that_goes_down_in_the_middle_is_down() -> None:
    def answer(line: str, number: int) -> Answer:
        if line.startswith("EHLO"):
            return b"421 4.3.2 shutting down\r\n" if number > 2 else None
        return Act.CLOSE if line.startswith("MAIL") and int(line.split("@", maxsplit=1)[0].rpartition("-")[2]) > 20 else None

    sent = send(Script(answer=answer), MANY, connections=2)
    assert sent.down is not None
    assert (sent.down.reason, sent.down.reply and sent.down.reply.code) == (Reason.CLOSING, 421)
    assert len(sent.server.accepted) == len([o for o in sent.outcomes.values() if isinstance(o, Replied)])
    assert len(sent.feed.messages) > 100  # nothing was taken in order to be failed


def test_a_relay_that_drops_every_session_before_an_answer_is_down_after_two() -> None:
    def answer(line: str, _: int) -> Answer:
        return b"421 4.7.0 try again later\r\n" if line.startswith("MAIL") else None

    sent = send(Script(answer=answer), MANY)
    assert sent.down is not None
    assert (sent.down.reason, sent.server.connections, sent.feed.taken) == (Reason.CLOSING, 2, [1, 2])


def test_an_idle_connection_takes_what_comes_later() -> None:
    async def scenario() -> tuple[Server, dict[int, Outcome]]:
        async with serve() as server:
            feed = ListFeed([mail(1)], open_ended=True)
            client = client_for(server, feed, connections=4)
            running = asyncio.create_task(client.run())
            await until(lambda: len(feed.settled) >= 1)
            feed.messages.append(mail(2))
            client.wake()
            client.wake()
            await until(lambda: len(feed.settled) >= 2)
            feed.open_ended = False
            client.wake()
            await within(running)
            return server, feed.outcomes()

    server, outcomes = asyncio.run(scenario())
    assert all(isinstance(outcome, Replied) for outcome in outcomes.values())
    assert server.connections == 1
    assert server.verbs()[-1] == "QUIT"


def test_an_idle_connection_says_quit_and_a_new_one_is_opened_when_needed() -> None:
    async def scenario() -> Server:
        async with serve() as server:
            feed = ListFeed([mail(1)], open_ended=True)
            client = client_for(server, feed, deadlines=QUICK)
            running = asyncio.create_task(client.run())
            await until(lambda: server.connections and not server.open_now)
            feed.messages.append(mail(2))
            feed.open_ended = False
            client.wake()
            await within(running)
            assert len(feed.outcomes()) == 2
            return server

    server = asyncio.run(scenario())
    assert [server.verbs(number)[-1] for number in (1, 2)] == ["QUIT", "QUIT"]


def test_a_server_may_end_an_idle_session() -> None:
    async def scenario(*goodbye: bytes | Act) -> Server:
        def answer(line: str, number: int) -> Answer:
            return (b"250 2.0.0 ok\r\n", *goodbye) if line == "." and number == 1 else None

        async with serve(Script(answer=answer)) as server:
            feed = ListFeed([mail(1)], open_ended=True)
            client = client_for(server, feed)
            running = asyncio.create_task(client.run())
            await until(lambda: len(feed.settled) >= 1)
            await until(lambda: not server.open_now)
            for _ in range(20):  # so that our end has heard of it
                await asyncio.sleep(0)
            feed.messages.append(mail(2))
            feed.open_ended = False
            client.wake()
            await within(running)
            assert all(isinstance(outcome, Replied) for outcome in feed.outcomes().values())
            return server

    assert asyncio.run(scenario(b"421 4.4.2 idle too long\r\n", Act.CLOSE)).connections == 2
    assert asyncio.run(scenario(Act.CLOSE)).connections == 2


def test_draining_finishes_what_is_in_flight_and_says_quit() -> None:
    async def scenario() -> tuple[Server, ListFeed]:
        async with serve() as server:
            feed = ListFeed(MANY)
            client = client_for(server, feed, connections=3)
            running = asyncio.create_task(client.run())
            await until(lambda: len(feed.settled) >= 20)
            await within(client.drain())
            await within(running)
            return server, feed

    server, feed = asyncio.run(scenario())
    assert all(isinstance(outcome, Replied) for outcome in feed.outcomes().values())
    assert len(server.accepted) == len(feed.taken) < len(MANY)
    assert {server.verbs(number)[-1] for number in range(1, server.connections + 1)} == {"QUIT"}


def test_draining_does_not_wait_for_connections_that_are_being_opened() -> None:
    async def scenario() -> dict[int, Outcome]:
        async with serve(Script(greeting=Act.HANG)) as server:
            feed = ListFeed(MANY)
            client = client_for(server, feed, connections=3)
            running = asyncio.create_task(client.run())
            await until(lambda: server.connections)
            await within(client.drain())
            await within(running)
            return feed.outcomes()

    assert [outcome.reason for outcome in asyncio.run(scenario()).values() if isinstance(outcome, NotSent)] == [Reason.STOPPED]


def test_a_connection_that_nobody_needs_any_more_is_not_waited_for() -> None:
    """The first has carried everything before the second was greeted."""

    def answer(line: str, number: int) -> Answer:
        return Act.HANG if number > 1 and line.startswith("EHLO") else None

    sent = send(Script(answer=answer), MANY, connections=2, per_connection=1000, deadlines=Deadlines())
    assert sent.server.connections == 2
    assert {sent.code(message.key) for message in MANY} == {250}


def test_a_cancelled_client_settles_what_was_under_way() -> None:
    def answer(line: str, _: int) -> Answer:
        return Act.HANG if line == "." else None

    async def scenario() -> tuple[Server, dict[int, Outcome]]:
        async with serve(Script(answer=answer)) as server:
            feed = ListFeed(MANY)
            running = asyncio.create_task(client_for(server, feed).run())
            await until(lambda: server.dots)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            return server, feed.outcomes()

    _, outcomes = asyncio.run(scenario())
    assert isinstance(outcomes[1], InDoubt)
    assert isinstance(outcomes[2], NotSent)
    assert outcomes.keys() == {1, 2}


def test_what_waits_for_a_connection_when_the_client_is_cancelled_was_stopped_and_not_refused() -> None:
    """A connection that was refused has nothing to do with it: whoever hears of the refusal waits for RelayDown."""

    def answer(line: str, number: int) -> Answer:
        if number > 1 and line.startswith("EHLO"):
            return b"421 4.7.0 too many connections\r\n"
        return Act.HANG if line == "." else None

    async def scenario() -> dict[int, Outcome]:
        async with serve(Script(extensions=(), answer=answer)) as server:
            feed = ListFeed(MANY)
            client = client_for(server, feed, connections=2)
            running = asyncio.create_task(client.run())
            await until(lambda: server.dots and client.connections == 1)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            return feed.outcomes()

    outcomes = asyncio.run(scenario())
    assert isinstance(outcomes[1], InDoubt)
    assert [outcome.reason for outcome in outcomes.values() if isinstance(outcome, NotSent)] == [Reason.STOPPED]


@pytest.mark.parametrize("where", ["take", "settle"])
def test_what_the_feed_raises_reaches_the_one_who_runs_the_client(where: str) -> None:
    class Broken(ListFeed):
        def take(self, behind: int | None = None) -> Mail | None:
            if where == "take" and len(self.taken) == 3:
                raise ZeroDivisionError
            return super().take(behind)

        def settle(self, key: int, outcome: Outcome) -> None:
            if where == "settle" and key == 3:
                raise ZeroDivisionError
            super().settle(key, outcome)

    async def scenario() -> None:
        async with serve() as server:
            await within(client_for(server, Broken(MANY), connections=2).run())

    with pytest.raises(ZeroDivisionError):
        asyncio.run(scenario())


@pytest.mark.parametrize("answered", [True, False])
def test_the_second_message_is_settled_although_the_feed_raises_for_the_first(answered: bool) -> None:
    """The envelope of the second has left by then."""

    class Broken(ListFeed):
        def settle(self, key: int, outcome: Outcome) -> None:
            super().settle(key, outcome)
            if key == 1:
                raise ZeroDivisionError

    def answer(line: str, _: int) -> Answer:
        return Act.CLOSE if line == "." and not answered else None

    async def scenario() -> ListFeed:
        async with serve(Script(answer=answer)) as server:
            feed = Broken(MANY)
            with pytest.raises(ZeroDivisionError):
                await within(client_for(server, feed).run())
            return feed

    outcomes = asyncio.run(scenario()).outcomes()
    assert isinstance(outcomes[1], Replied if answered else InDoubt)
    assert isinstance(outcomes[2], NotSent)


@pytest.mark.parametrize("at", [1, 2])
def test_a_message_whose_envelope_has_left_is_settled_although_the_feed_raises_when_the_next_is_taken(at: int) -> None:
    class Broken(ListFeed):
        def take(self, behind: int | None = None) -> Mail | None:
            if len(self.taken) == at:
                raise ZeroDivisionError
            return super().take(behind)

    async def scenario() -> ListFeed:
        async with serve() as server:
            feed = Broken(MANY)
            with pytest.raises(ZeroDivisionError):
                await within(client_for(server, feed).run())
            return feed

    outcomes = asyncio.run(scenario()).outcomes()
    assert {key: type(outcome) for key, outcome in outcomes.items()} == dict.fromkeys(range(1, at), Replied) | {at: NotSent}


def test_the_same_holds_under_uvloop() -> None:
    uvloop = pytest.importorskip("uvloop", reason="uvloop is an optional extra")

    def answer(line: str, _: int) -> Answer:
        return b"550 no\r\n" if line.startswith("RCPT TO:<member7@") else None

    sent = send(Script(answer=answer, portion=3), MANY, connections=4, runner=uvloop.run)
    assert [key for key in sent.outcomes if sent.code(key) == 550] == [7]
    assert len(sent.server.accepted) == len(MANY) - 1


def test_a_connection_under_all_extensions_is_reused() -> None:
    sent = send(Script(extensions=ALL_EXTENSIONS), MANY)
    assert [len(sent.server.verbs(number)) for number in (1, 2)] == [302, 302]
