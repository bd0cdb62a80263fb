"""The pixel and the tracked links: what is counted, where a click leads, and what happens when a service is away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
import redis
from sqlalchemy import Engine, event, text

from mailer.events import STREAM, Hit, flush
from mailer.models import EventKind
from mailer.tokens import TRIAL_IDS, Purpose, Tokens
from mailer.web.app import create_app
from subscribers.db import make_engine, transaction
from tests.integration.web.client import Client, running
from tests.integration.web.mailing import EDITION, LINKS, NOW, Sent, hits, send

NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture
def sent(engine: Engine) -> Sent:
    with transaction(engine) as connection:
        return send(connection, ["zhang@cas.example.org", "li@cas.example.org"])


def _events(engine: Engine, redis_client: redis.Redis) -> list[Hit]:
    flush(engine, redis_client)
    return hits(engine)


def test_the_pixel_is_43_octets_that_nobody_keeps_and_an_open_is_counted(
    client: Client, engine: Engine, redis_client: redis.Redis, tokens: Tokens, sent: Sent
) -> None:
    answer = client.get(f"/o/{tokens.sign(Purpose.OPEN, sent.delivery_ids[0])}.gif")
    assert (answer.status, answer.headers["content-type"], len(answer.body)) == (200, "image/gif", 43)
    assert answer.body.startswith(b"GIF89a\x01\x00\x01\x00")
    assert answer.headers["cache-control"] == "no-store"
    assert _events(engine, redis_client) == [Hit(sent.delivery_ids[0], EventKind.OPEN, NOW)]


def test_a_forged_token_gets_the_same_pixel_and_counts_nothing(
    client: Client, engine: Engine, redis_client: redis.Redis, tokens: Tokens, sent: Sent
) -> None:
    true = tokens.sign(Purpose.OPEN, sent.delivery_ids[0])
    forged = [
        true[:-1] + ("a" if true[-1] != "a" else "b"),
        tokens.sign(Purpose.CLICK, 1),
        "x",
        "%00",
        "..",
    ]
    expected = client.get(f"/o/{Tokens(b'somebody elses key').sign(Purpose.OPEN, 1)}.gif")
    assert expected.status == 200
    assert all(client.get(f"/o/{token}.gif") == expected for token in forged)
    assert _events(engine, redis_client) == []


def test_a_click_leads_to_the_link_of_that_number_and_is_counted(
    client: Client, engine: Engine, redis_client: redis.Redis, tokens: Tokens, sent: Sent
) -> None:
    token = tokens.sign(Purpose.CLICK, sent.delivery_ids[1])
    answers = [client.get(f"/c/{token}.{number}") for number in range(2)]
    assert [answer.status for answer in answers] == [302, 302]
    assert [answer.headers["location"] for answer in answers] == [LINKS[0], "https://www.example.org/" + quote("成果转化")]
    assert _events(engine, redis_client) == [Hit(sent.delivery_ids[1], EventKind.CLICK, NOW, number) for number in range(2)]


def test_the_site_that_a_link_leads_to_is_not_told_the_token(client: Client, tokens: Tokens, sent: Sent) -> None:
    answer = client.get(f"/c/{tokens.sign(Purpose.CLICK, sent.delivery_ids[0])}.0")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("number", ["2", "-1", "0x0", "٠", "9" * 5000, "1e0", " 0", "+0", "", "0.0", "0/", "0%0d%0aX:y", "_0"])
def test_a_number_that_the_edition_has_no_link_for_leads_nowhere(
    client: Client, redis_client: redis.Redis, tokens: Tokens, sent: Sent, number: str
) -> None:
    answer = client.get(f"/c/{tokens.sign(Purpose.CLICK, sent.delivery_ids[0])}.{quote(number, safe='%/+')}")
    assert answer.status == 404
    assert "链接无效" in answer.text
    assert "location" not in answer.headers
    assert redis_client.xlen(STREAM) == 0


@pytest.mark.parametrize("trial", [TRIAL_IDS[0], TRIAL_IDS[-1]])
def test_the_links_of_a_test_copy_say_that_they_are_of_one(client: Client, tokens: Tokens, trial: int) -> None:
    endings = {Purpose.CLICK: ".0", Purpose.UNSUBSCRIBE: "", Purpose.VIEW: "/receipt"}
    answers = [client.get(f"/{purpose}/{tokens.sign(purpose, trial)}{ending}") for purpose, ending in endings.items()]
    assert [answer.status for answer in answers] == [410] * 3
    assert all("测试邮件" in answer.text for answer in answers)


@pytest.mark.parametrize(
    "query", ["url=https://evil.example", "l=//evil.example", "next=https:evil.example", "r=/\\evil.example"]
)
def test_no_address_in_a_request_says_where_a_click_leads(client: Client, tokens: Tokens, sent: Sent, query: str) -> None:
    token = tokens.sign(Purpose.CLICK, sent.delivery_ids[0])
    assert client.get(f"/c/{token}.0?{query}").headers["location"] == LINKS[0]
    assert client.get(f"/c/{token}.7?{query}").status == 404
    assert client.get(f"/c/{Tokens(b'somebody elses key').sign(Purpose.CLICK, 1)}.0?{query}").status == 404


def test_a_token_for_one_purpose_is_refused_for_every_other(client: Client, tokens: Tokens, sent: Sent) -> None:
    delivery = sent.delivery_ids[0]
    paths = {Purpose.CLICK: "/c/{}.0", Purpose.UNSUBSCRIBE: "/u/{}", Purpose.VIEW: "/v/{}"}
    for purpose in Purpose:
        statuses = {kind: client.get(path.format(tokens.sign(purpose, delivery))).status for kind, path in paths.items()}
        assert statuses == {kind: 404 if kind is not purpose else 302 if kind is Purpose.CLICK else 200 for kind in paths}


def test_head_asks_without_being_counted(
    client: Client, engine: Engine, redis_client: redis.Redis, tokens: Tokens, sent: Sent
) -> None:
    delivery = sent.delivery_ids[0]
    assert client.request("HEAD", f"/o/{tokens.sign(Purpose.OPEN, delivery)}.gif").status == 200
    assert client.request("HEAD", f"/c/{tokens.sign(Purpose.CLICK, delivery)}.0").headers["location"] == LINKS[0]
    assert _events(engine, redis_client) == []


@contextmanager
def _statements(engine: Engine) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(*arguments: Any) -> None:
        seen.append(arguments[2])

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_one_click_warms_the_whole_batch_and_a_pixel_never_asks_the_database(
    client: Client, engine: Engine, tokens: Tokens
) -> None:
    with transaction(engine) as connection:
        sent = send(connection, [f"r{number}@cas.example.org" for number in range(20)])
    client.get(f"/c/{tokens.sign(Purpose.CLICK, sent.delivery_ids[7])}.0")
    with _statements(engine) as statements:
        for delivery in sent.delivery_ids:
            assert client.get(f"/c/{tokens.sign(Purpose.CLICK, delivery)}.1").status == 302
            assert client.get(f"/o/{tokens.sign(Purpose.OPEN, delivery)}.gif").status == 200
    assert statements == []


def test_mailings_whose_delivery_ids_lie_among_each_other_keep_their_own_links(
    client: Client, engine: Engine, tokens: Tokens
) -> None:
    with transaction(engine) as connection:
        first = send(connection, [f"a{number}@cas.example.org" for number in range(6)])
        second = send(
            connection,
            [f"b{number}@cas.example.org" for number in range(6)],
            slug="others",
            number=10,
            edition=replace(EDITION, links=("https://second.example.org/",)),
        )
        moved = {"a": first.delivery_ids[3], "b": second.delivery_ids[3], "free": 10_000}
        for old, new in [("a", "free"), ("b", "a"), ("free", "b")]:
            connection.execute(text("UPDATE delivery SET id = :new WHERE id = :old"), {"old": moved[old], "new": moved[new]})
        connection.execute(
            text("UPDATE batch SET last_id = last_id + 6 WHERE mailing_id = :first"), {"first": first.mailing_id}
        )
    others = "https://second.example.org/"
    expected = dict.fromkeys(first.delivery_ids, LINKS[0]) | dict.fromkeys(second.delivery_ids, others)
    expected |= {first.delivery_ids[3]: others, second.delivery_ids[3]: LINKS[0]}
    for _ in range(2):
        found = {
            delivery: client.get(f"/c/{tokens.sign(Purpose.CLICK, delivery)}.0").headers["location"] for delivery in expected
        }
        assert found == expected


def test_hits_that_come_together_are_all_counted(
    client: Client, engine: Engine, redis_client: redis.Redis, tokens: Tokens, sent: Sent
) -> None:
    pixel = ("GET", f"/o/{tokens.sign(Purpose.OPEN, sent.delivery_ids[0])}.gif")
    assert {answer.status for answer in client.together(*[pixel] * 200)} == {200}
    assert len(_events(engine, redis_client)) == 200


def test_without_the_broker_a_reader_still_gets_the_pixel_and_the_page(engine: Engine, tokens: Tokens, sent: Sent) -> None:
    with running(create_app(engine, NOWHERE, tokens)) as client:
        assert len(client.get(f"/o/{tokens.sign(Purpose.OPEN, sent.delivery_ids[0])}.gif").body) == 43
        assert client.get(f"/c/{tokens.sign(Purpose.CLICK, sent.delivery_ids[0])}.0").headers["location"] == LINKS[0]
        assert client.get("/healthz").status == 503
        assert client.get("/healthz").text == '{"database":"ok","redis":"unreachable"}'


def test_without_the_database_pixels_are_counted_and_pages_say_when_to_come_back(
    redis_client: redis.Redis, redis_url: str, tokens: Tokens, engine: Engine, sent: Sent
) -> None:
    absent = make_engine("postgresql://nobody:secret@127.0.0.1:1/none")
    with running(create_app(absent, redis_url, tokens, clock=lambda: NOW)) as client:
        client.get(f"/o/{tokens.sign(Purpose.OPEN, sent.delivery_ids[0])}.gif")
        answers = [
            client.get(f"/c/{tokens.sign(Purpose.CLICK, sent.delivery_ids[0])}.0"),
            client.get(f"/u/{tokens.sign(Purpose.UNSUBSCRIBE, sent.delivery_ids[0])}"),
            client.post(f"/u/{tokens.sign(Purpose.UNSUBSCRIBE, sent.delivery_ids[0])}", b"from=page"),
        ]
        assert client.get("/healthz").text == '{"database":"unreachable","redis":"ok"}'
    assert {(answer.status, answer.headers["retry-after"]) for answer in answers} == {(503, "120")}
    assert all("几分钟后再试" in answer.text and "secret" not in answer.text for answer in answers)
    assert len(_events(engine, redis_client)) == 1


def test_health_is_ok_where_both_answer(client: Client) -> None:
    answer = client.get("/healthz")
    assert (answer.status, answer.text) == (200, '{"database":"ok","redis":"ok"}')
