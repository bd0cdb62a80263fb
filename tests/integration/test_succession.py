"""Who of an institute receives a mailing, and who takes over, against a real PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text

from mailer import deliveries, mailings, planning, succession
from mailer.deliveries import Checkpoint, Settled
from mailer.models import DeliveryState
from subscribers import suppression
from subscribers.address import parse_address
from subscribers.models import Succession, SuppressionReason
from subscribers.suppression import NewSuppression
from tests import factories
from tests.integration.contacts import CONTACTS, NOW, A, B, Contact, schedule, settle


def fates(engine: Engine) -> dict[str, str]:
    """The state of each delivery, or why it is skipped, by what stands before the @."""
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT address, COALESCE(reason, state) AS fate FROM delivery"))
        return {row.address.partition("@")[0]: row.fate for row in rows}


def suppress(engine: Engine, address: str) -> None:
    with engine.begin() as connection:
        one = NewSuppression(parse_address(address).hash, SuppressionReason.HARD_BOUNCE, "x", NOW)
        suppression.suppress(connection, [one])


@pytest.mark.parametrize(
    ("policy", "written_to"),
    [
        (Succession.ALL, {"a1", "a2", "a9", "b", "alone"}),
        (Succession.FIRST, {"a1", "b", "alone"}),
        (Succession.OFFICE, {"a2", "a9", "alone"}),
        (Succession.RESEARCH, {"alone"}),
    ],
)
def test_a_lists_policy_says_who_of_an_institute_is_written_to(
    engine: Engine, policy: Succession, written_to: set[str]
) -> None:
    schedule(engine, policy)
    factories.start(engine)
    assert {who for who, fate in fates(engine).items() if fate == "pending"} == written_to


def test_the_first_is_the_first_who_can_be_reached_and_who_has_no_rank_comes_last(engine: Engine) -> None:
    schedule(engine, Succession.FIRST)
    suppress(engine, "a1@163.example")
    suppress(engine, "a2@qq.example")
    factories.start(engine)
    assert fates(engine) == {
        "a1": "suppressed: hard_bounce",
        "a2": "suppressed: hard_bounce",
        "a9": "pending",
        "b": "pending",
        "alone": "pending",
    }


def test_the_others_are_skipped_with_the_reason(engine: Engine) -> None:
    schedule(engine, Succession.FIRST)
    factories.start(engine)
    assert {who for who, fate in fates(engine).items() if fate == succession.NOT_FIRST_CONTACT} == {"a2", "a9"}


def test_who_is_chosen_by_one_list_of_a_mailing_is_written_to(engine: Engine) -> None:
    mailing_id = schedule(engine, Succession.FIRST)
    press = factories.subscribe(engine, ["a9@inst.example"], "press")
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE mailing SET list_ids = list_ids || :press WHERE id = :id"), {"press": press, "id": mailing_id}
        )
    factories.start(engine)
    assert {who for who, fate in fates(engine).items() if fate == "pending"} == {"a1", "a9", "b", "alone"}


@pytest.mark.parametrize("policy", list(Succession))
def test_what_is_foretold_is_what_is_planned(engine: Engine, policy: Succession) -> None:
    mailing_id = schedule(engine, policy)
    suppress(engine, "a1@163.example")
    with engine.begin() as connection:
        foretold = planning.recipients_by_provider(connection, mailing_id, {"qq.example": "tencent"})
    factories.start(engine)
    with engine.connect() as connection:
        assert sum(foretold.values()) == mailings.counts(connection, mailing_id).pending


@pytest.mark.parametrize("policy", list(Succession))
def test_every_candidate_has_one_delivery_whatever_the_policy(engine: Engine, policy: Succession) -> None:
    mailing_id = schedule(engine, policy)
    with engine.begin() as connection:
        candidates = planning.count_audience(connection, [1])
    factories.start(engine)
    with engine.connect() as connection:
        assert mailings.counts(connection, mailing_id).recipients == candidates == len(CONTACTS)


def test_where_the_first_bounces_the_next_gets_the_issue_and_then_the_next(engine: Engine) -> None:
    mailing_id = schedule(engine, Succession.FIRST)
    factories.start(engine)
    with engine.begin() as connection:
        settle(connection, "a1@163.example", "bounced", "unknown_user")
        assert planning.finish_done(connection, datetime.now(UTC)) == []
    assert fates(engine) == {
        "a1": "unknown_user",
        "a2": "pending",
        "a9": "not_first_contact",
        "b": "accepted",
        "alone": "accepted",
    }
    with engine.begin() as connection:
        settle(connection, "a2@qq.example", "bounced", "unknown_user")
        assert planning.finish_done(connection, datetime.now(UTC)) == []
        settle(connection, "", "accepted")
        assert planning.finish_done(connection, datetime.now(UTC)) == [mailing_id]
    assert fates(engine)["a9"] == "accepted"


def test_nobody_takes_over_while_the_first_may_still_be_reached(engine: Engine) -> None:
    schedule(engine, Succession.FIRST)
    factories.start(engine)
    with engine.begin() as connection:
        settle(connection, "a1@163.example", "deferred")
        assert succession.take_over(connection, NOW) == set()


def test_nobody_takes_over_in_a_mailing_that_is_just_being_cancelled(engine: Engine) -> None:
    mailing_id = schedule(engine, Succession.FIRST)
    factories.start(engine)
    with engine.begin() as connection:
        settle(connection, "a1@163.example", "bounced", "unknown_user")
    with engine.begin() as staff:
        mailings.cancel(staff, mailing_id, NOW)
        with engine.begin() as connection:
            connection.execute(text("SET LOCAL lock_timeout = '2s'"))  # Else who waits here waits for ever.
            assert succession.take_over(connection, NOW) == set()
    assert "pending" not in fates(engine).values()


def test_however_many_take_over_at_once_no_delivery_is_in_two_batches(engine: Engine) -> None:
    contacts = tuple(
        Contact(f"c{rank}@i{number}.example", f"{number}省农业科学院", rank) for number in range(20) for rank in (1, 2, 3)
    )
    mailing_id = schedule(engine, Succession.FIRST, contacts)
    factories.start(engine)
    for _ in range(2):
        with engine.begin() as connection:
            connection.execute(text("UPDATE delivery SET state = 'bounced' WHERE state = 'pending'"))
            connection.execute(text("UPDATE batch SET due_at = NULL"))
            assert succession.take_over(connection, datetime.now(UTC)) == {mailing_id}
        with engine.connect() as connection:
            held = connection.execute(
                text("""
                SELECT d.id, count(b.id) FILTER (WHERE b.due_at IS NOT NULL) AS due, count(b.id) AS batches
                FROM delivery d LEFT JOIN batch b ON d.id BETWEEN b.first_id AND b.last_id
                WHERE d.state = 'pending' GROUP BY d.id""")
            ).all()
        assert [(row.due, row.batches) for row in held] == [(1, 1)] * 20


def test_each_delivery_is_looked_at_once_however_many_wait_behind_somebody(engine: Engine) -> None:
    contacts = tuple(
        Contact(f"c{rank}@i{number}.example", f"{number}省农业科学院", rank) for number in range(100) for rank in (1, 2, 3)
    )
    schedule(engine, Succession.FIRST, contacts)
    factories.start(engine)
    with engine.begin() as connection:
        before = connection.execute(factories.DELIVERIES_READ).scalar_one()
        assert succession.take_over(connection, datetime.now(UTC)) == set()
        assert connection.execute(factories.DELIVERIES_READ).scalar_one() - before < 2 * len(contacts)


def test_nobody_takes_over_a_place_in_a_batch_that_somebody_works_at(engine: Engine) -> None:
    contacts = (Contact("a1@qq.example", A, 1), Contact("a2@qq.example", A, 2), Contact("b@qq.example", B, 1))
    mailing_id = schedule(engine, Succession.FIRST, contacts)
    factories.start(engine)
    with engine.begin() as connection:
        held = deliveries.claim(connection, factories.batch_ids(engine)[0], "w", datetime.now(UTC))
        assert held is not None
        first = deliveries.read_due(connection, held)[0]
        deliveries.checkpoint(connection, [Checkpoint(held, [Settled(first.id, DeliveryState.BOUNCED)], held.last_id)])
        assert succession.take_over(connection, datetime.now(UTC)) == set()
        deliveries.release(connection, held, now=datetime.now(UTC))
        assert succession.take_over(connection, datetime.now(UTC)) == {mailing_id}
        settle(connection, "", "accepted")
    assert fates(engine) == {"a1": "bounced", "a2": "accepted", "b": "accepted"}


def test_who_takes_over_at_a_provider_that_staff_hold_waits_with_it(engine: Engine) -> None:
    contacts = (Contact("a1@qq.example", A, 1), Contact("a2@163.example", A, 2))
    mailing_id = schedule(engine, Succession.FIRST, contacts)
    factories.start(engine)
    with engine.begin() as connection:
        mailings.pause_provider(connection, mailing_id, "netease", "wait", datetime.now(UTC))  # It has no batch yet.
        settle(connection, "a1@qq.example", "bounced")
        assert succession.take_over(connection, datetime.now(UTC)) == {mailing_id}
        assert connection.execute(text("SELECT provider, hold FROM batch ORDER BY id")).all() == [
            ("tencent", None),
            ("netease", "breaker"),
        ]


def test_who_left_since_the_start_does_not_take_over(engine: Engine) -> None:
    mailing_id = schedule(engine, Succession.FIRST)
    factories.start(engine)
    suppress(engine, "a2@qq.example")
    with engine.begin() as connection:
        settle(connection, "a1@163.example", "bounced")
        for _ in range(2):
            assert planning.finish_done(connection, datetime.now(UTC)) == []
            settle(connection, "", "accepted")
        assert planning.finish_done(connection, datetime.now(UTC)) == [mailing_id]
    assert fates(engine) == {
        "a1": "bounced",
        "a2": "suppressed: hard_bounce",
        "a9": "accepted",
        "b": "accepted",
        "alone": "accepted",
    }
