"""The pace against a real Valkey: what may leave in a window, and that nothing opens a burst."""

from __future__ import annotations

from datetime import timedelta

import redis

from mailer.pacing import BURST_SECONDS, Limit, Pacer, Rate


def test_no_more_than_a_burst_may_leave_at_once_however_much_is_wanted(redis_client: redis.Redis) -> None:
    grant = Pacer(redis_client).take([Limit("a", Rate(1000, 1))], 10_000)
    assert grant.count == 1000 * BURST_SECONDS
    assert timedelta() < grant.wait <= timedelta(seconds=BURST_SECONDS)


def test_all_who_ask_share_one_limit(redis_client: redis.Redis) -> None:
    limit = [Limit("shared", Rate(60, 60))]
    grants = [Pacer(redis_client).take(limit, 5).count for _ in range(3)]
    assert grants == [1, 0, 0]


def test_the_narrowest_limit_counts_and_the_others_are_charged_only_what_was_granted(redis_client: redis.Redis) -> None:
    pacer = Pacer(redis_client)
    wide, narrow = Limit("wide", Rate(400, 1)), Limit("narrow", Rate(40, 1))
    assert pacer.take([wide, narrow], 100).count == 10
    assert 85 <= pacer.take([wide], 100).count <= 95


def test_a_broker_that_lost_its_memory_opens_no_burst(redis_client: redis.Redis) -> None:
    pacer, limit = Pacer(redis_client), [Limit("a", Rate(100, 1))]
    assert pacer.take(limit, 1000).count == 25
    redis_client.flushdb()
    assert pacer.take(limit, 1000).count == 25


def test_without_a_limit_all_may_go(redis_client: redis.Redis) -> None:
    assert Pacer(redis_client).take([], 500).count == 500
