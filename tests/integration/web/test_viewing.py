"""The issue in a browser, the headers of every answer, and errors that nobody foresaw."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import Engine, text

from mailer.tokens import Purpose, Tokens
from subscribers.db import transaction
from tests.integration.web.client import Answer, Client
from tests.integration.web.mailing import Sent, send


@pytest.fixture
def sent(engine: Engine) -> Sent:
    with transaction(engine) as connection:
        return send(connection, ["zhangsan@cas.example.org"])


@pytest.fixture
def view(client: Client, tokens: Tokens, sent: Sent) -> Answer:
    return client.get(f"/v/{tokens.sign(Purpose.VIEW, sent.delivery_ids[0])}")


def test_the_view_is_the_edition_with_its_holes_filled(view: Answer, tokens: Tokens) -> None:
    assert view.status == 200
    assert "王老师：" in view.text
    assert f'href="../c/{tokens.sign(Purpose.CLICK, 1)}.0"' in view.text
    assert f'href="../u/{tokens.sign(Purpose.UNSUBSCRIBE, 1)}"' in view.text
    assert f'href="{tokens.sign(Purpose.VIEW, 1)}#article-1"' in view.text


def test_the_view_counts_no_open_and_does_not_show_the_address_to_whom_it_is_passed_on(view: Answer) -> None:
    assert "/o/" not in view.text
    assert 'src="data:image/gif;base64,R0lGODlh' in view.text
    assert "zhangsan" not in view.text


def test_the_view_runs_nothing(view: Answer) -> None:
    policy = view.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script" not in policy
    assert "sandbox allow-popups" in policy


def _every_answer(client: Client, tokens: Tokens, delivery: int) -> dict[str, Answer]:
    leave = f"/u/{tokens.sign(Purpose.UNSUBSCRIBE, delivery)}"
    return {
        "pixel": client.get(f"/o/{tokens.sign(Purpose.OPEN, delivery)}.gif"),
        "click": client.get(f"/c/{tokens.sign(Purpose.CLICK, delivery)}.0"),
        "view": client.get(f"/v/{tokens.sign(Purpose.VIEW, delivery)}"),
        "ask": client.get(leave),
        "one click": client.post(leave, b"List-Unsubscribe=One-Click"),
        "goodbye": client.post(leave, b"from=page"),
        "undo": client.post(f"{leave}/undo"),
        "health": client.get("/healthz"),
        "nothing": client.get("/nothing"),
        "method": client.request("PUT", leave),
        "too much": client.request("POST", leave, {"content-length": "99999"}, b"a" * 99999),
    }


def test_every_answer_carries_the_security_headers(client: Client, tokens: Tokens, sent: Sent) -> None:
    for name, answer in _every_answer(client, tokens, sent.delivery_ids[0]).items():
        assert answer.headers["x-content-type-options"] == "nosniff", name
        assert answer.headers["x-frame-options"] == "DENY", name
        assert answer.headers["referrer-policy"] == "no-referrer", name
        assert answer.headers["cache-control"] == "no-store", name
        assert answer.headers["content-security-policy"].startswith("default-src 'none'"), name
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"], name
        assert "set-cookie" not in answer.headers, name


def test_an_error_that_nobody_foresaw_is_a_page_with_the_same_headers(
    client: Client, engine: Engine, tokens: Tokens, sent: Sent
) -> None:
    with transaction(engine) as connection:
        connection.execute(text("UPDATE edition SET content = '{}'"))
    path = f"/v/{tokens.sign(Purpose.VIEW, sent.delivery_ids[0])}"
    answer = client.request("GET", path, raise_errors=False)
    assert answer.status == 500
    assert "错误已经记录" in answer.text
    assert "KeyError" not in answer.text
    assert answer.headers["x-frame-options"] == "DENY"


def test_pages_fetch_nothing_and_run_nothing(client: Client, tokens: Tokens, sent: Sent) -> None:
    answers = _every_answer(client, tokens, sent.delivery_ids[0])
    for name in ("ask", "goodbye", "undo", "nothing", "method"):
        assert not re.search(r"<script|<link|<img|\bon\w+=|url\(|@import|https?:", answers[name].text), name
        assert '<html lang="zh-CN">' in answers[name].text, name


def test_a_refused_method_says_which_are_allowed(client: Client, tokens: Tokens, sent: Sent) -> None:
    answer = client.request("DELETE", f"/v/{tokens.sign(Purpose.VIEW, sent.delivery_ids[0])}")
    assert answer.status == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}
