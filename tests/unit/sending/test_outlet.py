"""Which message a relay's connections are given next. No server is needed: the tests take messages as a client does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from types import SimpleNamespace

import pytest

from mailer.deliveries import DueDelivery
from mailer.message import Message
from mailer.relay import parse_relays
from mailer.reply import Command, Reply
from mailer.sending import outlet as sending
from mailer.sending.outlet import Outlet
from mailer.smtp import Outcome, RelayDown, Replied
from mailer.smtp.outcomes import InDoubt, NotSent, Reason

_ANSWERED = InDoubt(Reason.TIMEOUT, "what it was makes no difference here")


class Batch:
    """Mail for one provider, numbered from `first`."""

    def __init__(self, provider: str, first: int) -> None:
        self.provider = provider
        self.first = first

    def dues(self, count: int) -> list[DueDelivery]:
        numbers = range(self.first, self.first + count)
        return [DueDelivery(number, f"{number}@{self.provider}.example", None, None, 0, None) for number in numbers]

    def compose(self, due: DueDelivery) -> Message:
        return Message(due.id, "news@sender.test", due.address, f"<{due.id}@sender.test>", b"x\r\n", False, "")

    def settled(self, due: DueDelivery, outcome: Outcome, relay: str) -> None:
        assert not isinstance(outcome, Replied)

    def refused(self, dues: object, down: RelayDown) -> None:
        raise AssertionError(down)


def with_outlet(scenario: Callable[[Outlet], None], connections: int = 4) -> None:
    """Run it with an outlet whose client has not begun."""

    async def run() -> None:
        scenario(Outlet(parse_relays(f"smtp://127.0.0.1:1?starttls=none&connections={connections}")[0]))

    asyncio.run(run())


def taken(outlet: Outlet, most: int = 100) -> list[int]:
    """The keys of what so many connections are given that are ready at once."""
    keys: list[int] = []
    while len(keys) < most and (message := outlet.take()) is not None:
        keys.append(message.key)
    return keys


def test_one_provider_does_not_take_the_connections_that_another_needs() -> None:
    def scenario(outlet: Outlet) -> None:
        slow, quick = Batch("slow", 100), Batch("quick", 200)
        outlet.offer(slow, slow.dues(20))
        outlet.offer(quick, quick.dues(2))
        assert taken(outlet, 3) == [100, 200, 101]
        for key in (200, 201):
            outlet.settle(key, _ANSWERED)
            assert taken(outlet) == ([201] if key == 200 else [])
        outlet.offer(quick, [due for due in quick.dues(9) if due.id > 201])
        assert taken(outlet) == [202]

    with_outlet(scenario)


def test_a_provider_alone_uses_every_connection_once_the_first_is_answered() -> None:
    def scenario(outlet: Outlet) -> None:
        only = Batch("only", 1)
        outlet.offer(only, only.dues(20))
        assert taken(outlet) == [1, 2, 3]
        outlet.settle(1, _ANSWERED)
        assert taken(outlet) == [4, 5]

    with_outlet(scenario)


def test_a_provider_alone_uses_the_last_connection_also_where_a_message_has_taken_over_the_one_that_was_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rung = []
    monkeypatch.setattr(
        sending,
        "Client",
        lambda *_, **__: SimpleNamespace(run=asyncio.Event().wait, wake=lambda: rung.append(1), connections=2),
    )

    def scenario(outlet: Outlet) -> None:
        only = Batch("only", 1)
        outlet.offer(only, only.dues(20))
        assert taken(outlet) == [1]
        assert outlet.take(behind=1) is not None
        assert taken(outlet) == []
        before = len(rung)
        outlet.settle(1, _ANSWERED)
        assert len(rung) == before + 1
        assert taken(outlet) == [3]

    with_outlet(scenario, connections=2)


def test_behind_a_message_without_an_answer_goes_none_for_another_provider() -> None:
    def scenario(outlet: Outlet) -> None:
        slow, quick = Batch("slow", 100), Batch("quick", 200)
        outlet.offer(slow, slow.dues(2))
        outlet.offer(quick, quick.dues(5))
        assert taken(outlet, 2) == [100, 200]
        following = outlet.take(behind=100)
        assert following is not None
        assert following.key == 101
        assert outlet.take(behind=101) is None

    with_outlet(scenario)


def test_a_message_behind_another_takes_over_its_connection() -> None:
    def scenario(outlet: Outlet) -> None:
        slow, quick = Batch("slow", 100), Batch("quick", 200)
        outlet.offer(quick, quick.dues(1))
        outlet.offer(slow, slow.dues(20))
        assert taken(outlet) == [200, 100, 101]
        assert [message.key for key in (100, 101) if (message := outlet.take(behind=key))] == [102, 103]
        outlet.settle(100, _ANSWERED)
        assert taken(outlet) == []  # Its connection is busy with the one behind it.
        outlet.settle(102, _ANSWERED)
        assert taken(outlet) == [104]

    with_outlet(scenario)


def test_on_a_single_connection_providers_take_turns() -> None:
    def scenario(outlet: Outlet) -> None:
        one, two = Batch("one", 100), Batch("two", 200)
        outlet.offer(one, one.dues(5))
        outlet.offer(two, two.dues(5))
        order = []
        for _ in range(4):
            (key,) = taken(outlet)
            assert outlet.take(behind=key) is None
            outlet.settle(key, _ANSWERED)
            order.append(key)
        assert order == [100, 200, 101, 201]

    with_outlet(scenario, connections=1)


def test_what_is_withdrawn_is_one_batchs_and_not_its_providers() -> None:
    def scenario(outlet: Outlet) -> None:
        mine, other = Batch("one", 100), Batch("one", 200)
        outlet.offer(mine, mine.dues(3))
        outlet.offer(other, other.dues(2))
        assert outlet.withdraw(mine) == 3
        assert taken(outlet, 2) == [200, 201]

    with_outlet(scenario)


def test_a_delivery_is_not_begun_again_before_its_first_answer_has_come() -> None:
    """The batch's lease ran out, and the same worker has claimed it anew."""

    def scenario(outlet: Outlet) -> None:
        before, anew = Batch("only", 1), Batch("only", 1)
        outlet.offer(before, before.dues(1))
        assert taken(outlet) == [1]
        outlet.offer(anew, anew.dues(2))
        assert taken(outlet) == [2]
        outlet.settle(1, _ANSWERED)
        assert taken(outlet) == [1]
        for key in (1, 2):
            outlet.settle(key, _ANSWERED)
        assert outlet.idle

    with_outlet(scenario)


def test_a_delivery_that_cannot_be_composed_costs_only_itself() -> None:
    ended: dict[int, Outcome] = {}

    class Flawed(Batch):
        def compose(self, due: DueDelivery) -> Message:
            if due.id == 2:
                raise ZeroDivisionError
            return super().compose(due)

        def settled(self, due: DueDelivery, outcome: Outcome, relay: str) -> None:
            ended[due.id] = outcome

    def scenario(outlet: Outlet) -> None:
        flawed = Flawed("only", 1)
        outlet.offer(flawed, flawed.dues(3))
        assert taken(outlet) == [1, 3]

    with_outlet(scenario)
    assert [(key, outcome.reason) for key, outcome in ended.items() if isinstance(outcome, NotSent)] == [(2, Reason.MALFORMED)]


def test_a_batch_hears_of_all_that_it_offered_although_the_client_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    in_doubt, refused = [], []

    class Offering(Batch):
        def settled(self, due: DueDelivery, outcome: Outcome, relay: str) -> None:
            assert isinstance(outcome, InDoubt)
            in_doubt.append(due.id)

        def refused(self, dues: Sequence[DueDelivery], down: RelayDown) -> None:
            refused.extend(due.id for due in dues)

    async def run() -> None:
        outlet = Outlet(parse_relays("smtp://127.0.0.1:1?starttls=none&connections=4")[0])

        async def fail() -> None:
            assert taken(outlet, 2) == [1, 2]
            raise ZeroDivisionError

        monkeypatch.setattr(sending, "Client", lambda *_, **__: SimpleNamespace(run=fail, wake=lambda: None, connections=4))
        batch = Offering("only", 1)
        outlet.offer(batch, batch.dues(4))
        await outlet.close()
        assert outlet.idle
        assert not outlet.usable

    asyncio.run(run())
    assert (in_doubt, refused) == ([1, 2], [3, 4])


def test_a_relay_that_is_down_is_left_alone_by_all_batches_and_longer_each_time_in_a_row_that_it_refuses_our_login(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, refused, pauses = [], [], []
    wrong = RelayDown("relay", Reason.AUTH, "the login was refused", Reply(Command.AUTH, 535, "5.7.8", "no", "relay", True))

    class Offering(Batch):
        def refused(self, dues: Sequence[DueDelivery], down: RelayDown) -> None:
            assert down is wrong
            refused.extend(due.id for due in dues)

        def settled(self, due: DueDelivery, outcome: Outcome, relay: str) -> None:
            assert isinstance(outcome, Replied)

    async def refuse() -> None:
        made.append(1)
        if len(made) == 10:  # Once it lets us in before it refuses us again.
            assert outlet.take() is not None
            outlet.settle(1, Replied(Reply(Command.DOT, 250, "2.0.0", "queued", "relay", True)))
            outlet.offer(first, first.dues(1))
        raise wrong

    outlet: Outlet
    first, second = Offering("one", 1), Offering("two", 2)

    async def run() -> None:
        nonlocal outlet
        outlet = Outlet(parse_relays("smtp://127.0.0.1:1?starttls=none")[0])
        monkeypatch.setattr(sending, "Client", lambda *_, **__: SimpleNamespace(run=refuse, wake=lambda: None, connections=4))
        for _ in range(10):
            outlet._down_until = 0.0
            outlet.offer(first, first.dues(1))
            assert outlet._serving is not None
            await asyncio.wait([outlet._serving])
            outlet.offer(second, second.dues(1))
            pauses.append(round(outlet._down_until - asyncio.get_running_loop().time()))

    asyncio.run(run())
    assert len(made) == 10
    assert refused == [1, 2] * 10
    assert pauses == [15, 30, 60, 120, 240, 480, 960, 960, 960, 15]
