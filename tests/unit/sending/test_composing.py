"""What is drafted with the messages whose turn it is, and what is kept of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pytest

from mailer.deliveries import DueDelivery
from mailer.message import Recipient
from mailer.sending.composing import Composing
from subscribers.errors import InputError

BAD = "no address"


class Letter(NamedTuple):
    """A message, as far as this is about."""

    recipient: str


class Composer:
    """Drafts so many at once, and keeps which."""

    def __init__(self, together: int) -> None:
        self.together = together
        self.made: list[list[int]] = []

    def compose(self, recipient: Recipient) -> Letter:
        (address,) = self.draft_each([recipient])
        if isinstance(address, InputError):
            raise address
        return self.finish(address)

    def draft_each(self, recipients: Sequence[Recipient]) -> list[str | InputError]:
        self.made.append([one.delivery_id for one in recipients])
        return [InputError(one.address) if one.address == BAD else one.address for one in recipients]

    def finish(self, address: str) -> Letter:
        return Letter(address)


def due(number: int, address: str | None = None) -> DueDelivery:
    return DueDelivery(number, address or f"r{number}@institute.example", None, None, 0, None)


DUES = [due(number) for number in range(20)]


def composing(together: int, dues: Sequence[DueDelivery] = DUES) -> tuple[Composing, Composer]:
    composer = Composer(together)
    made = Composing(composer)
    made.begin(dues)
    return made, composer


@pytest.mark.parametrize("together", [1, 8])
def test_each_delivery_gets_its_own_message_in_whatever_order_their_turns_come(together: int) -> None:
    made, composer = composing(together)
    for one in reversed(DUES):
        assert made.message(one).recipient == one.address
    assert sorted(number for some in composer.made for number in some) == list(range(20))


def test_as_many_are_drafted_at_once_as_are_cheapest_and_none_twice() -> None:
    made, composer = composing(8)
    for one in DUES:
        made.message(one)
    assert [len(some) for some in composer.made] == [8, 8, 4]


def test_what_is_cheapest_alone_waits_for_its_turn() -> None:
    made, composer = composing(1)
    made.message(DUES[0])
    assert composer.made == [[0]]


def test_an_address_that_cannot_be_mailed_to_costs_only_itself() -> None:
    dues = [due(0), due(1, BAD), due(2)]
    made, _ = composing(8, dues)
    assert made.message(dues[0]).recipient == dues[0].address
    with pytest.raises(InputError):
        made.message(dues[1])
    assert made.message(dues[2]).recipient == dues[2].address


def test_what_is_tried_again_is_composed_again() -> None:
    made, _ = composing(8)
    assert made.message(DUES[0]) == made.message(DUES[0])


def test_what_ended_before_its_turn_is_neither_composed_nor_kept() -> None:
    """As where the recipient's domain turns out to have no host."""
    made, composer = composing(8)
    made.message(DUES[0])
    made.end(DUES[1])  # composed by now
    made.end(DUES[8])  # not yet
    for number in range(2, 16):
        if number != 8:
            made.message(DUES[number])
    assert [8 in some for some in composer.made] == [False, False]
    made.message(DUES[1])
    assert composer.made[2][0] == 1, "it was kept"


def test_after_the_stop_only_what_is_asked_for_is_composed() -> None:
    made, composer = composing(8)
    made.message(DUES[0])
    made.stop()
    made.message(DUES[1])
    assert composer.made == [list(range(8)), [1]]
