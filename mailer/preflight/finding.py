"""What a check says, and what it has to be told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Level(StrEnum):
    """How bad it is: a message with an error must not leave."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Fault:
    """What one rule found: where, what is wrong there, and what to do about it."""

    level: Level
    place: str
    message: str
    cure: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault and the rule that it breaks."""

    rule: str
    level: Level
    place: str
    message: str
    cure: str

    def __str__(self) -> str:
        return f"{self.level}: {self.place}: {self.message}. {self.cure} [{self.rule}]"


@dataclass(frozen=True, slots=True)
class Context:
    """What the message itself cannot say.

    `list_id` is what must stand between the angle brackets of List-Id, or None for a message of no list (a confirmation,
    a notice), which is then not asked for a way to unsubscribe. `insecure_hosts` may be linked to without TLS: the loopback
    address in a demo. `link_hosts` are the hosts, with all below them, that the HTML may link to, None for any.
    `message_id_domain` is the right side of our Message-IDs, None for the domain of the From address.
    """

    now: datetime
    list_id: str | None
    insecure_hosts: frozenset[str] = frozenset()
    link_hosts: frozenset[str] | None = None
    message_id_domain: str | None = None


def error(place: str, message: str, cure: str) -> Fault:
    """A fault that keeps the message from leaving."""
    return Fault(Level.ERROR, place, message, cure)


def warning(place: str, message: str, cure: str) -> Fault:
    """A fault that staff should know of."""
    return Fault(Level.WARNING, place, message, cure)
