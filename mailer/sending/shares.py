"""How providers share a few places, so that one whose servers are slow never holds all of them."""

from __future__ import annotations

from collections import Counter

_REMEMBERED_SECONDS = 10.0  # The slowest providers' next turn is sooner: so long somebody who asked counts as being at work.


class Shares:
    """`size` places, taken by the `grain`. Beside others a provider may take some while it holds fewer than are free.

    So one that gives nothing back ends with half, the next such one with half of what is left, and for whoever is quick there is a place
    (dynamic thresholds: A. K. Choudhury and E. L. Hahne, IEEE/ACM Transactions on Networking 6(2), 1998), until the last grain cannot be
    halved: of four, two that are silent leave one, and a third has that. Were it given out by the place, there would be some for a fourth,
    but eight providers at work, all of them quick, would begin with four messages at once instead of fifteen. A provider alone may have
    all; but the last grain, which whoever comes next will need, only when something of its own has come back since it took that. Where
    nobody else will come, `kept_back` is false.
    """

    def __init__(self, size: int, grain: int = 1, *, kept_back: bool = True) -> None:
        self.size = size
        self._grain = grain
        self._last = grain if kept_back else 0
        self._held: Counter[str] = Counter()
        self._in_use = 0
        self._asked: dict[str, float] = {}
        self._answered: set[str] = set()

    @property
    def free(self) -> int:
        """How many places nobody holds."""
        return self.size - self._in_use

    def ask(self, provider: str, now: float) -> None:
        """Say, by a monotonic clock, that there is mail for the provider: for a while it counts as being at work."""
        self._asked[provider] = now
        if len(self._asked) > 1:
            self._asked = {name: at for name, at in self._asked.items() if now - at < _REMEMBERED_SECONDS}

    def room(self, provider: str) -> int:
        """How many places the provider may take."""
        if self._alone(provider):
            return max(0, self.free - self._kept_back(provider))
        # With each grain it holds one more, and one less is free.
        grains = (self.free - self._held[provider] + 2 * self._grain - 1) // (2 * self._grain)
        return min(self.free, max(0, grains) * self._grain)

    def has_room(self, provider: str, back: int = 0) -> bool:
        """Whether the provider may take a grain, once `back` places of others have come back."""
        if self._alone(provider):
            return self.free + back - self._kept_back(provider) >= self._grain
        return self._held[provider] < self.free + back

    def may_go_on(self, provider: str) -> bool:
        """Whether the provider might take a place again that it gave back."""
        return self._alone(provider) or self._held[provider] < self.free + 2

    def holds(self, provider: str, count: int = 1) -> bool:
        """Whether the provider holds so many."""
        return self._held[provider] >= count

    def take(self, provider: str, count: int = 1) -> None:
        """The provider holds so many more."""
        self._held[provider] += count
        self._in_use += count
        if self.free < self._grain:
            self._answered.discard(provider)

    def give_back(self, provider: str, count: int = 1) -> None:
        """The provider holds so many less."""
        self._held[provider] -= count
        self._in_use -= count

    def answered(self, provider: str) -> None:
        """Something of the provider's has come back, and not only because it was not used."""
        self._answered.add(provider)

    def _alone(self, provider: str) -> bool:
        return self._asked.keys() <= {provider} and self._held[provider] == self._in_use

    def _kept_back(self, provider: str) -> int:
        return 0 if provider in self._answered or self.size <= self._grain else self._last
