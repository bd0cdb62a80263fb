"""The world's own account of what it did, by recipient, to be held against what the sender believes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from mailer.world.fates import Stage

_ENCODER = json.JSONEncoder(ensure_ascii=False)


class Deed(StrEnum):
    """What a reader, or a machine in front of one, did at the web server."""

    OPEN = "open"
    CLICK = "click"
    UNSUBSCRIBE = "unsubscribe"
    SCAN = "scan"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One recipient was told an outcome. `reply` None: the connection ended without one. `octets` is the content as it was sent."""

    at: float
    address: str
    stage: Stage
    reply: str | None
    kept: bool = False
    message_id: str | None = None
    octets: int = 0


@dataclass(frozen=True, slots=True)
class Visit:
    """One request was made for a recipient. `status` None: no answer came. `good`: the answer was what it has to be."""

    at: float
    address: str
    deed: Deed
    url: str
    status: int | None
    good: bool
    agent: str


Entry = Attempt | Visit


@dataclass(slots=True)
class Recipient:
    """All that happened to one address; times are seconds since 1970, visits count only when they went well."""

    attempts: int = 0
    last_reply: str | None = None
    kept: int = 0
    octets: int = 0
    message_ids: list[str | None] = field(default_factory=list)
    first_kept_at: float | None = None
    last_kept_at: float | None = None
    visits: dict[Deed, int] = field(default_factory=dict)

    @property
    def doubled(self) -> bool:
        """Whether one message, known by its Message-ID, was kept more than once."""
        return len(set(self.message_ids)) < len(self.message_ids)


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts over all recipients. `refused` and `deferred` recipients have got nothing; `unanswered` are dots without reply."""

    recipients: int
    attempts: int
    messages_kept: int
    octets_kept: int
    reached: int
    refused: int
    deferred: int
    doubled: int
    unanswered: int
    opened: int
    clicked: int
    unsubscribed: int
    scanned: int
    failed_visits: int


class Ledger:
    """Entries go in, accounts by recipient come out. `write`, if given, gets every entry as one line of JSON."""

    def __init__(self, write: Callable[[str], None] | None = None) -> None:
        self._write = write
        self._recipients: dict[str, Recipient] = {}
        self._unanswered = 0
        self._failed_visits = 0

    @classmethod
    def load(cls, path: Path) -> Ledger:
        """The ledger that was written to `path`, at any moment: a last line that is not whole yet is left out."""
        return cls.of_lines(path.read_bytes().split(b"\n")[:-1])

    @classmethod
    def of_lines(cls, lines: Iterable[bytes]) -> Ledger:
        """The ledger whose `write` got these lines."""
        ledger = cls()
        for line in lines:
            ledger.add(_entry(line))
        return ledger

    def add(self, entry: Entry) -> None:
        """Account for `entry`."""
        recipient = self._recipients.setdefault(entry.address, Recipient())
        match entry:
            case Attempt():
                self._unanswered += entry.reply is None
                _attempt(recipient, entry)
            case Visit():
                self._failed_visits += not entry.good
                recipient.visits[entry.deed] = recipient.visits.get(entry.deed, 0) + entry.good
        if self._write is not None:
            self._write(_line(entry))

    def recipient(self, address: str) -> Recipient:
        """The account of `address`; an empty one if nothing ever happened to it."""
        return self._recipients.get(address, Recipient())

    def recipients(self) -> dict[str, Recipient]:
        """Every account by address."""
        return dict(self._recipients)

    def summary(self) -> Summary:
        """The counts of this moment."""
        everyone = list(self._recipients.values())
        empty = [recipient.last_reply or "" for recipient in everyone if not recipient.kept]
        return Summary(
            recipients=len(everyone),
            attempts=sum(recipient.attempts for recipient in everyone),
            messages_kept=sum(recipient.kept for recipient in everyone),
            octets_kept=sum(recipient.octets for recipient in everyone),
            reached=len(everyone) - len(empty),
            refused=sum(reply.startswith("5") for reply in empty),
            deferred=sum(reply.startswith("4") for reply in empty),
            doubled=sum(recipient.doubled for recipient in everyone),
            unanswered=self._unanswered,
            opened=_visitors(everyone, Deed.OPEN),
            clicked=_visitors(everyone, Deed.CLICK),
            unsubscribed=_visitors(everyone, Deed.UNSUBSCRIBE),
            scanned=_visitors(everyone, Deed.SCAN),
            failed_visits=self._failed_visits,
        )


def _attempt(recipient: Recipient, attempt: Attempt) -> None:
    recipient.attempts += 1
    recipient.last_reply = attempt.reply
    if attempt.kept:
        recipient.kept += 1
        recipient.octets += attempt.octets
        recipient.message_ids.append(attempt.message_id)
        recipient.first_kept_at = recipient.first_kept_at or attempt.at
        recipient.last_kept_at = attempt.at


def _visitors(everyone: list[Recipient], deed: Deed) -> int:
    return sum(recipient.visits.get(deed, 0) > 0 for recipient in everyone)


def _line(entry: Entry) -> str:
    # Every value is a plain one: dataclasses.asdict would copy each and take ten times as long.
    return _ENCODER.encode({name: getattr(entry, name) for name in entry.__slots__})


def _entry(line: bytes) -> Entry:
    values = json.loads(line)
    if "stage" in values:
        return Attempt(**{**values, "stage": Stage(values["stage"])})
    return Visit(**{**values, "deed": Deed(values["deed"])})
