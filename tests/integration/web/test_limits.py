"""One visitor cannot take the pages from others, and what mail services ask is never refused."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import redis
import uvicorn
from sqlalchemy import Engine, create_engine, text
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from mailer.tokens import Purpose, Tokens
from mailer.web import server as web_server
from mailer.web.app import create_app
from mailer.web.limits import LIMITS, MISSES, RateLimits
from mailer.web.patience import BodyPatience, ImpatientProtocol
from subscribers.db import transaction
from tests.integration.web.client import Answer, Client, running
from tests.integration.web.mailing import Sent, send


@pytest.fixture
def sent(engine: Engine) -> Sent:
    with transaction(engine) as connection:
        return send(connection, ["zhangsan@cas.example.org"])


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same limits, each reached after a few requests."""
    few = tuple(type(limit)(limit.name, limit.prefix, limit.method, 5) for limit in LIMITS)
    monkeypatch.setattr("mailer.web.limits.LIMITS", few)
    monkeypatch.setattr("mailer.web.limits.MISSES", type(MISSES)(MISSES.name, MISSES.prefix, None, 5))


@pytest.mark.usefixtures("small")
def test_who_asks_too_much_is_told_to_wait_a_minute(
    client: Client, tokens: Tokens, sent: Sent, redis_client: redis.Redis
) -> None:
    path = f"/u/{tokens.sign(Purpose.UNSUBSCRIBE, sent.delivery_ids[0])}"
    answers = [client.get(path) for _ in range(7)]
    assert [answer.status for answer in answers] == [200] * 5 + [429] * 2
    assert answers[-1].headers["retry-after"] == "60"
    assert "一分钟后再试" in answers[-1].text
    assert answers[-1].headers["x-content-type-options"] == "nosniff"
    keys = list(redis_client.scan_iter("jianbao:limit:*"))
    assert keys
    assert all(0 < int(redis_client.ttl(key)) <= 60 for key in keys)
    assert not [key for key in keys if b"127.0.0.1" in key]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("peers", "refused"),
    [
        ([f"2001:db8:1:2::{number:x}" for number in range(7)], 2),
        ([f"2001:db8:1:{number}::1" for number in range(7)], 0),
        ([f"::ffff:203.0.113.{number}" for number in range(7)], 0),
        ([f"203.0.113.{number}" for number in range(7)], 0),
    ],
)
def test_whoever_may_take_any_address_of_a_network_is_one_visitor(client: Client, peers: list[str], refused: int) -> None:
    statuses = [client.request("GET", "/join/members", peer=peer).status for peer in peers]
    assert statuses == [404] * (7 - refused) + [429] * refused


@pytest.mark.usefixtures("small")
def test_refusals_are_logged_in_the_same_words_and_so_once_a_minute(client: Client) -> None:
    with capture_logs() as logged:
        client.together(*[("GET", "/p/a")] * 9)
    refused = [entry for entry in logged if entry["event"] == "too_many_requests"]
    assert refused == refused[:1] * 4


@pytest.mark.usefixtures("small")
def test_a_rush_of_one_visitor_is_counted_to_the_last(client: Client, tokens: Tokens, sent: Sent) -> None:
    path = f"/u/{tokens.sign(Purpose.UNSUBSCRIBE, sent.delivery_ids[0])}"
    statuses = [answer.status for answer in client.together(*[("GET", path)] * 400)]
    assert sorted(statuses) == [200] * 5 + [429] * 395


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("asked", [("POST", "/join/members"), ("GET", "/join/members"), ("GET", "/s/a"), ("POST", "/s/a")])
def test_who_signs_up_too_often_is_told_to_wait_too(client: Client, asked: tuple[str, str]) -> None:
    assert [client.request(*asked).status for _ in range(6)] == [404] * 5 + [429]


@pytest.mark.usefixtures("small")
def test_one_click_the_pixel_and_the_links_are_never_refused(
    client: Client, engine: Engine, tokens: Tokens, sent: Sent
) -> None:
    delivery = sent.delivery_ids[0]
    for _ in range(8):
        client.get("/nothing")
        client.get(f"/u/{tokens.sign(Purpose.UNSUBSCRIBE, delivery)}")
    for _ in range(8):
        assert client.get(f"/o/{tokens.sign(Purpose.OPEN, delivery)}.gif").status == 200
        assert client.get(f"/c/{tokens.sign(Purpose.CLICK, delivery)}.0").status == 302
        assert client.post(f"/u/{tokens.sign(Purpose.UNSUBSCRIBE, delivery)}", b"List-Unsubscribe=One-Click").status == 200
    with transaction(engine) as connection:
        assert connection.execute(text("SELECT state FROM subscription")).scalars().all() == ["unsubscribed"]


@pytest.mark.usefixtures("small")
def test_who_guesses_tokens_has_to_wait_for_every_page(client: Client, tokens: Tokens, sent: Sent) -> None:
    for number in range(6):
        assert client.get(f"/c/{'a' * 31}{'abcdefg'[number]}.0").status == 404
    assert client.get(f"/v/{tokens.sign(Purpose.VIEW, sent.delivery_ids[0])}").status == 429


def test_what_browsers_ask_for_by_themselves_is_no_guess(client: Client, tokens: Tokens, sent: Sent) -> None:
    for name in ("favicon.ico", "apple-touch-icon.png", ".well-known/traffic-advice"):
        assert {answer.status for answer in client.together(*[("GET", f"/{name}")] * (MISSES.each_minute // 2))} == {404}
    assert client.get(f"/u/{tokens.sign(Purpose.UNSUBSCRIBE, sent.delivery_ids[0])}").status == 200


def test_a_broker_that_hangs_is_asked_one_question_for_a_page(
    engine: Engine, tokens: Tokens, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailer.web.app._REDIS_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with running(create_app(engine, f"redis://127.0.0.1:{silent.getsockname()[1]}/0", tokens)) as client:
            assert client.get(f"/u/{tokens.sign(Purpose.UNSUBSCRIBE, sent.delivery_ids[0])}").status == 200
        silent.setblocking(False)
        connections = 0
        with suppress(BlockingIOError):
            while True:
                silent.accept()[0].close()
                connections += 1
    assert connections == 2  # the question, and once more


@pytest.mark.usefixtures("redis_client")
def test_pages_that_wait_for_the_database_leave_room_for_hits(
    engine: Engine, redis_url: str, tokens: Tokens, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailer.web.room.MOST_PAGES", 3)
    monkeypatch.setattr("mailer.web.editions.MOST_ASKING", 1)
    purposes = (Purpose.UNSUBSCRIBE, Purpose.OPEN, Purpose.CLICK)
    page, pixel, link = (tokens.sign(purpose, sent.delivery_ids[0]) for purpose in purposes)
    busy = create_engine(engine.url, pool_size=1, max_overflow=0)
    held = busy.connect()
    with asyncio.Runner() as runner:
        app = create_app(busy, redis_url, tokens)
        client = Client(app, runner)

        async def scenario() -> tuple[list[int], list[int], int, list[int]]:
            clicks = [asyncio.create_task(client.ask("GET", f"/c/{link}.0", {}, ())) for _ in range(2)]
            pages = [asyncio.create_task(client.ask("GET", f"/u/{page}", {}, ())) for _ in range(5)]
            refused = [each async for each in _first(pages, 2)]
            hit = await client.ask("GET", f"/o/{pixel}.gif", {}, ())
            other_click = [each async for each in _first(clicks, 1)]
            held.close()
            answers = await asyncio.gather(*pages, *clicks)
            return refused, other_click, hit.status, sorted(answer.status for answer in answers)

        assert runner.run(scenario()) == ([503, 503], [503], 200, [200, 200, 200, 302, 503, 503, 503])
    busy.dispose()


async def _first(tasks: list[asyncio.Task[Answer]], number: int) -> AsyncIterator[int]:
    for each in asyncio.as_completed(tasks):
        yield (await each).status
        number -= 1
        if not number:
            return


def test_without_the_broker_nobody_is_kept_out(engine: Engine, tokens: Tokens, sent: Sent) -> None:
    with running(create_app(engine, "redis://127.0.0.1:1/0", tokens)) as client:
        assert client.get(f"/u/{tokens.sign(Purpose.UNSUBSCRIBE, sent.delivery_ids[0])}").status == 200


def test_each_limit_is_above_what_a_whole_institute_needs() -> None:
    assert min(limit.each_minute for limit in LIMITS) >= 60
    assert not [limit for limit in LIMITS if limit.covers("POST", "/u/token") or limit.covers("GET", "/o/token.gif")]
    assert RateLimits


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    async def endpoint(request: Request) -> Response:
        return PlainTextResponse(str(len(await request.body())))

    app = Starlette(routes=[Route("/", endpoint, methods=["POST"])], middleware=[Middleware(BodyPatience, seconds=0.05)])
    statuses: list[int] = []

    async def never() -> dict[str, object]:
        await asyncio.Event().wait()
        raise AssertionError

    async def note(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(int(str(message["status"])))

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "headers": [],
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
    }
    asyncio.run(app(scope, never, note))  # type: ignore[arg-type]
    assert statuses == [408]


def test_a_head_that_does_not_come_to_its_end_closes_the_connection_and_others_are_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mailer.web.patience.HEAD_SECONDS", 0.3)

    async def endpoint(request: Request) -> Response:
        return PlainTextResponse("ok")

    async def scenario() -> tuple[bytes, bytes]:
        app = Starlette(routes=[Route("/", endpoint)])
        server = uvicorn.Server(uvicorn.Config(app, port=0, http=ImpatientProtocol, log_config=None, lifespan="off"))
        running_server = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0)
        port = server.servers[0].sockets[0].getsockname()[1]
        slow_reader, slow_writer = await asyncio.open_connection("127.0.0.1", port)
        slow_writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answered = await reader.read()
        left = await asyncio.wait_for(slow_reader.read(), timeout=30)
        server.should_exit = True
        await running_server
        for each in (slow_writer, writer):
            each.close()
        return answered, left

    answered, left = asyncio.run(scenario())
    assert answered.startswith(b"HTTP/1.1 200")
    assert left == b""


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux alone can do it")
def test_who_takes_nothing_of_an_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailer.web.patience.ANSWER_SECONDS", 0.3)

    async def scenario() -> None:
        cut_off = asyncio.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": bytes(16 * 1024 * 1024), "more_body": True})
            while (await receive())["type"] != "http.disconnect":
                pass
            cut_off.set()

        listener = web_server._listen("127.0.0.1", 0)
        server = uvicorn.Server(uvicorn.Config(app, http=ImpatientProtocol, log_config=None, lifespan="off"))
        running_server = asyncio.create_task(server.serve(sockets=[listener]))
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            await asyncio.to_thread(client.connect, listener.getsockname())
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await asyncio.wait_for(cut_off.wait(), timeout=30)
        server.should_exit = True
        await running_server

    asyncio.run(scenario())
