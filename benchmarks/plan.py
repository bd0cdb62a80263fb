"""Planning a mailing: freezing its audience as deliveries and cutting them into batches, against the bare INSERT … SELECT.

Ours: what the scheduler does when a mailing's time has come, by the same call: candidates, suppressions, excluded lists, the provider
of each, their order, the batches. Reference: one INSERT … SELECT of the same rows into the same table with the same indexes and
foreign keys, nothing looked at and nothing sorted. Seconds are of the whole transaction, its commit among them. The table is emptied
before each.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

from sqlalchemy import text

from benchmarks.audience import PROVIDER
from benchmarks.figures import CannotMeasure, Figure, Pair, Report, in_turns
from benchmarks.office import Office, open_office
from benchmarks.options import Options
from mailer import mailings, planning
from mailer.provider import ProviderTable
from subscribers.db import transaction

RECIPIENTS = 1_000_000

_BARE = text("""
    INSERT INTO delivery (mailing_id, subscriber_id, address, name, institute, provider, state)
    SELECT :mailing, s.id, s.address, s.name, i.name, :provider, 'pending'
    FROM subscription x JOIN subscriber s ON s.id = x.subscriber_id LEFT JOIN institute i ON i.id = s.institute_id
    WHERE x.list_id = :list""")


def run(options: Options) -> Report:
    """Seconds for all recipients."""
    with open_office() as office:
        office.list_of(options.recipients)
        measured = in_turns(
            options.pairs,
            lambda: _plan(office, options.recipients),
            lambda: _bare(office, options.recipients),
            lambda ours, reference: f"{ours:.2f} s against {reference:.2f} s",
        )
    pairs = tuple(Pair(ours, reference) for ours, reference in measured)
    return Report("plan", (Figure("plan", "plan the mailing", "s", pairs, most=2.0),), {"recipients": options.recipients})


def _plan(office: Office, recipients: int) -> float:
    _empty(office)
    mailing_id = office.schedule(recipients)
    providers = ProviderTable.load().provider_of_domain
    began = time.perf_counter()
    with transaction(office.services.engine) as connection:
        started = planning.start_due(connection, datetime.now(UTC), providers)
    seconds = time.perf_counter() - began
    if started != [mailing_id]:
        raise CannotMeasure(f"the mailing was not planned: {started}")
    _check(office, mailing_id, recipients)
    return seconds


def _bare(office: Office, recipients: int) -> float:
    _empty(office)
    mailing_id = office.schedule(recipients)
    parameters = {"mailing": mailing_id, "list": office.list_of(recipients), "provider": PROVIDER}
    began = time.perf_counter()
    with transaction(office.services.engine) as connection:
        connection.execute(_BARE, parameters)
    seconds = time.perf_counter() - began
    with transaction(office.services.engine) as connection:
        mailings.cancel(connection, mailing_id, datetime.now(UTC))
    _check(office, mailing_id, recipients)
    return seconds


def _empty(office: Office) -> None:
    with office.services.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("TRUNCATE delivery, batch CASCADE"))
        connection.execute(text("CHECKPOINT"))


def _check(office: Office, mailing_id: int, recipients: int) -> None:
    with transaction(office.services.engine) as connection:
        made = connection.execute(
            text("SELECT count(*) FROM delivery WHERE mailing_id = :mailing"), {"mailing": mailing_id}
        ).scalar_one()
    if made != recipients:
        raise CannotMeasure(f"{made} of {recipients} deliveries were made.")
