"""The receipt: only the button gives one, and the first time counts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from mailer.receipts import acknowledge
from mailer.tokens import Purpose, Tokens
from subscribers.db import transaction
from tests.integration.web.client import Client
from tests.integration.web.mailing import NOW, Sent, send


@pytest.fixture
def path(engine: Engine, tokens: Tokens) -> str:
    with transaction(engine) as connection:
        sent: Sent = send(connection, ["zhangsan@cas.example.org"])
    return f"/v/{tokens.sign(Purpose.VIEW, sent.delivery_ids[0])}/receipt"


def _receipts(engine: Engine) -> list[tuple[object, ...]]:
    with transaction(engine) as connection:
        return [tuple(row) for row in connection.execute(text("SELECT delivery_id, at FROM receipt"))]


def test_looking_is_no_receipt(client: Client, engine: Engine, path: str) -> None:
    answers = client.together(*[("GET", path)] * 50, *[("HEAD", path)] * 50)
    assert {answer.status for answer in answers} == {200}
    assert "2023年第9期" in answers[0].text
    assert "确认收到" in answers[0].text
    assert _receipts(engine) == []


def test_a_double_number_is_named_whole(client: Client, engine: Engine, path: str) -> None:
    with transaction(engine) as connection:
        connection.execute(text("UPDATE issue SET last_number = 10"))
    assert "2023年第9-10期" in client.get(path).text


def test_pressing_the_button_is_one_and_pressing_it_again_changes_nothing(client: Client, engine: Engine, path: str) -> None:
    assert [("回执已收到" in client.post(path).text) for _ in range(3)] == [True] * 3
    with transaction(engine) as connection:
        assert acknowledge(connection, 1, now=NOW + timedelta(days=1)) == NOW
    assert _receipts(engine) == [(1, NOW)]


def test_it_speaks_english_where_it_is_asked_to(client: Client, path: str) -> None:
    assert "Yes, received" in client.get(f"{path}?lang=en").text
    assert "received issue 9 of 2023" in client.post(f"{path}?lang=en").text


def test_a_token_that_is_not_for_it_gives_none(client: Client, engine: Engine, tokens: Tokens, path: str) -> None:
    assert client.post(f"/v/{tokens.sign(Purpose.UNSUBSCRIBE, 1)}/receipt").status == 404
    assert client.post(f"/v/{tokens.sign(Purpose.VIEW, 777)}/receipt").status == 404
    assert _receipts(engine) == []
