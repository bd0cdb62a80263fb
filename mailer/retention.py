"""What is forgotten by itself, and after how long: nothing is kept longer than it serves (PIPL art. 19, 47).

Each rule is one statement that forgets a portion, so that no lock is held for long and a break loses nothing. Deliveries are not
forgotten; those of mailings that ended long ago move to a place of their own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple

from sqlalchemy import Connection, Engine, text

from mailer import past
from mailer.settings import FOREVER, Settings
from subscribers.db import transaction

PORTION = 10_000


_FIRST: Mapping[str, object] = MappingProxyType({"id": 0, "at": datetime(1, 1, 1, tzinfo=UTC)})


class Gone(NamedTuple):
    """What one portion was: how many rows, and where it ended."""

    rows: int
    last: object


@dataclass(frozen=True, slots=True)
class Rule:
    """Which rows of a table go when, and how. `setting` says for how many days they stay; None: until what they say themselves.

    `by` is the column in whose order they go: where an index has it, and the rows that go come first in that, no others are read.
    """

    name: str
    about: str
    setting: str | None
    table: str
    condition: str
    change: str = "DELETE FROM"
    values: str = ""
    by: str = "id"

    @property
    def portion(self) -> int:
        """How many rows go in one transaction."""
        return PORTION

    def count(self, connection: Connection, before: datetime) -> int:
        """How many rows would go."""
        statement = text(f"SELECT count(*) FROM {self.table} WHERE {self.condition}")  # noqa: S608 - of constants of ours
        return int(connection.execute(statement, {"before": before}).scalar_one())

    def forget(self, connection: Connection, before: datetime, after: object = None) -> Gone:
        """Let a portion go, from where the last one ended: what went before is not looked through for each portion."""
        chosen = f"""SELECT id, {self.by} AS place FROM {self.table} WHERE {self.condition} AND {self.by} >= :after
            ORDER BY {self.by} LIMIT :most FOR UPDATE SKIP LOCKED"""  # noqa: S608
        changed = f"{self.change} {self.table} {self.values} WHERE id IN (SELECT id FROM chosen) RETURNING id"  # noqa: S608
        statement = text(f"""WITH chosen AS ({chosen}), gone AS ({changed})
            SELECT (SELECT count(*) FROM gone), COALESCE((SELECT max(place) FROM chosen), :after)""")  # noqa: S608
        asked = {"before": before, "after": _FIRST[self.by] if after is None else after, "most": self.portion}
        return Gone._make(connection.execute(statement, asked).one())


@dataclass(frozen=True, slots=True)
class Move:
    """The deliveries that are moved instead of forgotten."""

    name: str
    about: str
    setting: str
    portion: int = past.PORTION

    def count(self, connection: Connection, before: datetime) -> int:
        """How many would move."""
        return past.count_long_past(connection, before)

    def forget(self, connection: Connection, before: datetime, after: object = None) -> Gone:
        """Move a portion of them; those of before are not there any more."""
        return Gone(past.move_long_past(connection, before, self.portion), after)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many rows a rule forgot, or would; `days` None: it has no number of days, or everything is kept."""

    name: str
    about: str
    days: int | None
    rows: int


RULES: tuple[Rule | Move, ...] = (
    Rule("events", "opens, clicks and unsubscriptions of single readers", "KEEP_EVENTS", "event", "at < :before", by="at"),
    Rule(
        "raw hits",
        "the program and the network of opens and clicks; what was made of them stays",
        "KEEP_RAW_HITS",
        "event",
        "at < :before AND agent IS NOT NULL",
        "UPDATE",
        "SET agent = NULL, network = NULL, judged_by = COALESCE(judged_by, 'forgotten')",
        by="at",
    ),
    Rule(
        "visitors",
        "what ties opens and clicks to deliveries; their numbers stay",
        "KEEP_RAW_HITS",
        "mailing",
        "finished_at < :before AND salt IS NOT NULL",
        "UPDATE",
        "SET salt = NULL",
    ),
    Rule(
        "feedback",
        "bounces and reports as they arrived; what was read from them stays",
        "KEEP_FEEDBACK",
        "feedback_raw",
        "received_at < :before AND read_at IS NOT NULL",
    ),
    Rule(
        "expired sign-ups",
        "addresses and names that nobody confirmed; a hash stays, which bounds how often one is asked",
        None,
        "sign_up",
        "confirmed_at IS NULL AND expires_at < :before AND address <> ''",
        "UPDATE",
        "SET address = '', name = NULL",
    ),
    Rule(
        "sign-ups", "what is left of sign-ups; the consent ledger stays", "KEEP_SIGN_UPS", "sign_up", "requested_at < :before"
    ),
    Rule(
        "import rejects",
        "rows of files that could not be imported",
        "KEEP_REJECTS",
        "import_batch",
        "finished_at < :before AND rejects <> '[]'",
        "UPDATE",
        "SET rejects = '[]'",
    ),
    Rule(
        "what imports replaced",
        "what stood in people's records before an import changed them; its undo leaves those records from then on",
        "KEEP_REPLACED",
        "import_change",
        "kind = 'subscriber' AND before IS NOT NULL AND import_id IN (SELECT id FROM import_batch WHERE finished_at < :before)",
        "UPDATE",
        "SET before = NULL, after = NULL",
    ),
    Move(
        "deliveries at hand",
        "deliveries of mailings that ended; they move to a table of their own, and all stays",
        "KEEP_AT_HAND",
    ),
)


def would_forget(engine: Engine, settings: Settings, now: datetime) -> list[Forgotten]:
    """What each rule would forget now."""
    found = []
    for rule in RULES:
        days = days_of(rule, settings)
        rows = 0
        if rule.setting is None or days is not None:
            with transaction(engine) as connection:
                rows = rule.count(connection, _before(days, now))
        found.append(Forgotten(rule.name, rule.about, days, rows))
    return found


def forget(
    engine: Engine,
    settings: Settings,
    now: datetime,
    *,
    seconds: float | None = None,
    tell: Callable[[int], None] = lambda _rows: None,
) -> list[Forgotten]:
    """Forget what every rule says, a portion in a transaction, for no longer than `seconds`. Returns what was forgotten.

    `tell` hears how many rows are gone.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    found: list[Forgotten] = []
    for rule in RULES:
        days = days_of(rule, settings)
        rows, last = 0, None
        while rule.setting is None or days is not None:
            with transaction(engine) as connection:
                done, last = rule.forget(connection, _before(days, now), last)
            rows += done
            tell(sum(one.rows for one in found) + rows)
            if done < rule.portion or (deadline is not None and time.monotonic() > deadline):
                break
        found.append(Forgotten(rule.name, rule.about, days, rows))
    return found


def days_of(rule: Rule | Move, settings: Settings) -> int | None:
    """For how many days the settings keep what the rule is about; None: for ever, or until the row itself says."""
    return None if rule.setting is None or settings[rule.setting] == FOREVER else settings.number(rule.setting)


def _before(days: int | None, now: datetime) -> datetime:
    return now - timedelta(days=days or 0)
