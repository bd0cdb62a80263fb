"""Which relay the next batch goes through, so that each has its part of the mail by its weight."""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Sequence

from mailer.sending.outlet import Way


class Balance:
    """What each way was given, by its weight. The next is the one that has least with half of the batch, as Webster shares out seats.

    Where all are level it is drawn, so that processes with one batch each do not all prefer the same.

    A batch goes one way, and a bulletin may have only a few: drawn anew for each, one of three relays would often have half of the mail.
    What a way missed while it could not be used is not made up for.
    """

    def __init__(self, ways: Sequence[Way], rng: random.Random) -> None:
        self._ways = ways
        self._rng = rng
        common = math.lcm(*(way.relay.weight for way in ways))
        self._price = {way: common // way.relay.weight for way in ways}
        self._given = dict.fromkeys(ways, 0)

    def choose(self, count: int, besides: Collection[Way] = ()) -> Way:
        """A way for so many messages that can be used, and none `besides`, or any where there is none."""
        usable = [way for way in self._ways if way.usable and way not in besides] or self._ways
        least = min(self._given[way] for way in usable)
        for way in self._ways:
            self._given[way] = max(self._given[way], least)
        level = usable
        if any(self._given[way] > least for way in usable):
            then = {way: 2 * self._given[way] + count * self._price[way] for way in usable}
            level = [way for way in usable if then[way] == min(then.values())]
        chosen = self._rng.choices(level, [way.relay.weight for way in level])[0]
        self._given[chosen] += count * self._price[chosen]
        return chosen

    def take_back(self, way: Way, count: int) -> None:
        """So many of what it was chosen for have not been begun."""
        self._given[way] -= count * self._price[way]
