"""What holds a mailing back, against a real PostgreSQL: its first part, and the wait after it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, text

from mailer import holds, mailings
from mailer.models import Cause, MailingStatus
from mailer.planning import BATCH_SIZE
from mailer.terms import Canary
from tests.integration.begun import addresses, begun, open_breakers, queued, record, settle

QUARTER = timedelta(minutes=15)


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


def test_the_rest_at_others_does_not_wait_for_the_first_part_at_a_provider_that_staff_hold(engine: Engine) -> None:
    mailing_id = begun(engine, addresses(80) + addresses(20, "163"), canary=Canary(0.1, None, QUARTER))
    with engine.begin() as connection:
        mailings.pause_provider(connection, mailing_id, "tencent", "they called", datetime.now(UTC))
    settle(engine, "id <= 2")
    assert end_canaries(engine, datetime.now(UTC) + timedelta(minutes=16)) == [mailing_id]
    assert [hold for provider, _, hold in batches(engine) if provider == "netease"] == [None, None]


def test_the_rest_does_not_wait_for_days_for_a_first_part_whose_host_is_away(engine: Engine) -> None:
    mailing_id = begun(engine, addresses(40), canary=Canary(None, 1, QUARTER))
    settle(engine, "id = 1", state="deferred", reason="unreachable")
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET attempts = 0"))
        connection.execute(text("UPDATE batch SET due_at = now() + interval '4 hours' WHERE hold IS NULL"))
    assert end_canaries(engine, datetime.now(UTC) + timedelta(minutes=16)) == [mailing_id]


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
