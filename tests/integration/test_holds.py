"""What holds a mailing back, against a real PostgreSQL: its hours, its first part, breakers, staff."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, text

from mailer import deliveries, holds, mailings, planning, standstill, work_years
from mailer.deliveries import Checkpoint, Claim, Standing
from mailer.hours import Hours, Span
from mailer.models import Cause, MailingStatus
from mailer.planning import BATCH_SIZE
from mailer.rate import Bounds, Rate
from mailer.terms import Canary
from mailer.workdays import Year
from subscribers.errors import InputError
from tests import factories
from tests.integration.conftest import Jianbao

SHANGHAI = ZoneInfo("Asia/Shanghai")
OFFICE_HOURS = Hours(SHANGHAI, (Span.parse("09:00-18:00"),), workdays=True)
QUARTER = timedelta(minutes=15)


def addresses(count: int, provider: str = "qq") -> list[str]:
    return [f"reader{n}@{provider}.example" for n in range(count)]


def begun(engine: Engine, people: list[str], **terms: object) -> int:
    """A mailing that has just begun, under those terms."""
    scheduled = factories.schedule(engine, people, replace(factories.TERMS, **terms))  # type: ignore[arg-type]
    factories.start(engine, datetime.now(UTC))
    return scheduled.mailing_id


def queued(engine: Engine, at: datetime | None = None) -> list[int]:
    with engine.begin() as connection:
        connection.execute(text("UPDATE batch SET queued_at = NULL"))
        return sorted(planning.queue_due(connection, at or datetime.now(UTC), 16))


def claim(engine: Engine, batch_id: int, at: datetime | None = None) -> Claim | None:
    with engine.begin() as connection:
        return deliveries.claim(connection, batch_id, "w", at or datetime.now(UTC))


def standing(engine: Engine, held: Claim) -> Standing:
    with engine.begin() as connection:
        return deliveries.checkpoint(connection, [Checkpoint(held, [], 0)])[0]


def settle(
    engine: Engine, where: str, *, state: str = "accepted", reason: str | None = None, ago: timedelta = timedelta()
) -> None:
    """Say what became of some deliveries, without a server, and give all batches back."""
    values = {"state": state, "reason": reason, "at": datetime.now(UTC) - ago, "reply": f"550 {reason}" if reason else None}
    with engine.begin() as connection:
        connection.execute(
            text(
                f"UPDATE delivery SET state = :state, reason = :reason, reply = :reply, settled_at = :at, attempts = 1 WHERE {where}"
            ),
            values,
        )
        connection.execute(
            text(
                "UPDATE batch b SET lease = NULL, due_at = (SELECT now() FROM delivery d WHERE d.id BETWEEN b.first_id AND b.last_id"
                " AND d.state = 'pending' LIMIT 1)"
            )
        )


def record(engine: Engine, mailing_id: int) -> mailings.MailingRecord:
    with engine.connect() as connection:
        return mailings.find_mailing(connection, mailing_id)


# --- Hours ---


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


def test_days_that_staff_entered_are_kept_changed_and_forgotten(engine: Engine) -> None:
    with engine.begin() as connection:
        work_years.enter(connection, Year(2031, off=frozenset({date(2031, 3, 4)})), "staff")
        work_years.enter(connection, Year(2031, worked=frozenset({date(2031, 3, 8)})), "staff")
        kept = work_years.load(connection)
        assert (kept.is_workday(date(2031, 3, 4)), kept.is_workday(date(2031, 3, 8))) == (True, True)
        assert work_years.forget(connection, 2031)
        assert not work_years.forget(connection, 2031)
        assert work_years.load(connection).source(2031) is None


# --- The first part ---


def end_canaries(engine: Engine, at: datetime) -> list[int]:
    with engine.begin() as connection:
        return holds.end_canaries(connection, at)


def batches(engine: Engine) -> list[tuple[str, int, str | None]]:
    with engine.connect() as connection:
        statement = text("SELECT provider, last_id - first_id + 1 AS size, hold FROM batch ORDER BY first_id")
        return [(row.provider, row.size, row.hold) for row in connection.execute(statement)]


def test_a_first_part_is_a_share_of_every_provider(engine: Engine) -> None:
    begun(engine, addresses(40) + addresses(30, "163"), canary=Canary(0.05, None, QUARTER))
    assert batches(engine) == [("netease", 2, None), ("netease", 28, "canary"), ("tencent", 2, None), ("tencent", 38, "canary")]


def test_a_first_part_by_number_is_spread_over_the_providers_too(engine: Engine) -> None:
    begun(engine, addresses(60) + addresses(40, "163"), canary=Canary(None, 10, QUARTER))
    assert batches(engine) == [("netease", 4, None), ("netease", 36, "canary"), ("tencent", 6, None), ("tencent", 54, "canary")]


def test_batches_keep_their_size_on_either_side_of_a_first_part(engine: Engine) -> None:
    begun(engine, addresses(2 * BATCH_SIZE + 300), canary=Canary(None, BATCH_SIZE + 100, QUARTER))
    assert batches(engine) == [
        ("tencent", BATCH_SIZE, None),
        ("tencent", 100, None),
        ("tencent", BATCH_SIZE, "canary"),
        ("tencent", 200, "canary"),
    ]


def test_the_rest_goes_by_itself_when_the_first_part_is_out_and_the_wait_over(engine: Engine) -> None:
    mailing_id = begun(engine, addresses(40), canary=Canary(0.1, None, QUARTER))
    now = datetime.now(UTC)
    assert len(queued(engine)) == 1
    assert end_canaries(engine, now + timedelta(hours=5)) == []  # the first part has not been sent
    settle(engine, "id <= 4")
    assert end_canaries(engine, now + timedelta(minutes=14)) == []
    assert end_canaries(engine, now + timedelta(minutes=16)) == [mailing_id]
    assert end_canaries(engine, now + timedelta(minutes=17)) == []
    assert len(queued(engine, now + timedelta(minutes=17))) == 1


def test_the_rest_does_not_wait_for_what_a_server_put_off(engine: Engine) -> None:
    mailing_id = begun(engine, addresses(40), canary=Canary(0.1, None, QUARTER))
    settle(engine, "id <= 3")
    settle(engine, "id = 4", state="deferred", reason="transient")
    with engine.begin() as connection:
        connection.execute(text("UPDATE batch SET due_at = now() + interval '4 hours' WHERE hold IS NULL"))
    assert end_canaries(engine, datetime.now(UTC) + timedelta(minutes=16)) == [mailing_id]


def test_the_rest_waits_until_most_of_the_first_part_has_been_tried(engine: Engine) -> None:
    """A relay may be away, or have nothing left of its allowance until tomorrow."""
    mailing_id = begun(engine, addresses(40), canary=Canary(0.1, None, QUARTER))
    later = datetime.now(UTC) + timedelta(hours=5)

    def wait_for_the_relay() -> None:
        with engine.begin() as connection:
            connection.execute(text("UPDATE batch SET due_at = :later WHERE hold IS NULL"), {"later": later + QUARTER})

    wait_for_the_relay()
    assert end_canaries(engine, later) == []
    settle(engine, "id = 1")
    wait_for_the_relay()
    assert end_canaries(engine, later) == []
    settle(engine, "id <= 2")
    wait_for_the_relay()
    assert end_canaries(engine, later) == [mailing_id]


def test_of_a_first_part_that_was_skipped_nothing_is_waited_for(engine: Engine) -> None:
    mailing_id = begun(engine, addresses(40), canary=Canary(0.1, None, QUARTER))
    settle(engine, "id <= 4", state="skipped", reason="unsubscribed")
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET attempts = 0"))
    assert end_canaries(engine, datetime.now(UTC) + timedelta(minutes=16)) == [mailing_id]


def test_a_breaker_during_the_first_part_keeps_the_rest_until_staff_resume(engine: Engine) -> None:
    mailing_id = begun(engine, addresses(400), canary=Canary(0.5, None, QUARTER))
    settle(engine, "id <= 190")
    settle(engine, "id BETWEEN 191 AND 200", state="bounced", reason="unknown_user")
    settle(engine, "id BETWEEN 191 AND 201", state="bounced", reason="unknown_user")
    (opened,) = open_breakers(engine)
    assert (opened.provider, opened.cause) == (None, Cause.UNKNOWN_USERS)
    later = datetime.now(UTC) + timedelta(hours=1)
    assert record(engine, mailing_id).status is MailingStatus.PAUSED
    assert end_canaries(engine, later) == []
    with engine.begin() as connection:
        mailings.resume(connection, mailing_id, datetime.now(UTC))
    assert end_canaries(engine, later) == [mailing_id]


def test_a_provider_that_staff_hold_for_a_while_sends_its_first_part_before_its_rest_all_the_same(engine: Engine) -> None:
    mailing_id = begun(engine, addresses(40) + addresses(40, "163"), canary=Canary(0.1, None, QUARTER))
    first_of_each = queued(engine)
    with engine.begin() as connection:
        mailings.pause_provider(connection, mailing_id, "netease", "they called", datetime.now(UTC))
        mailings.resume_provider(connection, mailing_id, "netease", datetime.now(UTC))
    assert queued(engine) == first_of_each


def test_the_rest_at_a_provider_that_is_held_waits_for_staff_when_the_first_part_is_over(engine: Engine) -> None:
    mailing_id = begun(engine, addresses(40) + addresses(40, "163"), canary=Canary(0.1, None, QUARTER))
    settle(engine, "provider = 'tencent' AND id IN (SELECT first_id FROM batch)")
    settle(engine, "id BETWEEN (SELECT first_id FROM batch WHERE id = 3) AND (SELECT last_id FROM batch WHERE id = 3)")
    with engine.begin() as connection:
        mailings.pause_provider(connection, mailing_id, "netease", "they called", datetime.now(UTC))
    later = datetime.now(UTC) + timedelta(hours=1)
    assert end_canaries(engine, later) == [mailing_id]
    assert {provider for provider, _, hold in batches(engine) if hold is not None} == {"netease"}
    with engine.begin() as connection:
        mailings.resume_provider(connection, mailing_id, "netease", later)
    assert {hold for _, _, hold in batches(engine)} == {None}


# --- Breakers ---


def open_breakers(engine: Engine) -> list[holds.OpenBreaker]:
    with engine.begin() as connection:
        return holds.open_breakers(connection, datetime.now(UTC))


def test_a_breaker_holds_one_provider_with_the_last_answer_and_the_others_go_on(engine: Engine) -> None:
    mailing_id = begun(engine, addresses(10) + addresses(5, "163"))
    netease, tencent = factories.batch_ids(engine)
    held = claim(engine, tencent)
    assert held is not None
    settle(engine, "provider = 'tencent' AND id <= 8", state="failed", reason="content")
    with engine.begin() as connection:  # The batch is still at work.
        connection.execute(text("UPDATE batch SET lease = :lease WHERE id = :id"), {"lease": held.lease, "id": tencent})
    (opened,) = open_breakers(engine)
    assert (opened.mailing_id, opened.provider, opened.cause) == (mailing_id, "tencent", Cause.CONTENT)
    assert "3 of 3 recipients at tencent" in opened.reason
    assert opened.reason.endswith("The last answer: 550 content")
    assert standing(engine, held) is Standing.STOPPED
    assert queued(engine) == [netease]
    assert open_breakers(engine) == []
    assert record(engine, mailing_id).status is MailingStatus.SENDING


def test_what_was_heard_before_staff_lifted_a_breaker_is_forgiven(engine: Engine) -> None:
    mailing_id = begun(engine, addresses(10))
    settle(engine, "id <= 3", state="failed", reason="content")
    assert len(open_breakers(engine)) == 1
    with engine.connect() as connection:
        assert [breaker.provider for breaker in holds.open_now(connection, mailing_id)] == ["tencent"]
    with engine.begin() as connection, pytest.raises(InputError, match="jianbao mailing resume 1 --provider tencent"):
        mailings.resume(connection, mailing_id, datetime.now(UTC))
    with engine.begin() as connection:
        mailings.resume_provider(connection, mailing_id, "tencent", datetime.now(UTC))
    assert open_breakers(engine) == []
    assert len(queued(engine)) == 1
    settle(engine, "id BETWEEN 4 AND 6", state="failed", reason="content")
    assert len(open_breakers(engine)) == 1


def test_answers_of_long_ago_do_not_count_as_answers_in_a_row(engine: Engine) -> None:
    begun(engine, addresses(10))
    settle(engine, "id <= 3", state="failed", reason="content", ago=timedelta(minutes=11))
    assert open_breakers(engine) == []


def test_two_providers_that_refuse_the_content_pause_the_mailing(engine: Engine) -> None:
    mailing_id = begun(engine, addresses(5) + addresses(5, "163"))
    settle(engine, "true", state="failed", reason="content")
    assert [breaker.provider for breaker in open_breakers(engine)] == ["netease", "tencent", None]
    paused = record(engine, mailing_id)
    assert paused.status is MailingStatus.PAUSED
    assert "refused for the content" in (paused.reason or "")


def test_each_delivery_is_read_once_at_most_however_many_mailings_are_sent_at_once(engine: Engine) -> None:
    begun(engine, addresses(300))
    begun(engine, addresses(300))
    with engine.begin() as connection:  # What the planner knows is of mailings that are over.
        connection.execute(text("UPDATE mailing SET status = 'finished'"))
        connection.execute(text("ANALYZE mailing, delivery"))
    sending = [begun(engine, addresses(300)) for _ in range(3)]
    settle(engine, f"mailing_id = {sending[1]}", state="failed", reason="content")
    with engine.begin() as connection:
        before = connection.execute(factories.DELIVERIES_READ).scalar_one()
        assert {breaker.mailing_id for breaker in holds.open_breakers(connection, datetime.now(UTC))} == {sending[1]}
        assert connection.execute(factories.DELIVERIES_READ).scalar_one() - before <= 5 * 300


def test_a_mailing_without_breakers_is_never_stopped(engine: Engine) -> None:
    begun(engine, addresses(5), breakers=False)
    settle(engine, "true", state="failed", reason="content")
    assert open_breakers(engine) == []


def test_staff_hold_one_provider_and_let_it_go_again(engine: Engine) -> None:
    mailing_id = begun(engine, addresses(5) + addresses(5, "163"))
    netease, tencent = factories.batch_ids(engine)
    now = datetime.now(UTC)
    for _ in range(2):
        with engine.begin() as connection:
            mailings.pause_provider(connection, mailing_id, "netease", "they called", now)
    assert queued(engine) == [tencent]
    with engine.begin() as connection:
        (held,) = holds.open_now(connection, mailing_id)
        assert (held.provider, held.cause, held.reason) == ("netease", Cause.STAFF, "they called")
        mailings.resume_provider(connection, mailing_id, "netease", datetime.now(UTC))
        with pytest.raises(InputError, match="holds nothing back at netease"):
            mailings.resume_provider(connection, mailing_id, "netease", now)
    assert sorted(queued(engine)) == [netease, tencent]


def test_the_list_of_mailings_says_at_whom_one_is_held(engine: Engine, jianbao: Jianbao) -> None:
    mailing_id = begun(engine, addresses(5) + addresses(5, "163"))
    with engine.begin() as connection:
        for provider in ("tencent", "netease"):
            mailings.pause_provider(connection, mailing_id, provider, "they called", datetime.now(UTC))
    assert "held at netease and tencent" in jianbao("mailing", "list").stdout
    with engine.begin() as connection:
        mailings.resume_provider(connection, mailing_id, "tencent", datetime.now(UTC))
    assert "held at netease" in jianbao("mailing", "list").stdout
    with engine.begin() as connection:
        mailings.cancel(connection, mailing_id, datetime.now(UTC))
    assert "held at" not in jianbao("mailing", "list").stdout


def test_a_provider_that_staff_held_before_a_mailing_began_is_held_when_it_begins(engine: Engine) -> None:
    terms = replace(factories.TERMS, canary=Canary.parse("1", "15min"))
    mailing_id = factories.schedule(engine, addresses(5) + addresses(5, "163"), terms).mailing_id
    with engine.begin() as connection:
        mailings.pause(connection, mailing_id, "wait")
        mailings.pause_provider(connection, mailing_id, "netease", "they called", datetime.now(UTC))
        mailings.resume(connection, mailing_id, datetime.now(UTC))
    factories.start(engine)
    with engine.connect() as connection:
        held = connection.execute(text("SELECT DISTINCT provider, hold FROM batch ORDER BY 1, 2")).all()
    assert held == [("netease", "breaker"), ("netease", "canary"), ("tencent", "canary"), ("tencent", None)]


@pytest.mark.parametrize("provider", [None, "tencent"])
def test_what_was_queued_before_a_pause_is_queued_at_once_when_staff_resume(engine: Engine, provider: str | None) -> None:
    mailing_id = begun(engine, addresses(5))
    (batch_id,) = queued(engine)
    with engine.begin() as connection:
        if provider is None:
            mailings.pause(connection, mailing_id, "wait")
        else:
            mailings.pause_provider(connection, mailing_id, provider, "wait", datetime.now(UTC))
    assert claim(engine, batch_id) is None
    with engine.begin() as connection:
        if provider is None:
            mailings.resume(connection, mailing_id, datetime.now(UTC))
        else:
            mailings.resume_provider(connection, mailing_id, provider, datetime.now(UTC))
    with engine.begin() as connection:
        assert planning.queue_due(connection, datetime.now(UTC), 16) == [batch_id]


def test_a_mailing_that_holds_something_back_is_not_finished(engine: Engine) -> None:
    mailing_id = begun(engine, addresses(5))
    with engine.begin() as connection:
        mailings.pause_provider(connection, mailing_id, "tencent", "wait", datetime.now(UTC))
        assert planning.finish_done(connection, datetime.now(UTC)) == []


def test_what_is_held_back_is_not_stuck(engine: Engine) -> None:
    mailing_id = begun(engine, addresses(5))
    later = datetime.now(UTC) + timedelta(minutes=11)
    with engine.begin() as connection:
        assert standstill.mark(connection, later) == [mailing_id]
        mailings.pause_provider(connection, mailing_id, "tencent", "wait", datetime.now(UTC))
        assert standstill.mark(connection, later) == []
        assert standstill.stuck(connection) == {}
        mailings.resume_provider(connection, mailing_id, "tencent", datetime.now(UTC))
        connection.execute(text("UPDATE mailing SET closed_until = :until"), {"until": later - timedelta(minutes=1)})
        assert standstill.mark(connection, later) == []
        assert standstill.mark(connection, later + timedelta(minutes=10)) == [mailing_id]


# --- Slow providers ---


def test_no_more_batches_of_a_slow_provider_are_at_work_than_keep_its_pace(engine: Engine) -> None:
    begun(
        engine,
        addresses(4 * BATCH_SIZE) + addresses(4 * BATCH_SIZE, "163"),
        providers={"tencent": Bounds(Rate(1, 3), at_once=1)},
    )
    with engine.connect() as connection:
        chosen = text("SELECT provider FROM batch WHERE id = ANY(:ids)")
        found = list(connection.execute(chosen, {"ids": queued(engine)}).scalars())
    assert (found.count("tencent"), found.count("netease")) == (1, 4)
