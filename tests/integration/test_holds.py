"""What holds a mailing back, against a real PostgreSQL: breakers, and staff."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from mailer import holds, mailings, planning, standstill
from mailer.deliveries import Standing
from mailer.models import Cause, MailingStatus
from mailer.planning import BATCH_SIZE
from mailer.rate import Bounds, Rate
from mailer.terms import Canary
from subscribers.errors import InputError
from tests import factories
from tests.integration.begun import addresses, begun, claim, open_breakers, queued, record, settle, standing
from tests.integration.conftest import Jianbao


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
