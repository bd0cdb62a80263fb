"""That how long an answer takes tells nothing of a token: counted in the work that is done, which no clock can blur."""

from __future__ import annotations

import hmac
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from mailer.tokens import TOKEN_LENGTH, Purpose, Tokens
from mailer.web.app import create_app
from subscribers.db import transaction
from tests.integration.web.client import Client, running
from tests.integration.web.mailing import BASE_URL, NOW, send

KEYS = [b"the key that is written with", b"the key of the year before", b"the key of long ago"]
WRITERS = [Tokens(key) for key in KEYS]
PATHS = [
    (Purpose.OPEN, "GET", "/o/{}.gif"),
    (Purpose.CLICK, "GET", "/c/{}.0"),
    (Purpose.UNSUBSCRIBE, "GET", "/u/{}"),
    (Purpose.UNSUBSCRIBE, "POST", "/u/{}"),
    (Purpose.UNSUBSCRIBE, "POST", "/u/{}/undo"),
    (Purpose.VIEW, "GET", "/v/{}"),
    (Purpose.PREFERENCES, "GET", "/p/{}"),
]
UNKNOWN = 777_777


class Watched:
    """The standard library's comparison, with a note of each: the length of both sides, and whether they were the same."""

    def __init__(self) -> None:
        self.made: list[tuple[int, int, bool]] = []

    def compare_digest(self, one: str, other: str) -> bool:
        same = hmac.compare_digest(one, other)
        self.made.append((len(one), len(other), same))
        return same


@pytest.fixture
def comparisons(monkeypatch: pytest.MonkeyPatch) -> Watched:
    watched = Watched()
    monkeypatch.setattr("mailer.tokens.hmac", watched)
    return watched


@pytest.fixture
def delivery(engine: Engine) -> int:
    with transaction(engine) as connection:
        return send(connection, ["zhang@cas.example.org"]).delivery_ids[0]


@pytest.fixture
def site(engine: Engine, redis_url: str) -> Iterator[Client]:
    """The application with a key and two older ones."""
    tokens = Tokens(KEYS[0], older=KEYS[1:])
    with running(create_app(engine, redis_url, tokens, base_url=BASE_URL, clock=lambda: NOW)) as speaking:
        yield speaking


def forged(token: str, place: int) -> str:
    """The token with another letter there."""
    return token[:place] + ("a" if token[place] != "a" else "b") + token[place + 1 :]


@pytest.mark.parametrize("asked", PATHS, ids=lambda asked: f"{asked[1]} {asked[2]}")
def test_every_key_is_tried_in_full_whether_a_token_is_known_forged_or_of_nobody(
    site: Client, comparisons: Watched, delivery: int, asked: tuple[Purpose, str, str]
) -> None:
    purpose, method, path = asked
    known = [tokens.sign(purpose, delivery) for tokens in WRITERS]
    mac_begins = TOKEN_LENGTH - 23
    unknown = [
        *(tokens.sign(purpose, UNKNOWN) for tokens in WRITERS),
        *(forged(token, place) for token in known for place in (0, 1, mac_begins, TOKEN_LENGTH - 1)),
        Tokens(b"somebody elses key").sign(purpose, delivery),
        WRITERS[0].sign(Purpose.BOUNCE, delivery),
    ]
    work = []
    for token in (*known, *unknown):
        comparisons.made.clear()
        body = b"List-Unsubscribe=One-Click"
        headers = {"content-type": "application/x-www-form-urlencoded", "content-length": str(len(body))}
        answer = site.request(method, path.format(token), headers, body)
        work.append((token in known and answer.status < 400, [made[:2] for made in comparisons.made]))
    assert [right for right, _ in work] == [True] * len(known) + [False] * len(unknown)
    assert all(made == [(TOKEN_LENGTH, TOKEN_LENGTH)] * len(KEYS) for _, made in work)
