"""The stream of opens and clicks reaches the table, each of them once, whatever breaks on the way."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import redis
from redis.asyncio import Redis as AsyncRedis
from sqlalchemy import Engine, event

from mailer.events import STREAM, Hit, append, flush, hits_in
from mailer.models import EventKind
from subscribers.db import transaction
from tests.integration.web.mailing import NOW, Sent, hits, send

ADDRESSES = [f"reader{number}@cas.example.org" for number in range(5)]


@pytest.fixture
def sent(engine: Engine) -> Sent:
    with transaction(engine) as connection:
        return send(connection, ADDRESSES)


def _append(redis_url: str, *hits: Hit) -> None:
    async def run() -> None:
        async with AsyncRedis.from_url(redis_url) as client:
            for hit in hits:
                await append(client, [hit])

    asyncio.run(run())


def _hits(sent: Sent) -> list[Hit]:
    clicks = [Hit(delivery, EventKind.CLICK, NOW + timedelta(seconds=delivery), 1) for delivery in sent.delivery_ids]
    return [Hit(sent.delivery_ids[0], EventKind.OPEN, NOW), *clicks]


def test_hits_come_out_of_the_stream_as_they_went_in_and_in_order(
    engine: Engine, redis_client: redis.Redis, redis_url: str, sent: Sent
) -> None:
    _append(redis_url, *_hits(sent))
    assert flush(engine, redis_client) == 6
    assert hits(engine) == _hits(sent)
    assert redis_client.xlen(STREAM) == 0
    assert flush(engine, redis_client) == 0


def test_a_flush_takes_no_more_than_its_limit_and_the_next_goes_on_there(
    engine: Engine, redis_client: redis.Redis, redis_url: str, sent: Sent
) -> None:
    _append(redis_url, *_hits(sent))
    assert [flush(engine, redis_client, limit=4) for _ in range(3)] == [4, 2, 0]
    assert hits(engine) == _hits(sent)


class Crash(BaseException):
    """The process ends here."""


class MortalRedis(redis.Redis):
    """A client that dies before or after it was made to send one command."""

    fatal: tuple[str, str] | None = None

    def execute_command(self, *args: Any, **options: Any) -> Any:
        if self.fatal == ("before", args[0]):
            raise Crash
        answer = super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        if self.fatal == ("after", args[0]):
            raise Crash
        return answer


@contextmanager
def _dies_at(engine: Engine, words: str) -> Iterator[None]:
    def before_statement(*arguments: Any) -> None:
        if words in arguments[2]:
            raise Crash

    def before_commit(connection: Any) -> None:
        if words == "COMMIT" and connection.exec_driver_sql("SELECT count(*) FROM event").scalar():
            raise Crash

    event.listen(engine, "before_cursor_execute", before_statement)
    event.listen(engine, "commit", before_commit)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", before_statement)
        event.remove(engine, "commit", before_commit)


@pytest.mark.parametrize("words", ["SELECT last_id", "UPDATE stream_cursor", "INSERT INTO event", "COMMIT"])
def test_a_crash_in_the_database_loses_and_doubles_nothing(
    engine: Engine, redis_client: redis.Redis, redis_url: str, sent: Sent, words: str
) -> None:
    _append(redis_url, *_hits(sent))
    with _dies_at(engine, words), pytest.raises(Crash):
        flush(engine, redis_client)
    assert hits(engine) == []
    assert flush(engine, redis_client) == 6
    assert hits(engine) == _hits(sent)


@pytest.mark.parametrize("fatal", [("before", "XRANGE"), ("after", "XRANGE"), ("before", "XTRIM"), ("after", "XTRIM")])
def test_a_crash_at_the_broker_loses_and_doubles_nothing(
    engine: Engine, redis_client: redis.Redis, redis_url: str, sent: Sent, fatal: tuple[str, str]
) -> None:
    _append(redis_url, *_hits(sent))
    MortalRedis.fatal = fatal
    with MortalRedis.from_url(redis_url) as mortal, pytest.raises(Crash):
        flush(engine, mortal)
    flush(engine, redis_client)
    assert hits(engine) == _hits(sent)
    assert redis_client.xlen(STREAM) == 0


class MeetingRedis(redis.Redis):
    """A client that waits, once it has read the stream, until the other one has read it too."""

    barrier: threading.Barrier
    met = False

    def execute_command(self, *args: Any, **options: Any) -> Any:
        answer = super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        if args[0] == "XRANGE" and not self.met:
            self.met = True
            self.barrier.wait(timeout=30)
        return answer


def test_of_two_flushes_that_read_the_same_entries_one_writes(
    engine: Engine, redis_client: redis.Redis, redis_url: str, sent: Sent
) -> None:
    _append(redis_url, *_hits(sent))
    MeetingRedis.barrier = threading.Barrier(2)
    moved: list[int] = []

    def run() -> None:
        with MeetingRedis.from_url(redis_url) as client:
            moved.append(flush(engine, client))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(moved) == [0, 6]
    assert hits(engine) == _hits(sent)


def test_a_delivery_that_does_not_exist_costs_only_its_own_hit(
    engine: Engine, redis_client: redis.Redis, redis_url: str, sent: Sent
) -> None:
    known = Hit(sent.delivery_ids[0], EventKind.OPEN, NOW)
    _append(redis_url, Hit(999_999, EventKind.OPEN, NOW), known, Hit(2**39, EventKind.CLICK, NOW, 3))
    assert flush(engine, redis_client) == 3
    assert hits(engine) == [known]


@pytest.mark.parametrize(
    "junk",
    [
        {"x": "y"},
        {"delivery": "one", "kind": "open", "at": NOW.isoformat()},
        {"delivery": 2**70, "kind": "open", "at": NOW.isoformat()},
        {"delivery": 1, "kind": "purchase", "at": NOW.isoformat()},
        {"delivery": 1, "kind": "click", "at": NOW.isoformat(), "link": 10**6},
        {"delivery": 1, "kind": "open", "at": "yesterday"},
        {"delivery": b"\xff", "kind": b"\x00", "at": b""},
    ],
)
def test_an_entry_that_nobody_here_wrote_is_passed_over(
    engine: Engine, redis_client: redis.Redis, redis_url: str, sent: Sent, junk: dict[Any, Any]
) -> None:
    redis_client.xadd(STREAM, junk)
    _append(redis_url, *_hits(sent))
    assert flush(engine, redis_client) == 7
    assert hits(engine) == _hits(sent)


def test_those_of_a_rush_share_an_entry_and_an_entry_of_an_earlier_version_is_still_read(
    engine: Engine, redis_client: redis.Redis, redis_url: str, sent: Sent
) -> None:
    async def run() -> None:
        async with AsyncRedis.from_url(redis_url) as client:
            await append(client, _hits(sent))
            await append(client, [])

    asyncio.run(run())
    redis_client.xadd(STREAM, {"delivery": sent.delivery_ids[0], "kind": "open", "at": NOW.isoformat(), "link": 1})
    assert redis_client.xlen(STREAM) == 2
    assert hits_in(redis_client) == 7
    assert flush(engine, redis_client) == 2
    assert hits(engine) == [*_hits(sent), Hit(sent.delivery_ids[0], EventKind.OPEN, NOW, 1)]


def test_a_broker_that_lost_everything_goes_on_from_its_next_entry(
    engine: Engine, redis_client: redis.Redis, redis_url: str, sent: Sent
) -> None:
    _append(redis_url, *_hits(sent))
    flush(engine, redis_client)
    redis_client.flushdb()
    _append(redis_url, *_hits(sent))
    assert flush(engine, redis_client) == 6
    assert len(hits(engine)) == 12


def test_a_broker_that_lost_everything_and_whose_clock_was_set_back_loses_no_hit_that_comes_then(
    engine: Engine, redis_client: redis.Redis, redis_url: str, sent: Sent
) -> None:
    redis_client.xadd(STREAM, {"delivery": sent.delivery_ids[0], "kind": "open", "at": NOW.isoformat()}, id="9000000000000-1")
    assert flush(engine, redis_client) == 1
    redis_client.flushdb()
    _append(redis_url, *_hits(sent))
    assert [flush(engine, redis_client, limit=4) for _ in range(3)] == [4, 2, 0]
    assert len(hits(engine)) == 7
    assert redis_client.xlen(STREAM) == 0
