"""A hit that was answered is kept, also while the broker is away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import RedisError
from sqlalchemy import Engine

from mailer.events import STREAM, Hit, flush, hit_of, hits_in
from mailer.models import EventKind
from mailer.tokens import Purpose, Tokens
from mailer.web.app import create_app
from mailer.web.hits import HitWriter
from mailer.web.spool import Spool
from subscribers.db import transaction
from tests.chaos.proxy import Proxy, Wire
from tests.integration.web.client import running
from tests.integration.web.mailing import LINKS, NOW, hits, send

NOWHERE = "redis://127.0.0.1:1/0"


async def _hand_on(redis_url: str, folder: Path) -> int:
    async with AsyncRedis.from_url(redis_url) as client:
        return await HitWriter(client, Spool(folder)).hand_on()


@pytest.fixture
def delivery(engine: Engine) -> int:
    with transaction(engine) as connection:
        return send(connection, ["zhang@cas.example.org"]).delivery_ids[0]


def test_what_came_while_the_broker_was_away_is_counted_when_it_is_back(
    engine: Engine, redis_client: redis.Redis, redis_url: str, delivery: int, tmp_path: Path
) -> None:
    tokens = Tokens(b"a key for the tests alone")
    with running(create_app(engine, NOWHERE, tokens, spool=tmp_path / "hits", clock=lambda: NOW)) as client:
        pixel = ("GET", f"/o/{tokens.sign(Purpose.OPEN, delivery)}.gif")
        assert {answer.status for answer in client.together(*[pixel] * 20)} == {200}
        assert client.get(f"/c/{tokens.sign(Purpose.CLICK, delivery)}.0").headers["location"] == LINKS[0]
    assert asyncio.run(_hand_on(redis_url, tmp_path / "hits")) == 21
    assert flush(engine, redis_client) > 0
    found = hits(engine)
    assert sorted(found, key=lambda hit: hit.kind) == [
        Hit(delivery, EventKind.CLICK, NOW, 0),
        *[Hit(delivery, EventKind.OPEN, NOW)] * 20,
    ]
    assert list((tmp_path / "hits").iterdir()) == []


@contextmanager
def wired(redis_client: redis.Redis) -> Iterator[tuple[Proxy, AsyncRedis]]:
    """A wire to the broker, and a client at its end."""
    kwargs = redis_client.get_connection_kwargs()
    with Proxy(Path(kwargs["path"]) if "path" in kwargs else (kwargs["host"], kwargs["port"])).running() as wire:
        yield wire, AsyncRedis(host=wire.host, port=wire.port, db=kwargs["db"])


def test_nobody_waits_for_a_broker_that_has_just_failed_until_the_spool_is_handed_on(
    redis_client: redis.Redis, tmp_path: Path
) -> None:
    async def kept_on_disk(wire: Proxy, client: AsyncRedis) -> list[int]:
        counts, spool = [], Spool(tmp_path)
        async with client:
            writer = HitWriter(client, spool)
            for number, way in enumerate([Wire.WHOLE, Wire.CUT, Wire.WHOLE, Wire.WHOLE]):
                wire.become(way)
                if number == 3:
                    assert await writer.hand_on() == 2
                await writer.write(Hit(1, EventKind.OPEN, NOW, None, number))
                counts.append(len(list(spool.groups())))
        return counts

    with wired(redis_client) as (wire, client):
        assert asyncio.run(kept_on_disk(wire, client)) == [0, 1, 2, 0]
    assert hits_in(redis_client) == 4


def test_however_many_wait_a_look_reads_few_and_few_entries_hold_them_all(
    redis_client: redis.Redis, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool, looked_at = Spool(tmp_path), list[str]()
    for number in range(100):
        spool.keep([Hit(1, EventKind.OPEN, NOW, None, number)])

    def reading(name: str, line: str) -> Hit | None:
        looked_at.append(name)
        return hit_of(name, json.loads(line))

    monkeypatch.setattr("mailer.web.spool._read", reading)
    with pytest.raises(RedisError):
        asyncio.run(_hand_on(NOWHERE, tmp_path))
    assert len(looked_at) == 20
    assert asyncio.run(_hand_on(redis_url, tmp_path)) == hits_in(redis_client) == 100
    assert redis_client.xlen(STREAM) == 5


def test_a_disk_that_fails_keeps_no_hit_from_a_broker_that_is_well(redis_client: redis.Redis, tmp_path: Path) -> None:
    async def come(wire: Proxy, client: AsyncRedis) -> None:
        async with client:
            writer = HitWriter(client, Spool(tmp_path))
            wire.become(Wire.CUT)
            await writer.write(Hit(1, EventKind.OPEN, NOW, None, 1))
            wire.become(Wire.WHOLE)
            with pytest.raises(IsADirectoryError):
                await writer.hand_on()
            await writer.write(Hit(1, EventKind.OPEN, NOW, None, 2))

    (tmp_path / "0.hits").mkdir()  # It cannot be read.
    with wired(redis_client) as (wire, client):
        asyncio.run(come(wire, client))
    assert hits_in(redis_client) == 1


def test_a_group_that_was_handed_on_twice_is_kept_once(
    engine: Engine, redis_client: redis.Redis, redis_url: str, delivery: int, tmp_path: Path
) -> None:
    spool = Spool(tmp_path)
    spool.keep([Hit(delivery, EventKind.OPEN, NOW, None, number, "a \u4e2d agent", None) for number in range(5)])
    copy = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert asyncio.run(_hand_on(redis_url, tmp_path)) == 5
    for path, content in copy.items():  # It died before it could remove the file.
        path.write_bytes(content)
    assert asyncio.run(_hand_on(redis_url, tmp_path)) == 5
    assert hits_in(redis_client) == 10
    flush(engine, redis_client)
    assert len(hits(engine)) == 5


def test_a_group_that_was_not_written_whole_is_none(tmp_path: Path, redis_url: str, redis_client: redis.Redis) -> None:
    (tmp_path / "half.new").write_text('{"delivery": 1, "ki')
    assert list(Spool(tmp_path).groups()) == []


def test_a_file_that_a_loss_of_power_has_spoilt_costs_its_own_hits_and_holds_up_no_other(
    engine: Engine, redis_client: redis.Redis, redis_url: str, delivery: int, tmp_path: Path
) -> None:
    spool = Spool(tmp_path)
    spool.keep([Hit(delivery, EventKind.OPEN, NOW, None, number) for number in range(5)])
    (whole,) = tmp_path.iterdir()
    lines = whole.read_bytes().splitlines(keepends=True)
    (tmp_path / "0-zeros.hits").write_bytes(bytes(4096))
    (tmp_path / "1-half.hits").write_bytes(lines[0].replace(b"}", b', "agent": "\xe4\xb8"}') + lines[1][:20])
    assert asyncio.run(_hand_on(redis_url, tmp_path)) == 6
    assert list(tmp_path.iterdir()) == []
    flush(engine, redis_client)
    assert len(hits(engine)) == 5
