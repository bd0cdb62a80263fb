"""What the scheduler puts into the queue, on a real database and a real broker."""

from __future__ import annotations

import pytest
import redis
from sqlalchemy import Engine, text

from tests import factories
from workers import scheduler
from workers.app import make_app
from workers.queues import QUEUE


def test_a_queue_that_nobody_empties_does_not_grow_without_end(
    engine: Engine, redis_url: str, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "MOST_WAITING", 5)
    factories.schedule(engine, ["a@qq.example", "b@163.example"])
    app, takeovers = make_app(redis_url), scheduler.Takeovers()
    providers = {"qq.example": "tencent", "163.example": "netease"}
    for _ in range(20):
        scheduler.tick(engine, app, redis_client, providers, takeovers)
        with engine.begin() as connection:
            connection.execute(text("UPDATE batch SET queued_at = queued_at - interval '31 seconds'"))
    assert redis_client.llen(QUEUE) == 6
    redis_client.delete(QUEUE)
    assert scheduler.tick(engine, app, redis_client, providers, takeovers) == 2
    redis_client.delete(QUEUE)
