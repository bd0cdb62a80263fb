"""The reading of what was kept: a few hundred arrivals at a time, each lot in one transaction with all that follows from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from psycopg.errors import DeadlockDetected
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError

from mailer import people
from mailer.feedback import Facts, Form, Judge
from mailer.feedback.message import read_message
from mailer.feedback.webhooks import SERVICES, WebhookSecrets
from mailer.feedback.webhooks.request import WebhookRequest
from mailer.feedback_models import Way
from mailer.returns import arrivals, leavers, ledger, moved
from mailer.returns.arrivals import Arrival, Kept
from mailer.returns.claims import Claim, claims_of
from mailer.returns.confirming import confirm_due
from mailer.returns.correlation import Placed, place
from mailer.returns.deciding import Settled, settle
from mailer.returns.policies import load_policies
from mailer.returns.read import Read
from mailer.returns.tables import read_table
from mailer.settings import Settings
from mailer.tokens import Tokens
from subscribers.db import database_time, transaction
from subscribers.errors import first_line

LOT = 300
_TOO_MUCH = "54"  # SQLSTATE's class of what exceeds a limit of PostgreSQL's
LOT_OCTETS = 1024 * 1024  # A request may hold hundreds of events: memory is bounded by octets.

# Whatever a lot asks for are some hundred rows, each by its key. By statistics, and plans, from when a table was small the planner would
# read through the whole of it instead, lot by lot, as large as it has become.
_BY_KEYS = text("""
    SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true),
           set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
           set_config('enable_material', 'off', true), set_config('max_parallel_workers_per_gather', '0', true)""")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Reader:
    """What arrivals are read with."""

    settings: Settings
    judge: Judge
    tokens: Tokens

    def facts(self, arrival: Arrival) -> Facts:
        """What an arrival says; its way tells its form."""
        match arrival.way:
            case Way.WEBHOOK:
                request = WebhookRequest(arrival.headers, arrival.content, {}, WebhookSecrets(), arrival.received_at)
                return SERVICES[arrival.service or ""].read(request, self.judge)
            case Way.LIST:
                return read_table(arrival.content, self.judge)
            case _:
                return read_message(arrival.content, self.judge)

    def claims(self, arrival: Arrival, facts: Facts) -> list[Claim]:
        """What each of its facts claims, tokens verified."""
        return claims_of(facts, arrival, self.settings["BOUNCE_DOMAIN"], self.tokens)


@dataclass(frozen=True, slots=True)
class Lot:
    """What reading one lot came to."""

    arrivals: int
    facts: int
    settled: Settled


def keep(engine: Engine, kept: Sequence[Arrival]) -> int:
    """Keep arrivals, committed, and say how many are new."""
    with transaction(engine) as connection:
        return arrivals.keep(connection, kept)


def read_lot(engine: Engine, reader: Reader, limit: int = LOT) -> Lot | None:
    """Read the next arrivals, and do all that follows, in one transaction; None where nothing waits.

    Where the database cannot take what was read, fewer are tried, and at last the one that is to blame is set aside with its trouble.
    Where two readers wait for each other, PostgreSQL lets one of them give up, and that one begins its lot anew.
    """
    try:
        with transaction(engine) as connection:
            connection.execute(_BY_KEYS)
            now = database_time(connection)
            waiting = arrivals.unread(connection, limit, LOT_OCTETS)
            if not waiting:
                return None
            take_in = _take_in if limit > 1 else _take_in_or_set_aside
            return take_in(connection, reader, waiting, now)
    except (SQLAlchemyError, ValueError) as error:
        if isinstance(error, DBAPIError) and isinstance(error.orig, DeadlockDetected):
            fewer = limit  # Two readers stood in each other's way, and the other one goes on.
        elif limit == 1 or _is_ill(error):
            raise
        else:
            fewer = limit // 2
    return read_lot(engine, reader, fewer)


def _is_ill(error: Exception) -> bool:
    """Whether it is the database that gave up, and may be well the next time; that something is too large for it is no illness."""
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    return not (getattr(error.orig, "sqlstate", None) or "").startswith(_TOO_MUCH)


def _take_in(connection: Connection, reader: Reader, waiting: Sequence[Kept], now: datetime) -> Lot:
    read = [read_one(reader, kept) for kept in waiting]
    placed = place_all(connection, read, now)
    new = ledger.record(connection, placed, now)
    read = leavers.by_mail(connection, read, reader.tokens, now)
    leavers.by_service(connection, [one for _, one in placed], now)
    moved.tell(connection, [one for _, one in placed], now)
    settled = settle(connection, new, load_policies(connection, reader.settings), now)
    arrivals.mark_read(connection, [one.read_as for one in read], now)
    people.erase_late(connection, new, [(arrival_id, one.sent.id) for arrival_id, one in placed if one.sent is not None])
    return Lot(len(waiting), len(placed), settled)


def _take_in_or_set_aside(connection: Connection, reader: Reader, waiting: Sequence[Kept], now: datetime) -> Lot:
    """The same with one that is passed by, while it is still in our hands, where the database refuses it; a replay tries it again."""
    try:
        with connection.begin_nested():
            return _take_in(connection, reader, waiting, now)
    except (SQLAlchemyError, ValueError) as error:
        if _is_ill(error):
            raise
        trouble = first_line(error)
        log.error("feedback_set_aside", arrival=waiting[0].id, error=trouble)
        arrivals.mark_read(connection, [Read(kept, Facts(Form.OTHER), (), trouble).read_as for kept in waiting], now)
        return Lot(len(waiting), 0, Settled())


def read_waiting(engine: Engine, reader: Reader, go_on: Callable[[], bool] = lambda: True) -> int:
    """Read lot after lot while there are any and `go_on`; how many arrivals that were. Then confirm what asks for it."""
    count = 0
    while (lot := read_lot(engine, reader)) is not None:
        count += lot.arrivals
        log.info("feedback_read", arrivals=lot.arrivals, facts=lot.facts, states=lot.settled.states, ended=lot.settled.ended)
        if not go_on():
            break
    confirm_due(engine)
    return count


def read_one(reader: Reader, kept: Kept) -> Read:
    """What one arrival says. Whatever it is: it is no reason not to read the others."""
    try:
        facts = reader.facts(kept.arrival)
        return Read(kept, facts, reader.claims(kept.arrival, facts))
    except Exception as error:
        log.error("feedback_unreadable", arrival=kept.id, error=repr(error))
        return Read(kept, Facts(Form.OTHER), (), f"{type(error).__name__}: {error}")


def place_all(connection: Connection, read: Sequence[Read], now: datetime) -> list[tuple[int | None, Placed]]:
    """Every claim with its delivery, looked up for all of them at once."""
    claims = [claim for one in read for claim in one.claims]
    by_id = ledger.sent_by_id(connection, (claim.delivery_id for claim in claims if claim.delivery_id is not None))
    unnamed = [claim.address for claim in claims if claim.delivery_id is None and claim.address and not claim.forged]
    by_address = ledger.sent_to(connection, unnamed, now)
    probes = ledger.probes(connection, (claim.probe_id for claim in claims if claim.probe_id is not None), unnamed, now)
    return [(one.kept.id, place(claim, by_id, by_address, probes)) for one in read for claim in one.claims]
