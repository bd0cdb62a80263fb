"""Clocks that are wrong, and put right: what depends on the time of day, and what must not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import redis

from mailer.pacing import Limit, Pacer
from mailer.rate import Bounds, Rate

HOUR = 3_600_000_000  # microseconds


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
def test_the_pace_goes_on_when_the_broker_s_clock_jumps(redis_client: redis.Redis, jump: int) -> None:
    at = [round(datetime.now(UTC).timestamp() * 1e6)]
    pacer = Pacer(redis_client, clock=lambda: at[0])
    limits = [Limit("relay", Bounds(Rate(10, 1), at_once=8))]
    first = pacer.take(limits, 100, holder="one")
    assert 0 < first.count <= 8
    at[0] += jump
    again = pacer.take(limits, 100, holder="two")
    assert again.wait <= timedelta(seconds=1)
    at[0] += round(again.wait / timedelta(microseconds=1))
    assert pacer.take(limits, 100, holder="two").count > 0
