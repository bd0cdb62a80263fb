"""The application on a real database and a real broker, and who speaks to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
from sqlalchemy import Engine

from mailer.tokens import Tokens
from mailer.web.app import create_app
from tests.integration.web.client import Client, running
from tests.integration.web.mailing import BASE_URL, NOW


@pytest.fixture(scope="session")
def tokens() -> Tokens:
    """The keys that the tests' tokens are signed with."""
    return Tokens(b"a key for the tests alone")


@pytest.fixture
def client(engine: Engine, redis_client: redis.Redis, redis_url: str, tokens: Tokens) -> Iterator[Client]:
    """A client of the whole application, whose clock stands at NOW."""
    with running(create_app(engine, redis_url, tokens, base_url=BASE_URL, clock=lambda: NOW)) as speaking:
        yield speaking
