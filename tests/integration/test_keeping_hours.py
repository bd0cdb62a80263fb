"""What holds a mailing back, against a real PostgreSQL: its hours."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, text

from mailer import deliveries, holds, mailings, work_years
from mailer.deliveries import Standing
from mailer.hours import Hours, Span
from mailer.workdays import Year
from tests import factories
from tests.integration.begun import addresses, begun, claim, queued, record, standing

SHANGHAI = ZoneInfo("Asia/Shanghai")
OFFICE_HOURS = Hours(SHANGHAI, (Span.parse("09:00-18:00"),), workdays=True)


def keep_hours(engine: Engine, at: datetime) -> list[int]:
    with engine.begin() as connection:
        return holds.keep_hours(connection, at)


def test_outside_its_hours_a_mailing_waits_for_the_next_working_day_and_says_so(engine: Engine) -> None:
    mailing_id = begun(engine, addresses(3), hours=OFFICE_HOURS)
    saturday = datetime(2026, 11, 28, 10, 0, tzinfo=SHANGHAI)
    assert keep_hours(engine, saturday) == [mailing_id]
    assert "goes on at 2026-11-30 09:00" in (record(engine, mailing_id).reason or "")
    assert keep_hours(engine, saturday + timedelta(hours=1)) == []
    assert queued(engine, saturday + timedelta(days=1)) == []
    monday = datetime(2026, 11, 30, 9, 0, tzinfo=SHANGHAI)
    assert keep_hours(engine, monday) == []
    assert len(queued(engine, monday)) == 1


def test_a_batch_under_way_stops_when_the_hours_are_over(engine: Engine) -> None:
    mailing_id = begun(engine, addresses(3), hours=OFFICE_HOURS)
    (batch_id,) = factories.batch_ids(engine)
    held = claim(engine, batch_id)
    assert held is not None
    assert standing(engine, held) is Standing.GOES_ON
    with engine.begin() as connection:
        connection.execute(text("UPDATE mailing SET closed_until = now() + interval '1 hour', reason = 'outside'"))
    assert standing(engine, held) is Standing.STOPPED
    with engine.begin() as connection:
        deliveries.release(connection, held, now=datetime.now(UTC))
        mailings.note_trouble(connection, mailing_id, None)
    assert record(engine, mailing_id).reason == "outside"
    assert claim(engine, batch_id) is None
    assert claim(engine, batch_id, datetime.now(UTC) + timedelta(hours=2)) is not None


def test_in_a_year_that_nobody_announced_a_mailing_waits_and_says_why(engine: Engine) -> None:
    mailing_id = begun(engine, addresses(3), hours=OFFICE_HOURS)
    day = datetime(2031, 3, 4, 10, 0, tzinfo=SHANGHAI)
    assert keep_hours(engine, day) == [mailing_id]
    assert "which days of 2031 are worked has not been announced" in (record(engine, mailing_id).reason or "")
    with engine.begin() as connection:
        work_years.enter(connection, Year(2031, off=frozenset({date(2031, 1, 1)})), "staff")
    assert keep_hours(engine, day + timedelta(minutes=1)) == []
    assert len(queued(engine, day + timedelta(minutes=1))) == 1


def test_what_was_paused_while_it_was_closed_says_again_when_it_goes_on(engine: Engine) -> None:
    mailing_id = begun(engine, addresses(3), hours=OFFICE_HOURS)
    saturday = datetime(2026, 11, 28, 10, 0, tzinfo=SHANGHAI)
    keep_hours(engine, saturday)
    closed = record(engine, mailing_id)
    with engine.begin() as connection:
        mailings.pause(connection, mailing_id, "wrong date")
        mailings.resume(connection, mailing_id, saturday)
    assert keep_hours(engine, saturday + timedelta(minutes=1)) == [mailing_id]
    assert (record(engine, mailing_id).reason, record(engine, mailing_id).closed_until) == (closed.reason, closed.closed_until)


@pytest.mark.parametrize("day", [date(2026, 11, 28), date(2031, 3, 4)])
def test_when_its_hours_have_come_nothing_is_said_of_them_any_more_and_troubles_stay(engine: Engine, day: date) -> None:
    mailing_id = begun(engine, addresses(3), hours=OFFICE_HOURS)
    keep_hours(engine, datetime(day.year, day.month, day.day, 10, 0, tzinfo=SHANGHAI))
    assert record(engine, mailing_id).reason
    with engine.begin() as connection:
        work_years.enter(connection, Year(2031), "staff")
    opened = datetime(day.year, day.month, day.day, 9, 0, tzinfo=SHANGHAI) + timedelta(days=2)
    assert keep_hours(engine, opened) == []
    assert record(engine, mailing_id).reason is None
    with engine.begin() as connection:
        connection.execute(text("UPDATE mailing SET reason = 'a relay is down'"))
    assert keep_hours(engine, opened + timedelta(minutes=1)) == []
    assert record(engine, mailing_id).reason == "a relay is down"


def test_days_that_staff_correct_open_what_was_closed_by_the_wrong_ones(engine: Engine) -> None:
    mailing_id = begun(engine, addresses(3), hours=OFFICE_HOURS)
    wrong = frozenset(date(2031, 3, 1) + timedelta(days=number) for number in range(31))
    with engine.begin() as connection:
        work_years.enter(connection, Year(2031, off=wrong), "staff")
    day = datetime(2031, 3, 4, 10, 0, tzinfo=SHANGHAI)
    assert keep_hours(engine, day) == [mailing_id]
    assert "goes on at 2031-04-01 09:00" in (record(engine, mailing_id).reason or "")
    with engine.begin() as connection:
        work_years.enter(connection, Year(2031), "staff")
    assert keep_hours(engine, day + timedelta(minutes=1)) == []
    assert record(engine, mailing_id).reason is None
    assert len(queued(engine, day + timedelta(minutes=1))) == 1


def test_days_that_staff_entered_are_kept_changed_and_forgotten(engine: Engine) -> None:
    with engine.begin() as connection:
        work_years.enter(connection, Year(2031, off=frozenset({date(2031, 3, 4)})), "staff")
        work_years.enter(connection, Year(2031, worked=frozenset({date(2031, 3, 8)})), "staff")
        kept = work_years.load(connection)
        assert (kept.is_workday(date(2031, 3, 4)), kept.is_workday(date(2031, 3, 8))) == (True, True)
        assert work_years.forget(connection, 2031)
        assert not work_years.forget(connection, 2031)
        assert work_years.load(connection).source(2031) is None
