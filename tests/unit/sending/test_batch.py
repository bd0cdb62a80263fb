"""What a batch keeps no longer than it may, and what it does not wait for."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pytest

from mailer.deliveries import Checkpoint, Claim, DueDelivery, Standing
from mailer.message import Composer, Recipient
from mailer.pacing import Grant
from mailer.sending import batch as sending
from mailer.sending.balance import Balance
from mailer.sending.batch import Batch, Surroundings
from mailer.sending.outlet import Sending
from mailer.sending.window import GRAIN, Window
from mailer.smtp import NotSent, Reason, RelayDown
from subscribers.errors import InputError

NOW = datetime(2026, 11, 27, tzinfo=UTC)
DUES = [DueDelivery(number, f"r{number}@institute.example", None, None, 0, None) for number in range(32)]


class Way:
    """A relay that never answers; it keeps what was offered."""

    usable = True

    def __init__(self) -> None:
        self.relay = SimpleNamespace(label="a", weight=1, direct=False)
        self.offered: list[DueDelivery] = []

    def offer(self, batch: Sending, dues: Sequence[DueDelivery]) -> None:
        self.offered += dues

    def withdraw(self, batch: Sending) -> int:
        return 0


class Records:
    """The batch is ours for the first checkpoint, and lost by the second."""

    def __init__(self) -> None:
        self.checkpoints = 0

    async def checkpoint(self, checkpoint: Checkpoint) -> Standing:
        self.checkpoints += 1
        return Standing.GOES_ON if self.checkpoints == 1 else Standing.LOST


class Pacer:
    """Grants all that is asked for."""

    async def take(self, limits: object, wanted: int, **_: object) -> Grant:
        return Grant(wanted, timedelta())


class Letters:
    """Drafts eight at once, and keeps which."""

    together = 8

    def __init__(self) -> None:
        self.made: list[list[int]] = []

    def draft_each(self, recipients: Sequence[Recipient]) -> list[str]:
        self.made.append([one.delivery_id for one in recipients])
        return [one.address for one in recipients]

    def finish(self, draft: str) -> str:
        return draft


class Kept(Records):
    """The batch stays ours until it is given back."""

    given_back = False

    async def checkpoint(self, checkpoint: Checkpoint) -> Standing:
        return Standing.GOES_ON

    async def in_transaction(self, work: object) -> None:
        self.given_back = True


class Impossible(Letters):
    """Addresses that nobody can write to, so that asking for their messages ends them."""

    def draft_each(self, recipients: Sequence[Recipient]) -> list[InputError]:
        return [InputError(one.address) for one in recipients]


def batch_through(
    way: Way,
    letters: Letters,
    pacer: Pacer | None = None,
    records: Records | None = None,
    second: Way | None = None,
    *,
    crowded: bool = False,
) -> Batch:
    """A batch of 32 that is lost once they have been offered."""
    rng, ways = random.Random(1), [way] if second is None else [way, second]
    terms = SimpleNamespace(hours=None, retry_scale=1, limits=lambda *_: [])
    held = SimpleNamespace(mailing_id=1, provider="qq", batch_id=1, first_id=0, lease="l", leased_at=NOW, terms=terms)
    shared = {
        "records": records or Records(),
        "window": Window(),
        "pacer": pacer or Pacer(),
        "outlets": ways,
        "balance": Balance(ways, rng),
    }
    around = SimpleNamespace(**shared, table=None, rng=rng, crowded=lambda: crowded)
    return Batch(cast(Claim, held), DUES, cast(Composer, letters), cast(Surroundings, around))


def test_what_a_relay_hands_back_after_the_lease_was_lost_is_offered_to_no_other() -> None:
    """Whoever holds the batch by then finds it in doubt and sends it again."""
    way = Way()

    async def run() -> None:
        batch = batch_through(way, Letters())
        await batch.run()
        assert way.offered == DUES
        batch.refused(DUES[:1], RelayDown("a", Reason.CONNECT, "nobody there"))

    asyncio.run(run())
    assert way.offered == DUES


def test_a_moment_at_which_the_pace_may_be_asked_again_is_not_missed_because_it_has_passed_already(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sending, "_HEARTBEAT", 3600.0)

    class Hesitant(Pacer):
        asked = 0

        async def take(self, limits: object, wanted: int, **_: object) -> Grant:
            self.asked += 1
            return Grant(0 if self.asked == 1 else wanted, timedelta())

    async def run() -> None:
        offered = asyncio.Event()

        class Offered(Way):
            def offer(self, batch: Sending, dues: Sequence[DueDelivery]) -> None:
                offered.set()

        running = asyncio.create_task(batch_through(Offered(), Letters(), Hesitant()).run())
        async with asyncio.timeout(10):
            await offered.wait()
        running.cancel()

    asyncio.run(run())


def ending(batch: Sending, dues: Sequence[DueDelivery]) -> None:
    """Have these end in a moment."""
    for due in dues:
        asyncio.get_running_loop().call_soon(batch.compose, due)


async def run_out(batch: Batch) -> None:
    async with asyncio.timeout(10):
        await batch.run()


def test_an_allowance_that_ends_with_mail_on_its_way_does_not_keep_the_rest_until_it_is_new() -> None:
    class Allowance(Pacer):
        asked = 0

        async def take(self, limits: object, wanted: int, **_: object) -> Grant:
            self.asked += 1
            if self.asked == 1:
                return Grant(GRAIN, timedelta(microseconds=1))
            if self.asked == 2:
                ending(batch, way.offered)
            return Grant(0, timedelta(hours=1))

    way, records = Way(), Kept()
    batch = batch_through(way, Impossible(), Allowance(), records)
    asyncio.run(run_out(batch))
    assert len(way.offered) == GRAIN
    assert records.given_back


@pytest.mark.parametrize(
    ("crowded", "longest_stay", "sent"), [(True, 3600.0, GRAIN), (False, 3600.0, len(DUES)), (False, 0.0, GRAIN)]
)
def test_a_batch_whose_turn_is_over_makes_room_where_others_may_wait_and_in_half_an_hour_anyway(
    monkeypatch: pytest.MonkeyPatch, *, crowded: bool, longest_stay: float, sent: int
) -> None:
    monkeypatch.setattr(sending, "_LONGEST_TURN", 0.0)
    monkeypatch.setattr(sending, "_LONGEST_STAY", longest_stay)

    class Answering(Way):
        def offer(self, batch: Sending, dues: Sequence[DueDelivery]) -> None:
            super().offer(batch, dues)
            ending(batch, dues)

    class Steady(Pacer):
        async def take(self, limits: object, wanted: int, **_: object) -> Grant:
            return Grant(GRAIN, timedelta())

    way, records = Answering(), Kept()
    asyncio.run(run_out(batch_through(way, Impossible(), Steady(), records, crowded=crowded)))
    assert len(way.offered) == sent
    assert records.given_back


def test_what_a_relay_hands_back_while_the_next_are_recorded_is_offered_to_another_once() -> None:
    class Down(Way):
        """Goes down once it has been offered the first, and says so while the next are being recorded."""

        def offer(self, batch: Sending, dues: Sequence[DueDelivery]) -> None:
            super().offer(batch, dues)
            if not self.usable:
                self.hand_back(batch)

        def hand_back(self, batch: Sending) -> None:
            self.usable = False
            batch.refused(self.offered, RelayDown("a", Reason.CONNECT, "nobody there"))
            self.offered = []

    class Slow(Kept):
        async def checkpoint(self, checkpoint: Checkpoint) -> Standing:
            self.checkpoints += 1
            if self.checkpoints == 2:
                down.hand_back(batch)
            return Standing.GOES_ON

    class Ending(Way):
        def offer(self, batch: Sending, dues: Sequence[DueDelivery]) -> None:
            super().offer(batch, dues)
            for due in dues:
                batch.compose(due)

    class HalfAtOnce(Pacer):
        async def take(self, limits: object, wanted: int, **_: object) -> Grant:
            return Grant(min(wanted, GRAIN), timedelta(microseconds=1))

    async def run() -> None:
        async with asyncio.timeout(10):
            await batch.run()

    down, other = Down(), Ending()
    down.relay.weight = 1000
    batch = batch_through(down, Impossible(), HalfAtOnce(), Slow(), second=other)
    asyncio.run(run())
    assert sorted(other.offered) == DUES


def test_a_batch_does_not_go_to_and_fro_between_two_relays_that_do_not_answer() -> None:
    class Silent(Way):
        """Refuses after so long that the other one might be tried again."""

        def offer(self, batch: Sending, dues: Sequence[DueDelivery]) -> None:
            assert not self.offered, "it has been tried"
            super().offer(batch, dues)
            batch.refused(dues, RelayDown("a", Reason.TIMEOUT, "no greeting"))

    async def run() -> None:
        async with asyncio.timeout(10):
            await batch_through(one, Letters(), None, records, second=other).run()

    one, other, records = Silent(), Silent(), Kept()
    asyncio.run(run())
    assert records.given_back
    assert one.offered
    assert other.offered


def test_a_batch_goes_to_a_relay_that_has_not_refused_it_before_one_that_has() -> None:
    class Silent(Way):
        """Has refused it so long ago that it might be tried again."""

        def offer(self, batch: Sending, dues: Sequence[DueDelivery]) -> None:
            super().offer(batch, dues)
            batch.refused(dues, RelayDown("a", Reason.TIMEOUT, "no greeting"))

    class Ending(Way):
        def offer(self, batch: Sending, dues: Sequence[DueDelivery]) -> None:
            super().offer(batch, dues)
            ending(batch, dues)

    silent, free = Silent(), Ending()
    silent.relay.weight = 1000
    asyncio.run(run_out(batch_through(silent, Impossible(), None, Kept(), second=free)))
    assert free.offered == DUES


def test_a_draft_is_not_kept_for_a_delivery_that_ended_before_its_turn() -> None:
    letters = Letters()

    class Ending(Way):
        def offer(self, batch: Sending, dues: Sequence[DueDelivery]) -> None:
            batch.compose(dues[0])
            batch.settled(dues[1], NotSent(Reason.STOPPED, "not begun"), "a")
            batch.compose(dues[2])
            assert len(letters.made) == 1, "it was there already"
            batch.compose(dues[1])

    asyncio.run(batch_through(Ending(), letters).run())
    assert [made[0] for made in letters.made] == [0, 1]
