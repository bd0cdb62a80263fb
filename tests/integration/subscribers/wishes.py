"""Subscriptions as people would keep them in their heads: who must not be written to, and through which steps that holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import Enum, auto


class Kind(Enum):
    """Why an address must not be written to."""

    LEFT = auto()  # the person's own wish, or staff's on it
    COMPLAINED = auto()
    BOUNCED = auto()
    REMOVED = auto()  # from a list, by a file that was to be the whole list


@dataclass(frozen=True, slots=True)
class Bar:
    """One reason not to write to an address: on one list, or on any. `import_id` is the import that removed it."""

    kind: Kind
    list_id: int | None = None
    import_id: int | None = None


_ABOUT_THE_MAILBOX = frozenset({Kind.BOUNCED})


@dataclass
class Wishes:
    """What has been wished and what has happened. Addresses that were merged into others stand in `merged`."""

    bars: dict[str, set[Bar]] = field(default_factory=lambda: defaultdict(set))
    merged: dict[str, str] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)

    def person(self, address: str) -> str:
        """The address under which the person of an address is known now."""
        while address in self.merged:
            address = self.merged[address]
        return address

    def family(self, address: str) -> set[str]:
        """All addresses of one person."""
        person = self.person(address)
        return {person} | {other for other in self.merged if self.person(other) == person}

    def may_be_written_to(self, address: str, list_id: int) -> bool:
        """Whether nothing speaks against it."""
        barred = any(bar.list_id in (None, list_id) for bar in self.bars[address])
        return not barred and address not in self.merged and address not in self.erased

    def left(self, address: str, list_id: int) -> None:
        self.bars[self.person(address)].add(Bar(Kind.LEFT, list_id))

    def came_back(self, address: str, list_id: int) -> None:
        """By the link on the page that said goodbye."""
        self.bars[self.person(address)].discard(Bar(Kind.LEFT, list_id))

    def complained(self, address: str) -> None:
        self.bars[address].add(Bar(Kind.COMPLAINED))

    def bounced(self, address: str) -> None:
        self.bars[address].add(Bar(Kind.BOUNCED))

    def lifted_by_staff(self, address: str) -> None:
        """Staff may lift what is about a mailbox, and nothing that somebody wished."""
        self.bars[address] = {bar for bar in self.bars[address] if bar.kind not in _ABOUT_THE_MAILBOX}

    def removed(self, addresses: set[str], list_id: int, import_id: int) -> None:
        for address in addresses:
            self.bars[address].add(Bar(Kind.REMOVED, list_id, import_id))

    def taken_back(self, import_id: int) -> None:
        """Nothing but what the import itself removed may come back."""
        for address in list(self.bars):
            self.bars[address] = {bar for bar in self.bars[address] if bar.import_id != import_id}

    def confirmed(self, address: str, list_id: int) -> None:
        """The mailbox itself has said so: for its own address nothing speaks against this list any more."""
        for one in {address, self.person(address)}:
            kept = {bar for bar in self.bars[one] if bar.list_id not in (None, list_id)}
            # A word from one mailbox says nothing of another's complaint or health.
            self.bars[one] = kept if one == address else kept | {bar for bar in self.bars[one] if bar.list_id is None}

    def merge(self, gone: str, kept: str, on: Collection[int] = ()) -> None:
        """`on` are the lists that the person is on with one address or the other: a file that did not have the other one removed nobody."""
        bars = self.bars[kept] | {bar for bar in self.bars[gone] if bar.kind not in _ABOUT_THE_MAILBOX}
        self.bars[kept] = {bar for bar in bars if bar.kind is not Kind.REMOVED or bar.list_id not in on}
        self.merged[gone] = kept

    def erase(self, address: str) -> None:
        self.erased |= self.family(address) | {address}
