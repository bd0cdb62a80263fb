"""What is looked up for what comes back is found by keys, however large the tables are."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from sqlalchemy import Engine, text

from mailer.feedback_models import Way
from mailer.planning import BATCH_SIZE
from mailer.returns import intake, ledger, session
from mailer.returns.arrivals import Arrival
from mailer.returns.intake import Reader
from tests import factories
from tests.bounced import deliveries, report, return_path, settle_all
from tests.integration.returns.conftest import suppressions

_LARGE = ("delivery", "feedback", "subscriber", "suppression")


def scans(engine: Engine) -> dict[str, int]:
    """How often each of the large tables has been read from end to end so far."""
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_stat_force_next_flush()"))
    with engine.begin() as connection:
        asked = text("SELECT relname, seq_scan FROM pg_stat_user_tables WHERE relname = ANY(:names)")
        return {row.relname: row.seq_scan for row in connection.execute(asked, {"names": list(_LARGE)})}


def test_what_a_mailing_was_refused_is_found_without_reading_the_deliveries_of_others(engine: Engine) -> None:
    factories.schedule(engine, [f"reader{number}@qq.example" for number in range(BATCH_SIZE + 10)])
    factories.start(engine)
    settle_all(engine)
    with engine.begin() as connection:
        columns = "issue_id, edition_id, list_ids, excluded_list_ids, terms, at, created_by"
        connection.execute(text(f"INSERT INTO mailing (status, {columns}) SELECT 'finished', {columns} FROM mailing"))
        columns = "subscriber_id, address, provider, state"
        connection.execute(text(f"INSERT INTO delivery (mailing_id, {columns}) SELECT 2, {columns} FROM delivery"))
        refused = "UPDATE delivery SET state = 'bounced' WHERE id % 100 = 0 RETURNING CASE WHEN mailing_id = 1 THEN id END"
        expected = sorted(filter(None, connection.execute(text(refused)).scalars()))
        connection.execute(text("ANALYZE delivery"))
    with engine.begin() as connection:
        before = connection.execute(factories.DELIVERIES_READ).scalar_one()
        assert session.unheard(connection, [1]) == expected
        assert connection.execute(factories.DELIVERIES_READ).scalar_one() - before <= BATCH_SIZE + 10


def test_what_only_names_addresses_is_looked_up_without_reading_the_deliveries_of_others(engine: Engine) -> None:
    addresses = [f"reader{number}@institute.example" for number in range(5000)]
    factories.schedule(engine, addresses)
    factories.start(engine)
    settle_all(engine)
    with engine.begin() as connection:
        connection.execute(intake._BY_KEYS)
        before = connection.execute(factories.DELIVERIES_READ).scalar_one()
        found = ledger.sent_to(connection, addresses[:1000], datetime.now(UTC))
        assert connection.execute(factories.DELIVERIES_READ).scalar_one() - before <= 1000
    assert sorted(found) == sorted(addresses[:1000])


def others(engine: Engine) -> int:
    """How many other sessions the database has."""
    with engine.connect() as connection:
        asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        return int(connection.execute(text(asked)).scalar_one())


def test_no_lot_reads_through_a_table_whose_statistics_are_those_of_when_it_was_small(engine: Engine, reader: Reader) -> None:
    addresses = [f"reader{number}@institute.example" for number in range(400)]
    factories.schedule(engine, addresses)
    factories.start(engine)
    settle_all(engine)
    ids = deliveries(engine)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE feedback, suppression"))  # as they are: empty
    now = datetime.now(UTC)
    intake.keep(engine, [Arrival(Way.LISTENER, report(one), now, envelope_to=(return_path(ids[one]),)) for one in addresses])
    for _ in range(2):  # Whatever has to be read once is read now.
        intake.read_lot(engine, reader, 40)
    engine.dispose()  # What sessions of earlier tests have counted they tell when they end.
    deadline = time.monotonic() + 10
    while others(engine) and time.monotonic() < deadline:
        pass
    before = scans(engine)
    while intake.read_lot(engine, reader, 40) is not None:
        pass
    assert scans(engine) == before
    assert len(suppressions(engine)) == 400
