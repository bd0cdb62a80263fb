"""What the scheduler does for what comes back: reads what waits, and looks at what was refused in sessions."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from mailer.reply import ReplyTable
from mailer.returns import intake, session
from mailer.returns.deciding import settle_waiting
from mailer.returns.intake import Reader
from mailer.returns.policies import Policies, load_policies
from subscribers.db import database_time, is_held, transaction, waiting_for_nobody
from subscribers.errors import first_line

_AT_A_TICK_SECONDS = 0.25  # The scheduler has mailings to look after.
_WAITING_AT_ONCE = 300

log = structlog.get_logger()


def read(engine: Engine, reader: Reader) -> int:
    """Read what waits, for no longer than a tick bears; how many arrivals that were."""
    deadline = time.monotonic() + _AT_A_TICK_SECONDS
    with _unless_held(engine) as impatient:
        return intake.read_waiting(impatient, reader, lambda: time.monotonic() < deadline)
    return 0


def settle(engine: Engine, reader: Reader) -> None:
    """Let what came before its delivery was settled count, once that is settled."""
    with _unless_held(engine) as impatient, transaction(impatient) as connection:
        settle_waiting(connection, load_policies(connection, reader.settings), database_time(connection), _WAITING_AT_ONCE)


def hear(engine: Engine, reader: Reader, table: ReplyTable) -> None:
    """Take in what servers have refused in our own sessions."""
    with _unless_held(engine) as impatient:
        session.hear(impatient, table, _policies(engine, reader))


@contextmanager
def _unless_held(engine: Engine) -> Iterator[Engine]:
    """Do what is done with this engine the next time, where an import or somebody else holds a record: mail does not wait for it."""
    try:
        yield waiting_for_nobody(engine)
    except OperationalError as error:
        if not is_held(error):
            raise
        log.warning("feedback_waits", error=first_line(error))


def _policies(engine: Engine, reader: Reader) -> Policies:
    with transaction(engine) as connection:
        return load_policies(connection, reader.settings)
