"""From settings to running services: the embedded ones where no URL is given, and a database whose schema is the program's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis
from sqlalchemy import Engine

from mailer import migrations
from mailer.embedded import embedded_services
from mailer.feedback import Judge
from mailer.provider import ProviderTable
from mailer.reply import ReplyTable
from mailer.settings import Settings
from subscribers.db import IDLE_SECONDS, make_engine, transaction
from subscribers.errors import ServiceError


@dataclass(frozen=True, slots=True)
class Services:
    """What the parts of the system are given: the settings, the database, and where the broker is."""

    settings: Settings
    engine: Engine
    redis_url: str

    def redis(self) -> redis.Redis:
        """A client of the broker, tried once. ServiceError where it does not answer."""
        client = redis.Redis.from_url(self.redis_url, socket_timeout=10, socket_connect_timeout=10)
        try:
            client.ping()
        except redis.RedisError as error:
            raise ServiceError(
                f"Redis does not answer: {error}. Start it, or unset JIANBAO_REDIS_URL to use the embedded one."
            ) from error
        return client


@contextmanager
def open_services(settings: Settings, *, check_schema: bool = True, unattended: bool = False) -> Iterator[Services]:
    """The services for as long as the block runs. An embedded database is brought up to date; another must be already.

    A program that is `unattended` leaves no transaction idle, and one that it left all the same is ended.
    """
    with ExitStack() as stack:
        database_url, redis_url = settings["DATABASE_URL"], settings["REDIS_URL"]
        if not (database_url and redis_url):
            embedded = stack.enter_context(embedded_services(settings.data_dir))
            database_url, redis_url = database_url or embedded.database, redis_url or embedded.redis
        engine = make_engine(database_url, idle_seconds=IDLE_SECONDS if unattended else None)
        stack.callback(engine.dispose)
        if check_schema:
            _check_schema(engine, may_upgrade=not settings["DATABASE_URL"])
        yield Services(settings, engine, redis_url)


def provider_table(settings: Settings) -> ProviderTable:
    """The providers as shipped, with what PROVIDERS_FILE adds."""
    path = settings["PROVIDERS_FILE"]
    return ProviderTable.load(Path(path) if path else None)


def reply_table(settings: Settings) -> ReplyTable:
    """What replies mean: the rules as shipped, and before them those of REPLIES_FILE."""
    path = settings["REPLIES_FILE"]
    return ReplyTable.load(Path(path) if path else None)


def judge(settings: Settings) -> Judge:
    """What judges the texts of bounces."""
    return Judge(reply_table(settings), provider_table(settings))


def _check_schema(engine: Engine, *, may_upgrade: bool) -> None:
    with transaction(engine) as connection:
        present, needed = migrations.current(connection), migrations.head()
        if present == needed:
            return
        if not may_upgrade:
            raise ServiceError(
                f"the database's schema is at {present or 'nothing'}, and this program needs {needed}. {migrations.cure(present)}"
            )
        migrations.upgrade(connection)
