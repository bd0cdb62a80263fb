"""Leaving a list: by a mail program's one click, by the page, and back again; and everything that must not leave it."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest
import redis
from redis.asyncio import Redis as AsyncRedis
from sqlalchemy import Engine, create_engine, insert, text
from starlette.applications import Starlette

from mailer.leaving import LEAVING_LATER, catch_up, for_later, leave_by_mail
from mailer.models import Delivery
from mailer.tokens import Purpose, Tokens
from mailer.web.app import create_app
from mailer.web.hits import HitWriter
from mailer.web.spool import Spool
from subscribers.address import parse_address
from subscribers.db import make_engine, transaction
from subscribers.store import NewSubscriber, add_subscribers, create_list
from subscribers.subscriptions import Wish, unsubscribe
from tests.integration.web.client import Client, running
from tests.integration.web.mailing import NOW, Sent, send

ONE_CLICK = b"List-Unsubscribe=One-Click"
MULTIPART = b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'
OUR_PAGE = b"from=page"


@pytest.fixture
def sent(engine: Engine) -> Sent:
    with transaction(engine) as connection:
        return send(connection, ["zhangsan@cas.example.org", "li@cas.example.org"])


@pytest.fixture
def paths(tokens: Tokens, sent: Sent) -> list[str]:
    return [f"/u/{tokens.sign(Purpose.UNSUBSCRIBE, delivery)}" for delivery in sent.delivery_ids]


def _states(engine: Engine) -> dict[str, str]:
    statement = "SELECT address, list_id, subscription.state FROM subscription JOIN subscriber ON subscriber.id = subscriber_id"
    with transaction(engine) as connection:
        return {f"{row.address.partition('@')[0]} {row.list_id}": row.state for row in connection.execute(text(statement))}


def _ledger(engine: Engine) -> list[tuple[str, str, str]]:
    with transaction(engine) as connection:
        rows = connection.execute(text("SELECT state, method, evidence FROM consent WHERE method <> 'import' ORDER BY id"))
        return [(row.state, row.method, row.evidence) for row in rows]


def _count(engine: Engine, table: str) -> int:
    with transaction(engine) as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (ONE_CLICK, "application/x-www-form-urlencoded"),
        (MULTIPART, "multipart/form-data; boundary=x"),
        (b"", "text/plain"),
    ],
)
def test_one_click_unsubscribes_at_once_with_a_short_answer(
    client: Client, engine: Engine, paths: list[str], body: bytes, content_type: str
) -> None:
    answer = client.post(paths[0], body, content_type)
    assert answer.status == 200
    assert len(answer.body) < 100
    assert not {"location", "set-cookie"} & set(answer.headers)
    assert _states(engine) == {"zhangsan 1": "unsubscribed", "li 1": "confirmed"}
    assert _ledger(engine) == [("unsubscribed", "one-click", "delivery 1")]
    with transaction(engine) as connection:
        assert connection.execute(text("SELECT delivery_id, kind FROM event")).all() == [(1, "unsubscribe")]


def test_one_click_while_the_database_is_away_is_kept_and_done_when_it_is_back(
    engine: Engine, redis_client: redis.Redis, redis_url: str, tokens: Tokens, paths: list[str]
) -> None:
    nowhere = make_engine("postgresql://jianbao@127.0.0.1:1/jianbao")
    with running(create_app(nowhere, redis_url, tokens, clock=lambda: NOW)) as client:
        assert client.post(paths[0], OUR_PAGE).status == 503
        assert client.post("/u/forged", ONE_CLICK).status == 404
        assert [client.post(paths[0], ONE_CLICK).status for _ in range(2)] == [200, 200]
    nowhere.dispose()
    redis_client.lpush(LEAVING_LATER, "[1]", "nonsense")
    assert catch_up(engine, redis_client) == 4
    assert catch_up(engine, redis_client) == 0
    assert _states(engine) == {"zhangsan 1": "unsubscribed", "li 1": "confirmed"}
    assert _ledger(engine) == [("unsubscribed", "one-click", "delivery 1")]
    with transaction(engine) as connection:
        assert connection.execute(text("SELECT at FROM event")).scalar_one() == NOW


def test_who_waits_to_leave_and_whose_record_is_held_holds_up_nobody(
    engine: Engine, redis_client: redis.Redis, sent: Sent
) -> None:
    redis_client.rpush(LEAVING_LATER, *(for_later(delivery, NOW) for delivery in sent.delivery_ids))
    with engine.connect() as importing:
        importing.execute(text("SELECT FROM subscription WHERE subscriber_id = 1 FOR UPDATE"))
        assert [catch_up(engine, redis_client) for _ in range(3)] == [0, 1, 0]
        assert _states(engine) == {"zhangsan 1": "confirmed", "li 1": "unsubscribed"}
        importing.rollback()
    assert [catch_up(engine, redis_client) for _ in range(2)] == [1, 0]
    assert set(_states(engine).values()) == {"unsubscribed"}


@pytest.mark.usefixtures("redis_client")
def test_who_waits_for_rows_that_an_import_holds_keeps_no_connection_from_other_pages(
    engine: Engine, redis_url: str, tokens: Tokens, paths: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailer.web.app.PATIENCE_SECONDS", 0.1)
    only_one = create_engine(engine.url, pool_size=1, max_overflow=0, pool_timeout=5)
    with engine.begin() as importing, running(create_app(only_one, redis_url, tokens)) as client:
        importing.execute(text("SELECT FROM subscription FOR UPDATE"))
        assert client.post(paths[0], ONE_CLICK).status == 200
        assert client.post(paths[0], OUR_PAGE).status == 503
        assert client.get(paths[1]).status == 200
    only_one.dispose()


@pytest.fixture
def hanging(engine: Engine, redis_url: str, tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> Iterator[Starlette]:
    """The application with room for one page, over a database whose only connection is never given back while the test runs."""
    monkeypatch.setattr("mailer.web.room.MOST_PAGES", 1)
    monkeypatch.setattr("mailer.web.unsubscribing.PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr("mailer.web.unsubscribing.MOST_UNDER_WAY", 1)
    busy = create_engine(engine.url, pool_size=1, max_overflow=0)
    held = busy.connect()
    yield create_app(busy, redis_url, tokens, clock=lambda: NOW)
    held.close()
    busy.dispose()


def test_one_click_while_the_database_hangs_and_pages_fill_their_room_is_kept_in_time(
    engine: Engine, hanging: Starlette, redis_client: redis.Redis, paths: list[str]
) -> None:
    with asyncio.Runner() as runner:
        client = Client(hanging, runner)

        async def scenario() -> tuple[list[int], int, bool]:
            pages = [asyncio.create_task(client.ask("GET", paths[0], {}, ())) for _ in range(2)]
            await asyncio.wait(pages, return_when=asyncio.FIRST_COMPLETED)
            clicks = [(await client.ask("POST", path, {}, (ONE_CLICK,))).status for path in (*paths, "/u/forged")]
            pressed = (await client.ask("POST", paths[0], {}, (OUR_PAGE,))).status
            one_waits = sum(page.done() for page in pages) == 1
            return clicks, pressed, one_waits

        assert runner.run(scenario()) == ([200, 200, 404], 503, True)
    assert catch_up(engine, redis_client) == 2
    assert set(_states(engine).values()) == {"unsubscribed"}


def test_one_click_while_database_and_broker_are_away_waits_on_disk(
    engine: Engine, redis_client: redis.Redis, redis_url: str, *, tokens: Tokens, paths: list[str], tmp_path: Path
) -> None:
    nowhere = make_engine("postgresql://jianbao@127.0.0.1:1/jianbao")
    with running(create_app(nowhere, "redis://127.0.0.1:1/0", tokens, spool=tmp_path, clock=lambda: NOW)) as client:
        assert client.post(paths[0], ONE_CLICK).status == 200
    nowhere.dispose()
    with asyncio.Runner() as runner:
        writer = HitWriter(AsyncRedis.from_url(redis_url), Spool(tmp_path))
        assert [runner.run(writer.hand_on()) for _ in range(2)] == [1, 0]
    assert catch_up(engine, redis_client) == 1
    assert _states(engine) == {"zhangsan 1": "unsubscribed", "li 1": "confirmed"}


def test_one_click_with_nothing_that_could_keep_it_is_not_said_to_be_done(tokens: Tokens) -> None:
    nowhere = make_engine("postgresql://jianbao@127.0.0.1:1/jianbao")
    with running(create_app(nowhere, "redis://127.0.0.1:1/0", tokens, clock=lambda: NOW)) as client:
        assert client.post(f"/u/{tokens.sign(Purpose.UNSUBSCRIBE, 1)}", ONE_CLICK).status == 503
    nowhere.dispose()


def test_many_clicks_are_one(client: Client, engine: Engine, paths: list[str]) -> None:
    answers = [client.post(paths[0], ONE_CLICK), *client.together(*[("POST", paths[0])] * 10), client.post(paths[0], OUR_PAGE)]
    assert {answer.status for answer in answers} == {200}
    assert _ledger(engine) == [("unsubscribed", "one-click", "delivery 1"), ("unsubscribed", "page", "delivery 1, once more")]
    assert _count(engine, "event") == 1


def test_clicks_at_the_same_moment_are_one(client: Client, engine: Engine, paths: list[str]) -> None:
    client.together(*[("POST", paths[0])] * 10)
    assert len(_ledger(engine)) == _count(engine, "event") == 1


@pytest.fixture
def unbounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """No visitor is told to wait."""
    monkeypatch.setattr("mailer.web.limits.LIMITS", ())


@pytest.mark.usefixtures("unbounded")
def test_a_hundred_gets_of_every_address_change_nothing(
    client: Client, engine: Engine, tokens: Tokens, sent: Sent, paths: list[str]
) -> None:
    before, ledger = _states(engine), _ledger(engine)
    others = [f"/v/{tokens.sign(Purpose.VIEW, sent.delivery_ids[0])}", "/healthz", f"{paths[0]}/undo", f"{paths[0]}?from=page"]
    for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"):
        for path in [*paths, *others]:
            answers = client.together(*[(method, path)] * 100)
            assert {answer.status for answer in answers} <= {200, 405}
    assert (_states(engine), _ledger(engine), _count(engine, "event")) == (before, ledger, 0)


def test_a_crawler_that_follows_every_link_from_the_mail_on_changes_nothing(
    client: Client, engine: Engine, tokens: Tokens, sent: Sent, paths: list[str]
) -> None:
    with transaction(engine) as connection:
        connection.execute(text("UPDATE publication SET receipt = true"))
    view = f"/v/{tokens.sign(Purpose.VIEW, sent.delivery_ids[0])}"
    seen: set[str] = set()
    waiting = [view, f"{view}/receipt", paths[0]]
    while waiting:
        path = waiting.pop()
        if path in seen or not path.startswith("/"):
            continue
        seen.add(path)
        for method in ("HEAD", "GET", "GET"):
            page = client.request(method, path)
        links = re.findall(r'(?:href|action|src)="([^"]+)"', page.body.decode(errors="replace"))
        waiting += [urljoin(path, html.unescape(link)).partition("#")[0] for link in links]
    assert {path[:3] for path in seen} >= {"/v/", "/u/", "/p/", "/c/"}
    assert set(_states(engine).values()) == {"confirmed"}
    assert _ledger(engine) == []
    assert (
        sum(_count(engine, table) for table in ("receipt", "proposal", "reader_tracking", "suppression", "departure_alarm"))
        == 0
    )
    with transaction(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM event")).scalar() == 0


def test_the_page_names_the_publication_and_a_masked_address_and_asks_for_a_button(client: Client, paths: list[str]) -> None:
    answer = client.get(paths[0])
    assert "z***n@cas.example.org" in answer.text
    assert "zhangsan" not in answer.text
    assert "《信息集锦》" in answer.text
    assert '<form method="post">' in answer.text


def test_the_page_leads_to_a_goodbye_that_can_be_taken_back(client: Client, engine: Engine, paths: list[str]) -> None:
    goodbye = client.post(paths[0], OUR_PAGE)
    assert "已经退订" in goodbye.text
    assert f'action="{paths[0].removeprefix("/u/")}/undo?lang=zh"' in goodbye.text
    assert _states(engine)["zhangsan 1"] == "unsubscribed"
    restored = client.post(f"{paths[0]}/undo").text
    assert "已经恢复订阅" in restored
    (preferences,) = re.findall(r'href="../..(/p/\w+)\?lang=zh"', restored)
    assert client.get(preferences).status == 200
    assert _states(engine)["zhangsan 1"] == "confirmed"
    assert _ledger(engine) == [("unsubscribed", "page", "delivery 1"), ("confirmed", "undo", "delivery 1")]
    assert "没有要恢复的订阅" in client.post(f"{paths[0]}/undo").text
    assert len(_ledger(engine)) == 2


def test_undo_brings_back_only_what_this_mail_left(client: Client, engine: Engine, sent: Sent, paths: list[str]) -> None:
    with transaction(engine) as connection:
        other = create_list(connection, "staff", "staff")
        add_subscribers(
            connection, [NewSubscriber(parse_address("zhangsan@cas.example.org"))], other, method="import", evidence="test"
        )
        connection.execute(text("UPDATE mailing SET list_ids = ARRAY[:a, :b]"), {"a": sent.list_id, "b": other})
        connection.execute(text("UPDATE subscription SET state = 'unsubscribed' WHERE list_id = :other"), {"other": other})
    client.post(paths[0], ONE_CLICK)
    client.post(f"{paths[0]}/undo")
    assert _states(engine) == {"zhangsan 1": "confirmed", "zhangsan 2": "unsubscribed", "li 1": "confirmed"}


def test_who_left_by_two_mails_is_led_from_either_to_where_they_can_come_back(
    client: Client, engine: Engine, sent: Sent, paths: list[str]
) -> None:
    with transaction(engine) as connection:
        person = connection.execute(text("SELECT subscriber_id FROM delivery WHERE id = 1")).scalar_one()
        unsubscribe(connection, Wish(person, "zhangsan@cas.example.org", [sent.list_id], "page", "delivery 99", NOW))
    client.post(paths[0], OUR_PAGE)
    answer = client.post(f"{paths[0]}/undo").text
    assert "没有要恢复的订阅" in answer
    (preferences,) = re.findall(r'href="../..(/p/\w+)\?lang=zh"', answer)
    client.post(preferences, f"act=save&shown={sent.list_id}&list={sent.list_id}".encode())
    assert _states(engine)["zhangsan 1"] == "confirmed"


def test_somebody_who_never_left_is_not_brought_in_by_undo(client: Client, engine: Engine, paths: list[str]) -> None:
    with transaction(engine) as connection:
        connection.execute(text("UPDATE subscription SET state = 'unconfirmed'"))
    assert "没有要恢复的订阅" in client.post(f"{paths[0]}/undo").text
    assert set(_states(engine).values()) == {"unconfirmed"}


def test_neither_the_body_nor_the_query_nor_a_header_names_another_delivery(
    client: Client, engine: Engine, paths: list[str]
) -> None:
    mine, other = (path.removeprefix("/u/") for path in paths)
    body = f"token={other}&List-Unsubscribe=One-Click&id=2&delivery={other}".encode()
    headers = {"x-original-url": f"/u/{other}", "x-http-method-override": "GET", "content-length": str(len(body))}
    client.request("POST", f"/u/{mine}?token={other}&path={other}", headers, body)
    assert _states(engine) == {"zhangsan 1": "unsubscribed", "li 1": "confirmed"}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_token_that_is_forged_cut_or_unknown_gets_one_and_the_same_answer(
    client: Client, engine: Engine, tokens: Tokens, paths: list[str], method: str
) -> None:
    true = paths[0].removeprefix("/u/")
    tried = [true[:-1] + ("a" if true[-1] != "a" else "b"), true[:-1], f"{true}a", "x" * 4000, "%00", "..", "%F0%9F%90%BC", "1"]
    tried += [Tokens(b"somebody elses key").sign(Purpose.UNSUBSCRIBE, 1), tokens.sign(Purpose.UNSUBSCRIBE, 777_777)]
    answers = [client.request(method, f"/u/{token}", {}, ONE_CLICK) for token in tried]
    assert {answer.status for answer in answers} == {404}
    assert len({answer.body for answer in answers}) == len({str(answer.headers) for answer in answers}) == 1
    assert set(_states(engine).values()) == {"confirmed"}


@pytest.mark.parametrize(
    "path", ["{}/", "{}//undo", "/{}", "{}/undo/", "{}%2fundo", "/v/..{}", "/u/%2e%2e{}", "{};a=b", "{}/.."]
)
def test_a_path_that_only_resembles_one_of_ours_is_neither_followed_nor_redirected(
    client: Client, engine: Engine, paths: list[str], path: str
) -> None:
    answer = client.post(path.format(paths[0]), ONE_CLICK)
    assert answer.status in {404, 405} or (path == "{}%2fundo" and answer.status == 200)
    assert "location" not in answer.headers
    assert set(_states(engine).values()) == {"confirmed"}


def test_a_token_in_capitals_still_works(client: Client, engine: Engine, paths: list[str]) -> None:
    assert client.post("/u/" + paths[0].removeprefix("/u/").upper(), ONE_CLICK).status == 200
    assert _states(engine)["zhangsan 1"] == "unsubscribed"


@pytest.mark.parametrize("end", [".", "%E3%80%82", "%EF%BC%89", "%3E", "=", "%0A", "%20", "%22", "%23"])
def test_what_programs_take_for_the_end_of_an_address_harms_no_link(
    client: Client, engine: Engine, tokens: Tokens, *, sent: Sent, paths: list[str], end: str
) -> None:
    for purpose in (Purpose.VIEW, Purpose.PREFERENCES):
        assert client.get(f"/{purpose}/{tokens.sign(purpose, sent.delivery_ids[0])}{end}").status == 200
    assert client.get(f"/c/{tokens.sign(Purpose.CLICK, sent.delivery_ids[0])}.0{end}").status == 302
    assert "确认退订" in client.get(f"{paths[0]}{end}").text
    goodbye = client.post(f"{paths[0]}{end}", OUR_PAGE)
    assert _states(engine)["zhangsan 1"] == "unsubscribed"
    (undo,) = re.findall(r'action="([^"?]+)', goodbye.text)
    assert "已经恢复订阅" in client.post(urljoin(f"{paths[0]}{end}", undo)).text


def test_a_token_that_was_broken_over_two_lines_is_put_together(client: Client, engine: Engine, paths: list[str]) -> None:
    assert client.post(f"{paths[0][:20]}=%0D%0A{paths[0][20:]}", ONE_CLICK).status == 200
    assert client.post(f"{paths[1][:20]}%20{paths[1][20:]}", ONE_CLICK).status == 200
    assert set(_states(engine).values()) == {"unsubscribed"}


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("tail", ["", "/undo"])
def test_a_body_of_more_than_64_kb_is_refused_and_does_nothing(
    client: Client, engine: Engine, paths: list[str], declared: bool, tail: str
) -> None:
    if tail:
        client.post(paths[0], ONE_CLICK)
    before = _states(engine)
    headers = {"content-length": str(10**9)} if declared else {}
    answer = client.request("POST", paths[0] + tail, headers, *[b"a" * 8192] * 9)
    assert answer.status == 413
    assert _states(engine) == before
    assert client.request("POST", paths[0], {}, b"a" * 65536).status == 200


def test_somebody_whose_record_is_gone_can_still_leave_and_is_not_brought_back(
    client: Client, engine: Engine, paths: list[str]
) -> None:
    with transaction(engine) as connection:
        connection.execute(text("DELETE FROM subscription"))
        connection.execute(text("DELETE FROM subscriber"))
    assert [client.post(paths[0], ONE_CLICK).status for _ in range(2)] == [200, 200]
    with transaction(engine) as connection:
        rows = connection.execute(text("SELECT address_hash, address, list_id, reason, evidence FROM suppression")).all()
    assert rows == [(parse_address("zhangsan@cas.example.org").hash, None, 1, "unsubscribed", "delivery 1")]
    assert "已经恢复订阅" in client.post(f"{paths[0]}/undo").text
    assert _count(engine, "suppression") == 0


def test_an_erased_address_that_is_no_address_any_more_is_answered_all_the_same(
    client: Client, engine: Engine, paths: list[str]
) -> None:
    with transaction(engine) as connection:
        connection.execute(
            text("UPDATE delivery SET address = 'erased', name = NULL, institute = NULL, subscriber_id = 900 + id")
        )
    assert client.get(paths[0]).status == 200
    assert client.post(paths[0], ONE_CLICK).status == 200
    assert client.post(f"{paths[0]}/undo").status == 200
    assert _count(engine, "suppression") == 0


def test_whoever_was_imported_again_under_another_record_leaves_by_the_address(
    client: Client, engine: Engine, paths: list[str]
) -> None:
    with transaction(engine) as connection:
        connection.execute(text("UPDATE delivery SET subscriber_id = 999 WHERE id = 1"))
    client.post(paths[0], ONE_CLICK)
    assert _states(engine) == {"zhangsan 1": "unsubscribed", "li 1": "confirmed"}


def test_a_reader_in_two_mailings_leaves_only_the_lists_of_the_one(client: Client, engine: Engine, tokens: Tokens) -> None:
    with transaction(engine) as connection:
        send(connection, ["wang@cas.example.org"], slug="first", number=9)
        second = send(connection, ["wang@cas.example.org"], slug="second", number=10)
    client.post(f"/u/{tokens.sign(Purpose.UNSUBSCRIBE, second.delivery_ids[0])}", ONE_CLICK)
    assert _states(engine) == {"wang 1": "confirmed", f"wang {second.list_id}": "unsubscribed"}


def test_a_name_with_markup_in_it_stays_text(client: Client, engine: Engine, sent: Sent, tokens: Tokens) -> None:
    hostile = "<script>alert(1)</script>\"'>"
    with transaction(engine) as connection:
        connection.execute(text("UPDATE publication SET title = :hostile, publisher = :hostile"), {"hostile": hostile})
        delivery = connection.execute(
            insert(Delivery)
            .values(mailing_id=sent.mailing_id, subscriber_id=99, address=f"{hostile}@x", name=hostile, institute=hostile)
            .values(provider="other", state="accepted")
            .returning(Delivery.id)
        ).scalar_one()
    for path in (f"/u/{tokens.sign(Purpose.UNSUBSCRIBE, delivery)}", f"/v/{tokens.sign(Purpose.VIEW, delivery)}"):
        answer = client.get(path)
        assert answer.status == 200
        assert "<script" not in answer.text


@pytest.mark.parametrize("words", ["u-{}", "Re: U-{}", "<mailto:leave+u-{}@example.org>", "退订 u-{}"])
def test_a_mail_with_the_token_in_it_leaves_as_the_button_does(engine: Engine, tokens: Tokens, sent: Sent, words: str) -> None:
    written = words.format(tokens.sign(Purpose.UNSUBSCRIBE, sent.delivery_ids[0])).replace("U-", "u-")
    with transaction(engine) as connection:
        left = [leave_by_mail(connection, tokens, written, now=NOW) for _ in range(2)]
    assert [recipient and recipient.delivery_id for recipient in left] == [1, 1]
    assert _states(engine) == {"zhangsan 1": "unsubscribed", "li 1": "confirmed"}
    assert _ledger(engine) == [("unsubscribed", "mailto", "delivery 1")]


def test_a_mail_whose_words_hold_no_token_of_ours_changes_nothing(engine: Engine, tokens: Tokens, sent: Sent) -> None:
    true, unknown = (tokens.sign(Purpose.UNSUBSCRIBE, number) for number in (sent.delivery_ids[0], 777_777))
    view = tokens.sign(Purpose.VIEW, sent.delivery_ids[0])
    with transaction(engine) as connection:
        for words in ("", "退订", f"u-{true[:-1]}", f"u-{true}x", f"xu-{true}", f"u-{unknown}", f"u-{view}", true):
            assert leave_by_mail(connection, tokens, words, now=NOW) is None
    assert set(_states(engine).values()) == {"confirmed"}


def test_a_page_speaks_the_language_that_is_asked_for_and_the_act_is_the_same(
    client: Client, engine: Engine, paths: list[str]
) -> None:
    english = client.get(f"{paths[0]}?lang=en")
    assert '<html lang="en">' in english.text
    assert "Unsubscribe from “信息集锦”" in english.text
    assert '<a href="?lang=zh" lang="zh-CN" hreflang="zh-CN">中文</a>' in english.text
    assert "Unsubscribe" in client.request("GET", paths[0], {"accept-language": "en-GB,en;q=0.9"}).text
    assert "确认退订" in client.request("GET", paths[0], {"accept-language": "fr, zh-CN;q=0.8, en;q=0.1"}).text
    assert "确认退订" in client.get(f"{paths[0]}?lang=%3Cscript%3E").text
    goodbye = client.post(f"{paths[0]}?lang=en", OUR_PAGE)
    assert "You are unsubscribed" in goodbye.text
    assert _states(engine)["zhangsan 1"] == "unsubscribed"
    assert "You are subscribed again" in client.post(f"{paths[0]}/undo?lang=en").text
