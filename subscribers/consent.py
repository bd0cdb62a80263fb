"""The consent ledger: who wanted what, when, and how we know. It is only ever added to: the database refuses the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert

from subscribers.models import Consent, SubscriptionState


@dataclass(frozen=True, slots=True)
class ConsentEntry:
    """One line of the ledger. `method` is how (a word), `evidence` what shows it; `source` and `line` say where in which file."""

    list_id: int
    subscriber_id: int
    state: SubscriptionState
    method: str
    evidence: str
    at: datetime
    actor: str | None = None
    text_version: str | None = None
    source: str | None = None
    line: int | None = None
    import_id: int | None = None


def enter(connection: Connection, entries: Sequence[ConsentEntry]) -> None:
    """Add lines to the ledger, in the transaction that changes the subscriptions."""
    rows = [
        {
            "list_id": entry.list_id,
            "subscriber_id": entry.subscriber_id,
            "state": entry.state.value,
            "method": entry.method,
            "evidence": entry.evidence,
            "at": entry.at,
            "actor": entry.actor,
            "text_version": entry.text_version,
            "source": entry.source,
            "line": entry.line,
            "import_id": entry.import_id,
        }
        for entry in entries
    ]
    if rows:
        connection.execute(insert(Consent), rows)
