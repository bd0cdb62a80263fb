"""The pace against a real Valkey, by a clock that the tests turn: what may leave in a window, and that nothing opens a burst."""

from __future__ import annotations

import heapq
import itertools
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailer.pacing import Limit, Pacer, Tally
from mailer.rate import Bounds, Rate

SHANGHAI = ZoneInfo("Asia/Shanghai")
TEN_SECONDS = 10_000_000
MORNING = datetime(2026, 12, 1, 9, 0, tzinfo=SHANGHAI)


def stamp(moment: datetime) -> int:
    return round(moment.timestamp() * 1e6)


@dataclass
class Clock:
    """Microseconds, moved by hand."""

    now: int = stamp(MORNING)

    def __call__(self) -> int:
        return self.now

    def wait(self, length: timedelta) -> None:
        self.now += round(length / timedelta(microseconds=1))


def limit(rate: str, name: str = "a") -> list[Limit]:
    return [Limit(name, Bounds(Rate.parse(rate)))]


def capped(name: str = "r", **bounds: int) -> list[Limit]:
    return [Limit(name, Bounds(Rate(10, 1), **bounds), tally=Tally("relay"))]


@dataclass
class Simulation:
    """Askers who come when they are told to, or a little late, for so many seconds. `granted` has the time of every message."""

    pacer: Pacer
    clock: Clock
    rng: random.Random
    late: float
    granted: list[int] = field(default_factory=list)

    def run(self, limits: list[Limit], *, askers: int, seconds: float, wanted: int = 32) -> None:
        end = self.clock.now + round(seconds * 1e6)
        turns = [(self.clock.now + self.rng.randrange(300_000), asker) for asker in range(askers)]
        heapq.heapify(turns)
        while turns[0][0] < end:
            at, asker = heapq.heappop(turns)
            self.clock.now = at
            grant = self.pacer.take(limits, wanted)
            self.granted += [at] * grant.count
            pause = round(grant.wait / timedelta(microseconds=1)) if grant.count < wanted else 0
            heapq.heappush(turns, (at + pause + self.rng.randrange(1, round(self.late * 1e6)), asker))
        self.clock.now = end

    def most_in(self, length: int = TEN_SECONDS) -> int:
        """The most messages in any window of that length."""
        most, first = 0, 0
        for index, at in enumerate(self.granted):
            while self.granted[first] <= at - length:
                first += 1
            most = max(most, index - first + 1)
        return most


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(0, 2**32), st.sampled_from(["2/s", "7/s", "40/s", "100/s", "333/s", "90/min", "1700/min"]), st.integers(1, 16)
)
def test_in_any_ten_seconds_at_most_a_twentieth_more_than_the_limit_and_over_a_run_hardly_less(
    redis_client: redis.Redis, seed: int, rate: str, askers: int
) -> None:
    redis_client.flushdb()
    clock = Clock()
    simulation = Simulation(Pacer(redis_client, clock=clock), clock, random.Random(seed), late=0.03)
    simulation.run(limit(rate), askers=askers, seconds=25)
    allowed = Rate.parse(rate).per_second
    assert simulation.most_in() <= 1.05 * 10 * allowed
    assert len(simulation.granted) >= 0.97 * 25 * allowed


def test_a_slow_limit_gives_one_message_after_the_other(redis_client: redis.Redis) -> None:
    clock = Clock()
    simulation = Simulation(Pacer(redis_client, clock=clock), clock, random.Random(1), late=0.05)
    simulation.run(limit("20/min"), askers=8, seconds=600)
    gaps = [after - before for before, after in zip(simulation.granted, simulation.granted[1:], strict=False)]
    assert min(gaps) >= 3_000_000
    assert len(simulation.granted) >= 0.97 * 200


def test_no_more_than_a_burst_may_leave_at_once_however_much_is_wanted(redis_client: redis.Redis) -> None:
    grant = Pacer(redis_client).take(limit("1000/s"), 10_000)
    assert grant.count == 251
    assert timedelta() < grant.wait <= timedelta(seconds=0.25)


def test_all_who_ask_share_one_limit_by_the_servers_clock(redis_client: redis.Redis) -> None:
    grants = [Pacer(redis_client).take(limit("1/min"), 5).count for _ in range(3)]
    assert grants == [1, 0, 0]


def test_the_narrowest_limit_counts_and_the_others_are_charged_only_what_was_granted(redis_client: redis.Redis) -> None:
    pacer = Pacer(redis_client, clock=Clock())
    wide, narrow = limit("400/s", "wide"), limit("40/s", "narrow")
    assert pacer.take(wide + narrow, 100).count == 11
    assert pacer.take(wide, 200).count == 101 - 11


def test_a_broker_that_lost_its_memory_opens_no_burst(redis_client: redis.Redis) -> None:
    pacer = Pacer(redis_client, clock=Clock())
    assert pacer.take(limit("100/s"), 1000).count == 26
    redis_client.flushdb()
    redis_client.script_flush()
    assert pacer.take(limit("100/s"), 1000).count == 26


def test_without_a_limit_all_may_go(redis_client: redis.Redis) -> None:
    assert Pacer(redis_client).take([], 500).count == 500
    assert Pacer(redis_client).take([Limit("a")], 500).count == 500


def test_a_mailing_on_another_scale_of_time_takes_the_rate_along(redis_client: redis.Redis) -> None:
    scaled = [Limit("a", Bounds(Rate(1, 3)), scale=1 / 3000)]
    assert Pacer(redis_client, clock=Clock()).take(scaled, 1000).count == 251


# --- Allowances by the clock ---


def spend(pacer: Pacer, clock: Clock, limits: list[Limit], until: datetime) -> list[datetime]:
    """When each message left, up to `until`, for somebody who always has more."""
    times: list[datetime] = []
    while clock.now < stamp(until):
        grant = pacer.take(limits, 5)
        times += [datetime.fromtimestamp(clock.now / 1e6, SHANGHAI)] * grant.count
        clock.wait(grant.wait if grant.count < 5 else timedelta(milliseconds=1))
    return times


def test_what_is_over_a_days_allowance_waits_for_the_next_day_and_is_spread_over_it(redis_client: redis.Redis) -> None:
    clock = Clock()
    times = spend(Pacer(redis_client, clock=clock), clock, capped(per_day=48), MORNING + timedelta(days=2))
    first, second = ([at for at in times if at.day == day] for day in (1, 2))
    assert len(first) == 48
    assert first[-1] - first[0] < timedelta(seconds=6)
    assert 46 <= len(second) <= 48
    assert second[0].hour == 0
    gaps = [after - before for before, after in itertools.pairwise(second)]
    assert min(gaps) >= timedelta(minutes=29)


def test_an_hours_allowance_is_kept_beside_a_days(redis_client: redis.Redis) -> None:
    clock = Clock()
    times = spend(Pacer(redis_client, clock=clock), clock, capped(per_hour=10, per_day=35), MORNING + timedelta(hours=14))
    assert [sum(at.hour == hour for at in times) for hour in (9, 10, 11, 12, 13)] == [10, 10, 10, 5, 0]


def test_an_allowance_that_was_not_used_up_the_day_before_is_not_spread(redis_client: redis.Redis) -> None:
    clock = Clock()
    pacer = Pacer(redis_client, clock=clock)
    assert sum(pacer.take(capped(per_day=40), 3).count for _ in range(20)) <= 4  # a quarter second's worth of 10/s
    clock.wait(timedelta(days=1))
    times = spend(pacer, clock, capped(per_day=40), MORNING + timedelta(days=1, minutes=1))
    assert len(times) == 40


def test_an_allowance_is_spread_over_the_hours_in_which_mail_leaves(redis_client: redis.Redis) -> None:
    clock = Clock(stamp(MORNING + timedelta(hours=1)))
    stretch = (MORNING + timedelta(hours=1), MORNING + timedelta(hours=3))
    pacer = Pacer(redis_client, clock=clock, count=lambda _, since, __: 60 if since < MORNING - timedelta(hours=9) else 0)
    times: list[int] = []
    while clock.now < stamp(stretch[1]):
        grant = pacer.take(capped(per_day=60), 5, stretch=stretch)
        times += [clock.now] * grant.count
        clock.wait(grant.wait)
    assert 58 <= len(times) <= 60
    assert min(b - a for a, b in itertools.pairwise(times)) >= 100_000_000


def test_what_was_lost_with_the_brokers_memory_is_counted_from_the_ledger(redis_client: redis.Redis) -> None:
    asked: list[tuple[Tally, datetime, datetime]] = []

    def count(tally: Tally, since: datetime, until: datetime) -> int:
        asked.append((tally, since.astimezone(SHANGHAI), until.astimezone(SHANGHAI)))
        return 97 if since.astimezone(SHANGHAI).day == 1 else 0

    clock = Clock()
    pacer = Pacer(redis_client, clock=clock, count=count)
    assert pacer.take(capped(per_day=100), 1).count == 1
    assert pacer.take(capped(per_day=100), 1).count == 1
    tally, first, second = Tally("relay"), datetime(2026, 12, 1, tzinfo=SHANGHAI), datetime(2026, 12, 2, tzinfo=SHANGHAI)
    assert asked == [(tally, first, second), (tally, first - timedelta(days=1), first)]
    redis_client.flushdb()
    clock.wait(timedelta(minutes=1))
    assert [pacer.take(capped(per_day=100), 2).count for _ in range(3)] == [2, 1, 0]


def test_what_was_granted_and_has_not_left_uses_up_no_allowance(redis_client: redis.Redis) -> None:
    clock = Clock()
    pacer = Pacer(redis_client, clock=clock)
    limits = [Limit("r", Bounds(per_hour=10), tally=Tally("relay"))]
    assert pacer.take(limits, 8).count == 8
    pacer.give_back(limits, 5)
    assert [pacer.take(limits, 10).count for _ in range(2)] == [7, 0]
    pacer.give_back(limits, 99)
    assert pacer.take(limits, 99).count == 10
    clock.wait(timedelta(hours=1))  # Of an hour that is over nothing comes back.
    pacer.give_back(limits, 10)
    assert pacer.take([Limit("r", Bounds(per_hour=20), tally=Tally("relay"))], 10).count == 10
    clock.wait(timedelta(minutes=1))
    pacer.give_back(limits, 10, timedelta(minutes=2))
    assert pacer.take([Limit("r", Bounds(per_hour=20), tally=Tally("relay"))], 99).count == 10


@pytest.mark.parametrize("bounds", [{"per_hour": 60}, {"per_day": 60}])
def test_a_clock_that_was_ahead_for_a_while_gives_no_allowance_twice(redis_client: redis.Redis, bounds: dict[str, int]) -> None:
    clock = Clock(stamp(MORNING.replace(hour=23, minute=30)))
    sent: list[datetime] = []
    pacer = Pacer(redis_client, clock=clock, count=lambda _, since, until: sum(since <= at < until for at in sent))
    limits = [Limit("r", Bounds(**bounds), tally=Tally("relay"))]
    for ahead in (0, 1, -1):
        clock.wait(timedelta(hours=ahead))
        sent += [datetime.fromtimestamp(clock.now / 1e6, UTC)] * pacer.take(limits, 100).count
    assert len(sent) <= 61  # all of the first window, and the first of the next, over which it is spread


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "Europe/Berlin", "Asia/Shanghai", "America/St_Johns"])
def test_days_begin_at_midnight_where_the_installation_is(redis_client: redis.Redis, zone: str) -> None:
    clock = Clock(stamp(datetime(2026, 10, 24, 23, 59, 58, tzinfo=ZoneInfo(zone))))  # the night of Europe's clock change
    pacer = Pacer(redis_client, zone=ZoneInfo(zone), clock=clock)
    assert pacer.take(capped(per_day=2), 2).count == 2
    assert pacer.take(capped(per_day=2), 2).count == 0
    clock.wait(timedelta(seconds=3))
    assert pacer.take(capped(per_day=2), 2).count == 1


def test_a_process_whose_clock_is_wrong_uses_the_servers_day(redis_client: redis.Redis) -> None:
    clock = Clock(stamp(datetime(2031, 5, 6, 7, 8, tzinfo=UTC)))
    assert Pacer(redis_client, clock=clock).take(capped(per_hour=5), 1).count == 1


# --- Closures ---


def test_a_closed_provider_gives_nothing_and_says_until_when(redis_client: redis.Redis) -> None:
    clock = Clock()
    pacer = Pacer(redis_client, clock=clock)
    assert pacer.cool("a", timedelta(minutes=10), slower=True) == timedelta(minutes=10)
    grant = pacer.take(limit("100/s"), 10)
    assert (grant.count, grant.wait) == (0, timedelta(minutes=10))
    assert pacer.take(limit("100/s", "b"), 10).count == 10


def test_after_a_closure_the_rate_is_halved_and_grows_by_a_quarter_each_hour(redis_client: redis.Redis) -> None:
    clock = Clock()
    pacer = Pacer(redis_client, clock=clock)
    pacer.cool("a", timedelta(minutes=10), slower=True)
    clock.wait(timedelta(minutes=10))
    assert pacer.take(limit("100/s"), 100).count == 13  # a quarter second's worth of 50/s
    factors = []
    for _ in range(5):
        factors.append(pacer.standing("a").factor)
        clock.wait(timedelta(hours=1))
    assert factors == [0.5, 0.625, 0.781, 0.977, 1.0]
    assert pacer.take(limit("100/s"), 100).count == 26


def test_refusals_of_what_was_on_its_way_count_once(redis_client: redis.Redis) -> None:
    clock = Clock()
    pacer = Pacer(redis_client, clock=clock)
    for _ in range(20):
        pacer.cool("a", timedelta(minutes=10), slower=True)
        clock.wait(timedelta(milliseconds=10))
    standing = pacer.standing("a")
    assert standing.factor == 0.5
    assert standing.closed_for < timedelta(minutes=10, seconds=1)


def test_closures_in_a_row_grow_longer_and_the_rate_smaller_down_to_a_floor(redis_client: redis.Redis) -> None:
    clock = Clock()
    pacer = Pacer(redis_client, clock=clock)
    pauses = []
    for _ in range(6):
        pauses.append(pacer.cool("a", timedelta(minutes=10), slower=True))
        clock.wait(pauses[-1])
    assert [pause / timedelta(minutes=10) for pause in pauses] == [1, 4, 16, 64, 144, 144]
    assert pacer.standing("a").factor == pytest.approx(1 / 16, abs=0.001)
    clock.wait(timedelta(hours=5))
    assert pacer.cool("a", timedelta(minutes=10), slower=True) == timedelta(minutes=10)


# --- At once ---


def test_no_more_messages_are_on_their_way_at_once_than_the_limit_whoever_sends_them(redis_client: redis.Redis) -> None:
    pacer, few = Pacer(redis_client, clock=Clock()), [Limit("a", Bounds(at_once=4))]
    assert pacer.take(few, 3, holder="x").count == 3
    assert pacer.take(few, 3, holder="y").count == 1
    assert pacer.take(few, 3, holder="x", out=3).count == 0
    assert pacer.take(few, 3, holder="x", out=1).count == 2
    assert pacer.take(few, 0, holder="y").count == 0  # is done
    assert pacer.take(few, 3, holder="x", out=3).count == 1


def test_who_died_with_messages_on_their_way_is_forgotten_after_a_minute(redis_client: redis.Redis) -> None:
    clock = Clock()
    pacer, few = Pacer(redis_client, clock=clock), [Limit("a", Bounds(at_once=2))]
    assert pacer.take(few, 2, holder="dead").count == 2
    assert pacer.take(few, 2, holder="alive").count == 0
    clock.wait(timedelta(seconds=61))
    assert pacer.take(few, 2, holder="alive").count == 2


def test_a_closure_halves_what_may_be_on_its_way_but_never_to_nothing(redis_client: redis.Redis) -> None:
    clock = Clock()
    pacer, few = Pacer(redis_client, clock=clock), [Limit("a", Bounds(at_once=4))]
    pacer.cool("a", timedelta(minutes=1), slower=True)
    clock.wait(timedelta(minutes=1))
    assert pacer.take(few, 9, holder="x").count == 2
    clock.now = stamp(MORNING)
    for _ in range(6):
        clock.wait(pacer.cool("a", timedelta(minutes=1), slower=True))
    clock.wait(timedelta(minutes=2))
    assert pacer.take(few, 9, holder="y").count == 1
