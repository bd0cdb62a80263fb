"""What the scheduler does for what comes back: reads what waits, and looks at what was refused in sessions."""

from __future__ import annotations

import time

from sqlalchemy import Engine

from mailer.reply import ReplyTable
from mailer.returns import intake, session
from mailer.returns.deciding import settle_waiting
from mailer.returns.intake import Reader
from mailer.returns.policies import Policies, load_policies
from subscribers.db import database_time, transaction

_AT_A_TICK_SECONDS = 0.25  # The scheduler has mailings to look after.
_WAITING_AT_ONCE = 300


def read(engine: Engine, reader: Reader) -> int:
    """Read what waits, for no longer than a tick bears; how many arrivals that were."""
    deadline = time.monotonic() + _AT_A_TICK_SECONDS
    return intake.read_waiting(engine, reader, lambda: time.monotonic() < deadline)


def settle(engine: Engine, reader: Reader) -> None:
    """Let what came before its delivery was settled count, once that is settled."""
    with transaction(engine) as connection:
        settle_waiting(connection, load_policies(connection, reader.settings), database_time(connection), _WAITING_AT_ONCE)


def hear(engine: Engine, reader: Reader, table: ReplyTable) -> None:
    """Take in what servers have refused in our own sessions."""
    session.hear(engine, table, _policies(engine, reader))


def _policies(engine: Engine, reader: Reader) -> Policies:
    with transaction(engine) as connection:
        return load_policies(connection, reader.settings)
