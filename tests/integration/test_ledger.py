"""Claiming, checkpoints and takeover, against a real PostgreSQL: who may begin what, and what is known afterwards."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, event, text

from mailer import deliveries, holds, mailings, people, planning
from mailer.deliveries import Checkpoint, Settled, Standing
from mailer.models import DeliveryState, MailingStatus
from mailer.terms import InDoubtPolicy
from subscribers import erasing, suppression
from subscribers.address import parse_address
from subscribers.errors import InputError
from subscribers.models import SuppressionReason
from subscribers.suppression import NewSuppression
from tests import factories
from tests.integration.leases import claim, due_at, due_ids, held, record, release

SIX = [f"reader{n}@{'qq' if n % 2 else '163'}.example" for n in range(6)]
NOW = datetime.now(UTC)


def counts(engine: Engine, mailing_id: int) -> mailings.Counts:
    with engine.connect() as connection:
        return mailings.counts(connection, mailing_id)


def entries_read(engine: Engine, index: str) -> int:
    """How many entries of an index have been read so far."""
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_stat_force_next_flush()"))
    with engine.begin() as connection:
        asked = text("SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = :index")
        return int(connection.execute(asked, {"index": index}).scalar_one())


def test_a_batch_of_a_mailing_just_planned_is_read_without_a_look_through_the_others(engine: Engine) -> None:
    factories.schedule(engine, [f"reader{n}@qq.example" for n in range(3000)])
    factories.start(engine)
    of_all = "uq_delivery_mailing_id_subscriber_id"
    before = entries_read(engine, of_all)
    claimed = held(engine, factories.batch_ids(engine)[0])
    assert len(due_ids(engine, claimed)) == planning.BATCH_SIZE
    release(engine, claimed)
    assert entries_read(engine, of_all) == before


def test_a_batch_has_one_owner_however_often_its_task_is_delivered(engine: Engine) -> None:
    factories.schedule(engine, SIX)
    factories.start(engine)
    batch_id = factories.batch_ids(engine)[0]
    assert claim(engine, batch_id) is not None
    assert claim(engine, batch_id, "w2") is None


def test_what_the_dead_owner_may_have_begun_is_in_doubt_and_nothing_else(engine: Engine) -> None:
    scheduled = factories.schedule(engine, [f"reader{n}@qq.example" for n in range(5)])
    factories.start(engine)
    (batch_id,) = factories.batch_ids(engine)
    first = held(engine, batch_id)
    ids = due_ids(engine, first)
    record(engine, first, [], horizon=ids[2])
    record(engine, first, [Settled(ids[0], DeliveryState.ACCEPTED, reply="250 ok")], horizon=ids[2])
    assert counts(engine, scheduled.mailing_id).sending == 2
    second = held(engine, batch_id, "w2", datetime.now(UTC) + deliveries.LEASE + timedelta(seconds=5))
    with engine.connect() as connection:
        found = dict(connection.execute(text("SELECT id, state FROM delivery")).all())
    assert [found[i] for i in ids] == ["accepted", "in_doubt", "in_doubt", "pending", "pending"]
    assert due_ids(engine, second) == ids[1:]  # by the default policy what is in doubt is sent again


def test_a_policy_of_holding_leaves_what_is_in_doubt_to_staff(engine: Engine) -> None:
    terms = replace(factories.TERMS, in_doubt=InDoubtPolicy.HOLD)
    scheduled = factories.schedule(engine, [f"reader{n}@qq.example" for n in range(3)], terms)
    factories.start(engine)
    (batch_id,) = factories.batch_ids(engine)
    first = held(engine, batch_id)
    ids = due_ids(engine, first)
    record(engine, first, [], horizon=ids[0])
    second = held(engine, batch_id, "w2", datetime.now(UTC) + deliveries.LEASE + timedelta(seconds=5))
    assert due_ids(engine, second) == ids[1:]
    record(engine, second, [Settled(i, DeliveryState.ACCEPTED) for i in ids[1:]])
    release(engine, second)
    with engine.begin() as connection:
        assert planning.finish_done(connection, datetime.now(UTC)) == [scheduled.mailing_id]
        assert mailings.retry(connection, scheduled.mailing_id, datetime.now(UTC)) == 1
    assert counts(engine, scheduled.mailing_id).pending == 1


def test_an_owner_who_lost_the_lease_writes_nothing(engine: Engine) -> None:
    factories.schedule(engine, ["a@qq.example"])
    factories.start(engine)
    (batch_id,) = factories.batch_ids(engine)
    first = held(engine, batch_id)
    (only,) = due_ids(engine, first)
    held(engine, batch_id, "w2", datetime.now(UTC) + deliveries.LEASE + timedelta(seconds=5))
    assert record(engine, first, [Settled(only, DeliveryState.ACCEPTED)]) is Standing.LOST
    assert factories.states(engine) == {"a@qq.example": "pending"}
    release(engine, first)
    assert claim(engine, batch_id, "w3") is None  # w2 still holds it


def test_a_deferred_delivery_makes_its_batch_due_again_at_its_time(engine: Engine) -> None:
    scheduled = factories.schedule(engine, ["a@qq.example", "b@qq.example"])
    factories.start(engine)
    (batch_id,) = factories.batch_ids(engine)
    first = held(engine, batch_id)
    ids = due_ids(engine, first)
    later = datetime.now(UTC) + timedelta(minutes=7)
    record(
        engine, first, [Settled(ids[0], DeliveryState.DEFERRED, next_attempt_at=later), Settled(ids[1], DeliveryState.ACCEPTED)]
    )
    release(engine, first)
    assert due_at(engine, batch_id) == later
    assert claim(engine, batch_id) is None
    second = held(engine, batch_id, "w2", later)
    assert due_ids(engine, second) == ids[:1]
    record(engine, second, [Settled(ids[0], DeliveryState.BOUNCED, reply="550 no")])
    release(engine, second)
    assert due_at(engine, batch_id) is None
    with engine.begin() as connection:
        assert planning.finish_done(connection, datetime.now(UTC)) == [scheduled.mailing_id]


def test_what_staff_try_again_while_a_batch_is_given_back_is_due(engine: Engine) -> None:
    scheduled = factories.schedule(engine, ["a@qq.example"])
    factories.start(engine)
    (batch_id,) = factories.batch_ids(engine)
    claimed = held(engine, batch_id)
    record(engine, claimed, [Settled(claimed.first_id, DeliveryState.FAILED, "content")])
    with factories.meanwhile(engine, lambda: release(engine, claimed)) as connection:
        assert mailings.retry(connection, scheduled.mailing_id, NOW) == 1
    assert due_at(engine, batch_id) is not None
    assert claim(engine, batch_id, "w2") is not None


def test_what_staff_try_again_and_a_checkpoint_of_it_do_not_wait_for_each_other(engine: Engine) -> None:
    mailing_id = factories.schedule(engine, ["a@qq.example"]).mailing_id
    factories.start(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET state = 'in_doubt'"))
    claimed = held(engine, *factories.batch_ids(engine))

    def retry() -> int:
        with engine.begin() as connection:
            return mailings.retry(connection, mailing_id, NOW)

    with ThreadPoolExecutor(1) as threads, engine.connect().execution_options(isolation_level="AUTOCOMMIT") as observer:
        with engine.begin() as connection:
            connection.execute(text("SELECT FROM batch FOR UPDATE"))
            again = threads.submit(retry)
            while not observer.execute(factories.WAITING_FOR_LOCKS).scalar_one():
                assert not again.done()
            accepted = Settled(claimed.first_id, DeliveryState.ACCEPTED)
            deliveries.checkpoint(connection, [Checkpoint(claimed, [accepted], 0)])
        assert again.result() == 0
    assert factories.states(engine) == {"a@qq.example": "accepted"}


def test_a_mailing_with_an_open_delivery_does_not_finish_whatever_its_batches_say(engine: Engine) -> None:
    factories.schedule(engine, ["a@qq.example"])
    factories.start(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE batch SET due_at = NULL"))
        assert planning.finish_done(connection, datetime.now(UTC)) == []


def test_a_mailing_does_not_finish_over_what_staff_try_again_while_its_deliveries_are_gone_through(engine: Engine) -> None:
    mailing_id = factories.schedule(engine, ["a@qq.example"]).mailing_id
    factories.start(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET state = 'failed'"))
        connection.execute(text("UPDATE batch SET due_at = NULL"))

    def retry(*_: object) -> None:
        """Commits before the mailing is locked, and after the snapshot in which it seemed to be over."""
        with engine.begin() as other:
            other.execute(text("UPDATE delivery SET state = 'pending'"))
            other.execute(text("UPDATE batch SET due_at = now()"))

    with engine.begin() as connection:
        event.listen(connection, "after_cursor_execute", retry, once=True)
        assert planning.finish_done(connection, NOW) == []
        assert mailings.find_mailing(connection, mailing_id).status is MailingStatus.SENDING


def test_while_a_batch_is_to_do_nobody_goes_through_all_deliveries_to_see_whether_the_mailing_has_ended(engine: Engine) -> None:
    factories.schedule(engine, [f"reader{n}@qq.example" for n in range(planning.BATCH_SIZE + 1)])
    factories.start(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET state = 'accepted', attempts = 1 WHERE id > 1"))
        connection.execute(text("UPDATE batch SET due_at = NULL WHERE first_id > 1"))
    with engine.begin() as connection:
        before = connection.execute(factories.DELIVERIES_READ).scalar_one()
        assert planning.finish_done(connection, datetime.now(UTC)) == []
        assert holds.end_canaries(connection, datetime.now(UTC)) == []
        assert connection.execute(factories.DELIVERIES_READ).scalar_one() == before


def test_who_unsubscribes_or_is_suppressed_while_a_mailing_runs_is_skipped_when_the_batch_is_read(engine: Engine) -> None:
    factories.schedule(engine, ["a@qq.example", "b@qq.example", "c@qq.example"])
    factories.start(engine)
    (batch_id,) = factories.batch_ids(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE subscription SET state = 'unsubscribed' WHERE subscriber_id = 1"))
        gone = NewSuppression(parse_address("c@qq.example").hash, SuppressionReason.HARD_BOUNCE, "550", NOW)
        assert suppression.suppress(connection, [gone])
    with engine.begin() as connection:
        claimed = deliveries.claim(connection, batch_id, "w1", datetime.now(UTC) + timedelta(seconds=1))
        assert claimed is not None
        rows = {row.address: row.skip_reason for row in deliveries.read_due(connection, claimed)}
    assert rows == {"a@qq.example": "unsubscribed", "b@qq.example": None, "c@qq.example": "suppressed: hard_bounce"}


def test_an_answer_about_somebody_who_was_erased_while_it_was_awaited_does_not_name_them(engine: Engine) -> None:
    factories.schedule(engine, ["a@qq.example", "b@qq.example"])
    factories.start(engine)
    claimed = held(engine, factories.batch_ids(engine)[0])
    ids = due_ids(engine, claimed)
    with engine.begin() as connection:
        erased = erasing.erase(connection, parse_address("a@qq.example"), actor="li", reason="x", now=NOW)
        people.erase(connection, erased, NOW)
    record(engine, claimed, [Settled(one, DeliveryState.BOUNCED, reply="550 no <a@qq.example>") for one in ids])
    with engine.begin() as connection:
        replies = connection.execute(text("SELECT reply FROM delivery ORDER BY id")).scalars().all()
    assert replies == ["550", "550 no <a@qq.example>"]


def test_what_is_being_sent_is_counted_by_the_ranges_of_the_leases_and_not_by_each_delivery_beside_each(engine: Engine) -> None:
    scheduled = factories.schedule(engine, [f"reader{n}@qq.example" for n in range(400)])
    factories.start(engine)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM batch"))
        connection.execute(_TWENTY_LEASES)
        connection.execute(_SOME_SETTLED)
        seen = mailings.counts(connection, scheduled.mailing_id)
        connection.execute(text("SET LOCAL enable_seqscan = off"))  # As where the tables are large.
        explain = text(f"EXPLAIN ANALYZE {mailings._COUNT_STATES.text}")
        plan = "\n".join(connection.execute(explain, {"mailing": scheduled.mailing_id}).scalars())
    assert (seen.recipients, seen.accepted, seen.deferred, seen.sending, seen.pending) == (400, 40, 20, 180, 160)
    assert sum(int(number) for number in re.findall(r"Rows Removed by \w* ?Filter: (\d+)", plan)) < seen.recipients


_TWENTY_LEASES = text("""
    INSERT INTO batch (mailing_id, provider, first_id, last_id, lease, leased_at, horizon)
    SELECT 1, 'tencent', first, first + 19, gen_random_uuid(), now(), first + 10 FROM generate_series(1, 400, 20) first""")
# The owner of each twenty may have begun eleven: of them one was accepted, and one was put off until later than that.
_SOME_SETTLED = text("""
    UPDATE delivery SET state = CASE id % 10 WHEN 0 THEN 'accepted' ELSE 'deferred' END,
                        next_attempt_at = now() + CASE id % 20 WHEN 1 THEN interval '1 hour' ELSE interval '-1 hour' END
    WHERE id % 20 IN (0, 1, 2, 10)""")


def test_what_is_recorded_once_more_because_the_first_answer_was_lost_counts_as_put_off_once(engine: Engine) -> None:
    factories.schedule(engine, ["a@qq.example"])
    factories.start(engine)
    (batch_id,) = factories.batch_ids(engine)
    claimed = held(engine, batch_id)
    put_off = Settled(
        claimed.first_id, DeliveryState.DEFERRED, "mailbox_full", next_attempt_at=NOW + timedelta(hours=4), times_deferred=1
    )
    for _ in range(2):
        record(engine, claimed, [put_off])
    with engine.connect() as connection:
        assert connection.execute(text("SELECT times_deferred FROM delivery")).scalar_one() == 1


def test_a_paused_mailing_tells_its_workers_at_the_next_checkpoint_and_goes_on_when_resumed(engine: Engine) -> None:
    scheduled = factories.schedule(engine, ["a@qq.example"])
    factories.start(engine)
    (batch_id,) = factories.batch_ids(engine)
    claimed = held(engine, batch_id)
    assert record(engine, claimed, []) is Standing.GOES_ON
    with engine.begin() as connection:
        mailings.pause(connection, scheduled.mailing_id, "a wrong date")
    assert record(engine, claimed, []) is Standing.STOPPED
    release(engine, claimed)
    assert claim(engine, batch_id) is None
    with engine.begin() as connection:
        mailings.resume(connection, scheduled.mailing_id, datetime.now(UTC))
    assert claim(engine, batch_id) is not None


def test_a_mailing_that_nothing_started_in_time_asks_staff(engine: Engine) -> None:
    scheduled = factories.schedule(engine, ["a@qq.example"])
    assert factories.start(engine, datetime.now(UTC) + timedelta(hours=7)) == []
    with engine.begin() as connection:
        record_ = mailings.find_mailing(connection, scheduled.mailing_id)
        assert record_.status is MailingStatus.PAUSED
        assert "resume it" in (record_.reason or "")
        mailings.resume(connection, scheduled.mailing_id, datetime.now(UTC))
    assert factories.start(engine, datetime.now(UTC) + timedelta(seconds=1)) == [scheduled.mailing_id]


def test_a_batch_is_queued_once_and_again_only_when_nobody_began_it(engine: Engine) -> None:
    factories.schedule(engine, ["a@qq.example"])
    factories.start(engine)
    soon = datetime.now(UTC) + timedelta(seconds=1)
    with engine.begin() as connection:
        (batch_id,) = planning.queue_due(connection, soon, 4)
        assert planning.queue_due(connection, soon + timedelta(seconds=5), 4) == []
        assert planning.queue_due(connection, soon + timedelta(seconds=31), 4) == [batch_id]


def test_a_batch_whose_lease_ran_out_is_left_to_its_owner_for_as_long_as_that_is_wanted(engine: Engine) -> None:
    factories.schedule(engine, SIX)
    factories.start(engine)
    leased, free = factories.batch_ids(engine)
    held(engine, leased)
    later = datetime.now(UTC) + deliveries.LEASE + timedelta(seconds=5)
    with engine.begin() as connection:
        assert planning.queue_due(connection, later, 4, take_over=False) == [free]
        assert planning.queue_due(connection, later, 4) == [leased]


def test_a_task_from_before_the_lease_ran_out_takes_no_batch_from_its_owner(engine: Engine) -> None:
    factories.schedule(engine, ["a@qq.example"])
    factories.start(engine)
    soon = datetime.now(UTC) + timedelta(seconds=1)
    later = soon + timedelta(seconds=31)
    with engine.begin() as connection:
        (batch_id,) = planning.queue_due(connection, soon, 4)
    held(engine, batch_id, at=soon)
    assert claim(engine, batch_id, "w2", later) is None
    with engine.begin() as connection:
        assert planning.queue_due(connection, later, 4) == [batch_id]
    assert claim(engine, batch_id, "w2", later) is not None


def test_only_what_can_be_done_to_a_mailing_in_its_state_is_done(engine: Engine) -> None:
    scheduled = factories.schedule(engine, ["a@qq.example"])
    with engine.begin() as connection, pytest.raises(InputError, match="only one that is paused can be resumed"):
        mailings.resume(connection, scheduled.mailing_id, NOW)
    with engine.begin() as connection, pytest.raises(InputError, match="there is no mailing 99"):
        mailings.pause(connection, 99, "x")


def test_a_reply_with_an_octet_that_no_text_column_takes_is_recorded_all_the_same(engine: Engine) -> None:
    factories.schedule(engine, ["a@qq.example"])
    factories.start(engine)
    (batch_id,) = factories.batch_ids(engine)
    claimed = held(engine, batch_id)
    (only,) = due_ids(engine, claimed)
    record(engine, claimed, [Settled(only, DeliveryState.BOUNCED, reply="550 no\0body")])
    with engine.connect() as connection:
        assert connection.execute(text("SELECT reply FROM delivery")).scalar_one() == "550 no\ufffdbody"
