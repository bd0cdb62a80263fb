"""What can befall a recipient, and how often it does."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from enum import StrEnum

from subscribers.errors import InputError


class FateKind(StrEnum):
    """Everything that can befall a recipient. What happens once is followed by acceptance, whenever the next try comes."""

    ACCEPT = "accept"
    UNKNOWN_USER = "unknown_user"  # always, at RCPT
    GREYLISTED = "greylisted"  # once, at RCPT
    FULL_FOR_NOW = "full_for_now"  # once, at RCPT
    FULL = "full"  # always, at RCPT: ends only with the sender's patience
    FREQUENCY = "frequency"  # once, at RCPT: a rate limit, with code 550 where the provider says so
    CONTENT = "content"  # always, at the dot
    CLOSING = "closing"  # once, at RCPT: 421, and the connection ends
    DROPPED = "dropped"  # once, after the dot: the message is kept, the connection ends without a reply
    SLOW = "slow"  # always: accepted, late


@dataclass(frozen=True, slots=True)
class Shares:
    """How many of the addresses, as fractions, meet what. All others are accepted: 93.5 % by default."""

    unknown_user: float = 0.02
    greylisted: float = 0.015
    full_for_now: float = 0.01
    full: float = 0.0
    frequency: float = 0.01
    content: float = 0.005
    closing: float = 0.001
    dropped: float = 0.002
    slow: float = 0.002

    def __post_init__(self) -> None:
        shares = self.by_kind()
        if min(shares.values()) < 0 or sum(shares.values()) > 1 + 1e-9:
            told = ", ".join(f"{kind}={share}" for kind, share in shares.items())
            raise InputError(f"the shares {told} are not parts of one whole. Give fractions that add up to 1 at most.")

    def by_kind(self) -> dict[FateKind, float]:
        """Each kind but ACCEPT with its share."""
        return {FateKind(field.name): getattr(self, field.name) for field in fields(self)}

    @classmethod
    def parse(cls, text: str) -> Shares:
        """Shares as on a command line: `unknown_user=0.05,dropped=0.01`. What is not named is 0, and `none` names nothing."""
        given = dict.fromkeys((field.name for field in fields(cls)), 0.0)
        for part in text.split(",") if text != "none" else ():
            share = re.fullmatch(r"(\w+)=(\d*\.?\d+)", part.strip())
            if share is None or share[1] not in given:
                raise InputError(f"{part.strip()!r} is not a share. Give one of {', '.join(given)}, like dropped=0.01.")
            given[share[1]] = float(share[2])
        return cls(**given)
