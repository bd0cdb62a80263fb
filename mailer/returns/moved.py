"""What follows where an automatic answer says that its owner has left: nothing is scored, and staff are told, with the successor if any."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from mailer.feedback import Happening
from mailer.feedback.departed import departed
from mailer.proposals import propose_for
from mailer.returns.correlation import LATEST, Placed
from subscribers.address import parse_address
from subscribers.errors import InputError
from subscribers.tasks import NewTask, TaskKind, open_tasks

_ABOUT = (
    "An automatic answer says that its owner has left, or given the address up. Find out who receives the bulletin there now."
)


def tell(connection: Connection, placed: Sequence[Placed], now: datetime) -> None:
    """Put a successor that is named before staff as a proposal, and a task where none is: once, whatever later issues bring back.

    Who answered an issue of long ago, read late or again, has been written to since: it is told by answers to what is sent now.
    """
    for one in placed:
        fact = one.claim.fact
        if one.sent is None or fact.happening is not Happening.AUTORESPONDED or one.finding is not None:
            continue
        if now - one.sent.out_at > LATEST:
            continue
        left = departed(fact.diagnostic, (one.sent.address, fact.recipient))
        if left is not None and not _proposed(connection, one.sent.subscriber_id, left.successor, now):
            _open_task(connection, one.sent.subscriber_id, now)


def _proposed(connection: Connection, subscriber_id: int, address: str, now: datetime) -> bool:
    """Whether the successor is before staff, or was."""
    try:
        parse_address(address)
    except InputError:
        return False
    propose_for(connection, subscriber_id, address, now)
    return True


def _open_task(connection: Connection, subscriber_id: int, now: datetime) -> None:
    key = f"left:{subscriber_id}"
    row = connection.execute(_TOLD, {"key": key, "subscriber": subscriber_id}).one_or_none()
    if row is not None and not row.told:
        open_tasks(connection, [NewTask(TaskKind.CONTACT_LOST, key, _ABOUT, row.institute_id, subscriber_id)], now)


_TOLD = text("""
    SELECT institute_id, EXISTS (SELECT FROM task WHERE subscriber_id = :subscriber AND key = :key) AS told
    FROM subscriber WHERE id = :subscriber
""")
