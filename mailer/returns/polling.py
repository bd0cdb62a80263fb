"""A mailbox's new messages on their way in: kept, read, filed, and only then passed by, so that a crash loses and doubles nothing."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from mailer.feedback_models import Way
from mailer.returns import intake
from mailer.returns.arrivals import Arrival
from mailer.returns.imap import imap_box
from mailer.returns.intake import Reader
from mailer.returns.mailbox import Mailbox, load_cursor, reports_among, save_cursor
from mailer.returns.pop3 import pop3_box
from mailer.returns.source import Box, Message
from subscribers.db import transaction
from subscribers.errors import ServiceError, first_line

_AGAIN_SECONDS = 60.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Polled:
    """What one look into a mailbox brought."""

    messages: int = 0
    new: int = 0
    reports: int = 0


def open_box(mailbox: Mailbox) -> AbstractContextManager[Box]:
    """The mailbox, opened by its protocol."""
    return imap_box(mailbox) if mailbox.protocol == "imap" else pop3_box(mailbox)


def poll(engine: Engine, reader: Reader, mailbox: Mailbox) -> Polled:
    """Read what is new in the mailbox, once."""
    with open_box(mailbox) as box:
        return drain(engine, reader, mailbox, box)


def drain(engine: Engine, reader: Reader, mailbox: Mailbox, box: Box) -> Polled:
    """Read what is new in an open mailbox."""
    with transaction(engine) as connection:
        cursor = load_cursor(connection, mailbox)
    messages = new = reports = 0
    for lot in box.new(cursor):
        arrivals = {one.name: Arrival(Way.MAILBOX, one.content, datetime.now(UTC)) for one in lot if one.content is not None}
        new += intake.keep(engine, list(arrivals.values()))
        intake.read_waiting(engine, reader)
        with transaction(engine) as connection:
            read = reports_among(connection, [arrival.digest for arrival in arrivals.values()])
        filed = [name for name, arrival in arrivals.items() if arrival.digest in read]
        behind = box.file(filed, lot[-1].behind)
        with transaction(engine) as connection:
            save_cursor(connection, mailbox, behind)
        _log_too_large(mailbox, lot)
        messages, reports = messages + len(lot), reports + len(filed)
    return Polled(messages, new, reports)


def follow(engine: Engine, reader: Reader, mailbox: Mailbox, stop: threading.Event) -> None:
    """Read whatever comes, until `stop`; what cannot be reached is tried again."""
    while not stop.is_set():
        try:
            with open_box(mailbox) as box:
                usable = True
                while usable and not stop.is_set():
                    drain(engine, reader, mailbox, box)
                    usable = box.wait(stop)
        except ServiceError as error:
            log.error("mailbox_unreachable", error=str(error))
        except DBAPIError as error:  # It gave up in the middle. Whatever was not committed is read again.
            log.error("feedback_waits", error=first_line(error))
        except Exception as error:  # An answer that has no sense: if this process ended, all others would, and sending, too.
            log.error("mailbox_unreadable", error=f"{type(error).__name__}: {error}")
        if not stop.is_set():
            stop.wait(_AGAIN_SECONDS)


def _log_too_large(mailbox: Mailbox, lot: Sequence[Message]) -> None:
    for one in lot:
        if one.content is None:
            log.warning("message_too_large", mailbox=mailbox.name, message=one.name)
